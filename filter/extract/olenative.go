package extract

import (
	"bytes"
	"errors"
	"strings"

	"congthu/filter/message"
)

// native passes on what another program put into a document, mostly a packaged file ([MS-OLEDS] 2.3.6; the layout of
// packages is that of packager.exe).
func (d *oleReader) native(s storage) error {
	b, err := s.stream("\x01Ole10Native")
	if len(b) < 4 {
		return errors.Join(err, errShort)
	}
	names, data, ok := packaged((&octets{b: b}).at(4, len(b)-4))
	if !ok {
		return errors.Join(d.out.member(nil, bytes.NewReader(b[4:])), err)
	}
	d.out.fact(EmbeddedPackage)
	return errors.Join(d.out.member(names, bytes.NewReader(data)), err)
}

// packaged takes a package apart: the names that are shown, and the file.
func packaged(b []byte) (names []string, data []byte, ok bool) {
	o := &octets{b: b}
	if o.u16(0) != 2 {
		return nil, nil, false
	}
	at := 2
	label, at := o.zeroEnded(at)
	path, at := o.zeroEnded(at)
	at += 4 // what kind of thing it is
	n := o.u32(at)
	at += 4
	temporary := o.at(at, min(n, max(0, len(b)-at)))
	at += n
	size := o.u32(at)
	data = o.at(at+4, min(size, max(0, len(b)-at-4)))
	if o.short || size == 0 {
		return nil, nil, false
	}
	for _, raw := range [][]byte{label, path, temporary} {
		name := message.Readings([]byte(strings.TrimRight(string(raw), "\x00")), "")[0].Text
		if i := strings.LastIndexAny(name, `\/`); i >= 0 {
			name = name[i+1:]
		}
		if name != "" && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	}
	return names, data, true
}

// zeroEnded takes octets up to a zero.
func (o *octets) zeroEnded(at int) ([]byte, int) {
	if at > len(o.b) {
		o.short = true
		return nil, at
	}
	n := bytes.IndexByte(o.b[at:], 0)
	if n < 0 {
		o.short = true
		return nil, at
	}
	return o.b[at : at+n], at + n + 1
}
