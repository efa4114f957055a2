package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Limits of sending.
const (
	// GiveUp is how long after its making a notice is tried.
	GiveUp = 3 * 24 * time.Hour
	// FirstRetry and LastRetry are the pauses between tries: each is double the one before.
	FirstRetry = time.Minute
	LastRetry  = 4 * time.Hour
	// Poll is how often the queue is looked at without being told.
	Poll = 15 * time.Second
	// batch is how many notices are taken out of the queue at once.
	batch = 32
	// parallel is how many are submitted at once.
	parallel = 4
	// maxUnmarked is how many sent notices may wait to be marked so in the queue before no more are sent.
	maxUnmarked = 1000
)

// Sender takes notices out of the queue and submits them.
type Sender struct {
	o    SenderOptions
	wake chan struct{}

	mu       sync.Mutex
	unmarked map[string]string // id → reason of notices that ended while the queue did not answer; "" was sent
}

// SenderOptions are what a Sender needs.
type SenderOptions struct {
	Identity   Identity
	Templates  func() *Templates // asked for each notice
	Submission Submission
	Ours       func(domain string) bool // asked again before a notice leaves
	Queue      Queue
	Now        func() time.Time
	Log        *slog.Logger
	Metrics    *Metrics
	// Poll is how often the queue is looked at; 0 is the constant Poll.
	Poll time.Duration
}

// NewSender makes a Sender; Run starts it.
func NewSender(o SenderOptions) (*Sender, error) {
	if err := o.Identity.Check(); err != nil {
		return nil, err
	}
	if o.Poll <= 0 {
		o.Poll = Poll
	}
	return &Sender{o: o, wake: make(chan struct{}, 1), unmarked: map[string]string{}}, nil
}

// Wake tells Run that there is something in the queue. It never waits.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends. It returns when nothing of it is left running; a notice that was under way then is
// sent again after the next start unless the server had taken it.
func (s *Sender) Run(ctx context.Context) {
	tick := time.NewTicker(s.o.Poll)
	defer tick.Stop()
	for {
		for s.round(ctx) == batch && ctx.Err() == nil {
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
	}
}

// round sends what is due, at most a batch, and counts what is done with.
func (s *Sender) round(ctx context.Context) (done int) {
	if !s.settle(ctx) {
		return 0
	}
	due, err := s.o.Queue.NextNotices(ctx, s.o.Now(), batch)
	if err != nil {
		if ctx.Err() == nil {
			s.o.Log.Error("notices cannot be read from the queue", "error", err.Error())
		}
		return 0
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, parallel)
	for _, n := range due {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ok := s.one(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			done += count(ok)
		})
	}
	wg.Wait()
	return done
}

// one sends a notice and tells whether the queue knows what became of it.
func (s *Sender) one(ctx context.Context, n Notice) bool {
	if s.isUnmarked(n.ID) {
		return false
	}
	err := s.send(ctx, n)
	if ctx.Err() != nil && err != nil {
		return false // we stop: that is nobody's failure
	}
	log := s.o.Log.With("notice", n.ID, "kind", string(n.Kind), "to", n.To)
	permanent := permanentError{}
	next := s.o.Now().Add(pause(n.Attempts))
	switch {
	case err == nil:
		s.count(n, resultSent)
		log.Info("notice sent")
		return s.mark(ctx, n.ID, "")
	case errors.Is(err, ErrOutside):
		s.count(n, resultOutside)
	case errors.As(err, &permanent) || next.Sub(n.Created) > GiveUp:
		s.count(n, resultGivenUp)
	default:
		s.count(n, resultRetried)
		log.Warn("notice not sent, tried again later", "next", next, "error", err.Error())
		if err := s.o.Queue.MarkFailed(context.WithoutCancel(ctx), n.ID, cut(err.Error(), maxReason), next); err != nil {
			log.Error("notice not marked", "error", err.Error())
			return false
		}
		return true
	}
	log.Error("notice given up", "error", err.Error())
	return s.mark(ctx, n.ID, cut(err.Error(), maxReason))
}

// send makes the message and submits it.
func (s *Sender) send(ctx context.Context, n Notice) error {
	_, domain, _ := strings.Cut(n.To, "@")
	if !asciiMailbox(n.To) || !s.o.Ours(domain) {
		return fmt.Errorf("notice %s: %w", n.ID, ErrOutside)
	}
	t := s.o.Templates()
	r, err := t.Render(n)
	if err != nil {
		return permanentError{err}
	}
	if r.Failed != nil {
		s.o.Metrics.TemplateFailure.WithLabelValues(string(n.Kind)).Inc()
		s.o.Log.Error("a template failed, the built-in one is used", "kind", string(n.Kind), "error", r.Failed.Error())
	}
	msg, err := s.o.Identity.Compose(n, r, t)
	if err != nil {
		return permanentError{err}
	}
	return s.o.Submission.submit(ctx, n.To, msg)
}

// mark ends a notice in the queue: reason "" was sent, any other given up. What the queue does not take now is
// kept in mind, so that no notice is sent at each look while the store is away.
func (s *Sender) mark(ctx context.Context, id, reason string) bool {
	ctx = context.WithoutCancel(ctx) // the mail is out: that is written down even while we stop
	var err error
	if reason == "" {
		err = s.o.Queue.MarkSent(ctx, id)
	} else {
		err = s.o.Queue.MarkFailed(ctx, id, reason, time.Time{})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.unmarked[id] = reason
		s.o.Log.Error("notice not marked", "notice", id, "error", err.Error())
		return false
	}
	delete(s.unmarked, id)
	return true
}

// settle marks what could not be marked before, and tells whether more may be sent.
func (s *Sender) settle(ctx context.Context) bool {
	s.mu.Lock()
	left := make(map[string]string, len(s.unmarked))
	for id, reason := range s.unmarked {
		left[id] = reason
	}
	s.mu.Unlock()
	for id, reason := range left {
		if !s.mark(ctx, id, reason) {
			return len(left) < maxUnmarked-batch
		}
	}
	return true
}

func (s *Sender) isUnmarked(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.unmarked[id]
	return ok
}

func (s *Sender) count(n Notice, result string) {
	s.o.Metrics.Notices.WithLabelValues(string(n.Kind), result).Inc()
}

// pause is how long to wait after so many failures and one more.
func pause(attempts int) time.Duration {
	if attempts >= 8 { // 2^8 minutes are over LastRetry
		return LastRetry
	}
	return min(FirstRetry<<max(attempts, 0), LastRetry)
}

// cut is a text for the log and the queue: one line of at most limit octets.
func cut(s string, limit int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}
