package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxLine is how long a line may be, in octets without its line break. What FromVerdict makes stays below
// it even when every character of it must be escaped.
const maxLine = 4 << 20

// usualLine is what the line of an ordinary message takes, in octets.
const usualLine = 1536

// noHash is the Prev of the first record of a log.
const noHash = "0000000000000000000000000000000000000000000000000000000000000000"

// clockBack is Record.Clock when time went back.
const clockBack = "back"

// ErrTooLong says that a record is longer than a line may be.
var ErrTooLong = errors.New("record is longer than 4 MiB")

// errNoRecord says that a line is no record.
var errNoRecord = errors.New("the line is no evidence record")

// Encode is the canonical encoding of a record, without a line break: JSON with the fields in the order of
// the struct, without blanks, HTML not escaped, and with everything escaped that a terminal would act on.
func Encode(r Record) ([]byte, error) {
	r.Time = r.Time.UTC()
	var b bytes.Buffer
	b.Grow(usualLine)
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(&r); err != nil {
		return nil, fmt.Errorf("encoding an evidence record: %w", err)
	}
	line := escapeUnseen(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	if len(line) > maxLine {
		return nil, ErrTooLong
	}
	return line, nil
}

// Decode reads a line, with or without its line break. Fields that it does not know are passed over, so
// that an older program can check a newer one's log.
func Decode(line []byte) (Record, error) {
	var r Record
	if len(line) > maxLine+1 {
		return r, ErrTooLong
	}
	d := json.NewDecoder(bytes.NewReader(line))
	if err := d.Decode(&r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", errNoRecord, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Record{}, fmt.Errorf("%w: more than one value on a line", errNoRecord)
	}
	if r.Seq == 0 || len(r.Prev) != len(noHash) || r.Kind == "" {
		return Record{}, fmt.Errorf("%w: no sequence number, hash or kind", errNoRecord)
	}
	return r, nil
}

// decodeLine is Decode with the line's hash. It keeps raw.
func decodeLine(raw []byte) (Line, error) {
	r, err := Decode(raw)
	return Line{Record: r, Raw: raw, Hash: hashOf(raw)}, err
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// emptyHead is how the encoding begins of a record that has no place in the chain yet.
const emptyHead = `{"seq":0,"prev":"","time":"0001-01-01T00:00:00Z",`

// encodeBody is the part of a line that does not depend on its place in the chain: whoever appends makes
// it, so that the one writer need not.
func encodeBody(r Record) ([]byte, error) {
	r.Seq, r.Prev, r.Clock, r.Time = 0, "", "", time.Time{}
	line, err := Encode(r)
	if err != nil {
		return nil, err
	}
	if len(line) > maxLine-256 { // room for the head
		return nil, ErrTooLong
	}
	return line[len(emptyHead):], nil
}

// appendLine puts the line of a record together out of its place in the chain and its body.
func appendLine(b []byte, r *Record, body []byte) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, r.Seq, 10)
	b = append(b, `,"prev":"`...)
	b = append(b, r.Prev...)
	if r.Clock != "" {
		b = append(b, `","clock":"`+clockBack...)
	}
	b = append(b, `","time":"`...)
	b = r.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `",`...)
	return append(b, body...)
}

// escapeUnseen escapes what JSON leaves as it is although it is not seen: DEL, the C1 controls and format
// characters such as those that turn the direction of text. In JSON they can only stand in strings.
func escapeUnseen(line []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(line); {
		c := line[i]
		if c < utf8.RuneSelf && c != 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(line[i:])
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			out = append(out, line[done:i]...)
			if r > 0xffff {
				r -= 0x10000
				out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
			done = i + n
		}
		i += n
	}
	if done == 0 {
		return line
	}
	return append(out, line[done:]...)
}
