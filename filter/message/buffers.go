package message

import "sync"

// Sizes of pooled buffers, in octets.
const (
	smallBuffer  = 8 << 10
	windowBuffer = 64 << 10
	largeBuffer  = 256 << 10
)

// The pools hold scratch memory only: no state passes from one user to the next.
var (
	smallPool  = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	windowPool = sync.Pool{New: func() any { return new([windowBuffer]byte) }}
	largePool  = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// takeBuffer gives a buffer of length 0 and at least n octets of capacity.
func takeBuffer(n int) []byte {
	switch {
	case n <= smallBuffer:
		return smallPool.Get().(*[smallBuffer]byte)[:0]
	case n <= windowBuffer:
		return windowPool.Get().(*[windowBuffer]byte)[:0]
	case n <= largeBuffer:
		return largePool.Get().(*[largeBuffer]byte)[:0]
	}
	return make([]byte, 0, n)
}

// giveBuffer takes back what takeBuffer gave. The caller must not use b any more.
func giveBuffer(b []byte) {
	switch cap(b) {
	case smallBuffer:
		smallPool.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case windowBuffer:
		windowPool.Put((*[windowBuffer]byte)(b[:windowBuffer]))
	case largeBuffer:
		largePool.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	}
}
