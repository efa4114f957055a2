package deploy

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"congthu/internal/peer"
)

// ear hears what a gate says to the outside by webhook.
type ear struct {
	*httptest.Server
	mu    sync.Mutex
	heard []string
}

func newEar(t *testing.T) *ear {
	t.Helper()
	e := &ear{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return // the gate went away
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, r.URL.String()+" "+fmt.Sprint(r.Header)+" "+string(b))
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *ear) all() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.heard, "\n")
}

// markedFile is a letter of which only the attached file is marked, with a secret everywhere.
func markedFile(key string) letter {
	l := marked(key, 1)
	l.subject = secret + "-tieu-de"
	l.body = strings.Replace(l.body, "TUYỆT MẬT\r\n\r\n"+secret, secret, 1)
	return l
}

// TestSecretIsToldNobody has people told of marked mail in every way there is: notices with words of the operator's own,
// alerts of both kinds, the record off the machine, exports, an exception for the marked file, and a copy of the
// database. The secret is in none of it, and in no file of the gate's.
func TestSecretIsToldNobody(t *testing.T) {
	for name, c := range map[string]struct {
		marking string
		code    int
		held    bool
	}{
		"refused": {"", 550, false},
		"held":    {"  marking: {outbound: hold, inbound: hold}\nmarking: {keep_content: true}\n", 250, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hookup{start: postfixRoad(milterTCP)}.begin(t)
			hooks, notices := newEar(t), &peer.Sink{}
			must(t, notices.Start("127.0.0.1:0"))
			t.Cleanup(func() { notices.Close() })
			words := filepath.Join(r.gate.Dir, "loi")
			must(t, os.Mkdir(words, 0o755))
			must(t, os.WriteFile(filepath.Join(words, "held-sender.txt"), []byte(`{{define "subject"}}Tam giu{{end}}{{range .Items}}{{printf "%+v" .}}{{end}}`), 0o644))
			o := newOffice(t, r.gate, r.sink.Addr, c.marking+fmt.Sprintf("notices: {submit: %q, templates: %q}\nalerts: {webhook: %q, alertmanager: %q, burst: 2}\n",
				notices.Addr, words, hooks.URL+"/chu", hooks.URL), "lan")
			tell(t, r, o, c.code)
			must(t, peer.Wait(patience, "notices of held mail, alerts of refused", func() bool { return c.held && notices.Count() >= 2 || !c.held && len(hooks.all()) > 0 }))
			said := o.said(t)
			o.exceptSecret(t, r, !c.held)
			must(t, r.gate.Stop()) // what it writes at its end is looked at too
			must(t, r.gate.Start())
			for _, d := range notices.Deliveries() {
				said += "\n" + d.From + strings.Join(d.To, " ") + string(d.Bytes)
				for _, part := range strings.Split(string(d.Bytes), "\r\n\r\n") {
					if plain, err := base64.StdEncoding.DecodeString(strings.Map(noBreak, strings.Split(part, "\r\n--")[0])); err == nil {
						said += string(plain)
					}
				}
			}
			for where, text := range map[string]string{"the log": r.gate.Output(), "a webhook": hooks.all(), "a notice or a command": said} {
				if told(text) {
					t.Errorf("%s tells it:\n%s", where, tail(text))
				}
			}
			limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", r.gate.PID()))
			must(t, err)
			if !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0 bytes") {
				t.Errorf("the gate may leave a core file:\n%s", limits)
			}
			if n := look(t, r.gate.Dir); n < 6 {
				t.Errorf("only %d files were looked at", n)
			}
		})
	}
}

func noBreak(r rune) rune {
	if r == '\r' || r == '\n' {
		return -1
	}
	return r
}

// tell sends marked mail from inside and outside.
func tell(t *testing.T, r *road, o *office, code int) {
	t.Helper()
	for n, address := range []string{inside, outside, inside} {
		m := marked(fmt.Sprintf("noi-%d", n), n).mail()
		if address == outside {
			m.From = "a@khach.example"
		}
		c, err := r.dial(address)
		must(t, err)
		a := sendOn(t, c, m)
		must(t, c.Quit())
		if a.Last().Code != code {
			t.Fatalf("from %s answered %s", address, a.Last())
		}
	}
	must(t, r.mta.WaitEmpty(patience))
	o.marked(t)
}

// said is what every command says that needs no identity, with a backup made beside the other files.
func (o *office) said(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, args := range [][]string{{"quarantine", "list"}, {"quarantine", "list", "--json"}, {"quarantine", "list", "state=undecided"}, {"exception", "list"},
		{"log", "export", "--format", "jsonl", o.evidence()}, {"log", "export", "--format", "cef", o.evidence()}, {"log", "export", "--format", "csv", o.evidence()},
		{"store", "backup", filepath.Join(o.folder, "sao-luu.db")}, {"store", "rebuild"}} {
		out, errs := o.do(t, 0, args...)
		all.WriteString(out + errs)
	}
	for _, h := range o.list(t) {
		out, _ := o.do(t, 0, "quarantine", "show", h.ID)
		all.WriteString(out)
	}
	return all.String()
}

// exceptSecret makes an exception for the marked file of a letter. Where marked mail is refused, the letter passes then.
func (o *office) exceptSecret(t *testing.T, r *road, passes bool) {
	t.Helper()
	send := func(key string) peer.Reply {
		c, err := r.dial(inside)
		must(t, err)
		a := sendOn(t, c, markedFile(key).mail())
		must(t, c.Quit())
		return a.Last()
	}
	if !passes {
		for _, h := range o.list(t) {
			o.as(t, 0, "lan", "quarantine", "delete", "--reason", "Thu", h.ID)
		}
		return
	}
	refused := send("le-1")
	if refused.Code != 550 {
		t.Fatalf("answered %s", refused)
	}
	hash := o.partHash(t, transactionID(refused), "marking")
	o.as(t, 0, "lan", "exception", "add", "--rule", "marking", "--part-hash", hash, "--reason", "Da giai mat", "--until", "7d")
	must(t, peer.Wait(patience, "the exception to be seen", func() bool { return send("le-2").OK() }))
	must(t, r.mta.WaitEmpty(patience))
	if d := r.sink.ByKey("le-2"); len(d) == 0 || !told(string(d[0].Bytes)) {
		t.Error("the letter with the excepted file did not come, or not as it was")
	}
}
