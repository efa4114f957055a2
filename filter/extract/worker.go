package extract

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"congthu/filter/message"
)

// WorkerArgument is the command that makes the program a worker.
const WorkerArgument = "worker"

// Work is the life of a worker process: it reads one file after the other from r and answers on w, until r ends.
// prepare is called first, to take rights away that a reader of hostile files must not have.
func Work(r io.Reader, w io.Writer, memory int64, prepare func(memory int64) error) error {
	return work(r, w, memory, prepare, formats())
}

func work(r io.Reader, w io.Writer, memory int64, prepare func(memory int64) error, all map[string]format) error {
	debug.SetMemoryLimit(memory / 2)
	bw := bufio.NewWriterSize(w, maxChunk)
	if err := prepare(memory); err != nil {
		err = fmt.Errorf("giving up rights: %w", err)
		return errors.Join(err, (frameWriter{bw}).json(frameUnfit, err.Error()), bw.Flush())
	}
	fr := &frameReader{r: bufio.NewReaderSize(r, maxChunk)}
	if err := ready(bw, all); err != nil {
		return err
	}
	for {
		err := workOne(fr, bw, all)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := bw.Flush(); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
}

// ready starts what readers need and says so. A library that does not start fails the files that need it, not others.
func ready(bw *bufio.Writer, all map[string]format) error {
	problem := ""
	for _, f := range all {
		if f.warm == nil {
			continue
		}
		if err := f.warm(); err != nil {
			problem = err.Error()
		}
	}
	if err := (frameWriter{bw}).json(frameReady, problem); err != nil {
		return fmt.Errorf("saying that it is ready: %w", err)
	}
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("saying that it is ready: %w", err)
	}
	return nil
}

// workOne reads one file. The error is one of the pipe.
func workOne(fr *frameReader, bw *bufio.Writer, all map[string]format) error {
	kind, payload, err := fr.next()
	if err != nil {
		return err
	}
	var job jobFrame
	if err := json.Unmarshal(payload, &job); kind != frameJob || err != nil {
		return fmt.Errorf("frame %q instead of a job", kind)
	}
	file, err := receiveFile(fr, job.Size)
	if err != nil {
		return fmt.Errorf("taking the file: %w", err)
	}
	o := &workerOut{frames: frameWriter{bw}, buf: make([]byte, maxChunk)}
	done := doneFrame{}
	f, ok := all[job.Format]
	if !ok {
		return fmt.Errorf("no reader %q", job.Format)
	}
	in := &input{content: heldFile{memoryFile{bytes.NewReader(file)}, file}, head: file[:min(len(file), headBytes)], file: &File{Names: job.Names, Size: job.Size}, limits: job.Limits}
	err = contained(func() error { return f.read(context.Background(), in, o) })
	limit := stop{}
	switch {
	case o.broken != nil:
		return o.broken
	case errors.As(err, &limit):
		done.Why = string(limit.why)
	case err != nil:
		done.Failed = true
	}
	return frameWriter{bw}.json(frameDone, done)
}

func receiveFile(fr *frameReader, size int64) ([]byte, error) {
	if size < 0 || size > message.DefaultLimits().WireBytes*2 {
		return nil, fmt.Errorf("a file of %d octets", size)
	}
	file := make([]byte, 0, size)
	for {
		kind, payload, err := fr.next()
		switch {
		case err != nil:
			return nil, err
		case kind == frameEnd:
			return file, nil
		case kind != frameChunk || int64(len(file)+len(payload)) > size:
			return nil, fmt.Errorf("frame %q", kind)
		}
		file = append(file, payload...)
	}
}

// memoryFile is a file in memory.
type memoryFile struct{ *bytes.Reader }

// heldFile is a file in memory whose octets can be had without a copy.
type heldFile struct {
	memoryFile
	octets []byte
}

// wholeFile is all of a file, for readers that need it at once. They work in workers, where it is in memory already.
func wholeFile(c content) ([]byte, error) {
	if m, ok := c.(heldFile); ok {
		return m.octets, nil
	}
	b := make([]byte, c.Size())
	if _, err := io.ReadFull(io.NewSectionReader(c, 0, c.Size()), b); err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	return b, nil
}

// workerOut is the out of a reader in a worker.
type workerOut struct {
	frames frameWriter
	buf    []byte
	broken error // the pipe
	inside bool  // a member is being sent: its frames follow each other
	later  []func()
}

func (o *workerOut) sent(err error) error {
	if err != nil && o.broken == nil {
		o.broken = err
	}
	return err
}

func (o *workerOut) text(t Text) error {
	value := t.Value
	for len(value) > 0 {
		t.Value = value
		if len(t.Value) > MaxPiece {
			t.Value = cut(value)
		}
		value = value[len(t.Value):]
		if err := o.sent(o.frames.json(frameText, t)); err != nil {
			return err
		}
	}
	return nil
}

func (o *workerOut) fact(f Fact)             { o.say(frameFact, f) }
func (o *workerOut) miss(why message.Reason) { o.say(frameMiss, why) }

// say sends a finding. What the reader of a member finds on its way waits for the member's end.
func (o *workerOut) say(kind byte, v any) {
	if o.inside {
		o.later = append(o.later, func() { o.say(kind, v) })
		return
	}
	o.sent(o.frames.json(kind, v))
}

func (o *workerOut) member(names []string, r io.Reader) error {
	if err := o.sent(o.frames.json(frameMember, names)); err != nil {
		return err
	}
	o.inside = true
	defer func() {
		o.inside = false
		for _, say := range o.later {
			say()
		}
		o.later = nil
	}()
	reading, writing := o.frames.copy(r, o.buf)
	if reading == nil {
		return o.sent(errors.Join(writing, o.frames.write(frameEnd, nil)))
	}
	limit := stop{}
	errors.As(reading, &limit)
	return o.sent(errors.Join(writing, o.frames.json(frameBad, limit.why)))
}
