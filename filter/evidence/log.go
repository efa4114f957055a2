package evidence

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of a running log.
const (
	maxQueue      = 4096                   // records that wait for the writer; beyond, who appends waits too
	maxGroup      = 512                    // records of one group: one write, one fsync
	maxGroupBytes = 1 << 20                // octets of one group, but for its last record
	maxKept       = 4096                   // notes kept while the file cannot be written; beyond, they are lost and counted
	noteDelay     = 100 * time.Millisecond // longest time that a note waits for a group to go with
	noteWait      = time.Second            // longest time that Note waits for room in the queue
)

// Defaults of Options.
const (
	DefaultCheckpointEvery = 1000      // records
	DefaultCheckpointAge   = time.Hour // after the first record that is not signed
	DefaultFileBytes       = 64 << 20  // octets
)

var (
	// ErrLocked says that another process has the log open.
	ErrLocked = errors.New("the evidence log is in use by another process")
	// ErrUnavailable says that the log cannot be written at the moment. It tries again by itself.
	ErrUnavailable = errors.New("the evidence log cannot be written")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("the evidence log is closed")
)

// Options say how a log is kept. Dir and Gate must be set.
type Options struct {
	Dir             string
	Gate            string           // the gate's name, in every record
	Now             func() time.Time // time.Now when nil
	CheckpointEvery int              // records; 0 is DefaultCheckpointEvery
	CheckpointAge   time.Duration    // 0 is DefaultCheckpointAge
	FileBytes       int64            // a file of this many octets is closed and compressed; 0 is DefaultFileBytes
	Retention       time.Duration    // older files are pruned; 0 keeps all
	Log             *slog.Logger     // discards when nil
	Metrics         Metrics          // nil for none
	OffMachine      []CheckpointSink // where checkpoints go besides

	open openFunc      // how the file in use is opened; the operating system when nil
	tick time.Duration // how often the file is looked after; a second when 0
}

// Metrics is told how the log fares. Calls come from one goroutine, but for Lost.
type Metrics interface {
	Records(n int) // n records are durable
	OK(ok bool)    // the log can be written, or cannot
	Lost(n int)    // n notes were given up
}

// Log is the open evidence log of a gate. Its methods may be called from many goroutines.
type Log struct {
	opt  Options
	lock *os.File
	key  ed25519.PrivateKey
	id   string // of the key

	in      chan request
	do      chan func() // what the writer does between groups
	closing chan struct{}
	closed  sync.Once
	ended   chan struct{} // the writer is done
	wg      sync.WaitGroup
	stop    context.CancelFunc // of the packer and the sinks

	files sync.Mutex // held by whoever compresses or removes closed files
	pack  chan struct{}
	sinks []*sinkQueue

	w writer // the writer goroutine's own

	mu      sync.Mutex
	tail    tail
	reopens int           // how often the file in use became another one under the same name
	changed chan struct{} // closed when tail changes
	recent  recent
	err     error // why the log cannot be written
}

// tail is the durable end of a log.
type tail struct {
	first uint64 // names the file in use: the sequence number of its first record
	size  int64  // octets of it that are durable
	last  int64  // where its last line begins; size when it has none
	seq   uint64 // of the last record
	hash  string // of the last line
	time  time.Time
}

// request is a record on its way to the writer.
type request struct {
	record Record // as encoded, but for its place in the chain
	body   []byte
	done   chan result // nil for a note
}

type result struct {
	seq uint64
	err error
}

// Open opens the log in opt.Dir, which it makes when it is missing, and locks it: ErrLocked when another
// process has it. What a crash left behind is put in order, and a record says what was done. ErrKey,
// ErrUnavailable and ErrDamaged say what else can be wrong.
func Open(opt Options) (*Log, error) {
	opt.defaults()
	if opt.Dir == "" || opt.Gate == "" {
		return nil, errors.New("opening the evidence log: no directory or no gate's name")
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the evidence log: %w: %w", ErrUnavailable, err)
	}
	lock, err := lockDir(opt.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the evidence log: %w", err)
	}
	l := &Log{opt: opt, lock: lock, in: make(chan request, maxQueue), do: make(chan func()), closing: make(chan struct{}),
		ended: make(chan struct{}), pack: make(chan struct{}, 1), changed: make(chan struct{})}
	if err := l.start(); err != nil {
		if l.w.file != nil {
			l.w.file.Close()
		}
		lock.Close()
		return nil, fmt.Errorf("opening the evidence log: %w", err)
	}
	return l, nil
}

func (o *Options) defaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = DefaultCheckpointEvery
	}
	if o.CheckpointAge <= 0 {
		o.CheckpointAge = DefaultCheckpointAge
	}
	if o.FileBytes <= 0 {
		o.FileBytes = DefaultFileBytes
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.open == nil {
		o.open = openOS
	}
	if o.tick <= 0 {
		o.tick = time.Second
	}
	o.Gate = cleanTo(o.Gate, maxGate)
}

// maxGate is the longest name of a gate, in octets.
const maxGate = 255

type noMetrics struct{}

func (noMetrics) Records(int) {}
func (noMetrics) OK(bool)     {}
func (noMetrics) Lost(int)    {}

func (l *Log) start() error {
	if err := removeTemps(l.opt.Dir); err != nil {
		return err
	}
	found, err := findTail(l.opt.Dir)
	if err != nil {
		return err
	}
	if l.key, err = loadKey(l.opt.Dir, found.seq == 0); err != nil {
		return err
	}
	pub := l.key.Public().(ed25519.PublicKey)
	l.id = keyID(pub)
	if err := found.lookAtCheckpoints(l.opt.Dir, pub); err != nil {
		return err
	}
	if err := l.w.open(l.opt, &found); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.tail = found.tail
	l.w.l, l.w.next, l.w.unsigned, l.w.uncopied = l, found.tail, found.unsigned, found.uncopied
	l.w.signed = l.opt.Now()
	if len(found.notes) > 0 {
		l.opt.Log.Warn("the evidence log was put in order", "what", found.notes)
		if err := l.w.record(startAct("put in order after the last run", found.notes)); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	// The separate file is there before the first checkpoint is: that it is missing means something then.
	l.w.copyErr = appendCheckpoints(filepath.Join(l.opt.Dir, checkpointsName), l.w.uncopied)
	if l.w.copyErr != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, l.w.copyErr)
	}
	l.w.uncopied = nil
	l.opt.Metrics.OK(true)
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	for _, s := range l.opt.OffMachine {
		q := &sinkQueue{sink: s, wake: make(chan struct{}, 1), log: l.opt.Log}
		l.sinks = append(l.sinks, q)
		l.wg.Go(func() { q.run(ctx) })
	}
	if found.checkpoint != nil {
		l.toSinks(*found.checkpoint)
	}
	l.wg.Go(func() { l.packFiles(ctx) })
	l.wakePacker()
	go l.w.run()
	return nil
}

// startAct is what the log itself says of its own repair.
func startAct(reason string, details map[string]string) Record {
	return Record{Kind: KindAct, Act: &Act{Who: gateItself, What: Start, Reason: reason, Details: details}}
}

// gateItself is Act.Who for what nobody asked for.
const gateItself = "congthu"

// Append appends r and returns its sequence number when it is durable. An error means that nothing may be
// done that r would be the evidence of: ErrUnavailable, ErrClosed, ErrRecord, ErrTooLong, or the
// context's, after which the record may stand in the log all the same. What r points to must not be changed
// afterwards: those who follow the log see it.
func (l *Log) Append(ctx context.Context, r Record) (uint64, error) {
	req, err := l.encode(r)
	if err != nil {
		return 0, err
	}
	req.done = make(chan result, 1)
	select {
	case l.in <- req:
	case <-l.ended:
		return 0, ErrClosed
	case <-ctx.Done():
		return 0, fmt.Errorf("appending to the evidence log: %w", context.Cause(ctx))
	}
	select {
	case res := <-req.done:
		return res.seq, res.err
	case <-ctx.Done():
		return 0, fmt.Errorf("appending to the evidence log: %w", context.Cause(ctx))
	case <-l.ended:
		select {
		case res := <-req.done:
			return res.seq, res.err
		default:
			return 0, ErrClosed
		}
	}
}

// Note appends r without waiting until it is durable, which it is with the next group, after noteDelay at
// the latest. While the file cannot be written notes are kept. What there is no room for is logged and
// counted as lost.
func (l *Log) Note(r Record) {
	req, err := l.encode(r)
	select {
	case <-l.ended:
		err = ErrClosed
	default:
	}
	if err == nil {
		select {
		case l.in <- req:
			return
		default:
		}
		timer := time.NewTimer(noteWait)
		defer timer.Stop()
		select {
		case l.in <- req:
			return
		case <-l.ended:
			err = ErrClosed
		case <-timer.C:
			err = ErrUnavailable
		}
	}
	l.lost(1, err)
}

func (l *Log) lost(n int, err error) {
	l.opt.Metrics.Lost(n)
	l.opt.Log.Error("evidence notes were lost", "notes", n, "error", err)
}

func (l *Log) encode(r Record) (request, error) {
	if err := r.check(); err != nil {
		return request{}, err
	}
	r.Gate = l.opt.Gate
	if r.Act != nil {
		r.Act = r.Act.cleaned()
	}
	if r.Outcome != nil {
		o := *r.Outcome
		o.Reply, o.NextHop, o.NextHopQueueID, o.Error = clean(o.Reply), clean(o.NextHop), clean(o.NextHopQueueID), clean(o.Error)
		r.Outcome = &o
	}
	body, err := encodeBody(r)
	return request{record: r, body: body}, err
}

// OK tells why the log cannot be written; nil when it can.
func (l *Log) OK() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Tail is the sequence number and the hash of the last record that is durable.
func (l *Log) Tail() (seq uint64, hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tail.seq, l.tail.hash
}

// Dir is the directory that the log is kept in.
func (l *Log) Dir() string { return l.opt.Dir }

// Close writes what is queued and a signed checkpoint, and gives the directory up; those off the machine
// have sinkGoodbye to take the checkpoint. Its error says that something could not be made durable.
func (l *Log) Close() error {
	l.closed.Do(func() { close(l.closing) })
	<-l.ended
	l.mu.Lock()
	l.err = ErrClosed
	l.mu.Unlock()
	for end := time.Now().Add(sinkGoodbye); l.sinksWait() && time.Now().Before(end); {
		time.Sleep(sinkGoodbye / 200)
	}
	l.stop()
	l.wg.Wait()
	l.lock.Close()
	return l.w.closeErr
}

// inWriter runs f between two groups.
func (l *Log) inWriter(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	select {
	case l.do <- func() { done <- f() }:
		return <-done
	case <-l.ended:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// removeTemps removes what was not finished of the log's own files, and nothing else.
func removeTemps(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for _, e := range entries {
		name, unfinished := strings.CutSuffix(e.Name(), tempEnd)
		if _, ours := parseName(name); !unfinished || !ours && !slices.Contains([]string{keyName, publicName, checkpointsName, socketName}, name) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return nil
}
