package milter

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter"
)

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
