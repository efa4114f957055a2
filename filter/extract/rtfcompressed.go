package extract

import (
	"errors"
)

// rtfStart is what the window of compressed RTF holds at the beginning ([MS-OXRTFCP] 2.1.2.1).
const rtfStart = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` + "\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

// unpackRTF unpacks the RTF of a message ([MS-OXRTFCP] 2.2). It unpacks to at most 9 times its size. With an error it
// returns what came before.
func unpackRTF(b []byte) ([]byte, error) {
	const (
		compressed   = 0x75465a4c
		uncompressed = 0x414c454d
		window       = 4096
	)
	o := &octets{b: b}
	size := o.u32(4)
	kind := o.u32(8)
	if len(b) < 16 {
		return nil, errShort
	}
	body := b[16:]
	switch kind {
	case uncompressed:
		return body[:min(size, len(body))], nil
	case compressed:
	default:
		return nil, errors.New("compressed RTF of an unknown kind")
	}
	var ring [window]byte
	at := copy(ring[:], rtfStart)
	out := make([]byte, 0, min(size, 9*len(body)))
	for len(body) > 0 {
		flags := body[0]
		body = body[1:]
		for bit := range 8 {
			if len(body) == 0 {
				return out, errShort
			}
			if flags>>bit&1 == 0 {
				ring[at%window] = body[0]
				out = append(out, body[0])
				at++
				body = body[1:]
				continue
			}
			if len(body) < 2 {
				return out, errShort
			}
			token := int(body[0])<<8 | int(body[1])
			body = body[2:]
			from := token >> 4
			if from == at%window {
				return out, nil // the end
			}
			for range token&15 + 2 {
				c := ring[from%window]
				ring[at%window] = c
				out = append(out, c)
				from, at = from+1, at+1
			}
		}
	}
	return out, errShort
}
