package rules

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/filter"
)

// answering is a server that reads one question after the other from each connection and answers them with say, which
// returns false to end the connection. It gives the server's address.
func answering(t testing.TB, say func(w io.Writer, question int) bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	serve := func(c net.Conn) {
		defer c.Close()
		for r, n := bufio.NewReader(c), 0; ; n++ {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, q.Body); err != nil || !say(c, n) {
				return
			}
		}
	}
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

// reply is a whole answer of HTTP.
func reply(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// Whatever a broken or hostile rspamd does, the message gets what the policy says of no answer, within the rule's time, and
// the next message on the same connection gets its own.
func TestHostileRspamd(t *testing.T) {
	const open, tagged = "accept 0.01 no answer rspamd", "tag 0.50 add header 7.5/15.0"
	good := reply("200 OK", `{"action":"add header","score":7.5,"required_score":15}`)
	whole := func(s string) func(io.Writer) bool {
		return func(w io.Writer) bool { io.WriteString(w, s); return true }
	}
	cut := func(s string) func(io.Writer) bool {
		return func(w io.Writer) bool { io.WriteString(w, s); return false }
	}
	endless := func(head, more string) func(io.Writer) bool {
		return func(w io.Writer) bool {
			_, err := io.WriteString(w, head)
			for err == nil {
				_, err = io.WriteString(w, more)
			}
			return false
		}
	}
	drip := func(s string) func(io.Writer) bool {
		return func(w io.Writer) bool {
			for i := range len(s) {
				if _, err := io.WriteString(w, s[i:i+1]); err != nil {
					return false
				}
				time.Sleep(50 * time.Millisecond)
			}
			return true
		}
	}
	hang := func(io.Writer) bool { time.Sleep(2 * time.Second); return false }
	many := strings.Repeat("x", 1<<16)
	for _, tc := range []struct {
		name string
		say  func(io.Writer) bool
		want string
	}{
		{"hangs", hang, open},
		{"closes at once", cut(""), open},
		{"closes in the status", cut("HTTP/1.1 2"), open},
		{"closes in the header", cut("HTTP/1.1 200 OK\r\nContent-Le"), open},
		{"closes in the body", cut("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"action\":\"reject\"}"), open},
		{"closes in a chunk", cut("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"action\":"), open},
		{"slowly", drip(good), open},
		{"nonsense", cut("\x00\xff nonsense\r\n\r\n"), open},
		{"another protocol", cut("220 mail.example.com ESMTP\r\n"), open},
		{"a page", whole(reply("200 OK", "<html>it works</html>")), open},
		{"an endless body", endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "10000\r\n"+many+"\r\n"), open},
		{"an endless header", endless("HTTP/1.1 200 OK\r\n", "X-"+many[:1000]+": x\r\n"), open},
		{"an endless field", endless("HTTP/1.1 200 OK\r\nX: ", many), open},
		{"endless preliminary answers", endless("", "HTTP/1.1 100 Continue\r\n\r\n"), open},
		{"deep JSON", whole(reply("200 OK", `{"action":"reject","x":`+strings.Repeat("[", 200_000)+`}`)), open},
		{"redirect", whole("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://192.0.2.1/checkv2\r\nContent-Length: 0\r\n\r\n"), open},
		{"password wrong", whole(reply("403 Forbidden", `{"error":"unauthorized"}`)), open},
		{"unauthorized", whole(reply("401 Unauthorized", `{"error":"unauthorized"}`)), open},
		{"too many requests", whole(reply("429 Too Many Requests", good)), open},
		{"an error in JSON", whole(reply("200 OK", `{"error":"no such command"}`)), open},
		{"action is a number", whole(reply("200 OK", `{"action":1}`)), open},
		{"action is a list", whole(reply("200 OK", `{"action":["reject"]}`)), open},
		{"action is null", whole(reply("200 OK", `{"action":null}`)), open},
		{"action unknown", whole(reply("200 OK", `{"action":"reject; drop"}`)), open},
		{"action with line ends", whole(reply("200 OK", `{"action":"reject\r\nX: y"}`)), open},
		{"score is a string", whole(reply("200 OK", `{"action":"reject","score":"15"}`)), open},
		{"score is no number", whole(reply("200 OK", `{"action":"reject","score":NaN}`)), open},
		{"score is too big", whole(reply("200 OK", `{"action":"reject","score":1e999}`)), open},
		{"symbols are a list", whole(reply("200 OK", `{"action":"reject","symbols":[{"name":"A"}]}`)), open},
		{"a symbol is a number", whole(reply("200 OK", `{"action":"reject","symbols":{"A":1}}`)), open},
		{"two answers in one", whole(reply("200 OK", `{"action":"reject"}{"action":"no action"}`)), open},
		{"symbols with line ends", whole(reply("200 OK", `{"action":"add header","score":7.5,"required_score":15,"symbols":{"A\r\nSubject: x":{"score":9},"B C":{"score":8}}}`)), tagged},
		{"a huge score", whole(reply("200 OK", `{"action":"add header","score":1e300,"required_score":1}`)), "tag 1.00 add header 1000000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			asked := 0
			address := answering(t, func(w io.Writer, _ int) bool {
				mu.Lock()
				asked++
				first := asked == 1
				mu.Unlock()
				if first {
					return tc.say(w)
				}
				io.WriteString(w, good)
				return true
			})
			s := Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: address, Timeout: time.Second}), Inbound: tagging()}
			got := checkSpam(t, s, spamMail(t, "mot"))
			if got = got[:min(len(got), len(tc.want))]; got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
			s.Rspamd.options.Timeout = time.Minute
			if got := checkSpam(t, s, spamMail(t, "hai")); got != tagged {
				t.Errorf("the next message: %q", got)
			}
		})
	}
}

// What nobody could tell apart in a header field is quoted, and half an address is not told.
func TestSpamPaths(t *testing.T) {
	var got http.Header
	url := spamServer(t, func(w http.ResponseWriter, q *http.Request) {
		got = q.Header
		io.WriteString(w, `{"action":"no action"}`)
	})
	s := Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: url}), Inbound: tagging()}
	long := strings.Repeat("x", maxSpamHeader)
	for _, tc := range []struct {
		from filter.Path
		want []string
	}{
		{filter.Path{}, []string{"<>"}},
		{filter.Path{Local: "an", Domain: "example.com"}, []string{"<an@example.com>"}},
		{filter.Path{Local: "hoà", Domain: "bộ.vn"}, []string{"<hoà@bộ.vn>"}},
		{filter.Path{Local: "an binh", Domain: "example.com"}, []string{`<"an binh"@example.com>`}},
		{filter.Path{Local: `a"b\c`, Domain: "example.com"}, []string{`<"a\"b\\c"@example.com>`}},
		{filter.Path{Local: "a>, <b@monre.gov.vn", Domain: "example.com"}, []string{`<"a>, <b@monre.gov.vn"@example.com>`}},
		{filter.Path{Local: "a\r\nRcpt: <b", Domain: "example.com"}, []string{`<"a??Rcpt: <b"@example.com>`}},
		{filter.Path{Local: "a\xff", Domain: "example.com"}, []string{"<a?@example.com>"}},
		{filter.Path{Local: "postmaster"}, []string{"<postmaster>"}},
		{filter.Path{Local: long, Domain: "example.com"}, nil},
	} {
		tx := spamMail(t, "x")
		tx.ReversePath, tx.Recipients = tc.from, []filter.Path{tc.from, {Local: "van.thu", Domain: "monre.gov.vn"}}
		if said := checkSpam(t, s, tx); said != "" {
			t.Errorf("%q: %s", tc.from, said)
		}
		if !slices.Equal(got["From"], tc.want) || !slices.Equal(got["Rcpt"], append(slices.Clone(tc.want), "<van.thu@monre.gov.vn>")) {
			t.Errorf("%q: told %q and %q", tc.from, got["From"], got["Rcpt"])
		}
	}
}
