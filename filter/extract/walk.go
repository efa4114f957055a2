package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"congthu/filter/message"
)

// content is a file's octets.
type content interface {
	io.ReaderAt
	Size() int64
}

// job is the looking into one message: what its limits have left.
type job struct {
	in      *Inspector
	make    map[string]NewConsumer
	members int   // files inside of others, so far
	octets  int64 // of them
	text    int64 // octets of text
}

// inspect looks into every leaf.
func (in *Inspector) inspect(ctx context.Context, m *message.Message) (*Inspection, error) {
	j := &job{in: in, make: map[string]NewConsumer{}}
	for name, begin := range in.options.Consumers {
		j.make[name] = begin(ctx)
	}
	out := &Inspection{}
	for p := range m.Contents() {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		// Overlapping readings may decode to many times the message's size; what is over that limit is named by
		// Message.Undecoded.
		measured, err := p.Measure()
		if err != nil {
			return nil, fmt.Errorf("looking into part %q: %w", p.ID, err)
		}
		if measured.NotInspected != "" {
			continue
		}
		leaf, err := j.leaf(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("looking into part %q: %w", p.ID, err)
		}
		for _, n := range leaf.NotInspected {
			out.NotInspected = append(out.NotInspected, message.NotInspected{Part: p.ID + n.Part, Reason: n.Reason})
		}
		out.Leaves = append(out.Leaves, leaf)
	}
	return out, nil
}

// leaf looks into one leaf, unless the same content was seen before.
func (j *job) leaf(ctx context.Context, p *message.Part) (Leaf, error) {
	give, err := j.in.room.take(ctx, p.Body.Len())
	if err != nil {
		return Leaf{}, err
	}
	defer give()
	c, err := p.Decoded(message.DefaultLimits(), j.in.options.Budget)
	if errors.Is(err, message.ErrTooBig) {
		return Leaf{Part: p, result: result{NotInspected: []message.NotInspected{{Reason: message.TooBig}}}}, nil
	}
	if err != nil {
		return Leaf{}, err
	}
	defer c.Close()
	key := cacheKey{sha256: c.SHA256(), label: p.MediaType + ";" + p.Params["charset"] + ";" + p.Params["format"], name: extensions(p.Names)}
	if r := j.in.cache.get(key); r != nil {
		j.in.options.Hit()
		return Leaf{Part: p, SHA256: key.sha256, result: *r}, nil
	}
	w := &walk{job: j, part: p, consumers: map[string]Consumer{}}
	for name, make := range j.make {
		w.consumers[name] = make()
	}
	f := &File{Names: p.Names, Size: c.Size(), SHA256: key.sha256}
	if err := w.file(ctx, f, c, 0); err != nil {
		return Leaf{}, err
	}
	w.result.Outcomes = map[string]any{}
	for name, c := range w.consumers {
		outcome, sure := c.Outcome()
		w.result.Outcomes[name] = outcome
		w.unsure = w.unsure || !sure
	}
	if ctx.Err() != nil { // a consumer may have stopped before the file's end
		return Leaf{}, context.Cause(ctx)
	}
	if !w.unsure {
		j.in.cache.put(key, &w.result)
	}
	return Leaf{Part: p, SHA256: key.sha256, result: w.result}, nil
}

// extensions are those of all names that programs show, in their order: any of them may choose how a text is read.
func extensions(names []string) string {
	var all strings.Builder
	for _, n := range names {
		all.WriteString(strings.ToLower(path.Ext(n)))
		all.WriteByte('/')
	}
	return all.String()
}

// keep spools what r gives, for formats are read at random places. The error is a stop when it is too big.
func (j *job) keep(r io.Reader, most int64) (*message.Spool, error) {
	l := message.DefaultLimits()
	l.WireBytes = most
	s := message.NewSpool(l, j.in.options.Budget)
	_, err := io.Copy(s, r)
	switch {
	case errors.Is(err, message.ErrTooBig):
		s.Close()
		return nil, stop{message.TooBig}
	case err != nil:
		s.Close()
		return nil, err
	}
	return s, nil
}

// walk is the looking into one leaf.
type walk struct {
	*job
	part      *message.Part
	consumers map[string]Consumer
	result    result
	// unsure is set when the result depends on more than the content: a worker that failed, a limit of
	// the whole message that other leaves had used up.
	unsure  bool
	opening *opening // nil: everything is looked into
}

// file looks into one file. The error is one of ours; what the content causes is in the result.
func (w *walk) file(ctx context.Context, f *File, c content, depth int) error {
	if w.opening != nil && !w.opening.passes(f, c) {
		return nil
	}
	head := make([]byte, min(c.Size(), headBytes))
	if _, err := c.ReadAt(head, 0); err != nil && err != io.EOF {
		return fmt.Errorf("reading a file's beginning: %w", err)
	}
	format, known := w.in.tell(head, c, w.label(f, depth), f.Names)
	f.Type = format.mediaType
	w.result.Files = append(w.result.Files, File{Path: f.Path, Type: f.Type, Size: f.Size, SHA256: f.SHA256})
	for _, consumer := range w.consumers {
		consumer.File(f)
	}
	if !known {
		w.miss(f, UnknownType)
		return nil
	}
	s := &sink{walk: w, file: f, depth: depth, size: c.Size()}
	defer s.close()
	in := &input{content: c, head: head, file: f, part: w.part, leaf: f.Path == "", limits: w.in.options.Limits, spend: s.spend}
	if err := w.settle(ctx, f, w.as(ctx, format, in, s)); err != nil {
		return err
	}
	for _, also := range format.also {
		err := w.as(ctx, also, in, s)
		if !errors.As(err, new(stop)) && ctx.Err() == nil && !errors.Is(err, message.ErrNoRoom) && !ours(err) {
			continue // it is none after all
		}
		if err := w.settle(ctx, f, err); err != nil {
			return err
		}
	}
	return nil
}

// as reads the file as one format, and looks into what is in it.
func (w *walk) as(ctx context.Context, format format, in *input, s *sink) error {
	s.now, s.wraps = nil, format.wraps
	if !format.worker {
		s.now = func(f *File, c *message.Spool) error { return w.file(ctx, f, c, s.depth+1) }
	}
	err := w.read(ctx, format, in, s)
	if err != nil && (ctx.Err() != nil || errors.Is(err, message.ErrNoRoom) || ours(err)) {
		return err
	}
	if err := s.open(ctx); err != nil { // what came before damage is looked into all the same
		return err
	}
	return err
}

// label is what the message says of the leaf's type; files inside of others have none.
func (w *walk) label(f *File, depth int) string {
	if f.Path == "" {
		return w.part.MediaType
	}
	return ""
}

// read reads the file here or in a worker.
func (w *walk) read(ctx context.Context, f format, in *input, s *sink) error {
	if !f.worker {
		return contained(func() error { return f.read(ctx, in, s) })
	}
	if w.in.options.Pool == nil {
		return stop{WorkerFailed}
	}
	return w.in.options.Pool.do(ctx, f, in, s)
}

// contained turns a panic of a reader into damage: the next message must not suffer. Neither the panic's
// value nor its text is kept, which may hold content.
func contained(read func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = stop{message.Damaged}
		}
	}()
	return read()
}

// settle tells what the content causes from an error of ours.
func (w *walk) settle(ctx context.Context, f *File, err error) error {
	limit := stop{}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, message.ErrNoRoom), ours(err):
		return err
	case errors.As(err, &limit):
		if limit.why == WorkerFailed || limit.why == message.TooBig || limit.why == message.TooMany {
			w.unsure = true
		}
		w.miss(f, limit.why)
		return nil
	}
	w.miss(f, message.Damaged)
	return nil
}

func (w *walk) miss(f *File, why message.Reason) {
	n := message.NotInspected{Part: f.Path, Reason: why}
	for _, had := range w.result.NotInspected {
		if had == n {
			return
		}
	}
	w.result.NotInspected = append(w.result.NotInspected, n)
}

// memberPath names a file inside of another.
func memberPath(f *File, number int) string { return f.Path + "/" + strconv.Itoa(number) }
