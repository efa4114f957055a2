package extract

import (
	"context"
	"encoding/binary"
	"io"

	"congthu/filter/message"
)

// fileData begins a file that a section of OneNote holds, {BDE316E7-2665-4511-A4C4-8D4D0B7A9EAC} ([MS-ONESTORE] 2.6.13).
const fileData = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"

// fileDataHeader is that mark, the length, and octets that mean nothing.
const fileDataHeader = 16 + 8 + 12

// maxNotebookFiles is how many files in one section are looked into.
const maxNotebookFiles = 1000

// readOneNote hands on the files in a section of OneNote: pictures, and whatever was put in. The text is not read.
func readOneNote(ctx context.Context, in *input, o out) error {
	o.miss(UnknownType)
	s := &scanner{r: io.NewSectionReader(in.content, 0, in.content.Size())}
	for n := 0; s.find([]byte(fileData)); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n == maxNotebookFiles {
			return stop{message.TooMany}
		}
		h, ok := s.take(fileDataHeader)
		if !ok {
			return nil
		}
		start := s.offset()
		size := min(binary.LittleEndian.Uint64(h[16:]), uint64(in.content.Size()-start))
		if err := o.member(nil, io.NewSectionReader(in.content, start, int64(size))); err != nil {
			return err
		}
		s.seek(start + int64(size))
	}
	return nil
}
