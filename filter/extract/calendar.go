package extract

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"

	"golang.org/x/text/unicode/norm"

	"congthu/filter/message"
)

// calendarLine is how many octets a line of a calendar or a card may have, unfolded; a longer one is read in pieces.
const calendarLine = MaxPiece

// readCalendar reads iCalendar (RFC 5545) and vCard (RFC 6350, and 2.1 with its quoted-printable): the value of each
// property is a line, after its name.
func readCalendar(_ context.Context, in *input, o out) error {
	readings, err := textReadings(in)
	if err != nil {
		return err
	}
	w := newWriter(o, Body)
	w.single = len(readings) > 1
	for i, r := range readings {
		w.to(Text{Kind: Body, Reading: i})
		if err := contentLines(r, func(line string) error {
			name, value := contentLine(line)
			if strings.EqualFold(name, "SUMMARY") || strings.EqualFold(name, "CATEGORIES") {
				w.to(Text{Kind: Property, Name: name, Reading: i})
			} else {
				w.to(Text{Kind: Body, Reading: i})
			}
			w.own(value)
			return w.err
		}); err != nil {
			return errors.Join(w.flush(), err)
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	if readings, err = textReadings(in); err != nil { // Base64 reads the same in all
		return err
	}
	return filesInCalendar(readings[0], o)
}

// contentLines gives the lines unfolded (RFC 5545 section 3.1), and those that quoted-printable breaks softly joined.
func contentLines(r io.Reader, f func(string) error) error {
	b := bufio.NewReaderSize(r, 32<<10)
	var line []byte
	soft := false
	for {
		piece, err := b.ReadSlice('\n')
		whole := !errors.Is(err, bufio.ErrBufferFull)
		if err != nil && whole && !errors.Is(err, io.EOF) {
			return err
		}
		folded := len(piece) > 0 && (piece[0] == ' ' || piece[0] == '\t')
		if !folded && !soft && len(line) > 0 || len(line) >= calendarLine {
			if err := f(string(line)); err != nil {
				return err
			}
			line = line[:0]
		}
		if folded && !soft {
			piece = piece[1:]
		}
		piece = bytes.TrimRight(piece, "\r\n")
		line = append(line, piece...)
		soft = !whole || bytes.HasSuffix(line, []byte("=")) && bytes.Contains(bytes.ToUpper(line[:min(len(line), 256)]), []byte("QUOTED-PRINTABLE"))
		if soft && whole {
			line = line[:len(line)-1]
		}
		if errors.Is(err, io.EOF) {
			if len(line) == 0 {
				return nil
			}
			return f(string(line))
		}
	}
}

// contentLine takes a line apart and gives the value as it is read.
func contentLine(line string) (name, value string) {
	head, value := line, ""
	quoted := false
	for i := 0; i < len(line); i++ {
		if line[i] == '"' {
			quoted = !quoted
		} else if line[i] == ':' && !quoted {
			head, value = line[:i], line[i+1:]
			break
		}
	}
	name, params, _ := strings.Cut(head, ";")
	upper := strings.ToUpper(params)
	if strings.Contains(upper, "QUOTED-PRINTABLE") {
		octets, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value))) // what is before the damage stands
		charset := ""
		if _, after, ok := strings.Cut(upper, "CHARSET="); ok {
			charset, _, _ = strings.Cut(after, ";")
		}
		value = message.Decode(charset, octets)
	}
	value = strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(value)
	return name, norm.NFC.String(value)
}
