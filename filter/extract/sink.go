package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"congthu/filter/message"
)

// input is a file as a reader gets it.
type input struct {
	content content
	head    []byte // its first octets
	file    *File
	part    *message.Part // the leaf that the file is or is in
	leaf    bool          // the file is the leaf itself: part tells its charset
	limits  Limits
	// spend counts octets that the reader unpacks beside members; its error ends the reading. Nil in a worker, where
	// memory and time are bounded.
	spend func(octets int64) error
}

// out takes what a reader finds. An error of a method ends the reading and is returned as it is.
type out interface {
	// text takes text of any length; the reader need not cut it.
	text(t Text) error
	fact(f Fact)
	// miss says that something in the file could not be looked into, while the rest could.
	miss(why message.Reason)
	// member takes a file inside. names are those that programs show. An error of r that is no stop is damage.
	member(names []string, r io.Reader) error
}

// sink passes on what a reader finds in one file, within the limits.
type sink struct {
	*walk
	file    *File
	depth   int
	size    int64                                 // octets of the file
	octets  int64                                 // that its members unpacked to
	number  int                                   // of the last member
	wraps   bool                                  // the reader's format is one that wraps, and that was not told yet
	now     func(f *File, c *message.Spool) error // looks into a member at once; nil: when the container is done
	waiting []waiting
	kept    int64 // octets that wait
}

// spend counts octets that were unpacked out of the file and are no file of their own, such as a document's XML.
func (s *sink) spend(n int64) error {
	l := s.in.options.Limits
	s.octets, s.job.octets = s.octets+n, s.job.octets+n
	if s.job.octets > l.TotalBytes || s.octets > max(RatioFloor, s.size*l.Ratio) {
		return stop{message.TooBig}
	}
	return nil
}

// waitingBytes is how many octets of members wait, of a container that a worker reads.
const waitingBytes = 64 << 20

// waiting is a file inside that is looked into when its container has been read.
type waiting struct {
	file    *File
	content *message.Spool
}

func (s *sink) fact(f Fact) {
	for _, c := range s.consumers {
		c.Fact(s.file, f)
	}
}

func (s *sink) miss(why message.Reason) { s.walk.miss(s.file, why) }

// text cuts a text into pieces and passes them on.
func (s *sink) text(t Text) error {
	value := t.Value
	for len(value) > 0 {
		piece := value
		if len(piece) > MaxPiece {
			piece = cut(value)
		}
		value = value[len(piece):]
		if s.job.text += int64(len(piece)); s.job.text > s.in.options.Limits.TextBytes {
			return stop{message.TooBig}
		}
		s.tell(t, piece)
	}
	return nil
}

// tell gives the consumers a piece of text.
func (s *sink) tell(t Text, piece string) {
	t.Value = piece
	raw, clean := t, false
	for _, c := range s.consumers {
		if p, ok := c.(Passer); ok && p.PassOver(s.file, raw) {
			continue
		}
		if !clean {
			t.Value, clean = message.CleanNFC(piece), true
		}
		c.Text(s.file, t)
	}
}

// cut is the longest beginning of a text that is a piece, ending with a line where one ends.
func cut(value string) string {
	piece := value[:MaxPiece]
	if i := strings.LastIndexByte(piece, '\n'); i >= 0 {
		return piece[:i+1]
	}
	for i := len(piece); i > len(piece)-utf8.UTFMax; i-- {
		if utf8.RuneStart(value[i]) {
			return value[:i]
		}
	}
	return piece
}

// member counts and spools a file inside, and looks into it: at once, or in open, when the worker that reads the
// container is free again for what is in it.
func (s *sink) member(names []string, r io.Reader) error {
	l := s.in.options.Limits
	if s.wraps {
		s.wraps = false
		s.fact(Wrapped)
	}
	s.number++
	f := &File{Path: memberPath(s.file, s.number), Names: names}
	for _, name := range names {
		if err := s.text(Text{Kind: FileName, Value: name}); err != nil {
			return err
		}
	}
	if s.depth+1 > l.Depth {
		s.walk.miss(f, message.TooDeep)
		return nil
	}
	if s.members++; s.members > l.Members {
		return stop{message.TooMany}
	}
	room := min(l.MemberBytes, l.TotalBytes-s.job.octets)
	if s.now == nil {
		room = min(room, waitingBytes-s.kept)
	}
	if s.size > 0 {
		room = min(room, max(RatioFloor, s.size*l.Ratio)-s.octets)
	}
	c, err := s.keep(r, max(room, 0))
	limit := stop{}
	switch {
	case errors.As(err, &limit) && limit.why == message.TooBig:
		s.octets, s.job.octets = s.octets+room, s.job.octets+room // it was read that far
		s.walk.miss(f, limit.why)
		s.unsure = true
		return limit // what else is in such an archive is not worth the time
	case errors.As(err, &limit): // the reader's own: encrypted, of an unknown kind
		s.walk.miss(f, limit.why)
		return nil
	case errors.Is(err, message.ErrNoRoom):
		return err
	case err != nil:
		s.walk.miss(f, message.Damaged)
		return nil
	}
	s.octets, s.job.octets = s.octets+c.Size(), s.job.octets+c.Size()
	f.Size, f.SHA256 = c.Size(), c.SHA256()
	if s.now != nil {
		defer c.Close()
		return s.now(f, c)
	}
	s.kept += c.Size()
	s.waiting = append(s.waiting, waiting{f, c})
	return nil
}

// open looks into the members.
func (s *sink) open(ctx context.Context) error {
	for _, m := range s.waiting {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		err := s.walk.file(ctx, m.file, m.content, s.depth+1)
		m.content.Close()
		if err != nil {
			return fmt.Errorf("looking into a file inside: %w", err)
		}
	}
	s.waiting, s.kept = nil, 0
	return nil
}

func (s *sink) close() {
	for _, m := range s.waiting {
		m.content.Close()
	}
	s.waiting = nil
}
