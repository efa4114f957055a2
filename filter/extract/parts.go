package extract

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"congthu/filter/message"
)

// packageKind is what a zip is.
type packageKind int

const (
	plainZip packageKind = iota
	officeXML
	openDocument
)

// parts are the files of a document that is a zip.
type parts struct {
	in   *input
	o    out
	list []docPart
}

// docPart is one of them.
type docPart struct {
	file *zip.File
	name string // in small letters, parted by "/", as office programs compare them (ECMA-376 part 2, 6.2.2)
}

func newParts(in *input, o out, z *zip.Reader) *parts {
	p := &parts{in: in, o: o}
	for _, f := range z.File {
		name := strings.ToLower(strings.TrimLeft(strings.ReplaceAll(f.Name, `\`, "/"), "/"))
		if strings.HasSuffix(name, "/") && f.UncompressedSize64 == 0 {
			continue
		}
		p.list = append(p.list, docPart{f, name})
	}
	return p
}

// kind tells an office document from an archive by the part that it must have.
func (p *parts) kind() packageKind {
	content, manifest := false, false
	for _, d := range p.list {
		switch d.name {
		case "[content_types].xml":
			return officeXML
		case "content.xml", "styles.xml":
			content = true
		case "meta-inf/manifest.xml", "mimetype":
			manifest = true
		}
	}
	if content && manifest {
		return openDocument
	}
	return plainZip
}

// order sorts the parts: those with a lower rank first, equal ones by the numbers in their names.
func (p *parts) order(rank func(name string) int) {
	slices.SortStableFunc(p.list, func(a, b docPart) int {
		return cmp.Or(cmp.Compare(rank(a.name), rank(b.name)), cmp.Compare(number(a.name), number(b.name)))
	})
}

// number is the number at the end of a part's name, "slide12.xml", 0 without.
func number(name string) int {
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	digits := stem[len(strings.TrimRight(stem, "0123456789")):]
	n, err := strconv.Atoi(digits)
	if err != nil || n > 1<<20 {
		return 0
	}
	return n
}

// open opens a part, its octets counted.
func (p *parts) open(d docPart) (io.ReadCloser, error) {
	r, err := openEntry(d.file, p.o)
	if err != nil {
		return nil, err
	}
	return &countedReader{r, p.in.limits.MemberBytes, p.in.spend}, nil
}

// countedReader counts what is unpacked.
type countedReader struct {
	io.ReadCloser
	left  int64
	spend func(int64) error
}

func (c *countedReader) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if c.left -= int64(n); c.left < 0 {
		return 0, stop{message.TooBig}
	}
	if c.spend != nil && n > 0 {
		if err := c.spend(int64(n)); err != nil {
			return 0, err
		}
	}
	return n, err
}

// xml reads a part of XML. Damage of one part does not keep the others from being read; a limit ends the reading.
func (p *parts) xml(d docPart, read func(*xmlReader) error) error {
	r, err := p.open(d)
	if err == nil {
		err = read(newXMLReader(r, p.in.limits.XMLDepth))
		r.Close()
	}
	return p.excuse(err)
}

// excuse takes down what is wrong with one part and gives the errors that end the reading of all.
func (p *parts) excuse(err error) error {
	limit := stop{}
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &limit) && (limit.why == Encrypted || limit.why == UnknownType || limit.why == message.TooDeep):
		p.o.miss(limit.why)
		return nil
	case errors.As(err, &limit), errors.Is(err, message.ErrNoRoom), ours(err):
		return err
	}
	p.o.miss(message.Damaged)
	return nil
}

// looksLikeXML tells a part by its first octets.
func (p *parts) looksLikeXML(d docPart) bool {
	r, err := openEntry(d.file, quiet{p.o})
	if err != nil {
		return false
	}
	defer r.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	head = head[:n]
	if _, ok := byteOrder(head); ok {
		head = bytes.ReplaceAll(head, []byte{0}, nil)
	}
	return bytes.HasPrefix(bytes.TrimLeft(head, "\xef\xbb\xbf\xff\xfe \t\r\n"), []byte("<"))
}

// quiet keeps facts to itself: they are told when the part is read.
type quiet struct{ out }

func (quiet) fact(Fact) {}

// member hands a part on as a file inside.
func (p *parts) member(d docPart) error { return zipMember(d.file, p.o) }
