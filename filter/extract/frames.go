package extract

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// Frames between the gate and a worker: one octet that says what it is, four octets of length, big-endian,
// and so many octets. The gate sends a job, then the file in chunks, then end. The worker answers with what it
// finds and, last, done. Before its first job it says that it is ready.
const (
	frameJob    byte = 'J' // jobFrame
	frameChunk  byte = 'C' // octets of the file, or of a member
	frameEnd    byte = 'E' // of the file, or of a member
	frameText   byte = 'T' // Text
	frameFact   byte = 'F' // Fact
	frameMiss   byte = 'N' // message.Reason
	frameMember byte = 'M' // []string, the member's names; chunks and an end follow
	frameBad    byte = 'B' // instead of a member's end: message.Reason, "" when it is damaged
	frameUnfit  byte = 'U' // string: why the process cannot be a worker; it has read nothing yet
	frameReady  byte = 'R' // string: what did not start, "" when everything did
	frameDone   byte = 'D' // doneFrame
)

// Limits of a frame, in octets.
const (
	maxFrame = 1 << 20
	maxChunk = 256 << 10
)

// jobFrame is what a worker is to read.
type jobFrame struct {
	Format string   `json:"format"`
	Names  []string `json:"names"`
	Size   int64    `json:"size"`
	Limits Limits   `json:"limits"`
}

// doneFrame ends an answer.
type doneFrame struct {
	Why    string `json:"why"`    // reason of a stop; "" without one
	Failed bool   `json:"failed"` // the file is damaged
}

// frameWriter writes frames.
type frameWriter struct{ w *bufio.Writer }

func (fw frameWriter) write(kind byte, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a frame of %d octets", len(payload))
	}
	var head [5]byte
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	if _, err := fw.w.Write(head[:]); err != nil {
		return err
	}
	_, err := fw.w.Write(payload)
	return err
}

func (fw frameWriter) json(kind byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return fw.write(kind, b)
}

// copy writes all of r in chunks. The first error is r's, the second one of writing.
func (fw frameWriter) copy(r io.Reader, buf []byte) (reading, writing error) {
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			if err := fw.write(frameChunk, buf[:n]); err != nil {
				return nil, err
			}
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return nil, nil
		default:
			return err, nil
		}
	}
}

// frameReader reads frames. A payload is valid until the next call.
type frameReader struct {
	r   *bufio.Reader
	buf []byte
}

func (fr *frameReader) next() (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(fr.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d octets", n)
	}
	if int(n) > cap(fr.buf) {
		fr.buf = make([]byte, n)
	}
	payload = fr.buf[:n]
	_, err = io.ReadFull(fr.r, payload)
	return head[0], payload, err
}
