package milter

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"congthu/filter"
)

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
	if n := g.sessions(); n != 0 {
		t.Errorf("%v sessions are left", n)
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
