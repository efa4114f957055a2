package message

// leafCounter counts what the base64 body that a scan passes through decodes to. The scan has its octets in
// hand anyway: a large attachment would otherwise be read a second time for Measure.
type leafCounter struct {
	counter   base64Counter
	body, fed int64 // the octets [body, fed) of the source were counted
	on        bool
}

// begin makes the counter count from body on, where the header block b ends, if one of b's readings is a
// leaf in base64.
func (l *leafCounter) begin(b *block, body int64) {
	l.on = false
	for _, ent := range b.entities() {
		for _, v := range ent.views {
			l.on = l.on || v.enc == Base64 && !isMultipart(v.mediaType)
		}
	}
	if l.on {
		l.counter, l.body, l.fed = base64Counter{}, body, body
	}
}

// take counts the octets c, which stand at off.
func (l *leafCounter) take(off int64, c []byte) {
	if l.on = l.on && off == l.fed; l.on {
		_, _ = l.counter.Write(c) // never fails
		l.fed += int64(len(c))
	}
}

// leafEnds keeps what was counted for a body that ends at before, in front of the boundary line at off. The line
// break between, which was counted too, is nothing to base64.
func (sc *scan) leafEnds(before, off int64) {
	l := &sc.leaf
	if l.on = l.on && off == l.fed && before >= l.body; !l.on {
		return
	}
	l.on = false
	sc.src.measures.counted(measureKey{sc.src, Range{l.body, before}, Base64}, l.counter.measure())
}
