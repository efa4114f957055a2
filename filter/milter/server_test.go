package milter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter"
	"congthu/filter/message"
)

// TestSequences: two and three messages on one connection in every combination of what can become of
// them. None knows of another.
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

// checkAlone requires that a message is judged as if it were the only one of its connection.
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

func TestPanicAtMailDefers(t *testing.T) {
	var bad atomic.Bool
	g := newGate(t, testConfig(), func() time.Time {
		if bad.Swap(false) {
			panic("secret")
		}
		return time.Now()
	}).start("unix")
	m := g.dial().negotiate().connect()
	bad.Store(true)
	m.message("a@example.org", "accept", "x\r\n")
	if v := m.verdict(); !strings.HasPrefix(v, "451 4.3.0 ") {
		t.Errorf("verdict %q", v)
	}
	g.outcome()
	m.send('A', "")
	m.message("b@example.org", "accept", "x\r\n")
	if v := m.verdict(); v != "c" {
		t.Errorf("the next message gets %q", v)
	}
	if from := g.outcome().tx.ReversePath.String(); from != "b@example.org" {
		t.Errorf("the next message is from %q", from)
	}
	if n := testutil.ToFloat64(g.metrics.Panics); n != 1 {
		t.Errorf("%v panics counted", n)
	}
	if strings.Contains(g.log.String(), "secret") {
		t.Error("the panic's value is in the log")
	}
}

func TestPanicInJudgeDefers(t *testing.T) {
	g := newGate(t, testConfig(), time.Now)
	g.judge.judge = func(_ context.Context, tx *filter.Transaction) filter.Verdict {
		if tx.ReversePath.Local == "panic" {
			panic("secret")
		}
		return g.judge.real.Judge(context.Background(), tx)
	}
	g.start("unix")
	m := g.dial().negotiate().connect()
	for from, want := range map[string]string{"panic@example.org": "451 4.3.0 ", "b@example.org": "c"} {
		m.message(from, "accept", "x\r\n")
		if v := m.verdict(); !strings.HasPrefix(v, want) {
			t.Errorf("%s: verdict %q", from, v)
		}
		g.outcome()
	}
	if strings.Contains(g.log.String(), "secret") {
		t.Error("the panic's value is in the log")
	}
}

// noFault cannot even say that it is in trouble.
type noFault struct{ *scripted }

func (noFault) Fault(*filter.Transaction, error) filter.Verdict { panic("secret") }

func TestPanicInFaultIsTempfail(t *testing.T) {
	g := newGate(t, testConfig(), time.Now)
	g.judge.judge = func(context.Context, *filter.Transaction) filter.Verdict { panic("secret") }
	g.Server.judge = noFault{g.judge}
	g.start("unix")
	m := g.dial().negotiate().connect()
	for range 2 {
		m.message("a@example.org", "accept", "x\r\n")
		if v := m.verdict(); v != "t" {
			t.Errorf("verdict %q", v)
		}
	}
	if n := testutil.ToFloat64(g.metrics.Panics); n != 4 {
		t.Errorf("%v panics counted", n)
	}
}

func TestNoDecisionDefers(t *testing.T) {
	g := newGate(t, testConfig(), time.Now)
	g.judge.judge = func(context.Context, *filter.Transaction) filter.Verdict { return filter.Verdict{} }
	g.start("unix")
	m := g.dial().negotiate().connect()
	m.message("a@example.org", "accept", "x\r\n")
	if v := m.verdict(); !strings.HasPrefix(v, "451 4.3.0 ") {
		t.Errorf("verdict %q", v)
	}
}

func TestPerCentIsDoubled(t *testing.T) {
	g := newGate(t, testConfig(), time.Now)
	g.judge.judge = func(_ context.Context, tx *filter.Transaction) filter.Verdict {
		return filter.Verdict{Disposition: filter.Refuse, Reply: filter.NewReply(550, "7.1", filter.Text{Vietnamese: "100% chac", English: "%s %n"}, "")}
	}
	g.start("unix")
	m := g.dial().negotiate().connect()
	m.message("a@example.org", "accept", "x\r\n")
	if v := m.verdict(); v != "550 5.7.1 100%% chac / %%s %%n" {
		t.Errorf("reply %q", v)
	}
	if o := g.outcome(); o.o.Reply != "550 5.7.1 100% chac / %s %n" {
		t.Errorf("outcome %q", o.o.Reply)
	}
}

func TestProgressWhileJudging(t *testing.T) {
	cfg := testConfig()
	cfg.ProgressEvery = time.Millisecond
	g := newGate(t, cfg, time.Now)
	release := make(chan struct{})
	g.judge.judge = func(ctx context.Context, tx *filter.Transaction) filter.Verdict {
		<-release
		return g.judge.real.Judge(ctx, tx)
	}
	g.start("unix")
	m := g.dial().negotiate().connect()
	m.message("a@example.org", "refuse", "x\r\n")
	for range 3 {
		m.want(codeProgress)
	}
	close(release)
	m.verdict()
	// Nothing is said after the verdict.
	m.send('Q', "")
	m.wantClosed()
}

func TestVanishedMTACancelsJudging(t *testing.T) {
	cfg := testConfig()
	cfg.ProgressEvery = time.Millisecond
	g := newGate(t, cfg, time.Now)
	g.judge.judge = func(ctx context.Context, tx *filter.Transaction) filter.Verdict {
		<-ctx.Done()
		return g.judge.real.Fault(tx, context.Cause(ctx))
	}
	g.start("unix")
	m := g.dial().negotiate().connect()
	m.message("a@example.org", "accept", "x\r\n")
	m.Close()
	if o := g.outcome(); o.o.Reply != "" || o.o.Err == nil {
		t.Errorf("outcome %+v", o.o)
	}
}

// TestBudgetComesBack: whatever becomes of a message, its room is free again; without room it is deferred.
func TestBudgetComesBack(t *testing.T) {
	g := newGate(t, testConfig(), time.Now)
	g.Server.budget = message.NewBudget(1000)
	g.start("unix")
	m := g.dial().negotiate().connect()
	for _, end := range []string{"accept", "refuse", "abort", "mail", "helo", "next client", "vanish", "too much", "accept"} {
		size := 800
		if end == "too much" {
			size = 1000
		}
		m.send('M', "<a@example.org>\x00")
		m.send('R', "<b@example.vn>\x00")
		m.send('L', "Subject\x00 "+end+"\x00")
		m.send('B', strings.Repeat("x", size))
		switch end {
		case "accept", "refuse", "too much":
			m.send('E', "")
			want := map[string]string{"accept": "c", "refuse": "550 ", "too much": "451 4.3.0 "}[end]
			if v := m.verdict(); !strings.HasPrefix(v, want) {
				t.Errorf("%s: verdict %q", end, v)
			}
			g.outcome()
		case "abort":
			m.send('A', "")
		case "mail": // the next one follows at once
		case "helo":
			m.send('H', "again\x00")
		case "next client":
			m.send('K', "")
		case "vanish":
			m.Close()
			waitFor(t, func() bool { return testutil.ToFloat64(g.gauge) == 0 })
			m = g.dial().negotiate().connect()
		}
	}
}

// TestEnvelopeIsBounded: recipients under their number but of enormous length do not fill the memory.
func TestEnvelopeIsBounded(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial().negotiate().connect()
	m.send('M', "<a@example.org>\x00")
	const octets = 100_000
	for range 100 {
		m.send('R', "<b@example.vn>\x00X="+strings.Repeat("x", octets)+"\x00")
	}
	m.send('E', "")
	if v := m.verdict(); !strings.HasPrefix(v, "550 5.5.3 ") {
		t.Errorf("verdict %q", v)
	}
	if n := len(g.outcome().tx.Recipients); n > maxEnvelope/octets {
		t.Errorf("%d recipients kept", n)
	}
}

func TestWordsAreCut(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial().negotiate()
	long := strings.Repeat("x", 10*maxWord)
	m.send('C', long+"\x00U")
	m.send('H', long+"\x00")
	m.send('D', "M{auth_authen}\x00"+long+"\x00i\x00"+long+"\x00")
	m.message("a@example.org", "accept", "x\r\n")
	m.verdict()
	tx := g.outcome().tx
	for what, s := range map[string]string{"name": tx.Session.ClientName, "helo": tx.Session.Helo, "login": tx.Session.Login, "queue id": tx.QueueID} {
		if len(s) != maxWord {
			t.Errorf("%s of %d octets", what, len(s))
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Connections = 2
	g := newGate(t, cfg, time.Now).start("unix")
	first, second := g.dial().negotiate(), g.dial().negotiate()
	third := g.dial()
	third.send('O', offerOf(6, allActions, allProtocol))
	third.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if n, err := third.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("a third connection is served")
	}
	if n := testutil.ToFloat64(g.gauge); n != 2 {
		t.Errorf("%v sessions", n)
	}
	first.Close()
	third.want('O')
	if !strings.Contains(g.log.String(), "at their limit") {
		t.Error("the log does not say that connections are at their limit")
	}
	second.Close()
	third.Close()
}

func TestLimitDoesNotStopShutdown(t *testing.T) {
	cfg := testConfig()
	cfg.Connections = 1
	g := newGate(t, cfg, time.Now).start("unix")
	g.dial().negotiate()
	waiting := g.dial()
	waitFor(t, func() bool { return strings.Contains(g.log.String(), "at their limit") })
	g.stop()
	waiting.wantClosed()
}

// countMails is a clock that counts how often it is asked: once at each MAIL.
func countMails(n *atomic.Int32) func() time.Time {
	return func() time.Time { n.Add(1); return time.Now() }
}

func TestShutdownLetsMessagesEnd(t *testing.T) {
	var mails atomic.Int32
	g := newGate(t, testConfig(), countMails(&mails))
	judging, release := make(chan struct{}), make(chan struct{})
	g.judge.judge = func(ctx context.Context, tx *filter.Transaction) filter.Verdict {
		if tx.ReversePath.Local == "slow" {
			close(judging)
			<-release
		}
		return g.judge.real.Judge(ctx, tx)
	}
	g.start("unix")
	silent := g.dial()
	idle := g.dial().negotiate().connect()
	half := g.dial().negotiate().connect()
	half.send('M', "<half@example.org>\x00")
	half.send('R', "<b@example.vn>\x00")
	half.send('L', "Subject\x00 accept\x00")
	slow := g.dial().negotiate().connect()
	slow.message("slow@example.org", "refuse", "x\r\n")
	<-judging
	waitFor(t, func() bool { return mails.Load() == 2 })

	stopped := make(chan struct{})
	go func() { g.stop(); close(stopped) }()
	silent.wantClosed()
	idle.wantClosed()
	select {
	case <-stopped:
		t.Fatal("shutdown did not wait")
	default:
	}
	close(release)
	if v := slow.verdict(); !strings.HasPrefix(v, "550 ") {
		t.Errorf("the message being judged gets %q", v)
	}
	slow.wantClosed()
	half.send('N', "")
	half.send('B', "x\r\n")
	half.send('E', "")
	if v := half.verdict(); v != "c" {
		t.Errorf("the message half sent gets %q", v)
	}
	half.wantClosed()
	<-stopped
}

func TestShutdownLosesPatience(t *testing.T) {
	var mails atomic.Int32
	g := newGate(t, testConfig(), countMails(&mails))
	judging := make(chan struct{})
	g.judge.judge = func(ctx context.Context, tx *filter.Transaction) filter.Verdict {
		close(judging)
		<-ctx.Done()
		return g.judge.real.Fault(tx, ctx.Err())
	}
	g.start("unix")
	half := g.dial().negotiate().connect()
	half.send('M', "<half@example.org>\x00")
	slow := g.dial().negotiate().connect()
	slow.message("slow@example.org", "accept", "x\r\n")
	<-judging
	waitFor(t, func() bool { return mails.Load() == 2 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	half.wantClosed()
	// What is being judged may still get its 451 before the connection ends, but nothing else.
	if code, data, err := slow.recv(); err == nil && (code != 'y' || !strings.HasPrefix(data, "451 4.3.0 ")) {
		t.Errorf("the message being judged gets %q %q", code, data)
	} else if err == nil {
		slow.wantClosed()
	}
	if n := testutil.ToFloat64(g.gauge); n != 0 {
		t.Errorf("%v sessions are left", n)
	}
}

func TestServeRefusesBadConfig(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no time": func(c *Config) { c.IdleTimeout = 0 }, "no connections": func(c *Config) { c.Connections = 0 },
		"no recipients": func(c *Config) { c.Recipients = -1 },
	} {
		cfg := testConfig()
		spoil(&cfg)
		cfg.Listen = "tcp:127.0.0.1:0"
		l, err := Listen(cfg)
		if err != nil {
			t.Fatal(err)
		}
		g := newGate(t, cfg, time.Now)
		if err := g.Serve(l); err == nil || !strings.Contains(err.Error(), cfg.Name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func waitFor(t *testing.T, what func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if what() {
			return
		}
	}
	t.Fatal("it did not come to pass")
}
