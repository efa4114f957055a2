package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules/virus"
)

const (
	maxZips   = 16 // archives behind each other in one file that are shown apart; beyond: not inspected
	maxZipEnd = 64 // ends of archives in one file that are looked at: archives in archives have theirs too
)

// zipEnd is the size of a directory's end without its comment (APPNOTE.TXT 4.3.16), in octets.
const zipEnd = 22

// zipEnds looks for the ends of zip archives in what is written to it.
type zipEnds struct {
	at     int64  // octets written
	last   []byte // of them, where an end may be cut
	ranges []octetRange
}

// octetRange are octets of a file, [from, to).
type octetRange struct{ from, to int64 }

// Write implements io.Writer.
func (z *zipEnds) Write(p []byte) (int, error) {
	b := append(z.last, p...)
	start := z.at - int64(len(z.last))
	for i := 0; ; {
		n := bytes.Index(b[i:], []byte("PK\x05\x06"))
		if i += n; n < 0 || len(b)-i < zipEnd {
			break
		}
		z.end(start+int64(i), b[i:i+zipEnd])
		i++
	}
	z.at += int64(len(p))
	z.last = append(z.last[:0], b[max(0, len(b)-zipEnd+1):]...)
	return len(p), nil
}

// end takes an end of a directory: the archive begins where its offsets count from.
func (z *zipEnds) end(at int64, b []byte) {
	le := binary.LittleEndian
	size, offset, comment := int64(le.Uint32(b[12:])), int64(le.Uint32(b[16:])), int64(le.Uint16(b[20:]))
	from := at - size - offset
	if from < 0 || le.Uint16(b[4:]) != 0 || le.Uint16(b[8:]) != le.Uint16(b[10:]) || size == 0 {
		return
	}
	// An archive that lies in this one is shown with it.
	for len(z.ranges) > 0 && z.ranges[len(z.ranges)-1].from >= from {
		z.ranges = z.ranges[:len(z.ranges)-1]
	}
	if len(z.ranges) < maxZipEnd {
		z.ranges = append(z.ranges, octetRange{from, at + zipEnd + comment})
	}
}

// behindEachOther are the archives of a file that holds several: some programs open the first, others the last, and
// ClamAV sees the files of neither. It is empty for a file that is one archive.
func (z *zipEnds) behindEachOther() []octetRange {
	if len(z.ranges) < 2 {
		return nil
	}
	for i := range z.ranges {
		z.ranges[i].to = min(z.ranges[i].to, z.at)
	}
	return z.ranges
}

// zips shows each of several zip archives that stand behind each other in a part.
func (s *virusScan) zips(p *message.Part, part string, ranges []octetRange, seen map[string]bool) error {
	for i, r := range ranges {
		if i == maxZips {
			for _, e := range s.engines {
				s.miss(filter.Finding{Part: part}, message.TooMany, e)
			}
			return nil
		}
		open := func() io.Reader {
			from := p.Open()
			if _, err := io.CopyN(io.Discard, from, r.from); err != nil {
				return failing{err}
			}
			return io.LimitReader(from, r.to-r.from)
		}
		h := sha256.New()
		n, err := io.Copy(h, open())
		if err != nil {
			return fmt.Errorf("reading an archive in part %q: %w", p.ID, err)
		}
		sum := hex.EncodeToString(h.Sum(nil))
		if seen[sum] {
			continue
		}
		seen[sum] = true
		if err := s.show(shown{part: part, again: true, Object: virus.Object{SHA256: sum, Size: n, Open: open}}); err != nil {
			return err
		}
	}
	return nil
}

// failing is a reader that only has an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
