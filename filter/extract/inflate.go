package extract

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflateWindow is how many octets of a deflated file are read together.
const inflateWindow = 32 << 10

// inflaters keeps the decompressors of one zip that are not in use: most documents have dozens of small files, and to
// make a decompressor costs more than to read one. It belongs to one goroutine.
type inflaters struct{ free []inflater }

// inflater is a decompressor with its buffer.
type inflater struct {
	io.ReadCloser
	in *bufio.Reader
}

// open makes a decompressor for r.
func (f *inflaters) open(r io.Reader) io.ReadCloser {
	if n := len(f.free); n > 0 {
		z := f.free[n-1]
		f.free = f.free[:n-1]
		z.in.Reset(r)
		if again, ok := z.ReadCloser.(flate.Resetter); ok && again.Reset(z.in, nil) == nil {
			return &inflating{z, f}
		}
	}
	in := bufio.NewReaderSize(r, inflateWindow)
	return &inflating{inflater{flate.NewReader(in), in}, f}
}

// inflating is one use of a decompressor. It may be closed more than once.
type inflating struct {
	inflater
	home *inflaters // nil: closed
}

func (i *inflating) Read(p []byte) (int, error) {
	if i.home == nil {
		return 0, io.ErrClosedPipe
	}
	return i.ReadCloser.Read(p)
}

// Close gives the decompressor back.
func (i *inflating) Close() error {
	if i.home == nil {
		return nil
	}
	err := i.ReadCloser.Close()
	i.in.Reset(nil)
	i.home.free = append(i.home.free, i.inflater)
	*i = inflating{}
	return err
}
