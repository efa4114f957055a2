package message

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestBigMessagesLetOthersGo: while one goroutine writes or reads a message that memory does not hold, others
// come to their turns between its pieces, not only when Go takes the processor away from it.
func TestBigMessagesLetOthersGo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const pieces = 50
	s := NewSpool(DefaultLimits(), NewBudget(64<<20))
	defer s.Close()
	piece := make([]byte, 2*windowBuffer)
	for s.file == nil {
		if _, err := s.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	var turns atomic.Int64
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			default:
				turns.Add(1)
				runtime.Gosched()
			}
		}
	}()
	defer close(done)
	for _, step := range []struct {
		name string
		do   func([]byte) (int, error)
	}{{"writing", s.Write}, {"reading", func(p []byte) (int, error) { return s.ReadAt(p, 0) }}} {
		before := turns.Load()
		for range pieces {
			if _, err := step.do(piece); err != nil {
				t.Fatal(err)
			}
		}
		if n := turns.Load() - before; n < pieces/2 {
			t.Errorf("%s: the other goroutine had %d turns between %d pieces", step.name, n, pieces)
		}
	}
}
