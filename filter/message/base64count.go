package message

import (
	"bytes"
	"encoding/binary"
	"io"
)

// base64Counter tells how many octets base64 decodes to, and whether it is damaged, without writing them:
// whole lines of letters, which is what programs write, need only be looked at. It sees what base64State
// sees, octet for octet.
type base64Counter struct {
	state  base64State
	octets int64
	// width is how many letters the line before had, if it was clean: the next is likely to be as long. It costs
	// no more than that line did to find that it is not.
	width   int
	scratch [minDecodeRoom]byte
}

// Write takes the next octets of the encoded text. It never fails.
func (c *base64Counter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if c.width > 0 && c.state.n == 0 && !c.state.ended {
			lines := cleanLines(rest, c.width)
			c.octets += int64(lines) * int64(c.width/4*3)
			if rest = rest[lines*(c.width+2):]; len(rest) == 0 {
				break
			}
		}
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line = rest[:end+1]
		}
		rest = rest[len(line):]
		c.line(line)
	}
	return len(p), nil
}

// line takes one line, whatever it holds.
func (c *base64Counter) line(line []byte) {
	c.width = 0
	if n := len(line) - 2; n >= base64Word && n%4 == 0 && line[n] == '\r' && c.state.n == 0 {
		c.width = n
	}
	for len(line) > 0 {
		n, read := c.state.decode(c.scratch[:], line, false)
		c.octets += int64(n)
		line = line[read:]
	}
}

// measure ends the text and tells what was found. It is good for one call.
func (c *base64Counter) measure() Measure {
	n, _ := c.state.decode(c.scratch[:], nil, true)
	m := Measure{Bytes: c.octets + int64(n)}
	if c.state.damaged {
		m.Anomalies = []Anomaly{{Kind: DamagedBase64}}
	}
	return m
}

// countBase64 counts what r decodes to.
func countBase64(r io.Reader) (Measure, error) {
	buf := takeBuffer(windowBuffer)
	defer giveBuffer(buf)
	var c base64Counter
	_, err := io.CopyBuffer(&c, struct{ io.Reader }{r}, buf[:cap(buf)])
	if err != nil {
		return Measure{}, err
	}
	return c.measure(), nil
}

// base64Word is how many octets are looked at together.
const base64Word = 8

// cleanLines is how many lines of exactly width letters and CRLF b begins with. width is at least
// base64Word.
func cleanLines(b []byte, width int) (lines int) {
	for len(b) >= width+2 && b[width] == '\r' && b[width+1] == '\n' && base64Letters(b[:width]) {
		lines++
		b = b[width+2:]
	}
	return lines
}

// base64Letters tells whether all of b, which has at least base64Word octets, are letters.
func base64Letters(b []byte) bool {
	k := &base64Ranges
	others := k.others(binary.LittleEndian.Uint64(b[len(b)-base64Word:]))
	for len(b) >= 8*base64Word {
		w := (*[8 * base64Word]byte)(b)
		others |= k.others(binary.LittleEndian.Uint64(w[0:])) | k.others(binary.LittleEndian.Uint64(w[8:])) |
			k.others(binary.LittleEndian.Uint64(w[16:])) | k.others(binary.LittleEndian.Uint64(w[24:])) |
			k.others(binary.LittleEndian.Uint64(w[32:])) | k.others(binary.LittleEndian.Uint64(w[40:])) |
			k.others(binary.LittleEndian.Uint64(w[48:])) | k.others(binary.LittleEndian.Uint64(w[56:]))
		b = b[8*base64Word:]
	}
	for len(b) >= base64Word {
		others |= k.others(binary.LittleEndian.Uint64(b))
		b = b[base64Word:]
	}
	return others&highBits == 0
}

const (
	eachOctet = 0x0101010101010101
	highBits  = 0x80 * eachOctet
)

// base64Ranges are the ranges that the letters stand in: a to z, when capitals are folded to small letters, "/"
// to "9", and "+". Added to an octet below 0x80, fromA and fromSlash carry into the high bit from the first
// octet of a range on, pastZ and past9 from the octet after its last, below for all but zero. They are read from
// memory: as constants they would be loaded anew for each word. A constant table.
var base64Ranges = letterRanges{
	fold:  0x20 * eachOctet,
	fromA: (0x80 - 'a') * eachOctet, pastZ: (0x80 - 'z' - 1) * eachOctet,
	fromSlash: (0x80 - '/') * eachOctet, past9: (0x80 - '9' - 1) * eachOctet,
	plus: '+' * eachOctet, below: 0x7f * eachOctet,
}

type letterRanges struct{ fold, fromA, pastZ, fromSlash, past9, plus, below uint64 }

// others has a high bit set if and only if an octet of word is no letter; which one it is does not say. Its other
// bits mean nothing.
func (k *letterRanges) others(word uint64) uint64 {
	folded := word | k.fold
	inLetters := (folded + k.fromA) ^ (folded + k.pastZ)
	inDigits := (word + k.fromSlash) ^ (word + k.past9)
	notPlus := (word ^ k.plus) + k.below
	// A letter is in one of the ranges, so that two of three high bits cancel out, or is "+", which has none. An
	// octet of 0x80 or more may carry into its neighbour, and is itself seen in word.
	return inLetters ^ inDigits ^ notPlus | word
}
