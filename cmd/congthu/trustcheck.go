package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules"
	"congthu/signing"
)

type trustCheckCommand struct {
	trusting
	File string `arg:"" help:"A certificate (PEM or DER; others behind it may be its issuers), or a signed mail. - is standard input."`
}

// Run says what each chain is. Nobody is asked whether a certificate is revoked: lists in files count.
func (c *trustCheckCommand) Run(p *program) error {
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	org := filter.Organisation{Domains: texts(conf.Organisation.Domains)}
	judged, _, err := signaturesOf(conf, org.Ours, false)
	if err != nil {
		return err
	}
	limits := conf.Limits.Message()
	spool := message.NewSpool(limits, nil)
	defer spool.Close()
	if err := (&checkCommand{}).read(p, spool, c.File); err != nil {
		return fmt.Errorf("reading %s: %w", c.File, err)
	}
	// A file of certificates is small; what is not one is a mail.
	start := make([]byte, min(spool.Size(), maxCertificates))
	if _, err := spool.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading %s: %w", c.File, err)
	}
	good := false
	if certificates, notOne := signing.ParseCertificates(start); notOne == nil {
		o := signing.Options{Trust: judged.Trust, Revocation: judged.Revocation, Now: p.now()}
		r, err := signing.VerifyCertificate(p.ctx, certificates[0], certificates[1:], o)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, stateText(r.State, r.Reason))
		good = r.State == signing.Valid
		pathTo(p.stdout, r.Path, r.State, r.Notes)
	} else {
		tx := &filter.Transaction{Received: p.now(), Session: filter.Session{Door: "check"}}
		if tx.Message, err = message.Read(spool, spool.Size(), limits); err != nil {
			return fmt.Errorf("reading %s: %w", c.File, err)
		}
		if good, err = c.mail(p, tx, rules.Config{Signatures: judged, Ours: org.Ours, Limits: limits}); err != nil {
			return err
		}
	}
	if !good {
		return &exitError{exitFindings, nil}
	}
	return nil
}

// maxCertificates is how many octets of a file are looked at for certificates.
const maxCertificates = 1 << 20

// mail tells of each signature of a mail. It is good when there is one and all are.
func (c *trustCheckCommand) mail(p *program, tx *filter.Transaction, conf rules.Config) (bool, error) {
	all, err := rules.SeeSignatures(p.ctx, conf, tx)
	if err != nil {
		return false, err
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(p.stdout, "neither a certificate nor a mail with a signature")
		return false, err
	}
	good := true
	for _, one := range all {
		part := "the message"
		if one.Part != "" {
			part = "part " + one.Part
		}
		fmt.Fprintf(p.stdout, "%s: %s\n", part, one.Detail)
		good = good && strings.HasPrefix(one.Detail, string(signing.Valid))
		for _, s := range one.Result.Signers {
			fmt.Fprintf(p.stdout, "  signer: %s\n", stateText(s.State, s.Reason))
			path := s.Path
			if len(path) == 0 && s.Certificate != nil {
				path = []*signing.Certificate{s.Certificate}
			}
			pathTo(p.stdout, path, s.State, s.Notes)
		}
	}
	return good, nil
}

func stateText(state signing.State, reason signing.Reason) string {
	if reason == "" {
		return string(state)
	}
	return string(state) + ": " + string(reason)
}

// pathTo shows the certificates from the signer's up, and where the way ends.
func pathTo(w io.Writer, path []*signing.Certificate, state signing.State, notes []signing.Note) {
	for i, c := range path {
		fmt.Fprintf(w, "  %s%s\n  %s  SHA-256 %s\n  %s  %s to %s\n", strings.Repeat("  ", i), visible(c.Subject), strings.Repeat("  ", i), c.Fingerprint,
			strings.Repeat("  ", i), c.NotBefore.UTC().Format(day), c.NotAfter.UTC().Format(day))
		if i == 0 && len(c.Addresses) > 0 {
			fmt.Fprintf(w, "    for %s\n", visible(strings.Join(c.Addresses, ", ")))
		}
	}
	if n := len(path); n > 0 && state == signing.Untrusted {
		switch last := path[n-1]; {
		case last.Issuer == last.Subject:
			fmt.Fprintln(w, "  the last one vouches for itself and is no anchor: congthu trust import it if you trust it")
		default:
			fmt.Fprintf(w, "  its issuer is not known: %s\n  (an anchor, or an authority for signing.intermediates)\n", visible(last.Issuer))
		}
	}
	for _, note := range slices.Compact(slices.Clone(notes)) {
		fmt.Fprintf(w, "  note: %s\n", note)
	}
}
