package message

import "sync"

// once keeps what rules worked out of a message together.
type once struct {
	mu   sync.Mutex
	made map[any]func() (any, error)
}

// Once returns what make returned when it was first called for key. It is for work that several rules need
// and one does; key is of a type of the caller's own. A panic of make comes again for each caller.
func (m *Message) Once(key any, make func() (any, error)) (any, error) {
	m.shared.mu.Lock()
	if m.shared.made == nil {
		m.shared.made = map[any]func() (any, error){}
	}
	f, ok := m.shared.made[key]
	if !ok {
		f = sync.OnceValues(make)
		m.shared.made[key] = f
	}
	m.shared.mu.Unlock()
	return f()
}
