package extract

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"congthu/filter/message"
)

// Big leaves wait for each other, small ones for nobody, and none for ever.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom()
		var most, now atomic.Int64
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				give, err := r.take(t.Context(), 20<<20)
				if err != nil {
					t.Error(err)
					return
				}
				n := now.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				now.Add(-1)
				give()
				give() // once more changes nothing
			})
		}
		wg.Wait()
		if m := most.Load(); m < 1 || m > 6 || r.left != roomBytes {
			t.Errorf("%d at once, %d octets left", m, r.left)
		}
		give, err := r.take(t.Context(), 1<<40) // a leaf larger than the room has it for itself
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.take(t.Context(), bigLeaf-1); err != nil {
			t.Errorf("a small leaf: %v", err)
		}
		if _, err := r.take(t.Context(), bigLeaf); !errors.Is(err, message.ErrNoRoom) {
			t.Errorf("no room in time: %v", err)
		}
		cause := errors.New("client gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if _, err := r.take(ctx, bigLeaf); !errors.Is(err, cause) {
			t.Errorf("%v", err)
		}
		give()
	})
}
