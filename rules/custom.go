package rules

import (
	"context"
	"errors"
	"fmt"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/custom"
)

// Custom makes rules of the administrator's expressions, in the order given; they speak after the rules
// of All. The error joins a *CustomError for each thing that is wrong.
func Custom(c Config, list []custom.Rule) ([]filter.Rule, error) {
	if len(list) == 0 {
		return nil, nil
	}
	env, err := custom.New(customFacts(c.complete()))
	if err != nil {
		return nil, err
	}
	var out []filter.Rule
	var errs []error
	for _, r := range list {
		rule, err := env.Compile(r)
		if err != nil {
			errs = append(errs, &CustomError{Rule: r.Name, Err: err})
			continue
		}
		out = append(out, rule)
	}
	return out, errors.Join(errs...)
}

// CustomError is what is wrong with one rule of the administrator's; Err joins *custom.Error.
type CustomError struct {
	Rule string
	Err  error
}

func (e *CustomError) Error() string { return fmt.Sprintf("%s: %v", e.Rule, e.Err) }

// Unwrap gives the problems.
func (e *CustomError) Unwrap() error { return e.Err }

// customFacts are what expressions may ask of the other rules, answered as those rules see it.
func customFacts(c Config) custom.Facts {
	f := freeMailOf(c)
	return custom.Facts{
		Ours: c.Ours, FreeMail: f.has, Automatic: automatic, Forwarded: f.leavesForwarded, Encrypted: encrypted, Signed: signed, Letter: letter,
		AttachmentBytes: func(ctx context.Context, tx *filter.Transaction) (int64, error) {
			return attachmentBytes(ctx, c, tx)
		},
	}
}

// signed tells whether the whole message says that it is signed: S/MIME (RFC 8551 section 3.5), detached or
// opaque, or PGP/MIME (RFC 3156 section 5). Whether the signature holds is not asked.
func signed(m *message.Message) (bool, error) {
	p := m.Root
	if p.MediaType == "multipart/signed" {
		return len(p.Children) == 2 && signatureOf(p.Children[1]), nil
	}
	if !smimeType(p.MediaType) || !p.Leaf() {
		return false, nil
	}
	kind, err := cmsKindOf(p)
	return kind == extract.CMSSigned, err
}
