package virus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxReply is how long a reply of clamd may be, in octets.
const maxReply = 4 << 10

// readReply reads one reply, which ends with a NUL (clamd(8), commands with the prefix z).
func readReply(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for len(line) <= maxReply {
		c, err := r.ReadByte()
		switch {
		case err == nil && c == 0:
			return line, nil
		case err == nil:
			line = append(line, c)
		case len(line) == 0 && errors.Is(err, io.EOF):
			return nil, errNoReply
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: it ends in the middle", errNonsense)
		default:
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: over %d octets", errNonsense, maxReply)
}

// parseReply reads clamd's reply to INSTREAM in a session: "3: stream: Eicar-Signature FOUND". id is the number of the
// question. Whatever is not one of the few right replies is an error, never clean.
func parseReply(line []byte, id int) (Answer, error) {
	if bytes.Equal(line, []byte("INSTREAM size limit exceeded. ERROR")) { // StreamMaxLength; comes without a number
		return Answer{Kind: TooBig, Name: "StreamMaxLength"}, nil
	}
	text, ok := bytes.CutPrefix(line, []byte(strconv.Itoa(id)+": "))
	if !ok {
		return Answer{}, fmt.Errorf("%w: %s to question %d", errNonsense, said(line), id)
	}
	if bytes.Equal(text, []byte("INSTREAM size limit exceeded. ERROR")) {
		return Answer{Kind: TooBig, Name: "StreamMaxLength"}, nil
	}
	if bytes.HasSuffix(text, []byte(" ERROR")) {
		return Answer{}, fmt.Errorf("the engine says %s", said(text))
	}
	_, result, ok := bytes.Cut(text, []byte(": "))
	switch name, found := bytes.CutSuffix(result, []byte(" FOUND")); {
	case !ok:
	case found && len(bytes.TrimSpace(name)) > 0:
		return named(withoutDetails(string(name))), nil
	case string(result) == "OK":
		return Answer{Kind: Clean}, nil
	}
	return Answer{}, fmt.Errorf("%w: %s", errNonsense, said(line))
}

// withoutDetails takes away the hash and size that ExtendedDetectionInfo adds: "Eicar(44d88612fea8a8f36de82e1278abb02f:68)".
func withoutDetails(name string) string {
	open := strings.LastIndexByte(name, '(')
	if open <= 0 || !strings.HasSuffix(name, ")") {
		return name
	}
	hash, size, ok := strings.Cut(name[open+1:len(name)-1], ":")
	if !ok || len(hash) != 32 || strings.Trim(hash, "0123456789abcdef") != "" || size == "" || strings.Trim(size, "0123456789") != "" {
		return name
	}
	return name[:open]
}

// parseVersion reads clamd's reply to VERSION: "ClamAV 1.4.6/27500/Mon Nov 23 08:21:00 2026". Without the official
// signatures the last two are not there. The time is of the engine's zone, which is taken to be ours.
func parseVersion(line []byte) (Database, error) {
	text := strings.TrimSpace(string(line))
	if !strings.HasPrefix(text, "ClamAV ") {
		return Database{}, fmt.Errorf("%w: %s to VERSION", errNonsense, said(line))
	}
	d := Database{Version: text}
	if parts := strings.SplitN(text, "/", 3); len(parts) == 3 {
		if t, err := time.ParseInLocation(time.ANSIC, parts[2], time.Local); err == nil {
			d.Made = t
		}
	}
	return d, nil
}
