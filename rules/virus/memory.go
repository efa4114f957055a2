package virus

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Memory remembers what engines said, by content and by the state of their signatures, and lets one question that
// several messages have at once be asked once. It holds no content. It is safe for concurrent use, and all engines
// of a process may share one.
//
// Entries carry their own time: the expiring cache of the same library keeps a goroutine that never ends.
type Memory struct {
	answers *lru.Cache[question, remembered]
	keep    time.Duration
	now     func() time.Time
	hit     func()

	mu     sync.Mutex
	asking map[question]*asked
}

// question is what is asked: which engine, with which signatures, of which octets.
type question struct{ engine, database, sha256 string }

type remembered struct {
	answer Answer
	until  time.Time
}

// asked is a question under way.
type asked struct {
	done   chan struct{} // closed when it is answered
	answer Answer
	err    error
	gone   bool // who asked went away: the error is that one's alone
}

// NewMemory makes a memory of so many answers, each good for keep. hit is told of every answer that was remembered;
// nil is none.
func NewMemory(answers int, keep time.Duration, now func() time.Time, hit func()) (*Memory, error) {
	cache, err := lru.New[question, remembered](answers)
	if err != nil {
		return nil, fmt.Errorf("making the memory of scanned content: %w", err)
	}
	if hit == nil {
		hit = func() {}
	}
	return &Memory{answers: cache, keep: keep, now: now, hit: hit, asking: map[question]*asked{}}, nil
}

// answer gives what is remembered, or what ask says. Failures are not remembered, and neither is that an object is
// too big, which an administrator may change without the signatures.
func (m *Memory) answer(ctx context.Context, q question, ask func(context.Context) (Answer, error)) (Answer, error) {
	for {
		if a, ok := m.known(q); ok {
			return a, nil
		}
		a, first := m.join(q)
		if first {
			m.settle(ctx, q, a, ask)
			return a.answer, a.err
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return Answer{}, context.Cause(ctx)
		}
		if !a.gone {
			if a.err == nil {
				m.hit()
			}
			return a.answer, a.err
		}
	}
}

// known gives what is remembered.
func (m *Memory) known(q question) (Answer, bool) {
	r, ok := m.answers.Get(q)
	if !ok || !m.now().Before(r.until) {
		return Answer{}, false
	}
	m.hit()
	return r.answer, true
}

// join takes part in a question under way, or begins it.
func (m *Memory) join(q question) (a *asked, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a = m.asking[q]; a != nil {
		return a, false
	}
	a = &asked{done: make(chan struct{})}
	m.asking[q] = a
	return a, true
}

// settle asks and tells all who wait, also when asking panics.
func (m *Memory) settle(ctx context.Context, q question, a *asked, ask func(context.Context) (Answer, error)) {
	a.gone = true
	defer func() {
		m.mu.Lock()
		delete(m.asking, q)
		m.mu.Unlock()
		close(a.done)
	}()
	a.answer, a.err = ask(ctx)
	a.gone = ctx.Err() != nil && a.err != nil
	if a.err == nil && a.answer.Kind != TooBig {
		m.answers.Add(q, remembered{a.answer, m.now().Add(m.keep)})
	}
}
