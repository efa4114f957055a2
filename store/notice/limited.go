package notice

import (
	"bytes"
	"io"
)

// limited is a buffer that takes limit octets and then answers with err.
type limited struct {
	bytes.Buffer
	limit int
	err   error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > l.limit {
		return 0, l.err
	}
	return l.Buffer.Write(p)
}

// WriteString keeps io.WriteString from going past Write.
func (l *limited) WriteString(s string) (int, error) { return l.Write([]byte(s)) }

// from reads all of r.
func (l *limited) from(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{l}, io.LimitReader(r, int64(l.limit)+1))
}
