package filter

import (
	"context"

	"congthu/filter/message"
)

// Finding is what one rule says of one message. It never carries content: no subject, no text,
// no file name.
type Finding struct {
	Rule   string `json:"rule"`
	Clause string `json:"clause"` // "9.3" is Điều 9 khoản 3
	Mode   Mode   `json:"mode"`   // a rule may only lower it: Monitor although the rule enforces
	// Disposition asked. A rule leaves it Unset to ask for what the policy says for its direction.
	Disposition Disposition `json:"disposition"`
	Score       float64     `json:"score"` // 0 to 1; Judge reads 0 as 1
	Level       string      `json:"level"` // MAT, TOI_MAT, TUYET_MAT, OTHER for marking, else ""
	Part        string      `json:"part"`  // message.Part.ID, "" for the whole message
	Detail      string      `json:"detail"`

	Text TextKey `json:"-"` // what the sender is told; TextNone takes the rule's first text
	// PartSHA256 is of the part's decoded octets, hex; a rule fills it in for members of archives, Judge for
	// the message's own parts when the finding stops the message.
	PartSHA256 string `json:"-"`
	Exception  string `json:"-"` // the officer's exception that lowered Mode to Monitor

	// NotInspected makes this no finding of the rule's but one of what could not be looked into: the policy has a
	// disposition for each reason. It counts in the mode of rule RuleUninspected or of the rule that says so, whichever is stricter.
	NotInspected message.Reason `json:"-"`
	FailOpen     string         `json:"-"` // the engine that did not look, while the policy says that the mail passes (invariant 2)
	// Results is the value of the Authentication-Results field that a message which passes gets (RFC 8601), folded with
	// CRLF and a tab; "" for none.
	Results string `json:"-"`
	Told    string `json:"-"` // what a refusal tells a sender of ours beside Text, ASCII: the name of a virus
}

// Rule is the code that enforces one clause.
type Rule struct {
	Name   string // stable: configuration key, metric label, log field
	Clause string // of the regulation
	Text   Text   // what the sender is told when the catalogue has nothing for the rule's findings
	Code   int    // reply code of a refusal: 550, 552; Defer takes its 4xx counterpart
	Status string // enhanced status code without its class: "7.1" (RFC 3463)
	// Expensive rules run concurrently, and only when no cheap rule refused.
	Expensive bool
	// Check looks at tx and must not change it. An error means that the rule could not judge for a
	// reason of ours (invariant 2): the message is deferred, unless what was found beside it refuses. What the content causes is a finding.
	Check func(ctx context.Context, tx *Transaction) ([]Finding, error)
	// Later is the rest of the rule, for what may be done only when the other rules have spoken. It runs after all of
	// them, when none refused and this rule's Check could judge. nil: there is no rest.
	Later func(ctx context.Context, tx *Transaction, said Said) ([]Finding, error)
}

// Setting is what a policy says of one rule.
type Setting struct {
	Mode     Mode
	Outbound Disposition // asked for outbound and internal mail
	Inbound  Disposition
}

// For is the disposition that the setting asks for in a direction.
func (s Setting) For(d Direction) Disposition {
	if d.FromOurs() {
		return s.Outbound
	}
	return s.Inbound
}

// Verdict is the whole answer for one message: a value, nothing acted on yet.
type Verdict struct {
	ID           string                 `json:"id"`
	Policy       string                 `json:"policy"` // "sha256:…" of the policy that judged
	Packs        []string               `json:"-"`      // "name version" of its packs of rule data
	Direction    Direction              `json:"direction"`
	Unit         string                 `json:"unit"`
	Disposition  Disposition            `json:"disposition"`
	Reply        Reply                  `json:"reply"` // 250 when the message passes: a door that has the next hop's words speaks those
	Findings     []Finding              `json:"findings"`
	NotInspected []message.NotInspected `json:"not_inspected"`

	// For messages that pass: fields to add on top, in this order, and our own forged fields to
	// take out, as indices into Message.Header.Fields (invariant 4).
	Add    []HeaderField `json:"-"`
	Remove []int         `json:"-"`
	// Signed says who signed outgoing mail that passes (Signing.By), Unsigned why nobody did; both are empty for other mail.
	Signed   []string `json:"-"`
	Unsigned Unsigned `json:"-"`
	Err      error    `json:"-"` // what made the gate defer, for the log

	// Set by Settle: the door answers 250 and hands nothing on.
	Held    bool   `json:"-"` // the message is in the quarantine
	Hold    string `json:"-"` // its id there: that of the first transaction that brought the same message
	Dropped bool   `json:"-"` // behind a queue: the message is kept nowhere, only the record
}

// Passes tells whether the message goes on to its recipients.
func (v Verdict) Passes() bool { return v.Disposition == Accept || v.Disposition == Tag }

// Taken tells whether the gate took the message itself: the sender is told 250, and nothing is handed on.
func (v Verdict) Taken() bool { return v.Held || v.Dropped }

// HeaderField is a field to add: ASCII, without CRLF at its end; a long one is folded with CRLF and a tab.
type HeaderField struct{ Name, Value string }
