package virus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/internal/peer"
)

const icapObject = "an object"

// reply is a response with what is encapsulated in it; lines end in "\n" here.
func icapText(head, http, body string) string {
	text := strings.ReplaceAll(head, "\n", "\r\n")
	if http == "" {
		return text + "\r\n"
	}
	http = strings.ReplaceAll(http, "\n", "\r\n") + "\r\n"
	return text + fmt.Sprintf("Encapsulated: res-hdr=0, res-body=%d\r\n\r\n%s%x\r\n%s\r\n0\r\n\r\n", len(http), http, len(body), body)
}

func TestICAPReply(t *testing.T) {
	const ok, forbidden = "HTTP/1.1 200 OK\nContent-Type: text/plain\n", "HTTP/1.1 403 Forbidden\nContent-Type: text/html\n"
	tests := []struct {
		name, text string
		want       Answer // the zero Answer: an error
	}{
		{"unmodified (RFC 3507 section 4.6)", icapText("ICAP/1.0 204 Unmodified\nISTag: \"1\"\n", "", ""), Answer{Kind: Clean}},
		{"the object itself", icapText("ICAP/1.0 200 OK\n", ok, icapObject), Answer{Kind: Clean}},
		{"another body", icapText("ICAP/1.0 200 OK\n", ok, "This file was removed."), Answer{Infected, "replaced"}},
		{"a body that is much longer", icapText("ICAP/1.0 200 OK\n", ok, strings.Repeat("x", 100)), Answer{Infected, "replaced"}},
		{"access is denied", icapText("ICAP/1.0 200 OK\n", forbidden, icapObject), Answer{Infected, "blocked"}},
		{"redirected to a page", icapText("ICAP/1.0 200 OK\n", "HTTP/1.1 302 Found\nLocation: http://x/\n", ""), Answer{Infected, "blocked"}},
		{"X-Infection-Found", icapText("ICAP/1.0 200 OK\nX-Infection-Found: Type=0; Resolution=2; Threat=EICAR Test;\n", forbidden, "x"), Answer{Infected, "EICAR_Test"}},
		{"X-Infection-Found without a threat", icapText("ICAP/1.0 200 OK\nX-Infection-Found: Type=0\n", ok, icapObject), Answer{Infected, "Type=0"}},
		{"X-Virus-ID", icapText("ICAP/1.0 200 OK\nx-virus-id: Eicar\n", ok, icapObject), Answer{Infected, "Eicar"}},
		{"X-Virus-ID beside a 204", icapText("ICAP/1.0 204 No Content\nX-Virus-ID: Eicar\n", "", ""), Answer{Infected, "Eicar"}},
		{"X-Virus-ID says none", icapText("ICAP/1.0 204 No Content\nX-Virus-ID: none\n", "", ""), Answer{Kind: Clean}},
		{"X-Virus-Name", icapText("ICAP/1.0 200 OK\nX-Virus-Name: Eicar\n", ok, "x"), Answer{Infected, "Eicar"}},
		{"X-Violations-Found", icapText("ICAP/1.0 200 OK\nX-Violations-Found: 1\n\tfile.zip\n\tEICAR Test String\n\t11101\n\t2\n", forbidden, "x"), Answer{Infected, "EICAR_Test_String"}},
		{"X-Violations-Found without lines", icapText("ICAP/1.0 200 OK\nX-Violations-Found: 2\n", forbidden, "x"), Answer{Infected, unnamed}},
		{"no violations", icapText("ICAP/1.0 200 OK\nX-Violations-Found: 0\n", ok, icapObject), Answer{Kind: Clean}},
		{"ClamAV's guess", icapText("ICAP/1.0 200 OK\nX-Virus-ID: Heuristics.OLE2.ContainsMacros\n", forbidden, "x"), Answer{Suspicious, "Heuristics.OLE2.ContainsMacros"}},
		{"nothing encapsulated", icapText("ICAP/1.0 200 OK\n", "", ""), Answer{}},
		{"service not found", icapText("ICAP/1.0 404 ICAP Service not found\n", "", ""), Answer{}},
		{"overloaded", icapText("ICAP/1.0 503 Service overloaded\n", "", ""), Answer{}},
		{"server error", icapText("ICAP/1.0 500 Server error\nEncapsulated: null-body=0\n", "", ""), Answer{}},
		{"an HTTP server", "HTTP/1.1 200 OK\r\n\r\n", Answer{}},
		{"nothing", "", Answer{}},
		{"no status", "ICAP/1.0\r\n\r\n", Answer{}},
		{"no field", "ICAP/1.0 204 Unmodified\r\nnonsense\r\n\r\n", Answer{}},
		{"ends in the header", "ICAP/1.0 204 Unmodified\r\nISTag: 1\r\n", Answer{}},
		{"ends in the body", "ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=4\r\n\r\nabcd9\r\nan obj", Answer{}},
		{"offsets go back", "ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=10, res-body=4\r\n\r\n", Answer{}},
		{"a huge offset", "ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=99999999\r\n\r\n", Answer{}},
		{"a bad chunk", "ICAP/1.0 200 OK\r\nEncapsulated: res-body=0\r\n\r\n-5\r\n", Answer{}},
		{"a header without end", "ICAP/1.0 200 OK\r\nX: " + strings.Repeat("x", maxICAPHeader), Answer{}},
	}
	o := objectOf(icapObject)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rep, err := readICAP(bufio.NewReader(strings.NewReader(tt.text)), o.Size+20)
			var got Answer
			if err == nil {
				got, err = rep.answer(o)
			}
			if got != tt.want || (err != nil) != (tt.want == Answer{}) {
				t.Errorf("%+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

// FuzzICAPReply: what is not said rightly is not clean.
func FuzzICAPReply(f *testing.F) {
	for _, s := range []string{
		icapText("ICAP/1.0 204 Unmodified\nISTag: \"1\"\n", "", ""), icapText("ICAP/1.0 200 OK\n", "HTTP/1.1 200 OK\n", icapObject),
		icapText("ICAP/1.0 200 OK\nX-Violations-Found: 1\n\tfile.zip\n\tEICAR\n\t11101\n\t2\n", "HTTP/1.1 403 Forbidden\n", "x"),
		icapText("ICAP/1.0 200 OK\nX-Infection-Found: Type=0; Resolution=2; Threat=EICAR;\n", "HTTP/1.1 403 Forbidden\n", "x"),
		"ICAP/1.0 100 Continue\r\n\r\n", "ICAP/1.0 200 OK\r\nPreview: 1024\r\nMax-Connections: 7\r\nEncapsulated: opt-body=0\r\n\r\n0\r\nX: y\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	o := objectOf(icapObject)
	f.Fuzz(func(t *testing.T, b []byte) {
		rep, err := readICAP(bufio.NewReader(bytes.NewReader(b)), o.Size+100)
		if err != nil {
			return
		}
		a, err := rep.answer(o)
		if err != nil && a != (Answer{}) {
			t.Errorf("an error and %+v", a)
		}
		if a.Kind == Clean && rep.status != 204 && (rep.status != 200 || rep.body != o.SHA256) {
			t.Errorf("%q is clean", b)
		}
		checkName(t, a)
	})
}

// fakeICAP is a server after the examples of RFC 3507 (sections 4.8.2, 4.8.3, 4.10): it finds EICAR in what it is shown.
type fakeICAP struct {
	l        net.Listener
	options  string // header lines of its answer to OPTIONS
	previews bool   // it answers after what goes ahead when it finds something there
	modifies bool   // it knows no 204 and sends everything back
	ended    sync.WaitGroup
	conns    sync.Map

	mu      sync.Mutex
	objects []string // as they were shown
	heads   []string
	opened  int // connections
	open    int
	most    int
}

func newFakeICAP(t *testing.T, f *fakeICAP) *fakeICAP {
	t.Helper()
	var err error
	if f.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	f.ended.Go(func() {
		for {
			c, err := f.l.Accept()
			if err != nil {
				return
			}
			f.conns.Store(c, nil)
			f.ended.Go(func() { defer c.Close(); f.serve(bufio.NewReader(c), c) })
		}
	})
	t.Cleanup(func() {
		f.l.Close()
		f.conns.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		f.ended.Wait()
	})
	return f
}

func (f *fakeICAP) url() string { return "icap://" + f.l.Addr().String() + "/respmod" }

func (f *fakeICAP) serve(r *bufio.Reader, c net.Conn) {
	counted := false
	for {
		head, err := headOf(r)
		if err != nil {
			break
		}
		if strings.HasPrefix(head, "OPTIONS ") {
			fmt.Fprintf(c, "ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nService: FOO Tech Server 1.0\r\nISTag: \"W3E4R7U9-L2E4-2\"\r\nEncapsulated: null-body=0\r\n%s\r\n", f.options)
			return
		}
		if !counted {
			counted = true
			f.mu.Lock()
			f.opened, f.open = f.opened+1, f.open+1
			f.most = max(f.most, f.open)
			f.mu.Unlock()
		}
		if err := f.respmod(head, r, c); err != nil {
			break
		}
	}
	if counted {
		f.mu.Lock()
		f.open--
		f.mu.Unlock()
	}
}

func headOf(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return b.String(), err
		}
		b.WriteString(line)
	}
}

func (f *fakeICAP) respmod(head string, r *bufio.Reader, c net.Conn) error {
	_, at, _ := strings.Cut(head, "res-body=")
	at, _, _ = strings.Cut(at, "\r\n")
	n, err := strconv.Atoi(at)
	if err != nil {
		return err
	}
	http := make([]byte, n)
	if _, err := io.ReadFull(r, http); err != nil {
		return err
	}
	body, ieof, err := chunksOf(r)
	if err != nil {
		return err
	}
	if strings.Contains(head, "\r\nPreview: ") && !ieof && !(f.previews && strings.Contains(body, peer.EICAR())) {
		io.WriteString(c, "ICAP/1.0 100 Continue\r\n\r\n")
		rest, _, err := chunksOf(r)
		if err != nil {
			return err
		}
		body += rest
	}
	f.mu.Lock()
	f.objects, f.heads = append(f.objects, body), append(f.heads, head+string(http))
	f.mu.Unlock()
	time.Sleep(20 * time.Millisecond)
	switch {
	case strings.Contains(body, peer.EICAR()):
		_, err = io.WriteString(c, icapText("ICAP/1.0 200 OK\nISTag: \"W3E4R7U9-L2E4-2\"\nX-Infection-Found: Type=0; Resolution=2; Threat=Eicar;\n", "HTTP/1.1 403 Forbidden\n", "virus"))
	case f.modifies:
		_, err = io.WriteString(c, icapText("ICAP/1.0 200 OK\nISTag: \"W3E4R7U9-L2E4-2\"\n", "HTTP/1.1 200 OK\n", body))
	default:
		_, err = io.WriteString(c, "ICAP/1.0 204 Unmodified\r\nISTag: \"W3E4R7U9-L2E4-2\"\r\n\r\n")
	}
	return err
}

func chunksOf(r *bufio.Reader) (body string, ieof bool, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", false, err
		}
		digits, extension, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(digits, 16, 32)
		if err != nil {
			return "", false, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return "", false, err
		}
		if n == 0 {
			return body, strings.TrimSpace(extension) == "ieof", nil
		}
		body += string(chunk[:n])
	}
}

// By what goes ahead and by the whole, with and without either: each object is shown octet for octet.
func TestICAP(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 20_000)
	for name, f := range map[string]*fakeICAP{
		"preview and 204":      {options: "Preview: 1024\r\nAllow: 204\r\n", previews: true},
		"empty preview":        {options: "Preview: 0\r\nAllow: 204\r\n"},
		"preview, no early":    {options: "Preview: 128\r\nAllow: 204\r\n"},
		"no preview":           {options: "Allow: 204\r\n"},
		"no 204":               {modifies: true},
		"preview, no 204":      {options: "Preview: 4096\r\n", modifies: true},
		"preview of any size":  {options: "Preview: 999999999\r\nAllow: 204\r\n"},
		"options say nonsense": {options: "Preview: -5\r\nMax-Connections: many\r\nAllow: 204\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeICAP(t, f)
			e := newTestEngine(t, options(f.url()))
			for _, text := range []string{"", "short", long, long + "x"} {
				wantAnswer(t, e, text, Answer{Kind: Clean})
				if got := f.objects[len(f.objects)-1]; got != text {
					t.Errorf("it was shown %d octets, not %d", len(got), len(text))
				}
			}
			wantAnswer(t, e, peer.EICAR(), Answer{Infected, "Eicar"})
			wantAnswer(t, e, peer.EICAR()+long, Answer{Infected, "Eicar"})
			wantAnswer(t, e, long+peer.EICAR(), Answer{Infected, "Eicar"})
			if _, d := e.State(); d.Version != `"W3E4R7U9-L2E4-2"` {
				t.Errorf("version %q", d.Version)
			}
			if f.opened > 2 { // one that spoke early is not used again
				t.Errorf("%d connections", f.opened)
			}
			if allow := strings.Contains(f.heads[0], "Allow: 204\r\n"); allow == f.modifies {
				t.Errorf("Allow: %v", allow)
			}
		})
	}
}

// No more connections than the server wants.
func TestICAPMaxConnections(t *testing.T) {
	f := newFakeICAP(t, &fakeICAP{options: "Max-Connections: 2\r\nAllow: 204\r\n"})
	o := options(f.url())
	o.Concurrent = 10
	e := newTestEngine(t, o)
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() { wantAnswer(t, e, fmt.Sprint("letter ", n), Answer{Kind: Clean}) })
	}
	wg.Wait()
	if f.most > 2 {
		t.Errorf("%d connections at once", f.most)
	}
}

// What is no ICAP service for responses is down, and nothing is clean.
func TestICAPWrongService(t *testing.T) {
	for name, answer := range map[string]string{
		"requests only": "ICAP/1.0 200 OK\r\nMethods: REQMOD\r\nEncapsulated: null-body=0\r\n\r\n",
		"not there":     "ICAP/1.0 404 Not Found\r\n\r\n",
		"a web server":  "HTTP/1.1 400 Bad Request\r\n\r\n",
		"closes":        "",
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			var ended sync.WaitGroup
			ended.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					headOf(bufio.NewReader(c))
					io.WriteString(c, answer)
					c.Close()
				}
			})
			defer func() { l.Close(); ended.Wait() }()
			e := newTestEngine(t, options("icap://"+l.Addr().String()+"/x"))
			if a, err := scan(t, e, "x"); !errors.Is(err, ErrDown) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// A real c-icap with a real clamd behind it.
func TestCICAP(t *testing.T) {
	peer.NeedCICAP(t)
	c := startClamd(t, "")
	var ports peer.Ports
	addr, err := ports.Next()
	must(t, err)
	server := &peer.CICAP{Addr: addr, Clamd: c.Socket()}
	must(t, server.Prepare())
	defer os.RemoveAll(server.Dir)
	must(t, server.Start())
	defer func() { must(t, server.Stop()) }()
	e := newTestEngine(t, options(server.URL()))
	long := strings.Repeat("Kinh gui anh chi. ", 20_000)
	for range 3 {
		wantAnswer(t, e, "Kinh gui anh chi.", Answer{Kind: Clean})
		wantAnswer(t, e, long, Answer{Kind: Clean})
		wantAnswer(t, e, peer.EICAR(), Answer{Infected, peer.EICARName})
		wantAnswer(t, e, long+peer.EICAR(), Answer{Infected, peer.EICARName})
	}
	if _, d := e.State(); d.Version == "" {
		t.Error("it has no tag")
	}
	must(t, c.Kill())
	if a, err := scan(t, e, "while clamd is dead"); err == nil {
		t.Errorf("c-icap without its scanner: %+v", a)
	}
}
