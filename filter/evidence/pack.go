package evidence

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"
)

// packAgain is how long a closed file that could not be compressed waits for the next attempt.
const packAgain = time.Minute

func (l *Log) wakePacker() {
	select {
	case l.pack <- struct{}{}:
	default:
	}
}

// packFiles compresses closed files until ctx ends.
func (l *Log) packFiles(ctx context.Context) {
	for {
		select {
		case <-l.pack:
		case <-ctx.Done():
			return
		}
		for err := l.packAll(ctx); err != nil && ctx.Err() == nil; err = l.packAll(ctx) {
			l.opt.Log.Warn("a closed evidence file could not be compressed", "error", err)
			if !sleep(ctx, packAgain) {
				return
			}
		}
	}
}

func (l *Log) packAll(ctx context.Context) error {
	files, err := listFiles(l.opt.Dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		l.mu.Lock()
		inUse := l.tail.first
		l.mu.Unlock()
		if f.packed || f.first >= inUse {
			continue
		}
		if err := l.packOne(ctx, f); err != nil {
			return fmt.Errorf("compressing %s: %w", f.name(), err)
		}
	}
	return nil
}

// packOne replaces a closed file by its compressed form, once that is durable and was read back.
func (l *Log) packOne(ctx context.Context, f logFile) error {
	l.files.Lock()
	defer l.files.Unlock()
	plain := filepath.Join(l.opt.Dir, f.name())
	packed := filepath.Join(l.opt.Dir, logFile{f.first, true}.name())
	temp := packed + tempEnd
	defer os.Remove(temp)
	sum, err := compress(ctx, plain, temp)
	if errors.Is(err, os.ErrNotExist) { // pruned meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	if back, err := unpackedSum(ctx, temp); err != nil {
		return err
	} else if back != sum {
		return errors.New("the compressed file does not read back the same")
	}
	if err := os.Rename(temp, packed); err != nil {
		return err
	}
	if err := syncDir(l.opt.Dir); err != nil {
		return err
	}
	if err := os.Remove(plain); err != nil {
		return err
	}
	return syncDir(l.opt.Dir)
}

// compress writes from, compressed, to a new file, and returns the hash of what it read.
func compress(ctx context.Context, from, to string) (sum string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	defer func() {
		if cerr := out.Close(); err == nil {
			err = cerr
		}
	}()
	h := sha256.New()
	buffered := bufio.NewWriterSize(out, 64<<10)
	z := gzip.NewWriter(buffered)
	if _, err := io.Copy(io.MultiWriter(z, h), contextReader{ctx, in}); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	if err := buffered.Flush(); err != nil {
		return "", err
	}
	return sumOf(h), out.Sync()
}

func unpackedSum(ctx context.Context, path string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	z, err := gzip.NewReader(bufio.NewReader(contextReader{ctx, in}))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, z); err != nil {
		return "", err
	}
	return sumOf(h), nil
}

func sumOf(h hash.Hash) string { return fmt.Sprintf("%x", h.Sum(nil)) }

// contextReader ends when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
