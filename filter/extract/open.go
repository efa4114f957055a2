package extract

import (
	"context"
	"fmt"
	"io"
	"strings"

	"congthu/filter/message"
)

// Wanted names files inside of a leaf by their paths, as an inspection told them.
type Wanted struct {
	Part  *message.Part
	Paths []string
}

// Open opens files inside of leaves again, for their octets are not kept: show gets them one after the other. What it reads
// is there until it returns. The limits are those of an inspection; files that come to nothing within them, or that a worker
// does not give this time, are not shown. The error is show's or one of ours.
func (in *Inspector) Open(ctx context.Context, wanted []Wanted, show func(p *message.Part, f *File, octets io.ReaderAt) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	j := &job{in: in}
	for _, want := range wanted {
		if err := j.open(ctx, want, func(f *File, c content) {
			if err := show(want.Part, f, c); err != nil {
				cancel(err) // a reader might take the error for damage of the file
			}
		}); err != nil {
			return fmt.Errorf("opening what is in part %q: %w", want.Part.ID, err)
		}
	}
	return nil
}

// open opens files inside of one leaf.
func (j *job) open(ctx context.Context, want Wanted, show func(*File, content)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	give, err := j.in.room.take(ctx, want.Part.Body.Len())
	if err != nil {
		return err
	}
	defer give()
	c, err := want.Part.Decoded(message.DefaultLimits(), j.in.options.Budget)
	if err != nil {
		return err // it was not too big before
	}
	defer c.Close()
	w := &walk{job: j, part: want.Part, opening: newOpening(want.Paths, show)}
	if err := w.file(ctx, &File{Names: want.Part.Names, Size: c.Size(), SHA256: c.SHA256()}, c, 0); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// opening is what is wanted of a leaf.
type opening struct {
	wanted map[string]bool
	around map[string]bool // files that wanted ones are in
	show   func(*File, content)
}

func newOpening(paths []string, show func(*File, content)) *opening {
	o := &opening{wanted: map[string]bool{}, around: map[string]bool{}, show: show}
	for _, path := range paths {
		o.wanted[path] = true
		for path != "" {
			path = path[:strings.LastIndexByte(path, '/')]
			o.around[path] = true
		}
	}
	return o
}

// passes shows a file that is wanted, and tells whether to look for others in it.
func (o *opening) passes(f *File, c content) bool {
	if o.wanted[f.Path] {
		o.show(f, c)
	}
	return o.around[f.Path]
}
