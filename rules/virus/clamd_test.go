package virus

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// A real clamd, over both kinds of socket, many questions on one connection.
func TestClamd(t *testing.T) {
	var ports peer.Ports
	addr, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	peer.NeedClamd(t)
	c := &peer.Clamd{TCP: addr, Conf: "StreamMaxLength 1M\nAlertEncrypted yes"}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	for _, address := range []string{"unix:" + c.Socket(), "tcp:" + addr} {
		e := newTestEngine(t, options(address))
		for n := range 5 {
			mark := strings.Repeat("x", n)
			wantAnswer(t, e, "an innocent letter"+mark, Answer{Kind: Clean})
			wantAnswer(t, e, peer.EICAR()+mark, Answer{Infected, peer.EICARName})
			wantAnswer(t, e, mark, Answer{Kind: Clean})
			wantAnswer(t, e, strings.Repeat("0123456789abcdef", 50_000)+mark+peer.EICAR(), Answer{Infected, peer.EICARName})
			wantAnswer(t, e, strings.Repeat("0123456789abcdef", 1<<18)+mark, Answer{TooBig, "StreamMaxLength"})
		}
		if n := len(e.scanner.(*clamd).conns.free); n > 1 {
			t.Errorf("%s: %d connections for one question after the other", address, n)
		}
		if up, d := e.State(); !up || !strings.HasPrefix(d.Version, "ClamAV ") || !d.Made.IsZero() {
			t.Errorf("state %v, %+v", up, d)
		}
	}
}

// What is over the gate's own limit is not sent.
func TestMaxSize(t *testing.T) {
	o := options("unix:/nobody/is/here")
	o.MaxSize = 10
	wantAnswer(t, newTestEngine(t, o), "eleven octets", Answer{TooBig, "max_size"})
}

// After a change of the signatures what was clean is asked again.
func TestNewSignatures(t *testing.T) {
	c := startClamd(t, "")
	if err := c.UseDaily(27500); err != nil {
		t.Fatal(err)
	}
	o := options("unix:" + c.Socket())
	o.Poll = 10 * time.Millisecond
	e := newTestEngine(t, o)
	wantAnswer(t, e, peer.DailyMarker, Answer{Infected, peer.DailyName})
	_, before := e.State()
	if time.Since(before.Made) > time.Hour || time.Since(before.Made) < -time.Hour {
		t.Errorf("made at %s", before.Made)
	}
	if err := c.UseDaily(27501); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	wantAnswer(t, e, peer.DailyMarker, Answer{Infected, peer.DailyName})
	if _, after := e.State(); after.Version == before.Version {
		t.Errorf("the version is still %s", after.Version)
	}
}

// A file that cannot be read is nobody's fault but ours, and the engine is asked for the next.
func TestUnreadableContent(t *testing.T) {
	c := startClamd(t, "")
	e := newTestEngine(t, options("unix:"+c.Socket()))
	broken := objectOf(strings.Repeat("x", 200_000))
	broken.Open = func() io.Reader {
		return io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), brokenReader{})
	}
	if _, err := e.Scan(t.Context(), broken); !errors.Is(err, ErrContent) {
		t.Errorf("%v", err)
	}
	short := objectOf(strings.Repeat("x", 200_000))
	short.Open = func() io.Reader { return strings.NewReader("x") }
	if _, err := e.Scan(t.Context(), short); !errors.Is(err, ErrContent) {
		t.Errorf("%v", err)
	}
	wantAnswer(t, e, peer.EICAR(), Answer{Infected, peer.EICARName})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the spool is gone") }

// Ended, started again, hung and going on: each is seen within its time, and the engine is used as soon as it is back.
func TestClamdTrouble(t *testing.T) {
	t.Parallel()
	c := startClamd(t, "")
	o := options("unix:" + c.Socket())
	o.Timeout = time.Second
	e := newTestEngine(t, o)
	e.Watch()
	fresh := func() string { return string(rune('a'+rand.IntN(26))) + strings.Repeat("z", rand.IntN(100_000)) }
	wantAnswer(t, e, fresh(), Answer{Kind: Clean})

	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := scan(t, e, fresh()); err == nil {
		t.Error("clean without an engine")
	}
	must(t, peer.Wait(10*time.Second, "the engine to be called down", func() bool { up, _ := e.State(); return !up }))
	if _, err := scan(t, e, fresh()); !errors.Is(err, ErrDown) {
		t.Errorf("%v, want that it is not asked", err)
	}
	must(t, c.Start())
	must(t, peer.Wait(10*time.Second, "the engine to be up", func() bool { up, _ := e.State(); return up }))
	wantAnswer(t, e, peer.EICAR(), Answer{Infected, peer.EICARName})

	must(t, c.Pause())
	start := time.Now()
	if _, err := scan(t, e, fresh()); err == nil {
		t.Error("clean while the engine hangs")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s to see that the engine hangs", took)
	}
	must(t, peer.Wait(15*time.Second, "the engine to be called down", func() bool { up, _ := e.State(); return !up }))
	must(t, c.Resume())
	must(t, peer.Wait(10*time.Second, "the engine to be up", func() bool { up, _ := e.State(); return up }))
	wantAnswer(t, e, fresh(), Answer{Kind: Clean})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
