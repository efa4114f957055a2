package signing

import "bytes"

// Normalise gives BER (X.690 section 8) the form of DER: lengths definite and short, tags short, strings in one piece.
// Contents of primitive elements stay as they are, and so does the order of sets: what was DER comes out as it went in,
// and so do the octets that signatures of certificates cover. It is one element, with nothing behind it.
//
// Decoders that copy at every level, or recurse without a bound, can be killed with a few megabytes of nested BER: nothing
// reaches one but through here. The error is a defect with its reason; there is no other.
func Normalise(ber []byte, limits Limits) ([]byte, error) {
	limits = limits.complete()
	b := newBERReader(bytes.NewReader(ber), limits)
	in := b.outermost()
	h, err := b.header(in)
	if err != nil {
		return nil, err
	}
	der, err := b.element(nil, h, in)
	if err != nil {
		return nil, err
	}
	if b.offset != int64(len(ber)) {
		return nil, defect{TrailingData}
	}
	return der, nil
}

// element appends an element whose header was read, in the form of DER.
func (b *berReader) element(out []byte, h header, in scope) ([]byte, error) {
	start := len(out)
	out, err := b.contents(out, h, in)
	if err != nil {
		return nil, err
	}
	length := len(out) - start
	var head [12]byte
	id := head[:0]
	if h.constructed && !joined(h) {
		id = identifier(id, h.class|constructedBit, h.number)
	} else {
		id = identifier(id, h.class, h.number)
	}
	id = derLength(id, length)
	out = append(out, id...)
	copy(out[start+len(id):], out[start:start+length])
	copy(out[start:], id)
	return out, nil
}

// contents appends the contents of an element.
func (b *berReader) contents(out []byte, h header, in scope) ([]byte, error) {
	if !h.constructed {
		return b.read(out, h.length)
	}
	inside, err := b.enter(h, in)
	if err != nil {
		return nil, err
	}
	if h.is(classUniversal, tagBitString) {
		return b.bits(out, inside)
	}
	if h.class == classUniversal && !joined(h) && !container(h.number) {
		return nil, defect{Damaged}
	}
	for {
		more, err := b.more(inside)
		if err != nil || !more {
			return out, err
		}
		child, err := b.header(inside)
		if err != nil {
			return nil, err
		}
		if !joined(h) {
			if out, err = b.element(out, child, inside); err != nil {
				return nil, err
			}
			continue
		}
		// Segments are octet strings, whatever string they are segments of (X.690 section 8.23.2).
		if !child.is(classUniversal, tagOctetString) {
			return nil, defect{Damaged}
		}
		if out, err = b.contents(out, child, inside); err != nil {
			return nil, err
		}
	}
}

// bits appends a BIT STRING that is in segments (X.690 section 8.6.4): only the last may have unused bits.
func (b *berReader) bits(out []byte, inside scope) ([]byte, error) {
	start := len(out)
	out = append(out, 0)
	for {
		more, err := b.more(inside)
		if err != nil || !more {
			return out, err
		}
		child, err := b.header(inside)
		switch {
		case err != nil:
			return nil, err
		case !child.is(classUniversal, tagBitString), out[start] != 0:
			return nil, defect{Damaged}
		}
		at := len(out)
		if out, err = b.contents(out, child, inside); err != nil {
			return nil, err
		}
		if at == len(out) || out[at] > 7 || out[at] > 0 && at+1 == len(out) {
			return nil, defect{Damaged}
		}
		out[start] = out[at]
		out = append(out[:at], out[at+1:]...)
	}
}

// joined tells the strings that BER may cut into segments (X.690 sections 8.6, 8.7, 8.23).
func joined(h header) bool {
	if h.class != classUniversal {
		return false
	}
	switch h.number {
	case tagBitString, tagOctetString, 7, 12, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30:
		return true
	}
	return false
}

// container tells the universal types whose elements are always constructed: EXTERNAL, EMBEDDED PDV, SEQUENCE, SET.
func container(number uint32) bool {
	return number == tagSequence || number == tagSet || number == 8 || number == 11
}

func identifier(out []byte, bits byte, number uint32) []byte {
	if number < 31 {
		return append(out, bits|byte(number))
	}
	out = append(out, bits|0x1f)
	for shift := 28; shift >= 0; shift -= 7 {
		c := byte(number>>shift) & 0x7f
		switch {
		case number>>shift == 0:
		case shift > 0:
			out = append(out, c|0x80)
		default:
			out = append(out, c)
		}
	}
	return out
}

// derLength appends length octets in their shortest form (X.690 section 10.1).
func derLength(out []byte, n int) []byte {
	if n < 0x80 {
		return append(out, byte(n))
	}
	size := 1
	for n>>(8*size) > 0 {
		size++
	}
	out = append(out, 0x80|byte(size))
	for size--; size >= 0; size-- {
		out = append(out, byte(n>>(8*size)))
	}
	return out
}
