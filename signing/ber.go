package signing

import (
	"bufio"
	"errors"
	"io"
	"math"
)

// Tags of the universal class (X.680 section 8.4) and the bits around them (X.690 section 8.1.2).
const (
	tagBitString   = 3
	tagOctetString = 4
	tagOID         = 6
	tagSequence    = 16
	tagSet         = 17

	classUniversal = 0x00
	classContext   = 0x80
	classMask      = 0xc0
	constructedBit = 0x20
)

// defect is what is wrong with octets from outside. It is a result, never a failure of ours.
type defect struct{ reason Reason }

func (d defect) Error() string { return "signature: " + string(d.reason) }

// reasonOf gives the reason of a defect, "" when err is a failure.
func reasonOf(err error) Reason {
	var d defect
	if errors.As(err, &d) {
		return d.reason
	}
	return ""
}

// header is the start of an element (X.690 section 8.1): identifier and length octets.
type header struct {
	class       byte // classUniversal, classContext or another
	constructed bool
	number      uint32
	length      int64 // of the contents, in octets; -1 when end-of-contents octets end them
}

func (h header) is(class byte, number uint32) bool { return h.class == class && h.number == number }

// scope is where the contents of an element end.
type scope struct {
	end   int64 // offset behind the contents; -1: end-of-contents octets are waited for
	bound int64 // offset that nothing inside may pass: that of the nearest definite length around
	depth int
}

// berReader reads BER (X.690 section 8) one element at a time, in one pass and without going back.
type berReader struct {
	r        *bufio.Reader
	offset   int64
	elements int   // read so far
	kept     int64 // octets of contents handed out so far
	limits   Limits
}

func newBERReader(r io.Reader, limits Limits) *berReader {
	return &berReader{r: bufio.NewReaderSize(r, 32<<10), limits: limits}
}

// outermost is the scope of the whole input.
func (b *berReader) outermost() scope { return scope{end: math.MaxInt64, bound: math.MaxInt64} }

func (b *berReader) octet() (byte, error) {
	c, err := b.r.ReadByte()
	if err != nil {
		return 0, cut(err)
	}
	b.offset++
	return c, nil
}

// cut turns the end of the input into a defect. Other errors are the reader's own.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return defect{Damaged}
	}
	return err
}

// more tells whether the scope holds another element, and reads the end-of-contents octets when it does not.
func (b *berReader) more(in scope) (bool, error) {
	if in.end >= 0 {
		if b.offset > in.end {
			return false, defect{Damaged}
		}
		return b.offset < in.end, nil
	}
	next, err := b.r.Peek(2)
	if err != nil {
		return false, cut(err)
	}
	if next[0] != 0 {
		return true, nil
	}
	if next[1] != 0 || b.offset+2 > in.bound {
		return false, defect{Damaged}
	}
	_, err = b.r.Discard(2)
	b.offset += 2
	return false, err
}

// header reads identifier and length octets of the next element in a scope.
func (b *berReader) header(in scope) (header, error) {
	if b.elements++; b.elements > b.limits.Elements {
		return header{}, defect{TooManyElements}
	}
	first, err := b.octet()
	if err != nil {
		return header{}, err
	}
	h := header{class: first & classMask, constructed: first&constructedBit != 0, number: uint32(first & 0x1f)}
	if h.number == 0x1f {
		if h.number, err = b.highNumber(); err != nil {
			return header{}, err
		}
	}
	if h.length, err = b.length(); err != nil {
		return header{}, err
	}
	switch {
	case h.is(classUniversal, 0): // end-of-contents octets where none end anything
		return header{}, defect{Damaged}
	case h.length < 0 && !h.constructed: // X.690 section 8.1.3.2
		return header{}, defect{Damaged}
	case h.length > in.bound-b.offset:
		return header{}, defect{Damaged}
	}
	return h, nil
}

// highNumber reads a tag number over 30 (X.690 section 8.1.2.4).
func (b *berReader) highNumber() (uint32, error) {
	var n uint32
	for i := range 4 {
		c, err := b.octet()
		if err != nil {
			return 0, err
		}
		if i == 0 && c == 0x80 {
			return 0, defect{Damaged}
		}
		n = n<<7 | uint32(c&0x7f)
		if c&0x80 == 0 {
			if n < 31 {
				return 0, defect{Damaged}
			}
			return n, nil
		}
	}
	return 0, defect{Damaged}
}

// length reads length octets (X.690 section 8.1.3); leading zeros are good BER.
func (b *berReader) length() (int64, error) {
	first, err := b.octet()
	switch {
	case err != nil:
		return 0, err
	case first < 0x80:
		return int64(first), nil
	case first == 0x80:
		return -1, nil
	case first == 0xff: // reserved
		return 0, defect{Damaged}
	}
	var n int64
	for range first & 0x7f {
		c, err := b.octet()
		if err != nil {
			return 0, err
		}
		if n >= 1<<47 {
			return 0, defect{TooBig}
		}
		n = n<<8 | int64(c)
	}
	return n, nil
}

// enter is the scope of the contents of an element that was just read the header of.
func (b *berReader) enter(h header, in scope) (scope, error) {
	inside := scope{end: -1, bound: in.bound, depth: in.depth + 1}
	if inside.depth > b.limits.Depth {
		return scope{}, defect{TooDeep}
	}
	if h.length >= 0 {
		inside.end = b.offset + h.length
		inside.bound = inside.end
	}
	return inside, nil
}

// constructed reads the header of an element that must have this tag, and enters it.
func (b *berReader) constructed(in scope, class byte, number uint32) (scope, error) {
	h, err := b.header(in)
	if err != nil {
		return scope{}, err
	}
	if !h.is(class, number) || !h.constructed {
		return scope{}, defect{Damaged}
	}
	return b.enter(h, in)
}

// leave reads the end of a scope, which must hold nothing more.
func (b *berReader) leave(in scope) error {
	more, err := b.more(in)
	if err == nil && more {
		err = defect{Damaged}
	}
	return err
}

// read appends n octets to out. What is claimed but not there takes no memory.
func (b *berReader) read(out []byte, n int64) ([]byte, error) {
	if b.kept += n; b.kept > b.limits.StructureBytes {
		return nil, defect{TooBig}
	}
	const step = 32 << 10
	for n > 0 {
		take := int(min(n, step))
		start := len(out)
		out = append(out, make([]byte, take)...)
		if _, err := io.ReadFull(b.r, out[start:]); err != nil {
			return nil, cut(err)
		}
		b.offset += int64(take)
		n -= int64(take)
	}
	return out, nil
}

// copy hands n octets to w out of the reader's own buffer.
func (b *berReader) copy(w io.Writer, n int64) error {
	for n > 0 {
		if _, err := b.r.Peek(1); err != nil {
			return cut(err)
		}
		piece, err := b.r.Peek(int(min(n, int64(b.r.Buffered()))))
		if err != nil {
			return cut(err)
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
		if _, err := b.r.Discard(len(piece)); err != nil {
			return cut(err)
		}
		b.offset += int64(len(piece))
		n -= int64(len(piece))
	}
	return nil
}

// octets copies the contents of an OCTET STRING, whole or in segments (X.690 section 8.7), to w.
func (b *berReader) octets(w io.Writer, h header, in scope) error {
	if !h.constructed {
		return b.copy(w, h.length)
	}
	inside, err := b.enter(h, in)
	if err != nil {
		return err
	}
	for {
		more, err := b.more(inside)
		if err != nil || !more {
			return err
		}
		// A content of 40 MiB in segments of one octet is long, not hostile: segments are no elements of the structure.
		b.elements--
		segment, err := b.header(inside)
		if err != nil {
			return err
		}
		if !segment.is(classUniversal, tagOctetString) {
			return defect{Damaged}
		}
		if err := b.octets(w, segment, inside); err != nil {
			return err
		}
	}
}

// skip reads over an element that nobody needs. Only one of indefinite length has to be looked into for its end.
func (b *berReader) skip(h header, in scope) error {
	if h.length >= 0 {
		return b.copy(io.Discard, h.length)
	}
	inside, err := b.enter(h, in)
	if err != nil {
		return err
	}
	for {
		more, err := b.more(inside)
		if err != nil || !more {
			return err
		}
		child, err := b.header(inside)
		if err != nil {
			return err
		}
		if err := b.skip(child, inside); err != nil {
			return err
		}
	}
}
