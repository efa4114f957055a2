package extract

import (
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"congthu/filter/message"
)

// directoryBytes is how many octets a zip's directory may have: some 15 000 entries. What is read of it is kept.
const directoryBytes = 2 << 20

// Methods of compression beside stored and deflated (APPNOTE.TXT 4.4.5).
const (
	zipBzip2 = 12
	zipZstd  = 93
	zipAES   = 99 // encrypted; the true method is inside
)

// readZip reads a zip: a document of an office program by its kind, another as an archive. One whose directory is
// damaged or cut off is read entry by entry, as repair programs do.
func readZip(ctx context.Context, in *input, o out) error {
	c, begins := in.content, zipBegins(in.content)
	first := bytes.HasPrefix(in.head, []byte("PK\x03\x04"))
	if begins > 0 && first {
		c = io.NewSectionReader(c, begins, c.Size()-begins)
	}
	z, err := openZip(c)
	limit := stop{}
	over := errors.As(err, &limit)
	if begins > 0 || !first || err != nil && !over || err == nil && irregular(c, z) {
		o.fact(Wrapped)
	}
	if begins > 0 && first {
		if err := scanZip(ctx, in, begins, o); err != nil {
			return err
		}
	}
	if over {
		return limit
	}
	if err != nil {
		return errors.Join(scanZip(ctx, in, in.content.Size(), o), err)
	}
	switch p := newParts(in, o, z); p.kind() {
	case officeXML:
		return readOOXML(ctx, p)
	case openDocument:
		return readODF(ctx, p)
	}
	o.fact(Archive)
	for _, f := range z.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasSuffix(f.Name, "/") && f.UncompressedSize64 == 0 {
			continue
		}
		if err := zipMember(f, o); err != nil {
			return err
		}
	}
	return nil
}

// openZip reads a zip's directory.
func openZip(c content) (*zip.Reader, error) {
	limited := &directoryReader{ReaderAt: c, left: directoryBytes}
	z, err := zip.NewReader(limited, c.Size())
	if limited.left < 0 {
		return nil, stop{message.TooMany}
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are names here, no paths
		return nil, err
	}
	limited.opened = true
	z.RegisterDecompressor(zip.Deflate, new(inflaters).open)
	z.RegisterDecompressor(zipBzip2, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	z.RegisterDecompressor(zipLZMA, openZipLZMA)
	z.RegisterDecompressor(zipZstd, func(r io.Reader) io.ReadCloser {
		d, err := newZstd(r)
		if err != nil {
			return io.NopCloser(failed{err})
		}
		return d.IOReadCloser()
	})
	return z, nil
}

// directoryReader bounds what is read before the zip is open.
type directoryReader struct {
	io.ReaderAt
	left   int64
	opened bool
}

func (r *directoryReader) ReadAt(p []byte, off int64) (int, error) {
	if !r.opened {
		if r.left -= int64(len(p)); r.left < 0 {
			return 0, errors.New("the directory is too long")
		}
	}
	return r.ReaderAt.ReadAt(p, off)
}

// newZstd makes a decoder that keeps no more than a window of zstdWindow.
func newZstd(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow),
		zstd.WithDecoderMaxMemory(zstdOctets))
}

// zstdWindow is the most octets that a zstd decoder looks back; more than programs use of their own accord
// (RFC 8878 section 3.1.1.1.2 recommends 8 MiB).
const zstdWindow = 32 << 20

// zstdOctets is the most octets that a zstd frame may say it unpacks to: more than any limit lets through.
const zstdOctets = 1 << 30

// zipMember hands a file in a zip on.
func zipMember(f *zip.File, o out) error {
	r, err := openEntry(f, o)
	if err != nil {
		return o.member(zipNames(f), failed{err})
	}
	defer r.Close()
	return o.member(zipNames(f), r)
}

// openEntry opens a file in a zip. The error is a stop when it cannot be read, whatever is in it.
func openEntry(f *zip.File, o out) (io.ReadCloser, error) {
	if f.Flags&1 != 0 || f.Method == zipAES { // APPNOTE.TXT 4.4.4
		o.fact(EncryptedFile)
		return nil, stop{Encrypted}
	}
	r, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return nil, stop{UnknownType}
	}
	return r, err
}

// zipNames are the names of a file in a zip. Without a flag that says UTF-8 the name is in the code page of whoever
// made it: cp437 by the format, in Vietnam windows-1258 or UTF-8 in practice.
func zipNames(f *zip.File) []string {
	names := namesOf(f.Name)
	if f.NonUTF8 && !isASCIIText(f.Name) && !utf8.ValidString(f.Name) {
		if s, err := charmap.CodePage437.NewDecoder().String(f.Name); err == nil {
			names = append(names, norm.NFC.String(s))
		}
	}
	// The extra field for Unicode paths of Info-ZIP (APPNOTE.TXT 4.6.9).
	for extra := f.Extra; len(extra) >= 4; {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			break
		}
		if id == 0x7075 && n > 5 {
			names = append(names, norm.NFC.String(strings.ToValidUTF8(string(extra[5:n]), "\uFFFD")))
		}
		extra = extra[n:]
	}
	return names
}

// maxNames is how many readings of a name are told.
const maxNames = 4

// namesOf are the ways to read the octets of a name.
func namesOf(raw string) []string {
	if len(raw) > MaxPiece {
		raw = raw[:MaxPiece]
	}
	var names []string
	for _, r := range message.Readings([]byte(raw), "") {
		if len(names) < maxNames {
			names = append(names, r.Text)
		}
	}
	return names
}

func isASCIIText(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// zipBegins is where the archive begins that a zip's directory at the end is of (APPNOTE.TXT 4.3.16), 0 for one that its file
// begins with: behind another archive, which some programs open instead.
func zipBegins(c content) int64 {
	const end = 22
	tail := octetsAt(c, max(0, c.Size()-zipComment-end), int(min(c.Size(), zipComment+end)))
	i := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if i < 0 || len(tail)-i < end {
		return 0
	}
	size, offset := int64(binary.LittleEndian.Uint32(tail[i+12:])), int64(binary.LittleEndian.Uint32(tail[i+16:]))
	begins := c.Size() - int64(len(tail)-i) - size - offset
	if begins <= 0 || string(octetsAt(c, begins, 4)) != "PK\x03\x04" {
		return 0
	}
	return begins
}

// zipComment is how many octets a comment behind a zip's directory may have.
const zipComment = 1<<16 - 1

// scanZip reads the entries of a zip without its directory: each has a header before it (APPNOTE.TXT 4.3.7). It reads those
// whose content begins before an offset.
func scanZip(ctx context.Context, in *input, before int64, o out) error {
	r := &scanner{r: io.NewSectionReader(in.content, 0, in.content.Size())}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.find([]byte("PK\x03\x04")) {
			return nil
		}
		h, ok := r.take(30)
		if !ok {
			return nil
		}
		le := binary.LittleEndian
		flags, method, size := le.Uint16(h[6:]), le.Uint16(h[8:]), int64(le.Uint32(h[18:]))
		nameLen, extraLen := int(le.Uint16(h[26:])), int(le.Uint16(h[28:]))
		name, ok := r.take(nameLen + extraLen)
		if !ok {
			return nil
		}
		names := namesOf(string(name[:nameLen]))
		start := r.offset()
		if start >= before {
			return nil
		}
		if strings.HasSuffix(names[0], "/") {
			continue
		}
		var from io.Reader
		raw := io.NewSectionReader(in.content, start, in.content.Size()-start)
		switch {
		case flags&1 != 0 || method == zipAES:
			o.fact(EncryptedFile)
			from = failed{stop{Encrypted}}
		case method == zip.Deflate:
			from = flate.NewReader(raw)
		case method == zip.Store:
			from = io.LimitReader(raw, size)
		default:
			from = failed{stop{UnknownType}}
		}
		if err := o.member(names, from); err != nil {
			return err
		}
		if flags&8 == 0 && size > 0 { // else the length stands behind it: the next header is searched for
			r.seek(min(start+size, in.content.Size()))
		}
	}
}

// scanner looks for signs in a file.
type scanner struct {
	r   *io.SectionReader
	buf []byte
	pos int64 // of buf in the file
}

func (s *scanner) offset() int64 { return s.pos }

func (s *scanner) seek(to int64) { s.pos = to }

// take reads n octets.
func (s *scanner) take(n int) ([]byte, bool) {
	b := make([]byte, n)
	if _, err := s.r.ReadAt(b, s.pos); err != nil && !(errors.Is(err, io.EOF) && s.pos+int64(n) == s.r.Size()) {
		return nil, false
	}
	s.pos += int64(n)
	return b, true
}

// find moves to the next place of a sign.
func (s *scanner) find(sign []byte) bool {
	if s.buf == nil {
		s.buf = make([]byte, 64<<10)
	}
	for {
		n, err := s.r.ReadAt(s.buf, s.pos)
		if i := bytes.Index(s.buf[:n], sign); i >= 0 {
			s.pos += int64(i)
			return true
		}
		if err != nil || n < len(sign) {
			return false
		}
		s.pos += int64(n - len(sign) + 1)
	}
}
