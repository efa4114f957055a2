package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// Open opens the content of a held message with an officer's identity: ErrNoAccess when it is not among those
// that the message is encrypted to. Reading it takes the memory of one chunk. It fails with ErrDamaged, at
// the latest at the end, when the content is not what was held, and with ErrDecided when the message is
// decided on meanwhile: nobody may use it before io.EOF came. Who opened it is for the caller to record.
func (s *Store) Open(ctx context.Context, id string, by age.Identity) (content io.ReadCloser, err error) {
	what := "opening " + id
	var c sealed
	var key *age.X25519Identity
	err = s.read(ctx, what, func(q querier) error {
		c, key, err = unlock(ctx, q, id, by)
		return err
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	n := 0
	r, err := unsealContent(key, func() (piece []byte, err error) {
		err = s.read(ctx, what, func(q querier) error {
			piece, err = chunk(ctx, q, id, n)
			return err
		})
		n++
		return piece, eof(err)
	}, c.sum, c.size)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return &opened{r, cancel}, nil
}

// chunk is the nth piece of a message, io.EOF after the last one.
func chunk(ctx context.Context, q querier, id string, n int) ([]byte, error) {
	var piece []byte
	err := q.QueryRowContext(ctx, selectChunk, id, n).Scan(&piece)
	if !errors.Is(err, sql.ErrNoRows) {
		return piece, err
	}
	if _, err := undecidedState(ctx, q, id); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// eof takes the wrapping off the end of the content, which readers compare.
func eof(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return err
}

// opened is the content of a message. Close ends its reading.
type opened struct {
	io.Reader
	cancel context.CancelFunc
}

func (o *opened) Close() error {
	o.cancel()
	return nil
}

// undecidedState is the state of a message on which somebody has still to decide.
func undecidedState(ctx context.Context, q querier, id string) (state State, err error) {
	err = q.QueryRowContext(ctx, selectState, id).Scan(&state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", ErrNotFound
	case err != nil:
		return "", err
	case !state.Undecided():
		return state, ErrDecided
	}
	return state, nil
}
