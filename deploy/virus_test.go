package deploy

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// startClamd starts a clamd with the limits of the deployed file.
func startClamd(t *testing.T) *peer.Clamd {
	t.Helper()
	peer.NeedClamd(t)
	c := &peer.Clamd{Conf: file(t, "clamav/clamd.conf")}
	must(t, c.Prepare())
	t.Cleanup(func() { os.RemoveAll(c.Dir) })
	must(t, c.Start())
	t.Cleanup(func() { must(t, c.Stop()) })
	return c
}

// scanWith gives a gate that runs already a section virus.
func scanWith(t *testing.T, g *peer.Gate, section string) {
	t.Helper()
	must(t, g.Stop())
	g.Config += "virus: " + section + "\n"
	must(t, g.Start())
}

// evidenceText is all that the gate's evidence says.
func evidenceText(t *testing.T, g *peer.Gate) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(g.State(), "evidence", "*.jsonl"))
	must(t, err)
	var all bytes.Buffer
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		all.Write(b)
	}
	return all.String()
}

// TestVirus: through a real Postfix, at both doors, what a real clamd finds is refused with its clause, from inside
// with the virus's name and from outside without; its clean twin passes as it was sent.
func TestVirus(t *testing.T) {
	for name, kind := range map[string]string{"milter": milterTCP, "relay": proxyFilter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startClamd(t)
			s := newStand(t, kind, fmt.Sprintf("virus: {clamd: [\"unix:%s\"]}\n", c.Socket()))
			infected := zipOf(t, "bao-cao.txt", peer.EICAR())
			for client, named := range map[string]bool{inside: true, outside: false} {
				key := "nhiem-" + client
				r := s.send(t, client, withDocument(key, "bao-cao.zip", infected).mail()).Last()
				if r.Code != 550 || !strings.Contains(r.String(), "5.7.1 [11.5] Thu co chua ma doc.") || strings.Contains(r.String(), peer.EICARName) != named {
					t.Errorf("from %s: answered %s", client, r)
				}
				s.notDelivered(t, key)
			}
			if e := evidenceText(t, s.gate); strings.Count(e, "clamd: "+peer.EICARName) != 2 {
				t.Errorf("the evidence does not name the virus twice:\n%s", tail(e))
			}
			clean := withDocument("sach", "bao-cao.zip", zipOf(t, "bao-cao.txt", "Kinh gui anh chi."))
			if r := s.send(t, inside, clean.mail()).Last(); r.Code != 250 {
				t.Errorf("the clean twin: answered %s", r)
			}
			samePassed(t, s.delivered(t, "sach"), clean.bytes())
			up, err := s.gate.Metric("congthu_engine_up", `engine="clamd"`)
			if err != nil || up != 1 {
				t.Errorf("congthu_engine_up %v, %v", up, err)
			}
		})
	}
}

// zipOf is an archive with one file.
func zipOf(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	must(t, err)
	_, err = w.Write([]byte(text))
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// TestVirusTrouble: while clamd is dead or hangs nothing passes, the answer comes in time, and what waited in Postfix's
// queue is delivered once clamd is back, without anybody's help.
func TestVirusTrouble(t *testing.T) {
	t.Parallel()
	c := startClamd(t)
	h := hookup{start: contentFilterRoad, after: true}
	r := h.begin(t)
	scanWith(t, r.gate, fmt.Sprintf("{clamd: [{address: \"unix:%s\", timeout: 2s}]}", c.Socket()))
	client, err := r.dial(inside)
	must(t, err)
	send := func(key, body string) {
		t.Helper()
		if a := sendOn(t, client, letter{key: key, subject: "Thu", body: body}.mail()); a.Last().Code != 250 {
			t.Fatalf("%s: answered %s", key, a.Last())
		}
	}
	deferrals := func() (n int) {
		for _, m := range r.gate.Messages() {
			if m["disposition"] == "defer" && strings.HasPrefix(fmt.Sprint(m["reply"]), "451 4.3.0 ") {
				n++
			}
		}
		return n
	}
	seen := 0
	deferred := func(key string) { // once more than before
		t.Helper()
		start := time.Now()
		must(t, peer.Wait(patience, "the gate to defer "+key, func() bool {
			return deferrals() > seen
		}))
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: deferred after %s", key, took)
		}
		if n := len(r.sink.ByKey(key)); n != 0 {
			t.Errorf("%s passed unseen", key)
		}
	}
	must(t, c.Kill())
	send("khi-chet", "clamd is dead\r\n")
	deferred("khi-chet")
	must(t, c.Start())
	must(t, r.mta.WaitEmpty(patience))
	if n := len(r.sink.ByKey("khi-chet")); n != 1 {
		t.Errorf("delivered %d times after clamd was started again", n)
	}

	seen = deferrals()
	must(t, c.Pause())
	send("khi-treo", "clamd hangs\r\n")
	deferred("khi-treo")
	must(t, c.Resume())
	must(t, r.mta.WaitEmpty(patience))
	if n := len(r.sink.ByKey("khi-treo")); n != 1 {
		t.Errorf("delivered %d times after clamd went on", n)
	}
	must(t, client.Quit())
}

// TestVirusFailOpen: where the policy says so in so many words mail passes while clamd is dead, its header says so, and
// it is counted; otherwise nothing passes.
func TestVirusFailOpen(t *testing.T) {
	t.Parallel()
	c := startClamd(t)
	section := fmt.Sprintf("virus: {clamd: [{address: \"unix:%s\", timeout: 2s, failed: accept}]}\n", c.Socket())
	s := newStand(t, milterTCP, section)
	must(t, c.Kill())
	if r := s.send(t, inside, letter{key: "mo", subject: "Thu"}.mail()).Last(); r.Code != 250 {
		t.Fatalf("answered %s", r)
	}
	d := s.delivered(t, "mo")
	if v := peer.Field(d.Bytes, "Congthu-Fail-Open"); v != "clamd" {
		t.Errorf("Congthu-Fail-Open: %q", v)
	}
	if n, err := s.gate.Metric("congthu_fail_open_total", `engine="clamd"`); err != nil || n != 1 {
		t.Errorf("counted %v times, %v", n, err)
	}
	must(t, s.gate.Stop())
	s.gate.Config = strings.Replace(s.gate.Config, "failed: accept", "failed: defer", 1)
	must(t, s.gate.Start())
	if r := s.send(t, inside, letter{key: "dong", subject: "Thu"}.mail()).Last(); r.Code != 451 || !strings.Contains(r.String(), "4.3.0") {
		t.Errorf("answered %s", r)
	}
	if n := len(s.sink.ByKey("dong")); n != 0 {
		t.Error("it passed unseen")
	}
}

// TestVirusBehindQueue: behind Postfix's queue an infected mail from outside is dropped, on record; nobody gets a bounce.
func TestVirusBehindQueue(t *testing.T) {
	t.Parallel()
	c := startClamd(t)
	h := hookup{start: contentFilterRoad, after: true}
	r := h.begin(t)
	scanWith(t, r.gate, fmt.Sprintf("{clamd: [\"unix:%s\"]}", c.Socket()))
	client, err := r.dial(outside)
	must(t, err)
	m := letter{key: "nhiem", from: "la@example.com", subject: "Thu", body: peer.EICAR() + "\r\n"}.mail()
	m.From = "la@example.com"
	if a := sendOn(t, client, m); a.Last().Code != 250 {
		t.Fatalf("answered %s", a.Last())
	}
	must(t, client.Quit())
	must(t, r.mta.WaitEmpty(patience))
	if n := len(r.sink.ByKey("nhiem")); n != 0 {
		t.Errorf("delivered %d times", n)
	}
	if e := evidenceText(t, r.gate); !strings.Contains(e, peer.EICARName) || !strings.Contains(e, `"dropped":true`) {
		t.Errorf("the evidence:\n%s", tail(e))
	}
}
