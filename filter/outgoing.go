package filter

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Signer signs mail that leaves (DKIM, RFC 6376).
type Signer interface {
	// Sign signs a message as it leaves: with the fields add on top and without those of its header with the indices
	// remove. An error is one of ours; what the message causes is a Signing without fields that says why.
	Sign(ctx context.Context, tx *Transaction, add []HeaderField, remove []int) (Signing, error)
}

// Signing is what came of it.
type Signing struct {
	Fields []HeaderField // to be put above all others
	By     []string      // who signed: "monre.gov.vn s2026 rsa-sha256"
	None   Unsigned      // why nobody did; "" when somebody did
}

// Unsigned is why outgoing mail has no signature: a metric label and a word of the evidence.
type Unsigned string

// The reasons.
const (
	UnsignedNoKey   Unsigned = "no-key"         // From has a domain of ours for which no key signs now
	UnsignedForeign Unsigned = "foreign-author" // From has none of our domains: nobody of ours may sign it
	UnsignedFrom    Unsigned = "from"           // not exactly one From field, or no address in it
	UnsignedHeader  Unsigned = "header"         // a header that is too long, or repeats fields too often
	UnsignedFailed  Unsigned = "failed"         // our trouble, and the policy says that the mail goes all the same
)

// Unsigneds are all reasons.
func Unsigneds() []Unsigned {
	return []Unsigned{UnsignedNoKey, UnsignedForeign, UnsignedFrom, UnsignedHeader, UnsignedFailed}
}

// EngineDKIM names the signer where a message says which engine had no part in it.
const EngineDKIM = "dkim"

// resultSigned is the label of mail that was signed, beside the reasons.
const resultSigned = "signed"

// sign signs outgoing mail that passes. Trouble of ours defers it (invariant 2), unless the policy lets it go: then the
// header says so.
func (r *run) sign(ctx context.Context, v Verdict) Verdict {
	if r.policy.Signer == nil || v.Direction != Outbound {
		return v
	}
	made, err := r.signed(ctx, &v)
	switch {
	case err == nil:
		v.Signed, v.Unsigned = made.By, made.None
		v.Add = append(append([]HeaderField{}, made.Fields...), v.Add...)
		return v
	case r.policy.SendUnsigned:
		r.judge.log.Error("outgoing mail could not be signed and goes all the same", "id", v.ID, "error", err.Error())
		v.Unsigned = UnsignedFailed
		v.Add = addFields(&v)
		return v
	}
	f := r.judge.Fault(r.tx, err)
	f.Policy, f.Packs, f.Findings = v.Policy, v.Packs, v.Findings
	f.NotInspected = append(v.NotInspected, f.NotInspected...)
	return f
}

// signed is Sign with its panics contained.
func (r *run) signed(ctx context.Context, v *Verdict) (made Signing, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The panic's value may hold content (invariant 5): only its type and the stack are kept.
			made, err = Signing{}, contentError{fmt.Sprintf("panic of type %T while signing the message", p), debug.Stack()}
		}
	}()
	if made, err = r.policy.Signer.Sign(ctx, r.tx, v.Add, v.Remove); err != nil {
		return Signing{}, fmt.Errorf("signing the message: %w", err)
	}
	return made, nil
}

// countSigned counts outgoing mail that passed by whether it is signed.
func (j *Judge) countSigned(v Verdict) {
	switch {
	case !v.Passes():
	case len(v.Signed) > 0:
		j.metrics.DKIM.WithLabelValues(resultSigned).Inc()
	case v.Unsigned != "":
		j.metrics.DKIM.WithLabelValues(string(v.Unsigned)).Inc()
	}
}
