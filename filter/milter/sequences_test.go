package milter

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestSequences(t *testing.T) {
	kinds := map[string]string{"accept": "c", "tag": "c", "hold": "451 4.7.1 ", "defer": "450 4.7.1 ", "refuse": "550 5.7.1 ",
		"error": "451 4.3.0 ", "big": "552 5.3.4 ", "rset": "", "crowd": "550 5.5.3 "}
	var sequences [][]string
	for a := range kinds {
		for b := range kinds {
			sequences = append(sequences, []string{a, b})
			for c := range kinds {
				sequences = append(sequences, []string{a, b, c})
			}
		}
	}
	cfg := testConfig()
	cfg.Limits.WireBytes, cfg.Recipients = 2000, 3
	g := newGate(t, cfg, time.Now).start("unix")
	for i, sequence := range sequences {
		m := g.dial().negotiate().connect()
		for n, kind := range sequence {
			from := fmt.Sprintf("%s-%d@example.org", kind, n)
			if kind == "rset" {
				m.send('D', "M{auth_authen}\x00nobody\x00")
				m.send('M', "<"+from+">\x00")
				m.send('R', "<x@example.vn>\x00")
				m.send('L', "Subject\x00 refuse\x00")
				m.send('B', "half")
			} else {
				playKind(m, kind, from)
				if got := m.verdict(); !strings.HasPrefix(got, kinds[kind]) {
					t.Fatalf("%v: message %d is answered %q", sequence, n, got)
				}
				checkAlone(t, g.outcome(), kind, from)
			}
			for range (i + n) % 3 { // no abort, one, or two
				m.send('A', "")
			}
		}
		m.send('Q', "")
		m.wantClosed()
		m.Close()
	}
}

func playKind(m *mta, kind, from string) {
	if kind == "tag" {
		m.send('D', "M{auth_authen}\x00minh\x00i\x00QUEUE\x00")
	}
	m.send('M', "<"+from+">\x00SIZE=1\x00")
	for range map[string]int{"crowd": 4}[kind] + 1 {
		m.send('R', "<b@example.vn>\x00")
	}
	m.send('L', "Subject\x00 "+strings.NewReplacer("big", "accept", "crowd", "accept").Replace(kind)+"\x00")
	m.send('N', "")
	m.send('B', kind+strings.Repeat("x", map[string]int{"big": 2000}[kind]))
	m.send('E', "")
}

func checkAlone(t *testing.T, o outcome, kind, from string) {
	t.Helper()
	recipients, login, queue := 1, "", ""
	switch kind {
	case "crowd":
		recipients = 3
	case "tag":
		login, queue = "minh", "QUEUE"
	}
	if o.tx.ReversePath.String() != from || len(o.tx.Recipients) != recipients || o.tx.Session.Login != login || o.tx.QueueID != queue {
		t.Fatalf("%s: from %q, %d recipients, login %q, queue id %q", from, o.tx.ReversePath, len(o.tx.Recipients), o.tx.Session.Login, o.tx.QueueID)
	}
	if kind == "big" || kind == "crowd" {
		return
	}
	if want := int64(len("Subject: \r\n\r\n") + 2*len(kind)); o.tx.Message.Size != want {
		t.Fatalf("%s: %d octets, want %d", from, o.tx.Message.Size, want)
	}
}
