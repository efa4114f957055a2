package virus

import (
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	maxSuspects   = 4096      // objects on which an engine failed that are remembered
	failuresToTry = 3         // failures on one object, with other objects answered between them, until it is not tried again
	suspectFor    = time.Hour // since the last failure
)

// suspects tells an object on which an engine fails each time from an engine that fails. Content that ends a scanner
// would otherwise be deferred for ever, and end it again with each try (invariant 2 of the design).
type suspects struct {
	mu    *sync.Mutex
	known *lru.Cache[string, suspect]
	now   func() time.Time
}

type suspect struct {
	failures int
	answered uint64 // objects that the engine had answered for when it failed last
	last     time.Time
}

func newSuspects(now func() time.Time) (suspects, error) {
	known, err := lru.New[string, suspect](maxSuspects)
	if err != nil {
		return suspects{}, fmt.Errorf("making the memory of content that engines fail on: %w", err)
	}
	return suspects{new(sync.Mutex), known, now}, nil
}

// add counts a failure, unless the engine answered for nothing since the last: then it is the engine.
func (s suspects) add(sha256 string, answered uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, known := s.known.Get(sha256)
	if known && s.now().Sub(was.last) > suspectFor {
		known, was = false, suspect{}
	}
	if !known || answered > was.answered {
		was.failures++
	}
	was.answered, was.last = answered, s.now()
	s.known.Add(sha256, was)
}

// guilty tells an object that is not worth another try: it failed often, and the engine has answered since.
func (s suspects) guilty(sha256 string, answered uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, known := s.known.Get(sha256)
	return known && was.failures >= failuresToTry && answered > was.answered && s.now().Sub(was.last) <= suspectFor
}

func (s suspects) clear(sha256 string) { s.known.Remove(sha256) }
