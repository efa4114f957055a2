package signing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
)

// Limits of a signed PDF.
const (
	maxPDFSignatures = 16      // places that look like one; beyond: Unsupported (TooManySigners)
	maxPDFContents   = 4 << 20 // octets of a signature, as hexadecimal digits (TooBig)
	maxPDFDictionary = 8 << 10 // octets around a signature in which its dictionary is looked for
)

// DocumentResult is what is known of a PDF's signatures (ISO 32000-2 section 12.8, PAdES of ETSI EN 319 142-1).
//
// A PDF grows by appending, and what is appended can change every page: State is Valid only when a good signature covers the
// whole file. Otherwise it is Unsupported with the reason ChangedAfter, and what was signed is in Signatures. Addresses are
// not compared: a document's signer need not be a mail's sender.
type DocumentResult struct {
	State      State // Unsigned: nothing in it looks like a signature
	Reason     Reason
	Signatures []DocumentSignature
}

// DocumentSignature is one of them.
type DocumentSignature struct {
	Result
	SubFilter string // the form as the file names it, such as "ETSI.CAdES.detached"; "" when it names none of those known
	Whole     bool   // it covers the file to its end
	Timestamp bool   // a document timestamp (RFC 3161), which signs for no person: not evaluated, and not counted in State
}

// VerifyPDF finds the signatures of a PDF and verifies them. An error is the file's or the context's.
func VerifyPDF(ctx context.Context, file io.ReaderAt, size int64, o Options) (DocumentResult, error) {
	places, err := findInPDF(ctx, file, size)
	if err != nil {
		return DocumentResult{}, fmt.Errorf("looking for signatures in a PDF: %w", err)
	}
	var out DocumentResult
	if len(places) > maxPDFSignatures {
		return DocumentResult{State: Unsupported, Reason: TooManySigners}, nil
	}
	o.From, o.Sender = nil, ""
	for _, at := range places {
		s, found, err := verifyInPDF(ctx, file, size, at, o)
		if err != nil {
			return DocumentResult{}, err
		}
		if found {
			out.Signatures = append(out.Signatures, s)
		}
	}
	out.settle()
	return out, nil
}

// settle makes the state of the document out of the signatures'.
func (d *DocumentResult) settle() {
	d.State, d.Reason = Unsigned, NoSigners
	first := true
	for _, s := range d.Signatures {
		if s.Timestamp {
			continue
		}
		state, reason := s.State, s.Reason
		if state == Valid && !s.Whole {
			state, reason = Unsupported, ChangedAfter
		}
		if d.State == Invalid {
			return
		}
		if first || state == Invalid || state.rank() < d.State.rank() {
			d.State, d.Reason = state, reason
		}
		first = false
	}
}

// findInPDF gives the offsets behind every "/ByteRange" in a file, one more than the limit at most. Signature dictionaries are
// never in compressed streams, for their digits are filled in after the file was written.
func findInPDF(ctx context.Context, file io.ReaderAt, size int64) ([]int64, error) {
	word := []byte("/ByteRange")
	buffer := make([]byte, 64<<10)
	var out []int64
	for from := int64(0); from < size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		window := buffer[:min(int64(len(buffer)), size-from)]
		if _, err := readAt(file, window, from); err != nil {
			return nil, err
		}
		for at := 0; ; {
			i := bytes.Index(window[at:], word)
			if i < 0 {
				break
			}
			at += i + len(word)
			if out = append(out, from+int64(at)); len(out) > maxPDFSignatures {
				return out, nil
			}
		}
		if int64(len(window)) == size-from {
			break
		}
		from += int64(len(window) - len(word) + 1) // a word across two windows is seen once
	}
	return out, nil
}

// readAt fills p, or gives an error: the file is as long as its owner says.
func readAt(file io.ReaderAt, p []byte, at int64) (int, error) {
	n, err := file.ReadAt(p, at)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// around reads what is near a place in the file.
func around(file io.ReaderAt, size, from, to int64) ([]byte, error) {
	from, to = max(from, 0), min(to, size)
	p := make([]byte, max(to-from, 0))
	_, err := readAt(file, p, from)
	return p, err
}

// verifyInPDF verifies the signature whose ByteRange begins behind an offset. found is false where there is none: the word can
// stand in a text as well.
func verifyInPDF(ctx context.Context, file io.ReaderAt, size, at int64, o Options) (s DocumentSignature, found bool, err error) {
	text, err := around(file, size, at, at+256)
	if err != nil {
		return s, false, fmt.Errorf("reading a PDF: %w", err)
	}
	r, ok := byteRange(text)
	if !ok {
		return s, false, nil
	}
	start, end := r[0]+r[1], r[2] // the hole that the signature is in
	s.Result = Result{State: Invalid, Reason: Damaged}
	switch {
	case r[0] != 0 || start >= end || end > size || r[3] > size-end:
		return s, true, nil
	case end-start > maxPDFContents:
		s.State, s.Reason = Unsupported, TooBig
		return s, true, nil
	}
	digits, err := around(file, size, start, end)
	if err != nil {
		return s, true, fmt.Errorf("reading a PDF: %w", err)
	}
	before, err := around(file, size, start-maxPDFDictionary, start)
	if err != nil {
		return s, true, fmt.Errorf("reading a PDF: %w", err)
	}
	after, err := around(file, size, end, end+maxPDFDictionary)
	if err != nil {
		return s, true, fmt.Errorf("reading a PDF: %w", err)
	}
	cms, ok := hexString(digits)
	// The hole is the signature and nothing else, or something unsigned could be shown out of it.
	if !ok || !bytes.HasSuffix(bytes.TrimRight(before, " \t\r\n\f\x00"), []byte("/Contents")) {
		return s, true, nil
	}
	if s.Whole, err = endsAt(file, size, end+r[3]); err != nil {
		return s, true, fmt.Errorf("reading a PDF: %w", err)
	}
	s.SubFilter = subFilter(before, after)
	switch s.SubFilter {
	case "adbe.pkcs7.sha1":
		s.State, s.Reason = Weak, WeakDigest
		return s, true, nil
	case "adbe.x509.rsa_sha1":
		s.State, s.Reason = Unsupported, Algorithm
		return s, true, nil
	case "ETSI.RFC3161":
		s.State, s.Reason, s.Timestamp = Unsupported, ContentKind, true
		return s, true, nil
	}
	v := newVerifier(o)
	v.documents = true
	signed := io.MultiReader(io.NewSectionReader(file, 0, start), io.NewSectionReader(file, end, r[3]))
	s.Result, err = v.detached(ctx, bytes.NewReader(cms), signed)
	if !s.Whole {
		s.Notes = append(s.Notes, ChangedLater)
	}
	return s, true, err
}

// byteRange reads "[0 840 960 240]". Four numbers: one hole.
func byteRange(text []byte) (r [4]int64, ok bool) {
	text = bytes.TrimLeft(text, " \t\r\n\f\x00")
	inside, _, closed := bytes.Cut(text, []byte("]"))
	if !closed || len(inside) == 0 || inside[0] != '[' {
		return r, false
	}
	words := bytes.FieldsFunc(inside[1:], func(c rune) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == 0 })
	if len(words) != len(r) {
		return r, false
	}
	for i, w := range words {
		n, err := strconv.ParseInt(string(w), 10, 48)
		if err != nil || n < 0 {
			return r, false
		}
		r[i] = n
	}
	return r, true
}

// hexString reads "<30820a…>".
func hexString(digits []byte) ([]byte, bool) {
	if len(digits) < 2 || digits[0] != '<' || digits[len(digits)-1] != '>' {
		return nil, false
	}
	out := make([]byte, 0, len(digits)/2)
	half, odd := byte(0), false
	for _, c := range digits[1 : len(digits)-1] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == 0:
			continue
		default:
			return nil, false
		}
		if odd {
			out = append(out, half<<4|c)
		}
		half, odd = c, !odd
	}
	return out, !odd
}

// endsAt tells whether a file has nothing but line ends behind an offset.
func endsAt(file io.ReaderAt, size, at int64) (bool, error) {
	if size-at > 16 {
		return false, nil
	}
	rest, err := around(file, size, at, size)
	return len(bytes.Trim(rest, "\r\n")) == 0, err
}

// subFilter finds the form of a signature in the dictionary around its digits, "" when it names none that is known.
func subFilter(before, after []byte) string {
	if i := bytes.LastIndex(before, []byte(" obj")); i >= 0 {
		before = before[i:]
	}
	if i := bytes.Index(after, []byte("endobj")); i >= 0 {
		after = after[:i]
	}
	for _, part := range [][]byte{before, after} {
		_, rest, found := bytes.Cut(part, []byte("/SubFilter"))
		if !found {
			continue
		}
		rest = bytes.TrimLeft(rest, " \t\r\n\f\x00")
		for _, known := range []string{"adbe.pkcs7.detached", "ETSI.CAdES.detached", "adbe.pkcs7.sha1", "adbe.x509.rsa_sha1", "ETSI.RFC3161"} {
			if name, ok := bytes.CutPrefix(rest, []byte("/"+known)); ok && (len(name) == 0 || bytes.ContainsRune([]byte(" \t\r\n\f\x00/<>[](){}%"), rune(name[0]))) {
				return known
			}
		}
	}
	return ""
}
