package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"filippo.io/age"
)

// chunkBytes is the size of a stored piece of content, so that no message is in memory whole.
const chunkBytes = 256 << 10

// maxSealed is the largest short text that is kept sealed in one piece, in octets: a subject, a key.
const maxSealed = 64 << 10

// chunks hands what is written to it to put, chunkBytes at a time.
type chunks struct {
	put func([]byte) error // must not keep its argument
	buf []byte
}

func (c *chunks) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), chunkBytes-len(c.buf))
		c.buf, p = append(c.buf, p[:k]...), p[k:]
		if len(c.buf) == chunkBytes {
			if err := c.flush(); err != nil {
				return n - len(p), err
			}
		}
	}
	return n, nil
}

func (c *chunks) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	err := c.put(c.buf)
	c.buf = c.buf[:0]
	return err
}

// packers are gzip writers that may be used again: each takes more than a megabyte of memory.
type packers struct{ idle sync.Pool }

func (p *packers) get(w io.Writer) (*gzip.Writer, error) {
	if z, ok := p.idle.Get().(*gzip.Writer); ok {
		z.Reset(w)
		return z, nil
	}
	return gzip.NewWriterLevel(w, gzip.BestSpeed)
}

// put takes back a writer, which keeps nothing of the content but in memory that the next one overwrites.
func (p *packers) put(z *gzip.Writer) {
	z.Reset(io.Discard)
	p.idle.Put(z)
}

// seal compresses content and encrypts it to the hold's key. It returns the hash, hex, and the size of the
// content. Random noise does not grow by more than a thousandth.
func (p *packers) seal(to age.Recipient, content io.Reader, put func([]byte) error) (sum string, size int64, err error) {
	out := &chunks{put: put}
	sealed, err := age.Encrypt(out, to)
	if err != nil {
		return "", 0, fmt.Errorf("encrypting: %w", err)
	}
	packed, err := p.get(sealed)
	if err != nil {
		return "", 0, fmt.Errorf("compressing: %w", err)
	}
	defer p.put(packed)
	h := sha256.New()
	if size, err = io.Copy(io.MultiWriter(h, packed), content); err != nil {
		return "", 0, fmt.Errorf("reading the content: %w", err)
	}
	if err := packed.Close(); err != nil {
		return "", 0, fmt.Errorf("compressing: %w", err)
	}
	if err := sealed.Close(); err != nil {
		return "", 0, fmt.Errorf("encrypting: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, out.flush()
}

// unsealContent reads what seal wrote, out of its chunks one after another: next returns io.EOF
// after the last. The reader fails with ErrDamaged, at the latest at its end, when the content is not that
// of sum and size.
func unsealContent(key age.Identity, next func() ([]byte, error), sum string, size int64) (io.Reader, error) {
	plain, err := age.Decrypt(&chunkReader{next: next}, key)
	if err != nil {
		return nil, damaged(err)
	}
	unpacked, err := gzip.NewReader(plain)
	if err != nil {
		return nil, damaged(err)
	}
	return &verified{from: unpacked, hash: sha256.New(), sum: sum, left: size}, nil
}

// damaged names what a decoder complains of; trouble with the database keeps its own name.
func damaged(err error) error {
	if trouble(err) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrDecided) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

type chunkReader struct {
	next func() ([]byte, error)
	rest []byte
}

func (c *chunkReader) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		var err error
		if c.rest, err = c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// verified passes on what has the right size and hash. The last octets come only with the hash.
type verified struct {
	from io.Reader
	hash hash.Hash
	sum  string
	left int64
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.from.Read(p)
	if v.left -= int64(n); v.left < 0 {
		return 0, fmt.Errorf("%w: more octets than were held", ErrDamaged)
	}
	v.hash.Write(p[:n])
	switch {
	case err == nil:
	case !errors.Is(err, io.EOF):
		return n, damaged(err)
	case v.left > 0 || hex.EncodeToString(v.hash.Sum(nil)) != v.sum:
		return 0, fmt.Errorf("%w: its hash is another", ErrDamaged)
	}
	return n, err
}

// sealText encrypts a short text.
func sealText(to age.Recipient, text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	return b.Bytes(), nil
}

// unsealText decrypts a short text; ErrNoAccess says that no identity fits.
func unsealText(sealed []byte, keys ...age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), keys...)
	if no := (*age.NoIdentityMatchError)(nil); errors.As(err, &no) {
		return nil, ErrNoAccess
	}
	if err != nil {
		return nil, damaged(err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSealed+1))
	switch {
	case err != nil:
		return nil, damaged(err)
	case len(text) > maxSealed:
		return nil, fmt.Errorf("%w: over %d octets", ErrDamaged, maxSealed)
	}
	return text, nil
}
