package message

import (
	"errors"
	"io"
	"iter"
)

var ErrTooBig = errors.New("x")

type Budget struct{}
type Spool struct{}
type source struct{}
type measureOnce struct{}
type Address struct{ Name, Local, Domain string }

func (h *Header) Addresses(name string) ([]Address, bool) { return nil, true }
func (m *Message) Leaves() iter.Seq[*Part]                { return nil }

var _ io.Reader
