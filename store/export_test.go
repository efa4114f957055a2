package store

import (
	"bytes"
	"io"

	"filippo.io/age"
)

// WrapWith is WrapIdentity with a work factor that a test can afford.
func WrapWith(passphrase, identity string, work int) ([]byte, error) {
	return wrap(passphrase, identity, work)
}

// ChunkBytes is the size of a piece of content.
const ChunkBytes = chunkBytes

// Seal seals content as Hold does, with a key of its own. open unseals pieces.
func Seal(content []byte) (pieces [][]byte, open func([][]byte) ([]byte, error), err error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, nil, err
	}
	sum, size, err := new(packers).seal(key.Recipient(), bytes.NewReader(content), func(p []byte) error {
		pieces = append(pieces, bytes.Clone(p))
		return nil
	})
	return pieces, func(pieces [][]byte) ([]byte, error) {
		r, err := unsealContent(key, func() ([]byte, error) {
			if len(pieces) == 0 {
				return nil, io.EOF
			}
			p := pieces[0]
			pieces = pieces[1:]
			return p, nil
		}, sum, size)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}, err
}

// SearchQuery is the query that Search asks when there are few messages of every condition, or many.
func SearchQuery(f MessageFilter, little bool) (query string, args []any, err error) {
	return f.query(f.plan(few{little, little, little}), page(f.Limit), "")
}

// MaxLooked is how many messages a search reads for one page.
const MaxLooked = maxLooked

// MonthsOf takes a span of days apart.
func MonthsOf(from, to, today string) (first, last string, before, after [2]string) {
	m := monthsOf(from, to, today)
	return m.first, m.last, m.before, m.after
}
