package extract

import (
	"bytes"
	"encoding/binary"
	"strings"

	"congthu/filter/message"
)

// rtfObject is the most octets of one object or picture; a bigger one is not looked into.
const rtfObject = 16 << 20

// rtfData is an object or a picture that is being read: its octets, in hexadecimal or as they are.
type rtfData struct {
	picture bool
	half    byte
	odd     bool
	data    []byte
	lost    bool // it was longer than what is kept
}

// digit takes a digit; what is none is passed over, as readers do.
func (d *rtfData) digit(c byte) {
	v, ok := hexDigit(c)
	if !ok {
		return
	}
	if d.odd = !d.odd; d.odd {
		d.half = v
		return
	}
	d.octets([]byte{d.half<<4 | v})
}

func (d *rtfData) octets(b []byte) {
	if d.lost = d.lost || len(d.data)+len(b) > rtfObject; !d.lost {
		d.data = append(d.data, b...)
	}
}

// end hands the object on, without what OLE 1 puts around it.
func (d *rtfData) end(o out) error {
	data, picture, lost := d.data, d.picture, d.lost
	*d = rtfData{}
	switch {
	case lost:
		o.miss(message.TooBig)
		return nil
	case len(data) == 0:
		return nil
	case picture:
		return o.member(nil, bytes.NewReader(data))
	}
	return oleObject(data, o)
}

// oleObject looks into an object of OLE 1 ([MS-OLEDS] 2.2.4 to 2.2.6): version, format, three names, size, octets.
func oleObject(data []byte, o out) error {
	rest := data
	if len(rest) < 8 {
		return o.member(nil, bytes.NewReader(data))
	}
	rest = rest[8:]
	var names [3]string
	for i := range names {
		if len(rest) < 4 {
			return o.member(nil, bytes.NewReader(data))
		}
		n := int64(binary.LittleEndian.Uint32(rest))
		if rest = rest[4:]; n > int64(len(rest)) {
			return o.member(nil, bytes.NewReader(data))
		}
		names[i], rest = strings.TrimRight(string(rest[:n]), "\x00"), rest[n:]
	}
	class := strings.ToLower(names[0])
	if strings.Contains(class, "ole2link") || remote(names[1]) {
		o.fact(RemoteTemplate)
	}
	if len(rest) > 4 {
		rest = rest[4:] // the size, which nobody needs to believe
	}
	if class != "package" {
		return o.member(nil, bytes.NewReader(rest))
	}
	o.fact(EmbeddedPackage)
	file, fileNames := packagedFile(rest)
	return o.member(fileNames, bytes.NewReader(file))
}

// packagedFile is the file in a package of the Object Packager: a sign, two names, a place for a copy, size, octets.
// What is not built so is the file itself.
func packagedFile(b []byte) (file []byte, names []string) {
	if len(b) < 2 {
		return b, nil
	}
	rest := b[2:]
	for range 2 {
		name, after, ok := bytes.Cut(rest, []byte{0})
		if !ok || len(name) > 4<<10 {
			return b, names
		}
		names, rest = append(names, namesOf(string(name))...), after
	}
	if len(rest) < 8 {
		return b, names
	}
	n := int64(binary.LittleEndian.Uint32(rest[4:]))
	if rest = rest[8:]; n+4 > int64(len(rest)) {
		return b, names
	}
	rest = rest[n:]
	size := int64(binary.LittleEndian.Uint32(rest))
	rest = rest[4:]
	return rest[:min(size, int64(len(rest)))], names
}
