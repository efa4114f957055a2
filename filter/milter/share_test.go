package milter

import (
	"strings"
	"testing"
	"time"

	"congthu/filter/message"
)

// TestOneClientLeavesRoom: a client of the MTA that begins messages and ends none has its further ones deferred,
// while there is room for the letters of others, and for its own when one has ended.
func TestOneClientLeavesRoom(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.WireBytes = 300
	g := newGate(t, cfg, time.Now)
	g.Server.budget = message.NewBudget(1000)
	g.start("unix")
	begin := func(addr string) *mta {
		m := g.dial().negotiate()
		m.send('C', "mail.example.org\x004\x04\xd2"+addr+"\x00")
		m.send('M', "<a@example.org>\x00")
		m.send('R', "<b@example.vn>\x00")
		m.send('L', "Subject\x00 accept\x00")
		m.send('B', strings.Repeat("x", 260))
		return m
	}
	taken := func(octets int64) {
		t.Helper()
		waitFor(t, func() bool { return 1000-g.Server.budget.Left() == octets })
	}
	const octets = int64(len("Subject: accept\r\n\r\n") + 260)
	first, second := begin("192.0.2.1"), begin("192.0.2.1")
	taken(2 * octets)
	// The room comes back after the answer: the next message waits for it.
	ends := func(m *mta, want string, left int64) {
		t.Helper()
		m.send('E', "")
		if v := m.verdict(); !strings.HasPrefix(v, want) {
			t.Errorf("verdict %q, want %q", v, want)
		}
		g.outcome()
		taken(left)
	}
	ends(begin("192.0.2.1"), "451 4.3.0 ", 2*octets)
	for range 5 {
		ends(begin("192.0.2.2"), "c", 2*octets)
	}
	ends(first, "c", octets)
	ends(begin("192.0.2.1"), "c", octets)
	second.send('A', "")
	taken(0)
}
