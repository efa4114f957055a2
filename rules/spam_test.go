package rules

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/internal/peer"
)

// spamMail is a transaction with a message in a spool.
func spamMail(t testing.TB, text string) *filter.Transaction {
	t.Helper()
	spool := message.NewSpool(message.DefaultLimits(), nil)
	t.Cleanup(func() { spool.Close() })
	mail := "From: <a@example.com>\r\nTo: <nvan@monre.gov.vn>\r\nSubject: Thu\r\n\r\n" + text + "\r\n"
	if _, err := io.WriteString(spool, mail); err != nil {
		t.Fatal(err)
	}
	return &filter.Transaction{ID: "ID", QueueID: "4C10", Content: spool, Direction: filter.Inbound, ReversePath: filter.ParsePath("a@example.com", ""),
		Recipients: []filter.Path{filter.ParsePath("nvan@monre.gov.vn", ""), filter.ParsePath("ttb@monre.gov.vn", "")},
		Session:    filter.Session{Client: netip.MustParseAddr("::ffff:203.0.113.9"), ClientName: "mx.example.com", Helo: "mail.example.com", Login: "nvan"}}
}

func rspamdAt(t testing.TB, o RspamdOptions) *Rspamd {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Concurrent == 0 {
		o.Concurrent = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r, err := NewRspamd(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// spamServer answers as handle says.
func spamServer(t testing.TB, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}

func tagging() map[string]filter.Disposition {
	return map[string]filter.Disposition{"reject": filter.Refuse, "add header": filter.Tag, "soft reject": filter.Defer, "greylist": filter.Accept}
}

// checkSpam is what the rule says: "disposition score detail fail-open".
func checkSpam(t testing.TB, s Spam, tx *filter.Transaction) string {
	t.Helper()
	found, err := spamRule(s).Check(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return ""
	}
	return fmt.Sprintf("%s %.2f %s%s", found[0].Disposition, found[0].Score, found[0].Detail, strings.TrimRight(" "+found[0].FailOpen, " "))
}

func TestSpamAnswers(t *testing.T) {
	long := strings.Repeat("x", 70)
	for _, tc := range []struct{ answer, inbound, outbound string }{
		{`{"action":"no action","score":0.1,"required_score":15}`, "", ""},
		{`{"action":"reject","score":30,"required_score":15,"symbols":{"B":{"score":1},"GTUBE":{"score":0},"A":{"score":-9,"options":["secret@example.com"]}}}`,
			"refuse 1.00 reject 30.0/15.0 A B GTUBE", "accept 1.00 reject 30.0/15.0 A B GTUBE"},
		{`{"action":"add header","score":7.5,"required_score":15}`, "tag 0.50 add header 7.5/15.0", "accept 0.50 add header 7.5/15.0"},
		{`{"action":"soft reject","score":-2,"required_score":15}`, "defer 0.01 soft reject -2.0/15.0", "accept 0.01 soft reject -2.0/15.0"},
		{`{"action":"greylist","score":4,"required_score":0}`, "accept 0.01 greylist 4.0/0.0", "accept 0.01 greylist 4.0/0.0"},
		{`{"action":"reject","score":1,"required_score":2,"symbols":{"a b":{},"":{},"` + long + `":{},"đ":{}}}`, "refuse 0.50 reject 1.0/2.0", "accept 0.50 reject 1.0/2.0"},
		{`{"is_skipped":true,"action":"reject","score":15,"required_score":15}`, "refuse 1.00 reject 15.0/15.0", "accept 1.00 reject 15.0/15.0"},
		{`{"action":"explode","score":1,"required_score":2}`, "accept 0.01 no answer rspamd", "accept 0.01 no answer rspamd"},
		{`{}`, "accept 0.01 no answer rspamd", "accept 0.01 no answer rspamd"},
		{`[]`, "accept 0.01 no answer rspamd", "accept 0.01 no answer rspamd"},
		{``, "accept 0.01 no answer rspamd", "accept 0.01 no answer rspamd"},
		{`{"action":"reject","x":"` + strings.Repeat("x", maxSpamReply) + `"}`, "accept 0.01 no answer rspamd", "accept 0.01 no answer rspamd"},
	} {
		url := spamServer(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tc.answer) })
		s := Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: url}), Inbound: tagging()}
		tx := spamMail(t, "x")
		if got := checkSpam(t, s, tx); got != tc.inbound {
			t.Errorf("%.80s inbound: %q, want %q", tc.answer, got, tc.inbound)
		}
		tx.Direction = filter.Internal
		if got := checkSpam(t, s, tx); got != tc.outbound {
			t.Errorf("%.80s outbound: %q, want %q", tc.answer, got, tc.outbound)
		}
	}
}

func TestSpamSymbolsAreFew(t *testing.T) {
	var symbols []string
	for i := range 200 {
		symbols = append(symbols, fmt.Sprintf(`"S%03d":{"score":%d}`, i, i))
	}
	a, err := readSpamAnswer([]byte(`{"action":"reject","symbols":{` + strings.Join(symbols, ",") + `}}`))
	if err != nil || len(a.symbols) != maxSpamSymbols || a.symbols[0] != "S199" {
		t.Errorf("%v %v", a, err)
	}
}

// The rspamd is told what came, and nothing that a client says can forge another fact or keep the question from being asked.
func TestSpamRequest(t *testing.T) {
	var got *http.Request
	var body []byte
	url := spamServer(t, func(w http.ResponseWriter, q *http.Request) {
		got = q
		body, _ = io.ReadAll(q.Body)
		io.WriteString(w, `{"action":"no action"}`)
	})
	s := Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: url, Password: "bi-mat"}), Inbound: tagging()}
	tx := spamMail(t, strings.Repeat("Kinh gui. ", 100_000))
	if said := checkSpam(t, s, tx); said != "" {
		t.Fatal(said)
	}
	want := make([]byte, tx.Content.Size())
	if _, err := tx.Content.ReadAt(want, 0); err != nil || !bytes.Equal(body, want) {
		t.Error("the message did not come as it is", err)
	}
	for name, values := range map[string][]string{"Ip": {"203.0.113.9"}, "Hostname": {"mx.example.com"}, "Helo": {"mail.example.com"}, "User": {"nvan"}, "Queue-Id": {"4C10"},
		"From": {"<a@example.com>"}, "Rcpt": {"<nvan@monre.gov.vn>", "<ttb@monre.gov.vn>"}, "Password": {"bi-mat"}} {
		if !slices.Equal(got.Header[name], values) {
			t.Errorf("%s is %q", name, got.Header[name])
		}
	}
	if got.Method != http.MethodPost || got.URL.Path != "/checkv2" || got.ContentLength != tx.Content.Size() {
		t.Errorf("%s %s, %d octets", got.Method, got.URL.Path, got.ContentLength)
	}

	tx = spamMail(t, "x")
	tx.Session.Helo = "a\r\nPassword: x\x00\xff" + strings.Repeat("z", 10_000)
	tx.Session.Login, tx.Session.ClientName, tx.Session.Client, tx.ReversePath = "", "", netip.Addr{}, filter.Path{}
	for range 500 {
		tx.Recipients = append(tx.Recipients, filter.ParsePath("r@monre.gov.vn", ""))
	}
	if said := checkSpam(t, s, tx); said != "" {
		t.Fatal(said)
	}
	if h := got.Header.Get("Helo"); len(h) > maxSpamHeader || !strings.HasPrefix(h, "a??Password: x??") || len(got.Header["Rcpt"]) != maxSpamRcpts ||
		got.Header.Get("From") != "<>" || got.Header.Get("User") != "" || got.Header.Get("IP") != "" {
		t.Errorf("%.40q %d %q", h, len(got.Header["Rcpt"]), got.Header.Get("From"))
	}
}

// Whatever is wrong with an rspamd, the mail passes and says so, and after some failures nobody waits for it.
func TestSpamFailsOpen(t *testing.T) {
	const open = "accept 0.01 no answer rspamd"
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	var asked, status atomic.Int64
	status.Store(500)
	url := spamServer(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(int(status.Load()))
		io.WriteString(w, `{"action":"no action"}`)
	})
	var told []string
	s := Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: url, Now: func() time.Time { return now }}), Failed: func(id string, err error) { told = append(told, id+" "+err.Error()) }}
	tx := spamMail(t, "x")
	for range 10 {
		if got := checkSpam(t, s, tx); got != open {
			t.Fatal(got)
		}
	}
	if asked.Load() != spamFailures || len(told) != spamFailures || told[0] != "ID asking rspamd: it answers 500" {
		t.Errorf("asked %d times, told %q", asked.Load(), told)
	}
	now = now.Add(spamPause)
	checkSpam(t, s, tx)
	checkSpam(t, s, tx)
	if asked.Load() != spamFailures+1 {
		t.Errorf("asked %d times after the pause", asked.Load())
	}
	status.Store(200)
	now = now.Add(spamPause)
	for range 3 {
		if got := checkSpam(t, s, tx); got != "" {
			t.Error(got)
		}
	}
	if asked.Load() != spamFailures+4 {
		t.Errorf("asked %d times since it answers", asked.Load())
	}
	status.Store(302) // a redirect is no answer, and is not followed
	if got := checkSpam(t, s, tx); got != open {
		t.Error(got)
	}
	tx.Content = nil
	if got := checkSpam(t, s, tx); got != open {
		t.Error(got)
	}
}

// A hung rspamd holds a message no longer than its time, and no more of them than are asked at once.
func TestSpamHangs(t *testing.T) {
	release := make(chan struct{})
	var inside, most atomic.Int64
	url := spamServer(t, func(w http.ResponseWriter, q *http.Request) {
		io.Copy(io.Discard, q.Body)
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer inside.Add(-1)
		select {
		case <-release:
		case <-q.Context().Done():
		}
	})
	defer close(release)
	s := Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: url, Timeout: 300 * time.Millisecond, Concurrent: 2})}
	start := time.Now()
	var wg sync.WaitGroup
	for range 50 {
		tx := spamMail(t, "x")
		wg.Go(func() {
			if got := checkSpam(t, s, tx); got != "accept 0.01 no answer rspamd" {
				t.Error(got)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); took > 20*time.Second || most.Load() > 2 {
		t.Errorf("took %v, %d at once", took, most.Load())
	}
	// When judging itself ends, that is no answer of the rspamd's.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := spamRule(Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: url})}).Check(ctx, spamMail(t, "x")); err == nil {
		t.Error("no error")
	}
}

func TestSpamAddresses(t *testing.T) {
	for address, local := range map[string]bool{"http://127.0.0.1:11333": true, "http://[::1]:11333": true, "http://localhost:11333/": true, "unix:/run/rspamd.sock": true,
		"http://10.0.0.9:11333": false, "https://rspamd.monre.gov.vn": false} {
		if r := rspamdAt(t, RspamdOptions{Address: address}); r.Local() != local {
			t.Errorf("%s: local %v", address, r.Local())
		}
	}
	for _, address := range []string{"", "127.0.0.1:11333", "ftp://127.0.0.1", "http://"} {
		if _, err := NewRspamd(RspamdOptions{Address: address}); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
}

func TestSpamOverAUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "rspamd.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"action":"add header"}`) })}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	s := Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: "unix:" + socket}), Inbound: tagging()}
	if got := checkSpam(t, s, spamMail(t, "x")); got != "tag 0.01 add header 0.0/0.0" {
		t.Error(got)
	}
}

// An rspamd on another machine is shown no mail that may be marked, and none that the marking rule did not look at.
func TestSpamElsewhere(t *testing.T) {
	var asked atomic.Int64
	url := spamServer(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		io.WriteString(w, `{"action":"add header"}`)
	})
	r := rspamdAt(t, RspamdOptions{Address: url})
	r.local = false
	rule := spamRule(Spam{Rspamd: r, Inbound: tagging()})
	if rule.Check != nil || rule.Later == nil {
		t.Fatal("it is asked before the others have spoken")
	}
	marked := filter.Finding{Rule: filter.RuleMarking, Mode: filter.Monitor, Disposition: filter.Refuse, Score: 0.6}
	for _, tc := range []struct {
		said filter.Said
		want string
	}{
		{filter.NewSaid([]string{filter.RuleMarking}), "add header 0.0/0.0"},
		{filter.NewSaid([]string{filter.RuleMarking}, marked), "not asked"},
		{filter.NewSaid(nil), "not asked"},
	} {
		before := asked.Load()
		found, err := rule.Later(t.Context(), spamMail(t, "x"), tc.said)
		if err != nil || len(found) != 1 || found[0].Detail != tc.want || (asked.Load() > before) != (tc.want != "not asked") {
			t.Errorf("%v %v, want %s", found, err, tc.want)
		}
	}
}

// A real rspamd: GTUBE is rejected, its own rule adds a header, an ordinary letter is nothing.
func TestSpamByRspamd(t *testing.T) {
	peer.NeedRspamd(t)
	var ports peer.Ports
	addr, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	p := &peer.Rspamd{Addr: addr}
	if err := p.Prepare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(p.Dir) })
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	s := Spam{Rspamd: rspamdAt(t, RspamdOptions{Address: "http://" + addr}), Inbound: tagging()}
	for text, want := range map[string]string{"Kinh gui anh chi,\r\n" + peer.GTUBE() + "\r\nTran trong": "refuse 1.00 reject ", "Chuc mung " + peer.RspamdWord: "tag 0.50 add header 7.5/15.0 " + peer.RspamdSymbol, "Kinh gui anh chi": ""} {
		if got := checkSpam(t, s, spamMail(t, text)); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := checkSpam(t, s, spamMail(t, "Kinh gui")); got != "accept 0.01 no answer rspamd" {
		t.Error(got)
	}
}

// FuzzSpamAnswer: whatever an rspamd says, it is read within bounds or an error.
func FuzzSpamAnswer(f *testing.F) {
	f.Add([]byte(`{"action":"reject","score":30,"required_score":15,"symbols":{"GTUBE":{"score":1e300}}}`))
	f.Add([]byte(`{"is_skipped":true,"action":"greylist"}`))
	f.Add([]byte(`{"action":"no action","symbols":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readSpamAnswer(data)
		if err != nil {
			return
		}
		if p := a.part(); !(p > 0 && p <= 1) || len(a.detail()) > 2000 || !slices.Contains(SpamActions(), a.action) {
			t.Errorf("%v %q", p, a.detail())
		}
	})
}
