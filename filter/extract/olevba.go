package extract

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// maxModule is how many octets of a module's source are looked at.
const maxModule = 4 << 20

// vba tells macros, and those that run by themselves ([MS-OVBA] 2.3.4).
func (d *oleReader) vba(s storage) error {
	d.out.fact(Macro)
	for _, name := range s.names() {
		if lower := strings.ToLower(name); lower == "dir" || lower == "_vba_project" || strings.HasPrefix(lower, "__srp_") {
			continue
		}
		b, err := s.stream(name)
		if err != nil {
			if err := d.damage("a module of macros", err); err != nil {
				return err
			}
		}
		source, ok := moduleSource(b)
		// A module whose source was taken away runs from its compiled form: nobody can say what it does.
		if !ok || runsByItself(source) {
			d.out.fact(MacroAutorun)
			return nil
		}
	}
	return nil
}

// moduleSource unpacks a module's source. It stands behind compiled code whose length another stream tells; the first
// letters of every module, "Attribut", are stored as they are, which is where it is found here ([MS-OVBA] 2.3.4.3).
func moduleSource(b []byte) (source []byte, ok bool) {
	const before = 3 // the container's signature and the first chunk's header
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("\x00Attribut"))
		if i < 0 {
			return nil, false
		}
		if at += i; at >= before && b[at-before] == 1 {
			if source, err := unpackVBA(b[at-before:], maxModule); len(source) > 0 || err == nil {
				return source, true
			}
		}
		at++
	}
}

// unpackVBA unpacks a compressed container ([MS-OVBA] 2.4.1.3). With an error it returns what came before.
func unpackVBA(b []byte, most int) ([]byte, error) {
	if len(b) == 0 || b[0] != 1 {
		return nil, errShort
	}
	var out []byte
	for b = b[1:]; len(b) > 0 && len(out) < most; {
		if len(b) < 2 {
			return out, errShort
		}
		header := binary.LittleEndian.Uint16(b)
		n := int(header&0x0fff) + 3
		if header>>12&7 != 3 {
			return out, errShort
		}
		chunk := b[2:min(n, len(b))]
		cut := n > len(b)
		b = b[min(n, len(b)):]
		if header&0x8000 == 0 {
			out = append(out, chunk...)
			continue
		}
		var ok bool
		if out, ok = unpackChunk(out, chunk); !ok || cut {
			return out, errShort
		}
	}
	return out, nil
}

// unpackChunk unpacks one chunk: letters, and copies of what stands before in it ([MS-OVBA] 2.4.1.3.2).
func unpackChunk(out, chunk []byte) ([]byte, bool) {
	const chunkSize = 4096
	start := len(out)
	for len(chunk) > 0 {
		flags := chunk[0]
		chunk = chunk[1:]
		for bit := 0; bit < 8 && len(chunk) > 0; bit++ {
			if flags>>bit&1 == 0 {
				out = append(out, chunk[0])
				chunk = chunk[1:]
				continue
			}
			if len(chunk) < 2 {
				return out, false
			}
			token := int(binary.LittleEndian.Uint16(chunk))
			chunk = chunk[2:]
			bits := 4
			for 1<<bits < len(out)-start {
				bits++
			}
			length, back := token&(0xffff>>bits)+3, token>>(16-bits)+1
			if back > len(out)-start || len(out)-start+length > chunkSize {
				return out, false
			}
			for range length {
				out = append(out, out[len(out)-back])
			}
		}
	}
	return out, true
}

// runsByItself tells a module with a procedure that Office calls when a document is opened, closed or made, or without
// anybody's doing. What is called when a person changes a cell, saves or prints is none: forms of many units have such.
func runsByItself(source []byte) bool {
	for line := range strings.Lines(strings.ToLower(string(source))) {
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), "'") { // a comment
			continue
		}
		words := strings.FieldsFunc(line, func(c rune) bool { return c == ' ' || c == '\t' || c == '(' || c == '\r' || c == '\n' })
		for i, w := range words {
			if (w == "sub" || w == "function") && i+1 < len(words) && calledByOffice(words[i+1]) {
				return true
			}
		}
	}
	return false
}

func calledByOffice(name string) bool {
	switch name {
	case "autoexec", "autoopen", "autoclose", "autoexit", "autonew", "auto_open", "auto_close", "auto_exec", "auto_activate", "auto_deactivate":
		return true
	}
	object, event, ok := strings.Cut(name, "_")
	if !ok {
		return false
	}
	switch object {
	case "worksheet": // its other events follow what a person does in it
		return strings.HasPrefix(event, "calculate")
	case "document", "workbook", "presentation", "app", "application", "thisdocument", "thisworkbook", "slideshow":
	default: // of a control on the page
		switch event {
		case "layout", "painted", "painting", "resize", "gotfocus", "mousemove", "mouseenter":
			return true
		}
		return false
	}
	for _, one := range [...]string{"open", "close", "new", "activate", "deactivate", "beforeclose", "contentcontrol", "sync", "windowactivate", "calculate"} {
		if strings.HasPrefix(event, one) {
			return true
		}
	}
	return false
}
