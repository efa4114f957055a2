package message

import (
	"bytes"
	"slices"
	"sort"
	"strings"
)

const (
	// maxBoundary is how long a boundary may be, in octets. RFC 2046 section 5.1.1 says 70, but programs find
	// longer ones; what is in a multipart with a boundary beyond it is not inspected.
	maxBoundary = 2000
	// maxAlike is how many boundaries may each begin with the one before it. A scan looks for no more; the
	// parts of one beyond it are looked for in a scan of their own.
	maxAlike = 32
	// maxDelimiter is how much of a line that begins with "--" is looked at, in octets.
	maxDelimiter = 2048
)

// event is a boundary line.
type event struct {
	before int64 // end of what it delimits: the line break before the line belongs to it
	start  int64
	end    int64 // after its line break
	close  bool
	loose  bool // only a reader that compares beginnings, or that ends lines at CR, sees it
}

// bound is a boundary and where its lines stand.
type bound struct {
	text   string
	prefix *bound // the longest other boundary that text begins with
	alike  int    // how many boundaries its text begins with
	since  int64  // its lines were looked for from here on
	events []event
}

// within are the events that begin in r.
func (b *bound) within(r Range) []event {
	from := sort.Search(len(b.events), func(i int) bool { return b.events[i].start >= r.Start })
	to := sort.Search(len(b.events), func(i int) bool { return b.events[i].start >= r.End })
	if from >= to {
		return nil
	}
	return b.events[from:to]
}

// boundaries are the boundaries that one scan looks for, sorted.
type boundaries struct{ list []*bound }

func (bs *boundaries) search(text string) (int, bool) {
	i := sort.Search(len(bs.list), func(i int) bool { return bs.list[i].text >= text })
	return i, i < len(bs.list) && bs.list[i].text == text
}

func (bs *boundaries) get(text string) *bound {
	if i, ok := bs.search(text); ok {
		return bs.list[i]
	}
	return nil
}

// add makes the scan look for text from off on, if it has room for it.
func (bs *boundaries) add(text string, off int64) {
	i, ok := bs.search(text)
	if ok {
		return
	}
	b := &bound{text: text, since: off}
	if i > 0 {
		for p := bs.list[i-1]; p != nil; p = p.prefix {
			if strings.HasPrefix(text, p.text) {
				b.prefix, b.alike = p, p.alike+1
				break
			}
		}
	}
	end, most := i, b.alike
	for ; end < len(bs.list) && strings.HasPrefix(bs.list[end].text, text); end++ {
		most = max(most, bs.list[end].alike+1)
	}
	if most >= maxAlike {
		return
	}
	for _, longer := range bs.list[i:end] {
		longer.alike++
		if longer.prefix == nil || len(longer.prefix.text) < len(text) {
			longer.prefix = b
		}
	}
	bs.list = slices.Insert(bs.list, i, b)
}

// match finds the boundaries that a line may stand for; line is what follows "--", without its end
// and the blanks before it. longest is the longest that line begins with.
func (bs *boundaries) match(line []byte) (open, closing, longest *bound) {
	i := sort.Search(len(bs.list), func(i int) bool { return bs.list[i].text > string(line) })
	if i == 0 {
		return nil, nil, nil
	}
	b := bs.list[i-1]
	common := 0
	for common < len(line) && common < len(b.text) && line[common] == b.text[common] {
		common++
	}
	for ; b != nil; b = b.prefix {
		if len(b.text) > common {
			continue
		}
		switch {
		case len(b.text) == len(line):
			open = b
		case len(b.text)+2 == len(line) && line[len(line)-1] == '-' && line[len(line)-2] == '-':
			closing = b
		case len(b.text)+2 < len(line) && longest != nil:
			return open, closing, longest
		}
		if longest == nil {
			longest = b
		}
	}
	return open, closing, longest
}

// delimits tells whether c begins with a line that is exactly a boundary line.
func (bs *boundaries) delimits(c []byte) bool {
	if len(c) < 2 || c[1] != '-' {
		return false
	}
	d := delimiterLine(c)
	open, closing, _ := bs.match(d.text)
	return open != nil || closing != nil
}

// delimiter is a line that begins with "--".
type delimiter struct {
	text   []byte // what follows "--", without blanks at the end
	length int    // of the line with its line break, 0 when its end is not in sight
	bareCR bool   // its line break is a CR alone
}

func delimiterLine(c []byte) delimiter {
	c = c[:min(len(c), maxDelimiter)]
	end := bytes.IndexAny(c, "\r\n")
	if end < 0 {
		return delimiter{text: trimRightBlanks(c[2:])}
	}
	d := delimiter{text: trimRightBlanks(c[2:end]), length: end + 1}
	if c[end] == '\r' {
		if end+1 < len(c) && c[end+1] == '\n' {
			d.length++
		} else if end+1 < len(c) {
			d.bareCR = true
		}
	}
	return d
}
