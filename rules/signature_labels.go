package rules

import (
	"context"

	"congthu/filter"
	"congthu/rules/marking"
	"congthu/signing"
)

// markingLabels yields what the ESS security labels (RFC 2634 section 3) of a message's signatures say, with the part that is signed. A
// label counts whatever the signature is worth: nothing is trusted here, and nobody is asked.
func markingLabels(ctx context.Context, c Config, tx *filter.Transaction, yield func(part string, e []marking.Evidence)) error {
	c.Signatures.Trust, c.Signatures.Revocation = nil, nil
	s := newSignatures(ctx, c, tx)
	s.mailOnly = true
	s.seen = func(f filter.Finding, r signing.Result) {
		for _, signer := range r.Signers {
			if l := signer.Label; l != nil {
				yield(f.Part, c.Marking.SecurityLabel(marking.SecurityLabel{Policy: l.Policy, Classification: l.Classification, PrivacyMark: l.PrivacyMark}))
			}
		}
	}
	return s.message(tx.Message, standing{})
}
