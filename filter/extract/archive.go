package extract

import (
	"archive/tar"
	"compress/bzip2"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"congthu/filter/message"
)

// readTar reads a tar archive.
func readTar(ctx context.Context, in *input, o out) error {
	r := tar.NewReader(io.NewSectionReader(in.content, 0, in.content.Size()))
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // names are names here, no paths
			return err
		}
		switch h.Typeflag {
		case tar.TypeReg, '\x00', tar.TypeCont, tar.TypeGNUSparse:
			if err := o.member(namesOf(h.Name), r); err != nil {
				return err
			}
		case tar.TypeDir, tar.TypeXGlobalHeader:
		default: // links hold nothing but names
			for _, name := range append(namesOf(h.Name), namesOf(h.Linkname)...) {
				if err := o.text(Text{Kind: FileName, Value: name}); err != nil {
					return err
				}
			}
		}
	}
}

// readGzip reads what gzip compressed, and what follows it in the same file (RFC 1952 section 2.2).
func readGzip(_ context.Context, in *input, o out) error {
	r, err := gzip.NewReader(io.NewSectionReader(in.content, 0, in.content.Size()))
	if err != nil {
		return err
	}
	names := innerNames(in.file.Names, ".gz", ".tgz", ".z")
	if r.Name != "" {
		names = append(namesOf(r.Name), names...)
	}
	if r.Comment != "" {
		if err := o.text(Text{Kind: Comment, Value: r.Comment}); err != nil {
			return err
		}
	}
	return o.member(names, r)
}

// readBzip2 reads what bzip2 compressed.
func readBzip2(_ context.Context, in *input, o out) error {
	r := bzip2.NewReader(io.NewSectionReader(in.content, 0, in.content.Size()))
	return o.member(innerNames(in.file.Names, ".bz2", ".tbz2", ".tbz"), r)
}

// readXZ reads what xz compressed. The file says how much memory its reader needs, which is taken at once: so it is
// read in a worker.
func readXZ(_ context.Context, in *input, o out) error {
	r, err := xz.NewReader(io.NewSectionReader(in.content, 0, in.content.Size()))
	if err != nil {
		return err
	}
	return o.member(innerNames(in.file.Names, ".xz", ".txz"), r)
}

// readZstd reads what zstd compressed.
func readZstd(_ context.Context, in *input, o out) error {
	d, err := newZstd(io.NewSectionReader(in.content, 0, in.content.Size()))
	if err != nil {
		return err
	}
	defer d.Close()
	return o.member(innerNames(in.file.Names, ".zst", ".tzst"), windowReader{d})
}

// windowReader tells a window that is too big from damage.
type windowReader struct{ r io.Reader }

func (w windowReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = stop{message.TooBig}
	}
	return n, err
}

// innerNames are the names of a compressed file without the ending of its compression. One like ".tgz" stands for a
// tar archive.
func innerNames(names []string, endings ...string) []string {
	var out []string
	for _, name := range names {
		ext := path.Ext(name)
		for i, e := range endings {
			if !strings.EqualFold(ext, e) {
				continue
			}
			inner := name[:len(name)-len(ext)]
			if i > 0 {
				inner += ".tar"
			}
			if inner != "" {
				out = append(out, inner)
			}
		}
	}
	return out
}
