package message

import (
	"io"
)

// minDecodeRoom is how much room a decoder needs to make progress, in octets.
const minDecodeRoom = 2 * maxTrailingBlanks

// decoder undoes a content transfer encoding. It is a plain value: a copy goes on from the same
// place, which is how a decoded source is read from the middle.
type decoder struct {
	enc    Encoding
	base64 base64State
	quoted quotedState
	uu     uuState
	yenc   yencState
}

// decode decodes src into dst, which holds at least minDecodeRoom octets, and returns how much it
// wrote and read. Without progress it needs more of src, unless atEOF.
func (d *decoder) decode(dst, src []byte, atEOF bool) (nDst, nSrc int) {
	switch d.enc {
	case Base64:
		return d.base64.decode(dst, src, atEOF)
	case QuotedPrintable:
		return d.quoted.decode(dst, src, atEOF)
	case UUEncode:
		return d.uu.decode(dst, src, atEOF)
	case YEnc:
		return d.yenc.decode(dst, src, atEOF)
	}
	n := copy(dst, src)
	return n, n
}

// anomaly is what decoding up to here showed, "" for nothing.
func (d *decoder) anomaly() AnomalyKind {
	switch {
	case d.base64.damaged:
		return DamagedBase64
	case d.quoted.damaged:
		return DamagedQuoted
	}
	return ""
}

// decodeReader decodes what it reads from src. Its buffer goes back to the pool at the end.
type decodeReader struct {
	src  io.Reader
	dec  decoder
	buf  []byte // taken from the pool; holds buf[at:]
	at   int
	eof  bool
	done bool
	err  error

	read  int64 // octets of src that are decoded
	small []byte
	spare [minDecodeRoom]byte
}

func newDecodeReader(src io.Reader, dec decoder) *decodeReader {
	return &decodeReader{src: src, dec: dec}
}

// Read implements io.Reader.
func (r *decodeReader) Read(p []byte) (int, error) {
	if len(r.small) == 0 && len(p) < minDecodeRoom {
		n, err := r.fill(r.spare[:])
		r.small = r.spare[:n]
		if n == 0 {
			return 0, err
		}
	}
	if len(r.small) > 0 {
		n := copy(p, r.small)
		r.small = r.small[n:]
		return n, nil
	}
	return r.fill(p)
}

// WriteTo implements io.WriterTo.
func (r *decodeReader) WriteTo(w io.Writer) (int64, error) {
	out := takeBuffer(windowBuffer)
	defer giveBuffer(out)
	var total int64
	for {
		n, err := r.Read(out[:cap(out)])
		if n > 0 {
			k, werr := w.Write(out[:n])
			total += int64(k)
			if werr != nil {
				return total, werr
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// fill decodes into p, at least one octet unless it returns an error.
func (r *decodeReader) fill(p []byte) (int, error) {
	for !r.done {
		n, m := r.dec.decode(p, r.buf[r.at:], r.eof)
		r.at += m
		r.read += int64(m)
		if r.eof && r.at == len(r.buf) && len(p)-n >= minDecodeRoom || r.err != nil {
			r.finish()
		}
		if n > 0 {
			return n, nil
		}
		if !r.done && !r.eof {
			r.more()
		}
	}
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
}

func (r *decodeReader) finish() {
	r.done = true
	giveBuffer(r.buf)
	r.buf, r.at = nil, 0
}

// more reads on into the buffer, behind what is not yet decoded.
func (r *decodeReader) more() {
	if r.buf == nil {
		r.buf = takeBuffer(windowBuffer)
	}
	left := copy(r.buf[:cap(r.buf)], r.buf[r.at:])
	r.buf, r.at = r.buf[:left], 0
	n, err := io.ReadAtLeast(r.src, r.buf[left:cap(r.buf)], 1)
	r.buf = r.buf[:left+n]
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		r.eof = true
	case err != nil:
		r.err = err
	}
}
