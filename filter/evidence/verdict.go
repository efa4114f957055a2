package evidence

import (
	"congthu/filter"
	"congthu/filter/message"
)

// Limits of what a verdict's record takes from outside. Beyond them a text is cut and says so, and
// lists say how many more there were.
const (
	maxText         = 1024      // octets of one text
	maxWord         = 128       // octets of a rule's name, a part's number and the like
	maxDetail       = 512       // octets of a finding's detail
	maxRecipients   = 1000      // recipients
	recipientsBytes = 256 << 10 // octets of all recipients together
	maxFindings     = 200       // findings
	maxNotInspected = 200       // parts
	maxSigned       = 40        // signatures
	maxHashedParts  = 32        // parts that are hashed for their findings
)

// FromVerdict is the record of what was decided of a transaction. Parts that a finding asks to tag, hold
// or refuse for are hashed, so that an officer can make an exception of one.
func FromVerdict(tx *filter.Transaction, v filter.Verdict) Verdict {
	s := tx.Session
	out := Verdict{ID: tx.ID, Door: s.Door, Listener: s.Listener, QueueID: clean(tx.QueueID),
		ClientName: clean(s.ClientName), Helo: clean(s.Helo), Login: clean(s.Login), TLS: clean(s.TLS), Protocol: clean(s.Protocol),
		ReversePath: clean(tx.ReversePath.String()), Direction: string(v.Direction), Unit: clean(v.Unit),
		Disposition: v.Disposition.String(), Reply: clean(v.Reply.String()), Policy: v.Policy, SHA256: tx.SHA256,
		Unsigned: word(string(v.Unsigned)), Held: v.Held, Dropped: v.Dropped, Released: word(tx.Released)}
	for _, p := range v.Packs {
		out.Packs = append(out.Packs, word(p))
	}
	for i, by := range v.Signed {
		if i == maxSigned {
			break
		}
		out.Signed = append(out.Signed, cleanTo(by, maxDetail))
	}
	if s.Client.IsValid() {
		out.Client = s.Client.String()
	}
	if v.Err != nil {
		out.Error = clean(v.Err.Error())
	}
	switch {
	case tx.Content != nil:
		out.Bytes = tx.Content.Size()
	case tx.Message != nil:
		out.Bytes = tx.Message.Size
	}
	out.recipients(tx.Recipients)
	digests := partDigests{message: tx.Message}
	for i, f := range v.Findings {
		if i == maxFindings {
			out.MoreFindings = len(v.Findings) - i
			break
		}
		e := Finding{Rule: word(f.Rule), Clause: word(f.Clause), Mode: string(f.Mode), Disposition: f.Disposition.String(),
			Score: f.Score, Level: word(f.Level), Part: word(f.Part), Detail: cleanTo(f.Detail, maxDetail), Exception: word(f.Exception)}
		switch {
		case f.PartSHA256 != "": // the one that exceptions were looked for by
			e.PartSHA256 = word(f.PartSHA256)
		case f.Disposition >= filter.Tag && f.Part != "":
			e.PartSHA256 = digests.of(f.Part)
		}
		out.Findings = append(out.Findings, e)
	}
	for i, n := range v.NotInspected {
		if i == maxNotInspected {
			out.MoreUnseen = len(v.NotInspected) - i
			break
		}
		out.NotInspected = append(out.NotInspected, NotInspected{word(n.Part), word(string(n.Reason))})
	}
	return out
}

func word(s string) string { return cleanTo(s, maxWord) }

func (v *Verdict) recipients(all []filter.Path) {
	room := recipientsBytes
	for i, p := range all {
		s := clean(p.String())
		if room -= len(s); i == maxRecipients || room < 0 {
			v.MoreRecipients = len(all) - i
			return
		}
		v.Recipients = append(v.Recipients, s)
	}
}

// partDigests hashes parts of one message, each once and not more than maxHashedParts.
type partDigests struct {
	message *message.Message
	parts   map[string]*message.Part
	hashed  map[string]string
}

// of is the hash of the part with that id: "" for one that is not in the tree, or not decoded.
func (d *partDigests) of(id string) string {
	if d.message == nil || d.message.Root == nil {
		return ""
	}
	if d.parts == nil {
		d.parts, d.hashed = map[string]*message.Part{}, map[string]string{}
		for p := range d.message.Parts() {
			if d.parts[p.ID] == nil { // a second reading has the same id; the first is what exceptions are for
				d.parts[p.ID] = p
			}
		}
	}
	sum, ok := d.hashed[id]
	p := d.parts[id]
	if ok || p == nil || len(d.hashed) == maxHashedParts {
		return sum
	}
	sum, err := p.Digest()
	if err != nil { // the content could not be read again: the finding stands without its hash
		sum = ""
	}
	d.hashed[id] = sum
	return sum
}
