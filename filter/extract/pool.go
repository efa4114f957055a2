package extract

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"congthu/filter/message"
)

// PoolOptions say how workers run.
type PoolOptions struct {
	Command  []string      // program and arguments of a worker
	Env      []string      // its whole environment
	Workers  int           // at once
	Deadline time.Duration // for one file; then the worker is killed
	Lazy     bool          // a worker is started when the first file needs it, not before
	Metrics  PoolMetrics   // nil is none
	Log      *slog.Logger  // nil is none
}

// PoolMetrics are told how the workers do. State is "idle", "busy", "killed" or "failed"; the last two only grow.
type PoolMetrics interface {
	Worker(state string, change int)
}

type noPoolMetrics struct{}

func (noPoolMetrics) Worker(string, int) {}

// Pool keeps worker processes. Each reads one file at a time; one that takes too long, dies or answers
// nonsense is killed and replaced, and its file is not inspected. It is safe for concurrent use.
type Pool struct {
	options PoolOptions
	idle    chan *worker // one for each slot; nil: to be started
	ctx     context.Context
	stop    context.CancelFunc
	ended   sync.WaitGroup
	closing sync.Once
}

// NewPool starts the workers in the background, so that the first file hardly waits for one, unless the options say
// otherwise. Mail need not wait for workers: most of it has nothing for them.
func NewPool(o PoolOptions) (*Pool, error) {
	if o.Workers < 1 || o.Deadline <= 0 || len(o.Command) == 0 {
		return nil, errors.New("starting workers: need a command, at least one worker and a deadline")
	}
	if o.Metrics == nil {
		o.Metrics = noPoolMetrics{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if _, err := exec.LookPath(o.Command[0]); err != nil {
		return nil, fmt.Errorf("starting workers: %w", err)
	}
	p := &Pool{options: o, idle: make(chan *worker, o.Workers)}
	p.ctx, p.stop = context.WithCancel(context.Background())
	if o.Lazy {
		for range o.Workers {
			p.idle <- nil
		}
		return p, nil
	}
	for range o.Workers {
		p.replace()
	}
	return p, nil
}

// Close ends the workers. Files being read are not inspected.
func (p *Pool) Close() error {
	p.closing.Do(func() {
		p.stop()
		p.ended.Wait()
		for range p.options.Workers {
			if w := <-p.idle; w != nil {
				w.kill()
				w.reap()
			}
		}
	})
	return nil
}

func (p *Pool) give(w *worker) {
	if w != nil {
		p.options.Metrics.Worker("idle", 1)
	}
	p.idle <- w
}

// replace starts a worker in the background.
func (p *Pool) replace() {
	p.ended.Go(func() {
		w, err := p.start(p.ctx)
		if err != nil {
			if p.ctx.Err() == nil {
				p.options.Log.Error("a worker did not start; it is tried again when it is needed", "error", err.Error())
			}
			w = nil
		}
		p.give(w)
	})
}

// Trouble of ours: the message is to come again (invariant 2 of the design).
var (
	errNoWorker = errors.New("a worker for reading files did not start")
	errClosing  = errors.New("the workers for reading files are ending")
)

// ours tells trouble of ours from what a file causes.
func ours(err error) bool { return errors.Is(err, errNoWorker) || errors.Is(err, errClosing) }

// take waits for a worker. The error is one of ours.
func (p *Pool) take(ctx context.Context) (*worker, error) {
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-p.ctx.Done():
		return nil, errClosing
	case w := <-p.idle:
		if w != nil {
			p.options.Metrics.Worker("idle", -1)
			return w, nil
		}
		w, err := p.start(ctx)
		if err != nil {
			p.idle <- nil
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			p.options.Metrics.Worker("failed", 1)
			p.options.Log.Error("a worker did not start", "error", err.Error())
			return nil, fmt.Errorf("%w: %w", errNoWorker, err)
		}
		return w, nil
	}
}

// do has a worker read a file.
func (p *Pool) do(ctx context.Context, f format, in *input, o out) error {
	w, err := p.take(ctx)
	if err != nil {
		return err
	}
	p.options.Metrics.Worker("busy", 1)
	defer p.options.Metrics.Worker("busy", -1)
	timer := time.AfterFunc(p.options.Deadline, w.kill)
	unhook := context.AfterFunc(ctx, w.kill)
	unclose := context.AfterFunc(p.ctx, w.kill)
	fine, err := w.run(f, in, o)
	killed := !timer.Stop()
	killed = !unhook() || killed
	killed = !unclose() || killed
	if fine && !killed {
		p.give(w)
		return err
	}
	w.kill()
	w.reap()
	p.options.Metrics.Worker("killed", 1)
	p.replace()
	if p.ctx.Err() != nil {
		return errClosing
	}
	if !fine {
		p.options.Log.Warn("a worker was killed", "format", f.name, "bytes", in.content.Size(), "late", killed)
	}
	return err
}

// worker is a running process.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	frames frameReader
	out    *bufio.Writer
	reap   func() // collects the process; may be called often
}

func (p *Pool) start(ctx context.Context) (*worker, error) {
	cmd := exec.Command(p.options.Command[0], p.options.Command[1:]...)
	cmd.Env = slices.Clone(p.options.Env)
	cmd.Dir = "/"
	cmd.Stderr = nil // what a dying process writes may hold content
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	w := &worker{cmd: cmd, in: in, out: bufio.NewWriterSize(in, maxChunk), frames: frameReader{r: bufio.NewReaderSize(out, maxChunk)},
		reap: sync.OnceFunc(func() { _ = cmd.Wait() })} // how it ended is known: it was killed
	if err := p.ready(ctx, w); err != nil {
		w.kill()
		w.reap()
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	return w, nil
}

// startDeadline is how long a worker may take until it is ready: the first one compiles the PDF library.
const startDeadline = 2 * time.Minute

// ready waits until a worker is.
func (p *Pool) ready(ctx context.Context, w *worker) error {
	defer context.AfterFunc(ctx, w.kill)()
	timer := time.AfterFunc(startDeadline, w.kill)
	defer timer.Stop()
	unclose := context.AfterFunc(p.ctx, w.kill)
	defer unclose()
	kind, payload, err := w.frames.next()
	if err != nil {
		return fmt.Errorf("it ended at once or took more than %s: %w", startDeadline, err)
	}
	var problem string
	if kind != frameReady && kind != frameUnfit || json.Unmarshal(payload, &problem) != nil {
		return errors.New("it is no worker")
	}
	if kind == frameUnfit {
		return errors.New(problem)
	}
	if problem != "" {
		p.options.Log.Error("a worker cannot read every format", "error", problem)
	}
	return nil
}

func (w *worker) kill() { _ = w.cmd.Process.Kill() } // one that ended before is as dead

// run sends the file and passes on what the worker finds. fine tells that the worker is ready for the next.
func (w *worker) run(f format, in *input, o out) (fine bool, err error) {
	if err := w.send(f, in); err != nil {
		return false, err
	}
	for {
		kind, payload, err := w.frames.next()
		if err != nil {
			return false, stop{WorkerFailed}
		}
		switch kind {
		case frameDone:
			var done doneFrame
			if json.Unmarshal(payload, &done) != nil {
				return false, stop{WorkerFailed}
			}
			switch {
			case done.Why != "":
				return true, stop{message.Reason(done.Why)}
			case done.Failed:
				return true, stop{message.Damaged}
			}
			return true, nil
		case frameMember:
			err = w.member(payload, o)
		default:
			err = pass(kind, payload, o)
		}
		if err != nil { // a limit, or nonsense: the rest of the answer is not waited for
			return false, err
		}
	}
}

// send gives the worker its file. An error of the pipe is the worker's, another is ours.
func (w *worker) send(f format, in *input) error {
	fw := frameWriter{w.out}
	if err := fw.json(frameJob, jobFrame{f.name, in.file.Names, in.content.Size(), in.limits}); err != nil {
		return stop{WorkerFailed}
	}
	reading, writing := fw.copy(io.NewSectionReader(in.content, 0, in.content.Size()), make([]byte, maxChunk))
	if reading != nil {
		return fmt.Errorf("reading the file for a worker: %w", reading)
	}
	if writing != nil || fw.write(frameEnd, nil) != nil || w.out.Flush() != nil {
		return stop{WorkerFailed}
	}
	return nil
}

// pass hands on one finding.
func pass(kind byte, payload []byte, o out) error {
	var err error
	switch kind {
	case frameText:
		var t Text
		if err = json.Unmarshal(payload, &t); err == nil {
			return o.text(t)
		}
	case frameFact:
		var f Fact
		if err = json.Unmarshal(payload, &f); err == nil {
			o.fact(f)
			return nil
		}
	case frameMiss:
		var why message.Reason
		if err = json.Unmarshal(payload, &why); err == nil {
			o.miss(why)
			return nil
		}
	}
	return stop{WorkerFailed}
}

var errDamagedMember = errors.New("the file inside is damaged")

// member passes on a file inside, as it comes.
func (w *worker) member(payload []byte, o out) error {
	var names []string
	if json.Unmarshal(payload, &names) != nil {
		return stop{WorkerFailed}
	}
	r := &memberReader{frames: &w.frames}
	if err := o.member(names, r); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil && !r.ended {
		return stop{WorkerFailed}
	}
	return nil
}

// memberError is why the worker could not read a file inside to its end.
func memberError(payload []byte) error {
	var why message.Reason
	if json.Unmarshal(payload, &why) != nil {
		return stop{WorkerFailed}
	}
	if why == "" {
		return errDamagedMember
	}
	return stop{why}
}

// memberReader reads a file inside out of a worker's frames.
type memberReader struct {
	frames *frameReader
	rest   []byte
	err    error
	ended  bool // by the worker
}

func (r *memberReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		kind, payload, err := r.frames.next()
		switch {
		case err != nil:
			r.err = stop{WorkerFailed}
		case kind == frameChunk:
			r.rest = payload
		case kind == frameEnd:
			r.err, r.ended = io.EOF, true
		case kind == frameBad:
			r.err, r.ended = memberError(payload), true
		default:
			r.err = stop{WorkerFailed}
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Executable is the program that runs, for PoolOptions.Command.
func Executable() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the program for workers: %w", err)
	}
	return path, nil
}
