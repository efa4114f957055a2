package extract

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/bodgit/sevenzip"
	"github.com/nwaples/rardecode/v2"

	"congthu/filter/message"
)

// maxRARDictionary is how many octets of a rar file's text may be referred back to. RAR 7 writes 64 MiB at most unless it
// is told otherwise.
const maxRARDictionary = 256 << 20

// read7z reads a 7z archive. What its dictionaries may take only the worker's memory bounds.
func read7z(_ context.Context, in *input, o out) error {
	r, err := readable(func() (*sevenzip.Reader, error) { return sevenzip.NewReader(in.content, in.content.Size()) })
	if isEncrypted7z(err) { // names too
		o.fact(EncryptedFile)
		return stop{Encrypted}
	}
	if err != nil {
		return fmt.Errorf("reading a 7z archive's directory: %w", err)
	}
	for _, f := range r.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if err := member7z(f, o); err != nil {
			return err
		}
	}
	return nil
}

func member7z(f *sevenzip.File, o out) error {
	names := []string{f.Name}
	r, err := readable(f.Open)
	if err != nil {
		return o.member(names, failed{failure7z(err, o)})
	}
	defer r.Close()
	return o.member(names, errorsOf{r, func(err error) error { return failure7z(err, o) }})
}

func isEncrypted7z(err error) bool {
	e := (*sevenzip.ReadError)(nil)
	return errors.As(err, &e) && e.Encrypted
}

func failure7z(err error, o out) error {
	if isEncrypted7z(err) {
		o.fact(EncryptedFile)
		return stop{Encrypted}
	}
	return err
}

// readRAR reads a rar archive, of version 1.5 to 7.
func readRAR(_ context.Context, in *input, o out) error {
	r, err := readable(func() (*rardecode.Reader, error) {
		return rardecode.NewReader(io.NewSectionReader(in.content, 0, in.content.Size()), rardecode.MaxDictionarySize(maxRARDictionary))
	})
	if err != nil {
		return failureRAR(err, o)
	}
	for {
		h, err := readable(r.Next)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return failureRAR(err, o)
		}
		if h.IsDir {
			continue
		}
		names := []string{h.Name}
		if h.Encrypted {
			o.fact(EncryptedFile)
			err = o.member(names, failed{stop{Encrypted}})
		} else {
			err = o.member(names, errorsOf{r, func(err error) error { return failureRAR(err, o) }})
		}
		if err != nil {
			return err
		}
	}
}

func failureRAR(err error, o out) error {
	switch {
	case errors.Is(err, rardecode.ErrArchiveEncrypted), errors.Is(err, rardecode.ErrArchivedFileEncrypted), errors.Is(err, rardecode.ErrBadPassword):
		o.fact(EncryptedFile)
		return stop{Encrypted}
	case errors.Is(err, rardecode.ErrDictionaryTooLarge):
		return stop{message.TooBig}
	}
	return fmt.Errorf("reading a rar archive: %w", err)
}

// errorsOf is a reader whose errors are told by what they mean.
type errorsOf struct {
	r    io.Reader
	tell func(error) error
}

func (e errorsOf) Read(p []byte) (int, error) {
	n, err := readable(func() (int, error) { return e.r.Read(p) })
	if err != nil && err != io.EOF {
		err = e.tell(err)
	}
	return n, err
}

var errReader = errors.New("the reader of its format gives up on it")

// readable makes an error of a library's panic about a file: the file is damaged, and the worker goes on.
func readable[T any](do func() (T, error)) (v T, err error) {
	defer func() {
		if recover() != nil {
			err = errReader
		}
	}()
	return do()
}
