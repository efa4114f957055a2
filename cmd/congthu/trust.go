package main

import (
	"bufio"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"congthu/filter/policy"
	"congthu/signing"
)

type trustCommands struct {
	List   trustListCommand   `cmd:"" help:"List the anchors: file, subject, SHA-256 fingerprint, when they end."`
	Import trustImportCommand `cmd:"" help:"Put a certificate among the anchors, after its fingerprint was compared."`
	Check  trustCheckCommand  `cmd:"" help:"Say what chain a certificate or a signed mail has to an anchor, and why not."`
}

type trusting struct {
	Config string `help:"Configuration file (default: /etc/congthu/congthu.yml if there is one)." placeholder:"FILE"`
}

// importing begins the names of files that are not whole yet.
const importing = ".import-"

// day is how certificates' times are shown: their seconds help nobody.
const day = "2006-01-02"

type trustListCommand struct{ trusting }

// Run lists the anchors, file by file.
func (c *trustListCommand) Run(p *program) error {
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	files, err := conf.SigningFiles("trust", conf.Signing.Trust)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "FILE\tSUBJECT\tSHA-256\tENDS")
	for _, file := range files {
		certificates, err := signing.ReadCertificates(file)
		if err != nil {
			return &exitError{exitConfig, conf.Problem("signing.trust", err.Error())}
		}
		for _, a := range certificates {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", file, visible(a.Subject.String()), signing.Fingerprint(a), ends(a, p.now()))
		}
	}
	if len(files) == 0 {
		_, err := fmt.Fprintln(p.stdout, "no anchors: nothing is trusted. Write their files into the configuration: signing: {trust: [/etc/congthu/trust/*.pem]}")
		return err
	}
	return table.Flush()
}

// ends is the last day of a certificate, and what it is worth now.
func ends(c *x509.Certificate, now time.Time) string {
	s := c.NotAfter.UTC().Format(day)
	switch {
	case now.After(c.NotAfter):
		s += " (no longer valid: vouches for nothing)"
	case now.Before(c.NotBefore):
		s += " (not yet valid)"
	}
	return s
}

type trustImportCommand struct {
	trusting
	File        string   `arg:"" help:"Certificates, PEM or DER."`
	Fingerprint []string `help:"SHA-256 of the certificate that is meant, as it came another way: 64 hexadecimal digits, with or without colons. It is not asked for then. May be given again." placeholder:"SHA-256"`
}

// Run asks for each certificate, or takes those whose fingerprints were given. None of them is written unless all that were given are there.
func (c *trustImportCommand) Run(p *program) error {
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	certificates, err := signing.ReadCertificates(c.File)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: %w", err)}
	}
	wanted, err := fingerprints(c.Fingerprint)
	if err != nil {
		return err
	}
	chosen := certificates
	if len(wanted) > 0 {
		if chosen, err = theseOf(certificates, wanted); err != nil {
			return err
		}
	}
	known, err := anchorsOf(conf)
	if err != nil {
		return err
	}
	answers := bufio.NewReader(io.LimitReader(p.stdin, 4<<10))
	left := 0
	for _, one := range chosen {
		if slices.ContainsFunc(known, one.Equal) {
			fmt.Fprintf(p.stdout, "%s is an anchor already\n", signing.Fingerprint(one))
			continue
		}
		if err := c.one(p, conf, one, len(wanted) == 0, answers); errors.Is(err, errNotTrusted) {
			left++
		} else if err != nil {
			return err
		}
	}
	if left > 0 {
		return &exitError{exitFindings, nil}
	}
	return nil
}

// errNotTrusted says that a certificate was not taken, which the person has been told.
var errNotTrusted = errors.New("not trusted")

// one shows a certificate, asks for it and writes it.
func (c *trustImportCommand) one(p *program, conf *policy.Config, one *x509.Certificate, ask bool, answers *bufio.Reader) error {
	describe(p.stdout, one)
	if p.now().After(one.NotAfter) {
		fmt.Fprintln(p.stdout, "not imported: it is no longer valid and would vouch for nothing")
		return errNotTrusted
	}
	if ask {
		fmt.Fprint(p.stdout, "Compare the fingerprint with one that came another way, by telephone or on paper.\nTrust it? Type yes: ")
		line, err := answers.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if strings.TrimSpace(line) != "yes" {
			fmt.Fprintln(p.stdout, "not imported")
			return errNotTrusted
		}
	}
	name, err := anchorFile(conf, one)
	if err != nil {
		return err
	}
	if err := writeAnchor(name, one); err != nil {
		return fmt.Errorf("writing an anchor: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "written to %s; a running gate takes it with its next reload\n", name)
	return err
}

// describe shows what a person compares.
func describe(w io.Writer, c *x509.Certificate) {
	issuer := visible(c.Issuer.String())
	if c.Issuer.String() == c.Subject.String() {
		issuer = "itself"
	}
	use := "an authority: vouches for whom it signs for"
	if !c.IsCA {
		use = "no authority: only what it signs itself would be trusted"
	}
	fmt.Fprintf(w, "subject  %s\nissuer   %s\nSHA-256  %s\nvalid    %s to %s\nuse      %s\n", visible(c.Subject.String()), issuer,
		colons(signing.Fingerprint(c)), c.NotBefore.UTC().Format(day), c.NotAfter.UTC().Format(day), use)
}

// colons writes a fingerprint as it stands on paper.
func colons(hexadecimal string) string {
	var pairs []string
	for pair := range slices.Chunk([]byte(strings.ToUpper(hexadecimal)), 2) {
		pairs = append(pairs, string(pair))
	}
	return strings.Join(pairs, ":")
}

// fingerprints reads SHA-256 fingerprints in any of the forms in which programs and people write them.
func fingerprints(list []string) ([]string, error) {
	var out []string
	for _, f := range list {
		plain := strings.ToLower(strings.Map(func(r rune) rune {
			if r == ':' || r == ' ' || r == '-' {
				return -1
			}
			return r
		}, f))
		plain = strings.TrimPrefix(plain, "sha256")
		if b, err := hex.DecodeString(plain); err != nil || len(b) != 32 {
			return nil, &exitError{exitUsage, fmt.Errorf("congthu: %q is no SHA-256 fingerprint, which has 64 hexadecimal digits", f)}
		}
		out = append(out, plain)
	}
	return out, nil
}

// theseOf are the certificates with these fingerprints. Each has to be there: one that is not is what a forged file looks like.
func theseOf(certificates []*x509.Certificate, wanted []string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, f := range wanted {
		i := slices.IndexFunc(certificates, func(c *x509.Certificate) bool { return signing.Fingerprint(c) == f })
		if i < 0 {
			var there []string
			for _, c := range certificates {
				there = append(there, "  "+signing.Fingerprint(c)+"  "+visible(c.Subject.String()))
			}
			return nil, &exitError{exitFindings, fmt.Errorf("congthu: not imported: no certificate in the file has the fingerprint %s; those in it are\n%s", f, strings.Join(there, "\n"))}
		}
		out = append(out, certificates[i])
	}
	return out, nil
}

func anchorsOf(conf *policy.Config) ([]*x509.Certificate, error) {
	files, err := conf.SigningFiles("trust", conf.Signing.Trust)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	trust, err := signing.LoadTrust(files, nil)
	if err != nil {
		return nil, &exitError{exitConfig, conf.Problem("signing.trust", err.Error())}
	}
	return trust.Anchors(), nil
}

// anchorFile is a new file that signing.trust names: the first pattern with a * in its last element has the folder.
func anchorFile(conf *policy.Config, c *x509.Certificate) (string, error) {
	for _, pattern := range conf.Signing.Trust {
		folder, last := filepath.Split(conf.Beside(pattern))
		name := strings.Replace(last, "*", anchorName(c), 1)
		half, _ := filepath.Match(last, importing+"0") // a pattern that takes files before they are whole
		if fits, err := filepath.Match(last, name); err == nil && fits && name != last && !half && !strings.ContainsAny(folder, "*?[") {
			return filepath.Join(folder, name), nil
		}
	}
	return "", &exitError{exitConfig, conf.Problem("signing.trust", "names no folder for anchors: write trust: [trust/*.pem]")}
}

// anchorName tells anchors in a folder apart: letters of the subject, and enough of the fingerprint.
func anchorName(c *x509.Certificate) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		case r == ' ' || r == '-' || r == '.':
			return '-'
		}
		return -1
	}, strings.ToLower(c.Subject.CommonName))
	name = strings.Trim(name[:min(len(name), 40)], "-")
	if name == "" {
		name = "anchor"
	}
	return name + "-" + signing.Fingerprint(c)[:16]
}

// writeAnchor writes a file that is whole from the moment when it is there, for a gate may load it at any time.
func writeAnchor(name string, c *x509.Certificate) (err error) {
	folder := filepath.Dir(name)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) { // the gate, which is another user, has to read it
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.Chmod(folder, 0o755)); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(folder, importing+"*")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(f.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	err = errors.Join(pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
