package extract

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"slices"

	"github.com/ulikunitz/xz/lzma"

	"congthu/filter/message"
)

const (
	lzmaHeader    = 13        // octets: properties, dictionary, size
	lzmaUsual     = 0x5d      // properties that all programs use: three bits of context, none and two of position
	lzmaDictKnown = 256 << 20 // octets of memory for a dictionary; a file that asks for more is too big
	lzipHeader    = 6         // octets before a member's stream
	lzipTrailer   = 20        // octets behind it
	lzipMembers   = 1000      // in one file; beyond: too many
)

// lzmaMagic tells what LZMA compressed alone, as it was before xz, and what lzip compressed.
func lzmaMagic(head []byte) (name, mediaType string, ok bool) {
	switch {
	case bytes.HasPrefix(head, []byte("LZIP\x01")) && len(head) > lzipHeader:
		return "lzip", "application/lzip", true
	case len(head) > lzmaHeader && head[0] == lzmaUsual && head[lzmaHeader] == 0: // so the range coder begins
		dictionary, size := binary.LittleEndian.Uint32(head[1:]), binary.LittleEndian.Uint64(head[5:])
		rest := dictionary & (dictionary - 1) // one bit is set, or two beside each other
		if dictionary >= 1<<12 && (rest == 0 || rest&(rest-1) == 0) && (size == 1<<64-1 || size < 1<<38) {
			return "lzma", "application/x-lzma", true
		}
	}
	return "", "", false
}

// readLZMA reads what LZMA compressed alone. The dictionary that the file asks for is taken at once: so it is read in a worker.
func readLZMA(_ context.Context, in *input, o out) error {
	if len(in.head) >= lzmaHeader && binary.LittleEndian.Uint32(in.head[1:]) > lzmaDictKnown {
		return stop{message.TooBig}
	}
	r, err := lzma.NewReader(io.NewSectionReader(in.content, 0, in.content.Size()))
	if err != nil {
		return err
	}
	return o.member(innerNames(in.file.Names, ".lzma", ".tlz"), r)
}

// readLzip reads the members of what lzip compressed: they make one file (lzip manual, "File format").
func readLzip(_ context.Context, in *input, o out) error {
	members, err := lzipMembersOf(in.content)
	if err != nil {
		return err
	}
	return o.member(innerNames(in.file.Names, ".lz", ".tlz"), &lzipReader{c: in.content, members: members})
}

// lzipMembersOf are where members lie. Each tells its length at its end; a file with something behind its last is taken for one
// member.
func lzipMembersOf(c content) ([]octetRange, error) {
	var all []octetRange
	for end := c.Size(); end > 0; {
		b := octetsAt(c, end-8, 8)
		if b == nil {
			break
		}
		size := int64(binary.LittleEndian.Uint64(b))
		if size < lzipHeader+lzipTrailer || size > end || !bytes.Equal(octetsAt(c, end-size, 4), []byte("LZIP")) {
			break
		}
		if len(all) == lzipMembers {
			return nil, stop{message.TooMany}
		}
		all = append(all, octetRange{end - size, end})
		end -= size
	}
	slices.Reverse(all)
	if len(all) == 0 || all[0].from > 0 {
		return []octetRange{{0, c.Size()}}, nil
	}
	return all, nil
}

// octetRange are octets of a file, [from, to).
type octetRange struct{ from, to int64 }

// lzipReader reads one member after the other.
type lzipReader struct {
	c       content
	members []octetRange
	now     io.Reader
}

// Read implements io.Reader.
func (r *lzipReader) Read(p []byte) (int, error) {
	for {
		if r.now == nil {
			if len(r.members) == 0 {
				return 0, io.EOF
			}
			var err error
			if r.now, err = lzipMember(r.c, r.members[0]); err != nil {
				return 0, err
			}
			r.members = r.members[1:]
		}
		n, err := r.now.Read(p)
		if err != io.EOF {
			return n, err
		}
		r.now = nil
		if n > 0 {
			return n, nil
		}
	}
}

// lzipMember opens one member: LZMA with the usual properties and a mark at its end.
func lzipMember(c content, m octetRange) (io.Reader, error) {
	b := octetsAt(c, m.from, lzipHeader)
	if b == nil {
		return nil, io.ErrUnexpectedEOF
	}
	dictionary := uint32(1) << (b[5] & 0x1f)
	dictionary -= dictionary / 16 * uint32(b[5]>>5)
	if dictionary > lzmaDictKnown {
		return nil, stop{message.TooBig}
	}
	header := binary.LittleEndian.AppendUint32([]byte{lzmaUsual}, dictionary)
	header = binary.LittleEndian.AppendUint64(header, 1<<64-1)
	return lzma.NewReader(io.MultiReader(bytes.NewReader(header), io.NewSectionReader(c, m.from+lzipHeader, m.to-m.from-lzipHeader)))
}

const (
	zipLZMA     = 14       // the method (APPNOTE.TXT 4.4.5)
	zipLZMADict = 16 << 20 // octets of memory for a dictionary, as 7-Zip asks for; more is too big
)

// openZipLZMA opens a file in a zip that LZMA compressed (APPNOTE.TXT 5.8.8): version, length of the properties, and these.
func openZipLZMA(r io.Reader) io.ReadCloser {
	const version, properties = 4, 5
	var b [version + properties]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return io.NopCloser(failed{err})
	}
	switch dictionary := binary.LittleEndian.Uint32(b[version+1:]); {
	case binary.LittleEndian.Uint16(b[2:]) != properties:
		return io.NopCloser(failed{stop{UnknownType}})
	case dictionary > zipLZMADict:
		return io.NopCloser(failed{stop{message.TooBig}})
	}
	header := binary.LittleEndian.AppendUint64(b[version:], 1<<64-1)
	z, err := lzma.NewReader(io.MultiReader(bytes.NewReader(header), r))
	if err != nil {
		return io.NopCloser(failed{err})
	}
	return io.NopCloser(withoutMark{z})
}

// withoutMark is a stream that may end without a mark: the zip says how long the file is, and its checksum.
type withoutMark struct{ r io.Reader }

func (w withoutMark) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}
