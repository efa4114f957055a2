package extract

import (
	"context"
	"sync"
	"time"

	"congthu/filter/message"
)

// Bounds of what is unpacked at once, for all messages together.
const (
	roomBytes = 128 << 20        // octets of big leaves
	bigLeaf   = 1 << 20          // smaller leaves ask for no room
	roomWait  = 20 * time.Second // longest wait for room; then the message is deferred, which is nobody's fault
)

// room makes big leaves wait for each other: unpacked all at once, they would take the room of messages that are just
// coming in.
type room struct {
	mu      sync.Mutex
	left    int64
	changed chan struct{} // closed when there is more
}

func newRoom() *room { return &room{left: roomBytes, changed: make(chan struct{})} }

// take waits for room for a leaf of so many octets and returns what gives it back. The error is one of ours.
func (r *room) take(ctx context.Context, octets int64) (give func(), err error) {
	if octets < bigLeaf {
		return func() {}, nil
	}
	octets = min(octets, roomBytes)
	late := time.NewTimer(roomWait)
	defer late.Stop()
	for {
		r.mu.Lock()
		if r.left >= octets {
			r.left -= octets
			r.mu.Unlock()
			return sync.OnceFunc(func() { r.give(octets) }), nil
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-late.C:
			return nil, message.ErrNoRoom
		}
	}
}

func (r *room) give(octets int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += octets
	close(r.changed)
	r.changed = make(chan struct{})
}
