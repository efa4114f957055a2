package message

import (
	"errors"
	"io"
	"slices"
	"strings"
)

const (
	// workFactor bounds what reading may cost, and again what decoding may: octets read, as a multiple of
	// the message's size.
	workFactor = 16
	workFloor  = 8 << 20 // octets that any message may cost
	// maxDecodedNesting is how many encoded messages inside of one another are opened.
	maxDecodedNesting = 4
)

// reading is the making of one message's tree.
type reading struct {
	limits       Limits
	parts        int   // made, all readings together
	headerOctets int64 // of all header blocks
	workLeft     int64 // octets that may still be read

	message *Message
	// What stands in message already; made when there is something.
	anomalies map[Anomaly]struct{}
	missed    map[NotInspected]struct{}
	inside    map[measureKey][]insideFile // what was found in texts
	decoded   map[measureKey]decodedBody  // what bodies decode to
}

// Read makes the tree of a message. Whatever the octets are, they make a message: what is wrong
// with them is in Anomalies, what could not be looked into in NotInspected. An error is one of r.
// Nothing of r is kept but r itself, which the readers of parts use.
func Read(r io.ReaderAt, size int64, l Limits) (*Message, error) {
	rd := &reading{limits: l, workLeft: workFactor*size + workFloor, message: &Message{Size: size}}
	s := rd.scanner(&source{r: r, size: size, measures: newMeasures(rd.workLeft)})
	root := s.message(place{at: Range{0, size}, depth: 1})
	rd.message.headers = s.blocks[0].headers()
	if err := s.close(); err != nil {
		return nil, err
	}
	rd.message.Root, rd.message.Header = root, root.Header
	return rd.message, nil
}

func (rd *reading) scanner(src *source) *scanner {
	return &scanner{read: rd, src: src, window: newWindow(src, rd.work), blocks: map[int64]*block{}}
}

// work counts octets read.
func (rd *reading) work(n int64) error {
	if rd.workLeft -= n; rd.workLeft < 0 {
		return errWork
	}
	return nil
}

// close ends the scanner's work and returns an error of the source. Too much work is no error: it
// was noted where it mattered.
func (s *scanner) close() error {
	err := s.window.err
	s.window.close()
	if errors.Is(err, errWork) {
		return nil
	}
	return err
}

func (rd *reading) note(part string, kinds ...AnomalyKind) {
	if rd.anomalies == nil && len(kinds) > 0 {
		rd.anomalies = map[Anomaly]struct{}{}
	}
	for _, k := range kinds {
		a := Anomaly{part, k}
		if _, have := rd.anomalies[a]; !have {
			rd.anomalies[a] = struct{}{}
			rd.message.Anomalies = append(rd.message.Anomalies, a)
		}
	}
}

func (rd *reading) miss(part string, why Reason) {
	n := NotInspected{part, why}
	if rd.missed == nil {
		rd.missed = map[NotInspected]struct{}{}
	}
	if _, have := rd.missed[n]; !have {
		rd.missed[n] = struct{}{}
		rd.message.NotInspected = append(rd.message.NotInspected, n)
	}
}

// message reads the message that stands in pl and returns its root. What a scan around it has not
// seen is scanned.
func (s *scanner) message(pl place) *Part {
	if b := s.blocks[pl.at.Start]; pl.scan == nil || !b.fits(pl.at) {
		pl.scan = s.scanMessage(pl.at)
	}
	pl.root = true
	p := s.part(pl)
	kinds := p.Header.rootKinds()
	s.read.note(p.ID, kinds...)
	if slices.Contains(kinds, TooManyAddresses) {
		s.read.miss(p.ID, TooMany)
	}
	if s.sawCRLF && s.sawLF {
		s.read.note(p.ID, BareLineBreak)
	}
	return p
}

// scanMessage reads the header of a message and scans its body.
func (s *scanner) scanMessage(r Range) *scan {
	sc := &scan{scanner: s, known: &boundaries{}, upTo: r.End}
	b := s.readBlock(r.Start, r.End, nil)
	if b == nil {
		return sc
	}
	s.blocks[r.Start] = b
	body := b.at.End
	if sc.learn(b, body) {
		body = sc.partHeader(body, r.End)
	}
	sc.run(Range{body, r.End})
	return sc
}

// rootKinds are the anomalies of fields that only a message's own header has.
func (h *Header) rootKinds() []AnomalyKind {
	var kinds []AnomalyKind
	var seen [len(onceOnly)]bool
	for _, f := range h.Fields {
		for i, name := range onceOnly {
			if !strings.EqualFold(f.Name, name) {
				continue
			}
			if seen[i] {
				kinds = addKind(kinds, DuplicateField)
			}
			seen[i] = true
		}
	}
	for _, name := range onceOnly[:3] {
		for _, v := range h.Values(name) {
			f := readAddresses(v)
			if !f.strict {
				kinds = addKind(kinds, MalformedAddress)
			}
			if f.unread {
				kinds = addKind(kinds, UnreadableAddress)
			}
			if f.cut {
				kinds = addKind(kinds, TooManyAddresses)
			}
		}
	}
	return kinds
}

// onceOnly are the fields that RFC 5322 section 3.6 allows once; the first three say who sent it.
var onceOnly = [...]string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date", "Subject", "Message-ID", "In-Reply-To", "References"}
