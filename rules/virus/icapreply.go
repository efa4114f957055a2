package virus

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// Limits of what an ICAP server may answer, in octets.
const (
	maxICAPHeader = 32 << 10  // of one header block
	maxICAPLine   = 8 << 10   // of one line
	maxICAPExtra  = 256 << 10 // of a body in place of the object beyond the object's own size
)

// icapReply is a response of an ICAP server (RFC 3507 section 4.3.3).
type icapReply struct {
	status     int
	fields     map[string]string // by canonical name; lines of a folded field are parted by "\n"
	httpStatus int               // of the encapsulated response, 0 without
	body       string            // SHA-256 of the encapsulated body, hex; "" without one
	whole      bool              // read to its end: the connection is ready for another request
}

// readICAP reads one response. most bounds the encapsulated body in octets; a longer one is not read to its end.
func readICAP(r *bufio.Reader, most int64) (icapReply, error) {
	left := maxICAPHeader
	line, err := icapLine(r, &left)
	if err != nil {
		return icapReply{}, err
	}
	status, ok := statusOf(line, "ICAP/1.")
	if !ok {
		return icapReply{}, fmt.Errorf("%w: %s", errNonsense, said([]byte(line)))
	}
	rep := icapReply{status: status, whole: true}
	if rep.fields, err = icapFields(r, &left); err != nil {
		return icapReply{}, err
	}
	if status == 100 || status == 204 {
		return rep, nil
	}
	headers, hasBody, err := encapsulated(rep.fields["Encapsulated"])
	if err != nil {
		return icapReply{}, err
	}
	if rep.httpStatus, err = httpStatus(r, headers); err != nil {
		return icapReply{}, err
	}
	if hasBody {
		rep.body, rep.whole, err = chunkedBody(r, most)
	}
	return rep, err
}

// statusOf reads "ICAP/1.0 204 Unmodified" or "HTTP/1.1 403 Forbidden".
func statusOf(line, protocol string) (int, bool) {
	rest, ok := strings.CutPrefix(line, protocol)
	if !ok {
		return 0, false
	}
	words := strings.Fields(rest)
	if len(words) < 2 || len(words[1]) != 3 {
		return 0, false
	}
	n, err := strconv.Atoi(words[1])
	return n, err == nil && n >= 100 && n < 600
}

// icapLine reads a line without its end and takes it off left.
func icapLine(r *bufio.Reader, left *int) (string, error) {
	var line []byte
	for {
		c, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0 && *left == maxICAPHeader:
			return "", errNoReply
		case errors.Is(err, io.EOF):
			return "", fmt.Errorf("%w: it ends in the middle", errNonsense)
		case err != nil:
			return "", err
		}
		if *left--; *left < 0 || len(line) > maxICAPLine {
			return "", fmt.Errorf("%w: a header of over %d octets", errNonsense, maxICAPHeader)
		}
		if c == '\n' {
			return string(bytes.TrimSuffix(line, []byte("\r"))), nil
		}
		line = append(line, c)
	}
}

// icapFields reads header fields up to the empty line.
func icapFields(r *bufio.Reader, left *int) (map[string]string, error) {
	fields, last := map[string]string{}, ""
	for {
		line, err := icapLine(r, left)
		if err != nil {
			return nil, err
		}
		if line == "" {
			return fields, nil
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last != "" {
				fields[last] += "\n" + strings.TrimSpace(line)
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%w: the header line %s", errNonsense, said([]byte(line)))
		}
		last = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
		if _, twice := fields[last]; twice {
			last += "-Again" // nothing that is asked for; the first one counts
		}
		fields[last] = strings.TrimSpace(value)
	}
}

// encapsulated reads the field Encapsulated (RFC 3507 section 4.4.1): how many octets of encapsulated headers follow,
// and whether a body does. Without the field nothing follows.
func encapsulated(value string) (headers int, body bool, err error) {
	if value == "" {
		return 0, false, nil
	}
	before := 0
	for item := range strings.SplitSeq(value, ",") {
		name, at, ok := strings.Cut(strings.TrimSpace(item), "=")
		n, nerr := strconv.Atoi(at)
		if !ok || nerr != nil || n < before || n > maxICAPHeader {
			return 0, false, fmt.Errorf("%w: Encapsulated %s", errNonsense, said([]byte(value)))
		}
		before = n
		switch name {
		case "req-hdr", "res-hdr":
		case "req-body", "res-body", "opt-body":
			return n, true, nil
		case "null-body":
			return n, false, nil
		default:
			return 0, false, fmt.Errorf("%w: Encapsulated %s", errNonsense, said([]byte(value)))
		}
	}
	return 0, false, fmt.Errorf("%w: Encapsulated without a body", errNonsense)
}

// httpStatus reads n octets of encapsulated headers and gives the status of the response in them.
func httpStatus(r *bufio.Reader, n int) (int, error) {
	if n == 0 {
		return 0, nil
	}
	headers := make([]byte, n)
	if _, err := io.ReadFull(r, headers); err != nil {
		return 0, inMiddle(err)
	}
	for line := range strings.Lines(string(headers)) {
		if status, ok := statusOf(strings.TrimRight(line, "\r\n"), "HTTP/"); ok {
			return status, nil
		}
	}
	return 0, nil
}

func inMiddle(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in the middle", errNonsense)
	}
	return err
}

// chunkedBody reads a body in chunks (RFC 7230 section 4.1) and hashes it.
func chunkedBody(r *bufio.Reader, most int64) (sum string, whole bool, err error) {
	h := sha256.New()
	for {
		n, err := chunkSize(r)
		if err != nil {
			return "", false, err
		}
		if n == 0 {
			left := maxICAPHeader - 1 // not the first line of a response
			if _, err := icapFields(r, &left); err != nil {
				return "", false, err
			}
			return hex.EncodeToString(h.Sum(nil)), true, nil
		}
		if most -= n; most < 0 {
			return "longer", false, nil // than what was sent: it is not that
		}
		if err := chunk(r, h, n); err != nil {
			return "", false, err
		}
	}
}

func chunkSize(r *bufio.Reader) (int64, error) {
	left := 1 << 10
	line, err := icapLine(r, &left)
	if err != nil {
		return 0, err
	}
	digits, _, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 40)
	if err != nil {
		return 0, fmt.Errorf("%w: a chunk of %s", errNonsense, said([]byte(line)))
	}
	return int64(n), nil
}

func chunk(r *bufio.Reader, h hash.Hash, n int64) error {
	if _, err := io.CopyN(h, r, n); err != nil {
		return inMiddle(err)
	}
	left := 4
	if line, err := icapLine(r, &left); err != nil || line != "" {
		return fmt.Errorf("%w: a chunk is longer than it says", errNonsense)
	}
	return nil
}

// answer is what a response says of an object. Engines name what they found in fields of their own; some only put
// another body in the object's place, or answer that access is denied.
func (rep icapReply) answer(o Object) (Answer, error) {
	name, found := rep.found()
	switch {
	case rep.status != 200 && rep.status != 204:
		return Answer{}, fmt.Errorf("the engine answers with status %d", rep.status)
	case found:
		return named(name), nil
	case rep.status == 204:
		return Answer{Kind: Clean}, nil
	case rep.httpStatus >= 300:
		return Answer{Kind: Infected, Name: "blocked"}, nil
	case rep.body == o.SHA256:
		return Answer{Kind: Clean}, nil
	case rep.body != "":
		return Answer{Kind: Infected, Name: "replaced"}, nil
	}
	return Answer{}, fmt.Errorf("%w: status 200 and nothing else", errNonsense)
}

// found is the name in the fields that engines use: X-Infection-Found ("Type=0; Resolution=2; Threat=NAME;"),
// X-Violations-Found (a count, then four lines for each: file, threat, number, what was done),
// X-Virus-ID and X-Virus-Name (the name alone).
func (rep icapReply) found() (name string, found bool) {
	if v, ok := rep.fields["X-Infection-Found"]; ok {
		for item := range strings.SplitSeq(v, ";") {
			if key, threat, ok := strings.Cut(strings.TrimSpace(item), "="); ok && strings.EqualFold(key, "Threat") {
				return threat, true
			}
		}
		if v != "" && v != "0" {
			return v, true
		}
	}
	if v, ok := rep.fields["X-Violations-Found"]; ok {
		lines := strings.Split(v, "\n")
		if n, err := strconv.Atoi(strings.TrimSpace(lines[0])); err != nil || n > 0 {
			if len(lines) > 2 {
				return lines[2], true
			}
			return "", true
		}
	}
	for _, field := range []string{"X-Virus-Id", "X-Virus-Name"} {
		switch v := rep.fields[field]; strings.ToLower(v) {
		case "", "0", "-", "none", "no", "clean":
		default:
			return v, true
		}
	}
	return "", false
}
