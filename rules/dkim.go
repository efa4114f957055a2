package rules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/signing/mailauth"
)

// DKIMSigner makes signatures; *mailauth.Signer is one.
type DKIMSigner interface {
	// Has tells whether there is a key for an author of that domain now.
	Has(author string) bool
	Sign(authors []string, head, body io.Reader) ([]mailauth.Signature, error)
}

// outgoing signs outgoing mail (RFC 6376), so that the ministry's domain proves itself as clause 10.5 has others do.
type outgoing struct {
	keys DKIMSigner
	ours func(domain string) bool
}

// NewOutgoing makes what signs outgoing mail of our domains.
func NewOutgoing(keys DKIMSigner, ours func(domain string) bool) filter.Signer {
	return outgoing{keys, ours}
}

// Sign implements filter.Signer. The body is read once more, as it stands in the spool: which mail goes out, and that it
// may, is not known before it is whole.
func (o outgoing) Sign(ctx context.Context, tx *filter.Transaction, add []filter.HeaderField, remove []int) (filter.Signing, error) {
	var authors, own []string
	addresses, _ := tx.Message.Header.Addresses("From")
	for _, a := range addresses {
		if a.Domain == "" || slices.Contains(authors, a.Domain) {
			continue
		}
		if len(authors) == maxAuthorDomains {
			break
		}
		authors = append(authors, a.Domain)
		if o.ours(a.Domain) {
			own = append(own, a.Domain)
		}
	}
	switch {
	case len(authors) == 0:
		return filter.Signing{None: filter.UnsignedFrom}, nil
	case len(own) == 0:
		return filter.Signing{None: filter.UnsignedForeign}, nil
	case !slices.ContainsFunc(own, o.keys.Has):
		return filter.Signing{None: filter.UnsignedNoKey}, nil
	}
	made, err := o.keys.Sign(own, leavingHeader(tx, add, remove), &until{tx.Message.Root.Raw(), ctx})
	switch {
	case errors.Is(err, mailauth.ErrFrom):
		return filter.Signing{None: filter.UnsignedFrom}, nil
	case errors.Is(err, mailauth.ErrHeaderSize), errors.Is(err, mailauth.ErrFieldCount):
		return filter.Signing{None: filter.UnsignedHeader}, nil
	case err != nil:
		return filter.Signing{}, fmt.Errorf("signing with DKIM: %w", err)
	case len(made) == 0: // its key ended in this moment
		return filter.Signing{None: filter.UnsignedNoKey}, nil
	}
	var out filter.Signing
	for _, s := range made {
		name, value, _ := strings.Cut(strings.TrimSuffix(s.Field, "\r\n"), ": ")
		out.Fields = append(out.Fields, filter.HeaderField{Name: name, Value: value})
		out.By = append(out.By, s.Domain+" "+s.Selector+" "+s.Algorithm)
	}
	return out, nil
}

// maxAuthorDomains is how many domains in From are looked at.
const maxAuthorDomains = 20

// leavingHeader is the header as it leaves.
func leavingHeader(tx *filter.Transaction, add []filter.HeaderField, remove []int) io.Reader {
	var b bytes.Buffer
	for _, f := range add {
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	gone := make(map[int]bool, len(remove))
	for _, i := range remove {
		gone[i] = true
	}
	for i, f := range tx.Message.Header.Fields {
		if !gone[i] {
			b.Write(f.Raw)
		}
	}
	return &b
}

// until reads until judging ends.
type until struct {
	io.Reader
	ctx context.Context
}

func (u *until) Read(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}
