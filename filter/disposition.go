package filter

import "fmt"

// Disposition is what happens to a message. The strongest that an enforced rule asks for wins.
// The zero value is not a disposition: a verdict that nobody made accepts nothing.
type Disposition int

// The dispositions, weakest first.
const (
	Unset Disposition = iota
	Accept
	Tag
	Hold
	Defer
	Refuse
)

func (d Disposition) String() string {
	switch d {
	case Accept:
		return "accept"
	case Tag:
		return "tag"
	case Hold:
		return "hold"
	case Defer:
		return "defer"
	case Refuse:
		return "refuse"
	}
	return "unset"
}

// Dispositions lists all that a policy may name, weakest first.
func Dispositions() []Disposition { return []Disposition{Accept, Tag, Hold, Defer, Refuse} }

// ParseDisposition reads a disposition's name.
func ParseDisposition(s string) (Disposition, error) {
	for _, d := range Dispositions() {
		if d.String() == s {
			return d, nil
		}
	}
	return Unset, fmt.Errorf("%q is no disposition (accept, tag, hold, defer, refuse)", s)
}

// MarshalText writes the name, for JSON and logs.
func (d Disposition) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the name.
func (d *Disposition) UnmarshalText(b []byte) error {
	v, err := ParseDisposition(string(b))
	if err == nil {
		*d = v
	}
	return err
}

// Mode is how a rule's findings count.
type Mode string

// The modes. The zero value of a finding's mode means its rule's.
const (
	Off     Mode = "off"     // the rule does not run
	Monitor Mode = "monitor" // found and recorded, not acted on
	Enforce Mode = "enforce"
)

// Direction is where a message goes, decided once (see Organisation.Direction).
type Direction string

// The directions. Internal follows the outbound column of a policy.
const (
	Outbound Direction = "outbound"
	Internal Direction = "internal"
	Inbound  Direction = "inbound"
)

// FromOurs tells whether the message comes from the organisation.
func (d Direction) FromOurs() bool { return d == Outbound || d == Internal }
