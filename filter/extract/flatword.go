package extract

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"io"

	"congthu/filter/message"
)

// flatBinary is a file in Base64 in a document that is one XML file: a part of its package, or macros.
type flatBinary struct {
	open   bool
	base64 []byte
	lost   bool // it was longer than rtfObject
}

func (b *flatBinary) add(text []byte) {
	if b.lost = b.lost || len(b.base64)+len(text) > rtfObject/3*4; !b.lost {
		b.base64 = append(b.base64, text...)
	}
}

// end hands the file on.
func (b *flatBinary) end(o out) error {
	text, lost := b.base64, b.lost
	*b = flatBinary{}
	if lost {
		o.miss(message.TooBig)
		return nil
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return o.member(nil, base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text)))
}

// flat reads what stands in the text of documents that are one XML file, and in files of their own in others: what the
// document loads from elsewhere, and files.
func (r *wordReader) flat() {
	switch x := r.x; string(x.name) {
	case "Relationship":
		r.relation(x)
	case "attachedTemplate": // in others it names a relationship
		if remote(x.attr("val")) {
			r.o.fact(RemoteTemplate)
		}
	default:
		r.binary.open = true
	}
}

// endFlat ends a file.
func (r *wordReader) endFlat() {
	if err := r.binary.end(r.o); err != nil && r.w.err == nil {
		r.w.err = err
	}
}

// readActiveMime reads the macros of documents that are saved as pages or XML, "editdata.mso": a compound file behind a
// header whose length differs.
func readActiveMime(_ context.Context, in *input, o out) error {
	places := []int64{0x32, 0x22a}
	if b := octetsAt(in.content, 0x1e, 2); b != nil {
		places = append([]int64{int64(binary.LittleEndian.Uint16(b)) + 46}, places...)
	}
	err := io.ErrUnexpectedEOF
	for _, at := range places {
		var r io.ReadCloser
		if r, err = zlib.NewReader(io.NewSectionReader(in.content, at, max(0, in.content.Size()-at))); err == nil {
			defer r.Close()
			return o.member(nil, r)
		}
	}
	return err
}
