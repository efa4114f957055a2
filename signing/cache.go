package signing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of what is kept.
const (
	maxCachedBytes = 64 << 20  // octets in memory
	maxCacheFiles  = 2000      // in the directory
	maxDiskBytes   = 256 << 20 // octets in the directory
	maxCacheKeys   = 10_000    // addresses and certificates that something is known of
	cacheSuffix    = ".revocation"
)

// cache keeps answers of authorities as they came. They are signed and judged again each time: whoever writes into the directory
// can at most make the gate ask again.
type cache struct {
	dir   string
	retry time.Duration
	clock func() time.Time

	mu      sync.Mutex
	entries map[string]*cached
	bytes   int // of all entries' data
}

// cached is one answer. turn is held by who asks, so that a hundred messages of one authority ask once.
type cached struct {
	turn   chan struct{}
	data   []byte
	failed time.Time // when it was asked for in vain; zero: it was not
	why    Reason    // what came of that
}

// source is where an answer comes from and who says what it says.
type source struct {
	fetch func(context.Context) (data []byte, ok bool)
	judge func(data []byte) (answer, Reason)
}

func newCache(dir string, retry time.Duration, clock func() time.Time) *cache {
	return &cache{dir: dir, retry: retry, clock: clock, entries: map[string]*cached{}}
}

// get gives what a source says, out of what is kept while that is good.
func (c *cache) get(ctx context.Context, key string, s source) (answer, Reason) {
	e := c.entry(key)
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return answer{}, Unreachable
	}
	kept := Reason("")
	for _, data := range [][]byte{e.data, c.load(key)} {
		if data == nil {
			continue
		}
		a, reason := s.judge(data)
		if reason == "" {
			c.keep(key, e, data)
			return a, ""
		}
		kept = reason
	}
	if !e.failed.IsZero() && c.clock().Sub(e.failed) < c.retry {
		return answer{}, graver(e.why, kept)
	}
	a, reason := answer{}, Unreachable
	data, ok := s.fetch(ctx)
	if ok {
		a, reason = s.judge(data)
	}
	if reason != "" {
		// An answer that is no use is not asked for with every message either. Only a message that was given up says nothing.
		if !errors.Is(ctx.Err(), context.Canceled) {
			e.failed, e.why = c.clock(), reason
		}
		return answer{}, graver(reason, kept)
	}
	e.failed = time.Time{}
	c.keep(key, e, data)
	c.store(key, data)
	return a, ""
}

func (c *cache) entry(key string) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		if len(c.entries) >= maxCacheKeys {
			c.forget()
		}
		e = &cached{turn: make(chan struct{}, 1)}
		c.entries[key] = e
	}
	return e
}

// forget empties the memory. What is good comes back from the directory or from its authority.
func (c *cache) forget() {
	c.entries = map[string]*cached{}
	c.bytes = 0
}

// keep holds data in memory. Who calls has the entry's turn.
func (c *cache) keep(key string, e *cached, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key] != e { // forgotten meanwhile
		return
	}
	if c.bytes+len(data)-len(e.data) > maxCachedBytes {
		c.forget()
		return
	}
	c.bytes += len(data) - len(e.data)
	e.data = data
}

func (c *cache) path(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:])+cacheSuffix)
}

// load reads what is kept on disk, nil when there is nothing.
func (c *cache) load(key string) []byte {
	if c.dir == "" {
		return nil
	}
	data, err := os.ReadFile(c.path(key))
	if err != nil {
		return nil
	}
	return data
}

// store writes data to disk, whole or not at all. A disk that is full or read-only costs another question, no more.
func (c *cache) store(key string, data []byte) {
	if c.dir == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.makeRoom(int64(len(data)))
	f, err := os.CreateTemp(c.dir, "new-*"+cacheSuffix)
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), c.path(key)) != nil {
		os.Remove(f.Name())
	}
}

// makeRoom removes the oldest files until another fits.
func (c *cache) makeRoom(n int64) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasSuffix(e.Name(), cacheSuffix) {
			continue
		}
		files = append(files, info)
		n += info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for len(files) > 0 && (len(files) >= maxCacheFiles || n > maxDiskBytes) {
		os.Remove(filepath.Join(c.dir, files[0].Name()))
		n -= files[0].Size()
		files = files[1:]
	}
}
