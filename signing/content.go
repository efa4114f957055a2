package signing

import (
	"bytes"
	"context"
	"crypto"
	"hash"
	"io"
)

// hashed is content that goes by: hashed with every algorithm that is needed, at once.
type hashed struct {
	hashes map[crypto.Hash]hash.Hash
	n      int64
	head   []byte // the first octets
	w      io.Writer
	pure   bytes.Buffer // the content itself, while it is not longer than the limit
	limit  int64
}

// headBytes is enough for tag and length of an element.
const headBytes = 12

func newHashed(algorithms []crypto.Hash, w io.Writer, pureBytes int64) *hashed {
	h := &hashed{hashes: map[crypto.Hash]hash.Hash{}, w: w}
	for _, a := range algorithms {
		if h.hashes[a] == nil {
			h.hashes[a] = a.New()
		}
	}
	if h.hashes[crypto.SHA512] != nil { // RFC 8419 section 3: what Ed25519 announces
		h.limit = pureBytes
	}
	return h
}

// Write implements io.Writer.
func (h *hashed) Write(p []byte) (int, error) {
	for _, x := range h.hashes {
		x.Write(p) // never fails (hash.Hash)
	}
	if room := headBytes - len(h.head); room > 0 {
		h.head = append(h.head, p[:min(room, len(p))]...)
	}
	h.n += int64(len(p))
	if h.n <= h.limit {
		h.pure.Write(p)
	} else if h.limit > 0 {
		h.limit, h.pure = 0, bytes.Buffer{}
	}
	if h.w == nil {
		return len(p), nil
	}
	return h.w.Write(p)
}

// sum is the digest of what went by, nil when this algorithm was not run.
func (h *hashed) sum(a crypto.Hash) []byte {
	if h.hashes[a] == nil {
		return nil
	}
	return h.hashes[a].Sum(nil)
}

// whole is the content itself, when it was kept.
func (h *hashed) whole() ([]byte, bool) { return h.pure.Bytes(), h.limit > 0 }

// equal tells by SHA-256 whether two contents are the same.
func (h *hashed) equal(other *hashed) bool {
	return h.n == other.n && bytes.Equal(h.sum(crypto.SHA256), other.sum(crypto.SHA256))
}

// isAttributes tells whether the content has the form of signed attributes: a SET that ends where the content ends. Their
// signature would be one of that "message" (RFC 5652 section 5.3 signs both the same way).
func (h *hashed) isAttributes() bool {
	b := newBERReader(bytes.NewReader(h.head), Limits{}.complete())
	if len(h.head) < 2 || h.head[0] != constructedBit|tagSet {
		return false
	}
	b.r.Discard(1)
	b.offset = 1
	length, err := b.length()
	return err == nil && (length < 0 || b.offset+length == h.n)
}

// copyContent copies until the end or until ctx is done.
func copyContent(ctx context.Context, w io.Writer, r io.Reader) error {
	buffer := make([]byte, 64<<10)
	_, err := io.CopyBuffer(onlyWriter{w}, contextReader{ctx, r}, buffer)
	return err
}

// onlyWriter hides everything else that a writer can do, so that a copy goes through its buffer.
type onlyWriter struct{ io.Writer }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// needs are the digests that the signers need, and whether one needs the content itself: Ed25519 without attributes.
func (sd *signedData) needs() (digests []crypto.Hash, pure bool) {
	for _, s := range sd.signers {
		if h := digestOf(s.digest.oid); h != 0 {
			digests = append(digests, h)
		}
		if s.signature.oid == oidEd25519 && s.attributes == nil {
			pure = true
			digests = append(digests, crypto.SHA512)
		}
	}
	return digests, pure
}

// CanonicalLines reads r with every line end as CR LF (RFC 8551 section 3.1.1): a LF without a CR in front gets one. It is for
// messages kept in files with the line ends of the system; what came by SMTP has the right ones.
func CanonicalLines(r io.Reader) io.Reader {
	return &canonicalLines{r: r, buffer: make([]byte, 16<<10)}
}

type canonicalLines struct {
	r      io.Reader
	buffer []byte
	in     []byte // read, not yet given out
	last   byte
	err    error
}

// Read implements io.Reader.
func (c *canonicalLines) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(c.in) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		var n int
		n, c.err = c.r.Read(c.buffer)
		c.in = c.buffer[:n]
	}
	n := 0
	for n < len(p) && len(c.in) > 0 {
		if c.in[0] == '\n' && c.last != '\r' {
			c.last = '\r'
			p[n] = '\r'
			n++
			continue
		}
		c.last = c.in[0]
		p[n] = c.in[0]
		n++
		c.in = c.in[1:]
	}
	return n, nil
}
