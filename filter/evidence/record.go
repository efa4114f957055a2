// Package evidence keeps what the gate decided and what officers did, so that somebody else can check it:
// one append-only log for each gate, a record a line, every line chained to the one before by its SHA-256,
// and checkpoints signed with the gate's key.
//
// No record holds content: no subject, no text, no file name (invariant 5 of the design).
package evidence

import (
	"errors"
	"fmt"
	"time"
)

// Kind tells what a record is about and which of its pointers is set.
type Kind string

// The kinds. Checkpoint and root records are made by the log alone.
const (
	KindVerdict    Kind = "verdict"    // what the gate decided of a message
	KindOutcome    Kind = "outcome"    // what became of the message
	KindAct        Kind = "act"        // what an officer, an operator or the gate itself did
	KindCheckpoint Kind = "checkpoint" // signs everything before it
	KindRoot       Kind = "root"       // signs what was pruned; the chain begins after it
)

// Record is one line of the log. The order of the fields is that of the line. The caller of Append sets
// Kind and the one pointer that belongs to it; the log sets the rest.
type Record struct {
	Seq  uint64 `json:"seq"`  // from 1, without gaps
	Prev string `json:"prev"` // SHA-256 of the line before without its line break, hex; 64 zeros before the first
	// Clock is "back" when the gate's clock showed an earlier time than for the record before.
	Clock      string      `json:"clock,omitempty"`
	Time       time.Time   `json:"time"` // UTC, when the record was appended
	Gate       string      `json:"gate"`
	Kind       Kind        `json:"kind"`
	Verdict    *Verdict    `json:"verdict,omitempty"`
	Outcome    *Outcome    `json:"outcome,omitempty"`
	Act        *Act        `json:"act,omitempty"`
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	Root       *Root       `json:"root,omitempty"`
}

// Line is a record as it stands in the log.
type Line struct {
	Record
	Raw  []byte // without the line break
	Hash string // SHA-256 of Raw, hex: the Prev of the next record
}

// Verdict is filter.Verdict with the transaction that it is about. FromVerdict makes one.
type Verdict struct {
	ID             string         `json:"id"` // the transaction's
	Door           string         `json:"door"`
	Listener       string         `json:"listener,omitempty"`
	QueueID        string         `json:"queue_id,omitempty"` // the MTA's
	Client         string         `json:"client,omitempty"`   // address
	ClientName     string         `json:"client_name,omitempty"`
	Helo           string         `json:"helo,omitempty"`
	Login          string         `json:"login,omitempty"`
	TLS            string         `json:"tls,omitempty"`
	Protocol       string         `json:"protocol,omitempty"`
	ReversePath    string         `json:"reverse_path"` // "" is the null reverse-path
	Recipients     []string       `json:"recipients,omitempty"`
	MoreRecipients int            `json:"more_recipients,omitempty"` // beyond what is recorded
	Direction      string         `json:"direction"`
	Unit           string         `json:"unit,omitempty"`
	Disposition    string         `json:"disposition"`
	Reply          string         `json:"reply"`              // the verdict's reply line
	Held           bool           `json:"held,omitempty"`     // the message is in the quarantine
	Dropped        bool           `json:"dropped,omitempty"`  // behind a queue: it was taken and is kept nowhere
	Released       string         `json:"released,omitempty"` // the hold that an officer released it from
	Findings       []Finding      `json:"findings,omitempty"`
	MoreFindings   int            `json:"more_findings,omitempty"` // beyond what is recorded
	NotInspected   []NotInspected `json:"not_inspected,omitempty"`
	MoreUnseen     int            `json:"more_not_inspected,omitempty"` // beyond what is recorded
	Signed         []string       `json:"signed,omitempty"`             // who signed it on its way out (DKIM): "domain selector algorithm"
	Unsigned       string         `json:"unsigned,omitempty"`           // why nobody did
	Policy         string         `json:"policy,omitempty"`             // "sha256:…"
	Packs          []string       `json:"packs,omitempty"`              // "name version" of the packs of rule data
	SHA256         string         `json:"sha256,omitempty"`             // of the message as received, hex
	Bytes          int64          `json:"bytes"`                        // of the message as received, octets
	Error          string         `json:"error,omitempty"`              // our trouble, when the gate deferred for one
}

// Finding is filter.Finding with the hash of the part that it is about.
type Finding struct {
	Rule        string  `json:"rule"`
	Clause      string  `json:"clause"`
	Mode        string  `json:"mode"`
	Disposition string  `json:"disposition"`
	Score       float64 `json:"score"`
	Level       string  `json:"level,omitempty"`
	Part        string  `json:"part,omitempty"`
	PartSHA256  string  `json:"part_sha256,omitempty"` // of the part's decoded octets, hex
	Detail      string  `json:"detail,omitempty"`
	Exception   string  `json:"exception,omitempty"` // of an officer's, because of which it was not acted on
}

// NotInspected is a part that could not be looked into, and why.
type NotInspected struct {
	Part   string `json:"part"`
	Reason string `json:"reason"`
}

// Outcome is what became of a message after its verdict.
type Outcome struct {
	ID             string `json:"id"`              // the transaction's
	Reply          string `json:"reply,omitempty"` // what the client was told; "" when it was gone
	NextHop        string `json:"next_hop,omitempty"`
	NextHopQueueID string `json:"next_hop_queue_id,omitempty"`
	Held           bool   `json:"held,omitempty"`
	Hold           string `json:"hold,omitempty"`  // of an earlier transaction, which held the same message first
	Error          string `json:"error,omitempty"` // what went wrong while acting on the verdict
}

// Act is something that somebody did at the gate.
type Act struct {
	Who     string            `json:"who"` // the officer's address, or "congthu" for the gate itself
	What    What              `json:"what"`
	Object  string            `json:"object,omitempty"` // what it was done to: a hold's id, an exception's, an officer's address
	Reason  string            `json:"reason,omitempty"`
	Details map[string]string `json:"details,omitempty"`
}

// What is done in an act: a closed list.
type What string

// The acts.
const (
	View          What = "view"
	Release       What = "release"
	Delete        What = "delete"
	ExportContent What = "export"
	ExceptionAdd  What = "exception-add"
	ExceptionEnd  What = "exception-end"
	OfficerAdd    What = "officer-add"
	OfficerRemove What = "officer-remove"
	Reload        What = "reload"
	SignIn        What = "sign-in"
	Backup        What = "backup"
	Restore       What = "restore"
	Prune         What = "prune"
	Rebuild       What = "rebuild"
	Start         What = "start"
	Stop          What = "stop"
	Grant         What = "grant"
	Confirm       What = "confirm"
	People        What = "people" // accounts and tokens of the console
	Denied        What = "denied" // somebody asked the console for what is not for that role
	Judge         What = "judge"  // an officer said whether a finding was right
)

// Valid tells whether w is one of the acts.
func (w What) Valid() bool {
	switch w {
	case View, Release, Delete, ExportContent, ExceptionAdd, ExceptionEnd, OfficerAdd, OfficerRemove, Reload,
		SignIn, Backup, Restore, Prune, Rebuild, Start, Stop, Grant, Confirm, People, Denied, Judge:
		return true
	}
	return false
}

// Checkpoint signs the chain up to the record before it.
type Checkpoint struct {
	Seq       uint64 `json:"seq"`  // of the last record that is signed
	Hash      string `json:"hash"` // of its line, hex
	Key       string `json:"key"`  // SHA-256 of the public key, hex
	Signature string `json:"signature"`
}

// Root signs what retention removed. The first record that is left has Seq+1 and Hash for its Prev.
type Root struct {
	Seq       uint64 `json:"seq"`   // of the last record that was removed
	Hash      string `json:"hash"`  // of its line, hex
	Count     uint64 `json:"count"` // of records removed with this root
	Key       string `json:"key"`   // SHA-256 of the public key, hex
	Signature string `json:"signature"`
}

// ErrRecord says that a record is not one that may be appended.
var ErrRecord = errors.New("not a record for the evidence log")

// check tells whether a caller may append r.
func (r *Record) check() error {
	switch {
	case r.Kind == KindVerdict && r.Verdict != nil && r.Outcome == nil && r.Act == nil,
		r.Kind == KindOutcome && r.Outcome != nil && r.Verdict == nil && r.Act == nil,
		r.Kind == KindAct && r.Act != nil && r.Verdict == nil && r.Outcome == nil:
	default:
		return fmt.Errorf("%w: kind %q does not fit what it holds", ErrRecord, r.Kind)
	}
	if r.Checkpoint != nil || r.Root != nil {
		return fmt.Errorf("%w: only the log itself makes checkpoints", ErrRecord)
	}
	if r.Act != nil && !r.Act.What.Valid() {
		return fmt.Errorf("%w: %q is no act", ErrRecord, r.Act.What)
	}
	return nil
}
