package virus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"congthu/internal/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// objectOf is an object in memory.
func objectOf(text string) Object {
	sum := sha256.Sum256([]byte(text))
	return Object{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(text)), Open: func() io.Reader { return strings.NewReader(text) }}
}

// shared is what the engines of a test share; hits counts remembered answers.
func shared(t testing.TB) (s Shared, hits *atomic.Int64) {
	t.Helper()
	hits = new(atomic.Int64)
	m, err := NewMemory(1000, time.Hour, time.Now, func() { hits.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	return Shared{Memory: m, Log: slog.New(slog.DiscardHandler), Now: time.Now}, hits
}

func options(address string) Options {
	return Options{Name: "engine", Address: address, Concurrent: 4, Timeout: 30 * time.Second, MaxSize: 50 << 20}
}

func newTestEngine(t testing.TB, o Options) *Engine {
	t.Helper()
	s, _ := shared(t)
	e, err := New(o, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func startClamd(t testing.TB, conf string) *peer.Clamd {
	t.Helper()
	peer.NeedClamd(t)
	c := &peer.Clamd{Conf: conf}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(c.Dir) })
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func scan(t testing.TB, e *Engine, text string) (Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return e.Scan(ctx, objectOf(text))
}

// wantAnswer is for what must be answered.
func wantAnswer(t testing.TB, e *Engine, text string, want Answer) {
	t.Helper()
	if got, err := scan(t, e, text); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
