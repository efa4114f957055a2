package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules/virus"
)

const (
	maxUnpacked   = 64 << 20 // octets that a file in Zstandard may unpack to; beyond: not inspected
	maxZstdWindow = 64 << 20 // octets of memory that reading one may take; beyond: not inspected
)

// zstdMagic begins a frame (RFC 8878 section 3.1.1).
func zstdMagic() []byte { return []byte{0x28, 0xb5, 0x2f, 0xfd} }

// zstandard shows what is in a file in Zstandard (RFC 8878), which ClamAV does not open and today's desktops do.
func (s *virusScan) zstandard(p *message.Part, part string, seen map[string]bool) error {
	head := make([]byte, len(zstdMagic()))
	if n, err := io.ReadFull(p.Open(), head); n < len(head) {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("looking for Zstandard: %w", err)
		}
		return nil
	}
	if !bytes.Equal(head, zstdMagic()) {
		return nil
	}
	h := sha256.New()
	r := unpack(p)
	n, err := io.Copy(h, io.LimitReader(r, maxUnpacked+1))
	r.Close()
	if n > maxUnpacked || errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		for _, e := range s.engines {
			s.miss(filter.Finding{Part: part + "/1"}, message.TooBig, e)
		}
		return nil
	}
	// Of a damaged one what can be read is shown; that it is damaged is the matter of rule uninspected.
	sum := hex.EncodeToString(h.Sum(nil))
	if n == 0 || seen[sum] {
		return nil
	}
	seen[sum] = true
	return s.show(shown{part: part + "/1", again: true, Object: virus.Object{SHA256: sum, Size: n,
		Open: func() io.Reader { return io.LimitReader(unpack(p), n) }}})
}

// unpack reads what a file in Zstandard holds, in this goroutine alone.
func unpack(p *message.Part) io.ReadCloser {
	d, err := zstd.NewReader(p.Open(), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return io.NopCloser(failing{err})
	}
	return d.IOReadCloser()
}

// failing is a reader that only has an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
