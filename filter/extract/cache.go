package extract

import (
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"
)

// cacheKey names a file's content and how it is read.
type cacheKey struct {
	sha256 string
	label  string // media type and charset that the message gives: they choose the readings of plain text
	name   string // extensions of all names, for formats that only a name tells apart
}

// cache remembers results by content. It never holds text. Nothing in it grows old: another policy has another
// inspector.
type cache struct{ results *lru.Cache[cacheKey, *result] }

func newCache(size int) (*cache, error) {
	if size < 0 {
		return nil, fmt.Errorf("a cache of %d outcomes", size)
	}
	if size == 0 {
		return &cache{}, nil
	}
	results, err := lru.New[cacheKey, *result](size)
	if err != nil {
		return nil, fmt.Errorf("making the memory of outcomes: %w", err)
	}
	return &cache{results}, nil
}

func (c *cache) get(k cacheKey) *result {
	if c.results == nil {
		return nil
	}
	r, _ := c.results.Get(k)
	return r
}

func (c *cache) put(k cacheKey, r *result) {
	if c.results != nil {
		c.results.Add(k, r)
	}
}
