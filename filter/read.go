package filter

import (
	"fmt"
	"io"
	"runtime/debug"

	"congthu/filter/message"
)

// ReadMessage is message.Read with its panics contained. The error of a panic is one that the content
// may have caused: Fault defers the first time and refuses the same message when it comes again.
func ReadMessage(r io.ReaderAt, size int64, l message.Limits) (m *message.Message, err error) {
	return contained(func() (*message.Message, error) { return message.Read(r, size, l) })
}

func contained(read func() (*message.Message, error)) (m *message.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The panic's value may hold content (invariant 5): only its type and the stack are kept.
			m, err = nil, contentError{fmt.Sprintf("panic of type %T while reading the message\n%s", p, debug.Stack())}
		}
	}()
	if m, err = read(); err != nil {
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	return m, nil
}
