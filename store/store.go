// Package store is the gate's memory beside the evidence log: the quarantine with its officers and
// exceptions, an index of the evidence with daily statistics, and the notices that are to be sent.
//
// The quarantine is the only thing here that cannot be made again: what Hold returned without an error is
// durable. Content stands in it only under the officers' keys (invariant 5 of the design). The index is
// made from the evidence log alone (Rebuild).
//
// Every method is safe for any number of goroutines, and several processes may have one database open: the
// gate, and the commands of officers.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Options are what a store needs. Only DSN must be set.
type Options struct {
	DSN     string           // "sqlite:/absolute/path"
	Now     func() time.Time // nil is time.Now
	Log     *slog.Logger     // nil is none
	Metrics Metrics          // nil is none
	Zone    *time.Location   // whose days the statistics count; nil is Vietnam's
	// Busy is how long another process's write is waited for; 0 is DefaultBusy.
	Busy time.Duration
}

// DefaultBusy is how long another process's write is waited for.
const DefaultBusy = 5 * time.Second

// refreshEvery is how soon another process's change to the exceptions is seen, and how often what is held is counted.
const refreshEvery = time.Second

// Metrics are told how the store does.
type Metrics interface {
	// Held is told of the undecided messages, and how long the oldest of them has been held: about every second.
	Held(messages int, oldest time.Duration)
	// Failed counts a call that failed because of the database.
	Failed()
}

// Store is an open database.
type Store struct {
	options Options
	path    string

	mu      sync.Mutex
	engine  *engine  // nil while there is none
	last    files    // those of the engine before
	opening *opening // under way; nil when none is
	closed  bool

	packers    packers
	exceptions exceptions
	life       context.Context // until Close
	stop       context.CancelFunc
	ended      chan struct{}
}

// opening is a reopening of the database, which all calls wait for that need it.
type opening struct {
	done   chan struct{}
	engine *engine
	err    error
}

// Open opens the database, makes it when there is none, and brings its schema up to date. ErrNewer is a
// database of a later version, ErrInUse one that is just being restored.
func Open(ctx context.Context, o Options) (*Store, error) {
	path, ok := strings.CutPrefix(o.DSN, "sqlite:")
	if !ok || !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("opening the store: %w: %q is not sqlite:/absolute/path", ErrDSN, o.DSN)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = time.FixedZone("ICT", 7*60*60)
	}
	if o.Busy == 0 {
		o.Busy = DefaultBusy
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	s := &Store{options: o, path: path, ended: make(chan struct{})}
	s.life, s.stop = context.WithCancel(context.Background())
	e, err := openEngine(ctx, path, o.Busy, true)
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	s.engine = e
	if err := s.refresh(ctx); err != nil {
		close(s.ended) // of what does not run
		return nil, errors.Join(fmt.Errorf("opening the store: %w", err), s.Close())
	}
	go s.keepFresh(s.life)
	return s, nil
}

// Close ends the store. Calls under way finish first or fail.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	o := s.opening
	s.mu.Unlock()
	s.stop()
	if o != nil {
		<-o.done
	}
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil
	}
	if err := s.engine.close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// keepFresh follows what other processes change, until ctx ends.
func (s *Store) keepFresh(ctx context.Context) {
	defer close(s.ended)
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	down := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.refresh(ctx)
		if err != nil && !down && ctx.Err() == nil {
			s.options.Log.Error("the store is in trouble", "error", err.Error())
		}
		if err == nil && down {
			s.options.Log.Info("the store works again")
		}
		down = err != nil
	}
}

// refresh reads the exceptions, if they changed, and tells the metrics.
func (s *Store) refresh(ctx context.Context) error {
	if err := s.refreshExceptions(ctx); err != nil {
		return err
	}
	return s.measure(ctx)
}

// measure tells the metrics of the undecided messages.
func (s *Store) measure(ctx context.Context) error {
	var n int
	var oldest int64
	err := s.read(ctx, "counting held messages", func(q querier) error {
		return q.QueryRowContext(ctx, countUndecided).Scan(&n, &oldest)
	})
	if err != nil {
		return err
	}
	age := time.Duration(0)
	if n > 0 {
		age = max(0, s.options.Now().Sub(fromMicro(oldest)))
	}
	s.options.Metrics.Held(n, age)
	return nil
}

// querier is what reads from the database: a transaction or none.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// read runs do on a connection that cannot write.
func (s *Store) read(ctx context.Context, what string, do func(querier) error) error {
	e, err := s.current(ctx)
	if err == nil {
		err = do(e.reader)
	}
	return s.trouble(ctx, e, what, err)
}

// write runs do in a transaction, which is durable when write returns nil.
func (s *Store) write(ctx context.Context, what string, do func(*sql.Tx) error) error {
	e, err := s.current(ctx)
	if err == nil {
		err = e.transact(ctx, do)
	}
	return s.trouble(ctx, e, what, err)
}

// trouble names an error and says what was being done. After an error that a fresh connection may cure
// the next call opens the database anew.
func (s *Store) trouble(ctx context.Context, e *engine, what string, err error) error {
	if err == nil {
		return nil
	}
	err = named(ctx, s.path, err)
	if e != nil && (errors.Is(err, ErrCorrupt) || errors.Is(err, ErrUnavailable)) {
		e.suspect.Store(true)
	}
	if trouble(err) {
		s.options.Metrics.Failed()
	}
	return fmt.Errorf("%s: %w", what, err)
}

// current is the open database. One whose file is no longer the one at the path, or that failed, is opened anew, once
// for all who wait for it, and each waits no longer than its ctx. A file that is gone is not made again: an empty
// quarantine would hide the loss.
func (s *Store) current(ctx context.Context) (*engine, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: the store is closed", ErrUnavailable)
	}
	if s.engine != nil && !s.engine.suspect.Load() && s.engine.inPlace() == nil {
		defer s.mu.Unlock()
		return s.engine, nil
	}
	o := s.opening
	if o == nil {
		old := s.engine
		if old != nil {
			s.last, s.engine = old.files, nil
		}
		o = &opening{done: make(chan struct{})}
		s.opening = o
		go s.reopen(o, old, s.last)
	}
	s.mu.Unlock()
	select {
	case <-o.done:
		return o.engine, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the database: %w", context.Cause(ctx))
	}
}

// reopen opens the database in the place of the old one.
func (s *Store) reopen(o *opening, old *engine, last files) {
	if old != nil {
		old.close() // what it complains of is why it goes
	}
	stale, err := last.setAside(s.path, s.options.Now())
	if stale != "" {
		s.options.Log.Warn("the database was replaced; the write-ahead log of the old one is put aside", "as", stale)
	}
	if err == nil {
		o.engine, err = openEngine(s.life, s.path, s.options.Busy, false)
	}
	if err != nil && !trouble(err) {
		// Being restored, or of a version that this one does not know: at work that is trouble like any other.
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o.err, s.engine, s.opening = err, o.engine, nil
	close(o.done)
}

// micro is a time as the database keeps it; the zero time is 0.
func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
