package message

import "iter"

type source struct{}
type measureOnce struct{}

// Address is one mailbox of an address field.
type Address struct{ Name, Local, Domain string }

func (h *Header) Addresses(name string) ([]Address, bool) { return nil, true }
func (m *Message) Leaves() iter.Seq[*Part]                { return nil }
