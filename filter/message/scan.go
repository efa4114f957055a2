package message

import "bytes"

// scanner reads one source. The whole source is scanned once, whatever the nesting: the scan looks
// for every boundary that a header before declared. What must be read again, for what the scan
// could not know, is bounded by the work limit of the reading.
type scanner struct {
	read   *reading
	src    *source
	window *window
	blocks map[int64]*block // read by scans, by their start

	sawCRLF, sawLF bool // line ends in header blocks and boundary lines
}

// scan looks for boundary lines in r, which begins at the beginning of a line: for those of known
// and of the headers that follow them. It returns at once what it learned when there are more of
// them than any reading may have parts.
type scan struct {
	*scanner
	known  *boundaries
	events int
	digest bool  // parts without a type may be messages (RFC 2046 section 5.1.5)
	upTo   int64 // the scan reached this octet
	line   int64 // where the line begins in which lineAt stands
	lineAt int64
	leaf   leafCounter
}

// scanRange scans r for the boundaries given and those that parts in r declare.
func (s *scanner) scanRange(r Range, texts ...string) *scan {
	sc := &scan{scanner: s, known: &boundaries{}, upTo: r.End, line: r.Start, lineAt: r.Start}
	for _, t := range texts {
		sc.known.add(t, r.Start)
	}
	sc.run(r)
	return sc
}

func (sc *scan) run(r Range) {
	limit := 4*sc.read.limits.Parts + 16
	bol := true
	for off := r.Start; off < r.End && len(sc.known.list) > 0; {
		c := sc.window.from(off, maxDelimiter)
		c = c[:min(int64(len(c)), r.End-off)]
		if len(c) == 0 {
			sc.upTo = off
			return
		}
		i := sc.nextDashes(off, c, bol)
		if i < 0 {
			if off+int64(len(c)) < r.End && len(c) > maxTail && sc.column(off, c, len(c)) >= minBroken {
				c = c[:len(c)-maxTail] // a boundary may begin in it
			}
			sc.leaf.take(off, c)
			off += int64(len(c))
			bol = isBreak(c[len(c)-1])
			continue
		}
		if i > 0 || len(c) < 2 {
			if len(c) < 2 { // a last hyphen
				return
			}
			sc.leaf.take(off, c[:i])
			off, bol = off+int64(i), isBreak(c[i-1])
			continue
		}
		next := sc.dashes(off, r, !bol)
		if sc.events > limit {
			sc.upTo = off
			return
		}
		if bol = next != off+2; bol {
			sc.line, sc.lineAt = next, next
		}
		off = next
	}
}

func isBreak(c byte) bool { return c == '\n' || c == '\r' }

// minBroken is how many octets a line has before the first place where servers break it: Sendmail does so after 989,
// and goes on in a new line.
const minBroken = 900

// maxTail is the longest "--" with a boundary, in octets.
const maxTail = maxBoundary + 2

// maxHyphens is how many hyphens are looked at where a long line may be broken: those of a boundary line, "--" and its
// boundary of 70 octets at most (RFC 2046 section 5.1.1).
const maxHyphens = 72

// column is where c[i], which stands at off+i, stands in its line. It is asked for ever greater octets.
func (sc *scan) column(off int64, c []byte, i int) int64 {
	from := max(0, int(sc.lineAt-off))
	if from < i {
		if j := bytes.LastIndexByte(c[from:i], '\n'); j >= 0 {
			sc.line = off + int64(from+j) + 1
		}
		sc.lineAt = off + int64(i)
	}
	return off + int64(i) - sc.line
}

// nextDashes is nextDashes of c, which stands at off, or the index of a "--" before it that begins a boundary line
// where a long line may be broken.
func (sc *scan) nextDashes(off int64, c []byte, bol bool) int {
	next := nextDashes(c, bol)
	end := next
	if next < 0 {
		end = len(c)
	}
	for i := 0; ; {
		j := bytes.Index(c[i:end], []byte("--"))
		if j < 0 {
			return next
		}
		run := i + j
		for i = run; i < end && c[i] == '-'; {
			i++
		}
		if sc.column(off, c, i) < minBroken {
			continue
		}
		// Of many hyphens some may be the boundary's own.
		for at := max(run, i-maxHyphens); at+1 < i; at++ {
			if _, _, longest := sc.known.match(c[at+2 : min(len(c), at+maxDelimiter)]); longest != nil {
				return at
			}
		}
	}
}

// nextDashes is the index of the first "--" at the beginning of a line, or of a "-" there that ends
// c; -1 for none. bol tells whether c begins at the beginning of a line.
func nextDashes(c []byte, bol bool) int {
	for i := 0; ; {
		j := bytes.IndexByte(c[i:], '-')
		if j < 0 {
			return -1
		}
		i += j
		if (i == 0 && bol || i > 0 && isBreak(c[i-1])) && (i+1 == len(c) || c[i+1] == '-') {
			return i
		}
		for i < len(c) && c[i] == '-' {
			i++
		}
	}
}

// dashes looks at the line at off, which begins with "--", and returns where to go on. broken tells that it is one
// only when a server breaks the line in which it stands.
func (sc *scan) dashes(off int64, r Range, broken bool) int64 {
	c := sc.window.from(off, maxDelimiter)
	c = c[:min(int64(len(c)), r.End-off)]
	d := delimiterLine(c)
	open, closing, longest := sc.known.match(d.text)
	if longest == nil {
		sc.leaf.take(off, c[:2])
		return off + 2
	}
	exact := (open != nil || closing != nil) && (d.length > 0 || off+int64(len(c)) == r.End)
	e := event{before: off, start: off, loose: d.bareCR || !exact || broken}
	rest := d.text[len(longest.text):]
	isClose := bytes.HasPrefix(rest, []byte("--"))
	e.end = sc.lineEnd(off, d, r)
	if !broken {
		e.before -= sc.breakBefore(off, r, &e)
	}
	sc.leafEnds(e.before, off)
	if !exact {
		e.close = isClose
		sc.add(longest, e)
	} else {
		if closing != nil {
			e.close = true
			sc.add(closing, e)
		}
		if open != nil {
			e.close = false
			sc.add(open, e)
		}
	}
	if e.close && open == nil {
		return e.end
	}
	return sc.partHeader(e.end, r.End)
}

func (sc *scan) add(b *bound, e event) {
	b.events = append(b.events, e)
	sc.events++
}

// lineEnd is the end of the boundary line at off.
func (sc *scan) lineEnd(off int64, d delimiter, r Range) int64 {
	if d.length > 0 {
		end := off + int64(d.length)
		if last := sc.window.from(end-2, 2); last[1] == '\n' {
			sc.sawCRLF = sc.sawCRLF || last[0] == '\r'
			sc.sawLF = sc.sawLF || last[0] != '\r'
		}
		return end
	}
	for off < r.End {
		c := sc.window.from(off, 1)
		if len(c) == 0 {
			break
		}
		if i := bytes.IndexByte(c, '\n'); i >= 0 {
			return min(off+int64(i)+1, r.End)
		}
		off += int64(len(c))
	}
	return r.End
}

// breakBefore is the length of the line break before the boundary line at off.
func (sc *scan) breakBefore(off int64, r Range, e *event) int64 {
	n := min(2, off-r.Start)
	before := sc.window.from(off-n, int(n)+maxDelimiter)
	switch {
	case n == 0:
		return 0
	case before[n-1] == '\r':
		e.loose = true // a CR alone
		return 1
	case n == 2 && before[0] == '\r':
		return 2
	}
	return 1
}

// partHeader reads the header block at off and those of the messages that it begins, and learns
// their boundaries. It returns where the body begins.
func (sc *scan) partHeader(off, end int64) int64 {
	for range sc.read.limits.Depth {
		b := sc.readBlock(off, end, sc.known)
		if b == nil {
			return off
		}
		sc.blocks[off] = b
		body := b.at.End
		message := sc.learn(b, body)
		if !message {
			sc.leaf.begin(b, body)
			return body
		}
		off = body
	}
	return off
}

// learn adds the boundaries that any reading of a header declares, and tells whether the body of
// one of them is a message.
func (sc *scan) learn(b *block, body int64) (message bool) {
	for _, ent := range b.entities() {
		for _, v := range ent.views {
			for _, text := range v.boundaries {
				if len(sc.known.list) < 2*sc.read.limits.Parts {
					sc.known.add(text, body)
				}
			}
			sc.digest = sc.digest || v.mediaType == digestType
			message = message || isMessage(v.mediaType) || v.mediaType == "" && sc.digest
		}
	}
	return message
}
