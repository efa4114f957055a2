package virus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// How engines are watched.
const (
	// pollEvery is how often an engine is asked for the state of its signatures.
	pollEvery = 30 * time.Second
	// probeLimit is how long it may take to answer that: clamd does so beside all scanning.
	probeLimit = 5 * time.Second
	// slowScan is after how long a scan makes us ask whether the engine is there at all.
	slowScan = 5 * time.Second
	// retryEvery is how often an engine that does not answer is tried again.
	retryEvery = time.Second
)

// Options say how an engine is asked.
type Options struct {
	Name       string        // in metrics, findings and header fields
	Address    string        // "unix:/run/clamav/clamd.ctl", "tcp:127.0.0.1:3310", "icap://127.0.0.1:1344/avscan"
	Concurrent int           // questions under way at once
	Timeout    time.Duration // for one object, once it is the engine's turn
	MaxSize    int64         // octets; an object that is bigger is TooBig and not sent
	Poll       time.Duration // 0 means every 30 s
}

// Shared is what engines share in a process.
type Shared struct {
	Memory *Memory
	Log    *slog.Logger
	Now    func() time.Time
}

// scanner is one protocol to an engine. scan's error is an unreached when the engine got nothing of the object.
type scanner interface {
	scan(ctx context.Context, o Object) (Answer, error)
	database(ctx context.Context) (Database, error)
	close()
}

// Engine is a virus scanner. It is safe for concurrent use.
type Engine struct {
	options  Options
	shared   Shared
	scanner  scanner
	slots    chan struct{}
	suspects suspects

	mu       sync.Mutex
	down     chan struct{} // closed while the engine does not answer
	isDown   bool
	known    bool // it answered at least once
	database Database
	polled   time.Time // when database was asked for, or tried
	probing  *probe    // under way
	reserved int       // slots that the engine does not want to be used

	successes atomic.Uint64
	ended     sync.WaitGroup
	stop      context.CancelFunc
	ctx       context.Context
}

// probe is a question for the state of the signatures, shared by all who wait for it.
type probe struct {
	done chan struct{}
	err  error
}

// New makes an engine; nothing is asked yet.
func New(o Options, s Shared) (*Engine, error) {
	var sc scanner
	var err error
	if strings.HasPrefix(o.Address, "icap:") {
		sc, err = newICAP(o.Address, s.Now)
	} else {
		sc, err = newClamd(o.Address, s.Now)
	}
	if err != nil {
		return nil, err
	}
	return newEngine(o, s, sc)
}

func newEngine(o Options, s Shared, sc scanner) (*Engine, error) {
	if o.Concurrent < 1 || o.Timeout <= 0 || o.MaxSize < 1 || o.Name == "" {
		return nil, errors.New("making an engine: needs a name, a place, a time and a size")
	}
	if o.Poll == 0 {
		o.Poll = pollEvery
	}
	suspects, err := newSuspects(s.Now)
	if err != nil {
		return nil, err
	}
	e := &Engine{options: o, shared: s, scanner: sc, slots: make(chan struct{}, o.Concurrent), suspects: suspects, down: make(chan struct{})}
	e.ctx, e.stop = context.WithCancel(context.Background())
	return e, nil
}

// Name is the engine's name.
func (e *Engine) Name() string { return e.options.Name }

// Local tells an engine on this machine: what it is shown goes to nobody else.
func (e *Engine) Local() bool { return Local(e.options.Address) }

// Local tells an address on this machine. A name that is not "localhost" may be anybody's.
func Local(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host := ""
	if to, ok := strings.CutPrefix(address, "tcp:"); ok {
		host, _, _ = net.SplitHostPort(to)
	} else if u, err := url.Parse(address); err == nil {
		host = u.Hostname()
	}
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// Watch asks for the state of the signatures now and then, until Close, so that metrics are fresh and an engine that
// comes back is used at once. Without it that is asked when there is something to scan.
func (e *Engine) Watch() {
	e.ended.Go(func() {
		tick := time.NewTicker(retryEvery)
		defer tick.Stop()
		for {
			if e.due() {
				e.probe(e.ctx)
			}
			select {
			case <-e.ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// due tells whether the state of the signatures is to be asked for.
func (e *Engine) due() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.known || e.isDown || e.shared.Now().Sub(e.polled) >= e.options.Poll
}

// Close ends the watching and the connections that wait. Questions under way are answered.
func (e *Engine) Close() {
	e.stop()
	e.ended.Wait()
	e.mu.Lock()
	p := e.probing
	e.mu.Unlock()
	if p != nil {
		<-p.done
	}
	e.scanner.close()
}

// State tells whether the engine answered when it was last asked, and the state of its signatures.
func (e *Engine) State() (up bool, d Database) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.known && !e.isDown, e.database
}

// Scan asks about one object. The error is ErrObject when the object itself is the likely cause, one that wraps
// ErrContent when it cannot be read; any other is the engine's trouble.
func (e *Engine) Scan(ctx context.Context, o Object) (Answer, error) {
	if o.Size > e.options.MaxSize {
		return overMaxSize(), nil
	}
	d, err := e.current(ctx)
	if err != nil {
		return Answer{}, err
	}
	return e.shared.Memory.answer(ctx, question{e.options.Name, d.Version, o.SHA256}, func(ctx context.Context) (Answer, error) {
		return e.ask(ctx, o)
	})
}

// overMaxSize is the answer for an object that is not sent.
func overMaxSize() Answer { return Answer{Kind: TooBig, Name: "max_size"} }

// Known is what the engine said of an object with the signatures that it has now; the object is not opened.
func (e *Engine) Known(ctx context.Context, o Object) (a Answer, known bool) {
	if o.Size > e.options.MaxSize {
		return overMaxSize(), true
	}
	d, err := e.current(ctx)
	if err != nil {
		return Answer{}, false
	}
	return e.shared.Memory.known(question{e.options.Name, d.Version, o.SHA256})
}

// current is the state of the signatures, not older than the polling.
func (e *Engine) current(ctx context.Context) (Database, error) {
	e.mu.Lock()
	since := e.shared.Now().Sub(e.polled)
	fresh := e.known && !e.isDown && since < e.options.Poll
	resting := e.isDown && since < retryEvery
	d := e.database
	e.mu.Unlock()
	switch {
	case fresh:
		return d, nil
	case resting:
		return Database{}, ErrDown
	}
	if err := e.probe(ctx); err != nil {
		return Database{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.database, nil
}

// ask waits for a place and asks.
func (e *Engine) ask(ctx context.Context, o Object) (Answer, error) {
	if e.suspects.guilty(o.SHA256, e.successes.Load()) {
		return Answer{}, ErrObject
	}
	e.mu.Lock()
	down := e.down
	e.mu.Unlock()
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-down:
		return Answer{}, ErrDown
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("waiting for the engine: %w", context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.options.Timeout, fmt.Errorf("no answer within %s", e.options.Timeout))
	defer cancel()
	slow := time.AfterFunc(slowScan, e.probeBeside)
	defer slow.Stop()
	a, err := e.scanner.scan(ctx, o)
	switch {
	case err == nil:
		e.successes.Add(1)
		e.suspects.clear(o.SHA256)
	case errors.Is(err, ErrContent), errors.Is(context.Cause(ctx), context.Canceled): // who asked went away
	default:
		if !errors.As(err, new(unreached)) {
			e.suspects.add(o.SHA256, e.successes.Load())
		}
		e.probeBeside()
	}
	return a, err
}

// probeBeside asks whether the engine is there, for nobody in particular.
func (e *Engine) probeBeside() {
	if e.ctx.Err() == nil {
		go e.probe(e.ctx)
	}
}

// probe asks for the state of the signatures, once for all who want to know at a time.
func (e *Engine) probe(ctx context.Context) error {
	e.mu.Lock()
	p := e.probing
	if p == nil {
		p = &probe{done: make(chan struct{})}
		e.probing = p
		go e.run(p)
	}
	e.mu.Unlock()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *Engine) run(p *probe) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), probeLimit, fmt.Errorf("no answer within %s", probeLimit))
	defer cancel()
	d, err := e.scanner.database(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.polled, e.probing = e.shared.Now(), nil
	was := e.isDown
	e.isDown = err != nil
	switch {
	case err == nil:
		e.database, e.known = d, true
		e.want(d.Most)
		if was {
			e.down = make(chan struct{})
			e.shared.Log.Info("the virus scanner answers again", "engine", e.options.Name)
		}
	default:
		p.err = fmt.Errorf("%w: %w", ErrDown, err)
		if !was {
			close(e.down)
			e.shared.Log.Error("the virus scanner does not answer", "engine", e.options.Name, "error", err.Error())
		}
	}
	close(p.done)
}

// want keeps the questions at once under what the engine wants. It is called with mu held.
func (e *Engine) want(most int) {
	leave := 0
	if most > 0 {
		leave = max(0, e.options.Concurrent-most)
	}
	for e.reserved < leave {
		select {
		case e.slots <- struct{}{}:
			e.reserved++
		default: // all are in use: at the next polling
			return
		}
	}
	for e.reserved > leave {
		<-e.slots
		e.reserved--
	}
}
