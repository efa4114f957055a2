package evidence

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// maxUncopied is how many checkpoints wait for the separate file when it cannot be written. Beyond, the
// oldest are left out: what they sign, later ones sign too.
const maxUncopied = 64

// copyCheckpoints writes durable checkpoints to the separate file, and hands them to those off the
// machine. It is tried again until it succeeds; mail does not wait for it.
func (w *writer) copyCheckpoints() {
	if len(w.uncopied) == 0 {
		return
	}
	l := w.l
	if n := len(w.uncopied) - maxUncopied; n > 0 {
		w.uncopied = w.uncopied[n:]
	}
	l.toSinks(w.uncopied[len(w.uncopied)-1])
	err := appendCheckpoints(filepath.Join(l.opt.Dir, checkpointsName), w.uncopied)
	if err == nil {
		w.uncopied = nil
	} else if w.copyErr == nil {
		l.opt.Log.Error("checkpoints of the evidence log cannot be written to their own file", "error", err)
	}
	w.copyErr = err
}

func appendCheckpoints(path string, lines []Line) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := cutTorn(f); err != nil { // by an attempt that failed
		return err
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	var b []byte
	for _, l := range lines {
		b = append(append(b, l.Raw...), '\n')
	}
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// CheckpointSink takes checkpoints off the machine.
type CheckpointSink interface {
	// Checkpoint takes a checkpoint's line. An error makes it be offered again.
	Checkpoint(ctx context.Context, l Line) error
}

// Times of a sink.
const (
	sinkTimeout  = 30 * time.Second // of one attempt
	sinkBackoff  = time.Second      // after the first failure; doubled after each further one
	sinkBackoff2 = 5 * time.Minute  // at most
	sinkGoodbye  = 2 * time.Second  // that a log which is closed waits for its last checkpoint to be taken
)

// sinkQueue holds the one checkpoint that a sink has to take next: a newer one signs all that an older
// one signs, so nothing else need be kept for a sink that is away.
type sinkQueue struct {
	sink CheckpointSink
	log  *slog.Logger
	wake chan struct{}

	mu     sync.Mutex
	newest *Line
}

func (l *Log) toSinks(c Line) {
	for _, q := range l.sinks {
		q.mu.Lock()
		q.newest = &c
		q.mu.Unlock()
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// sinksWait tells whether a sink has not taken the last checkpoint yet.
func (l *Log) sinksWait() bool {
	return slices.ContainsFunc(l.sinks, func(q *sinkQueue) bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.newest != nil
	})
}

func (q *sinkQueue) run(ctx context.Context) {
	wait := sinkBackoff
	for {
		q.mu.Lock()
		c := q.newest
		q.mu.Unlock()
		if c == nil {
			select {
			case <-q.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		try, cancel := context.WithTimeout(ctx, sinkTimeout)
		err := q.sink.Checkpoint(try, *c)
		cancel()
		if err == nil {
			wait = sinkBackoff
			q.mu.Lock()
			if q.newest == c {
				q.newest = nil
			}
			q.mu.Unlock()
			continue
		}
		if ctx.Err() != nil {
			return
		}
		q.log.Warn("a checkpoint did not leave the machine", "error", err)
		if !sleep(ctx, wait) {
			return
		}
		wait = min(2*wait, sinkBackoff2)
	}
}

// sleep waits; false when ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// HTTPSink posts checkpoints to a web address, one line of JSON each.
type HTTPSink struct {
	url    string
	client *http.Client
}

// NewHTTPSink makes a sink that posts to url; config, when not nil, says whom TLS trusts.
func NewHTTPSink(url string, config *tls.Config) *HTTPSink {
	return &HTTPSink{url, &http.Client{
		Timeout: sinkTimeout,
		// A redirect would send the checkpoint to somebody who was not configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, Proxy: nil},
	}}
}

// Checkpoint posts the line; anything but a 2xx answer is an error.
func (s *HTTPSink) Checkpoint(ctx context.Context, l Line) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(append(bytes.Clone(l.Raw), '\n')))
	if err != nil {
		return fmt.Errorf("posting a checkpoint: %w", withoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("posting a checkpoint: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("posting a checkpoint: the server answered %s", resp.Status)
	}
	return nil
}

// withoutURL takes the URL out of an error: it may have a password in it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
