package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"congthu/filter/policy"
	"congthu/signing/mailauth"
)

type dkimCommands struct {
	Keygen dkimKeygenCommand `cmd:"" help:"Make a key that outgoing mail is signed with, and print its DNS record and the lines for the configuration."`
	Record dkimRecordCommand `cmd:"" help:"Print the DNS record of each key of the configuration."`
	Check  dkimCheckCommand  `cmd:"" help:"Ask the DNS whether the records of the keys are published. 1: one is not."`
}

type dkimKeygenCommand struct {
	Domain    string `required:"" help:"Your mail domain." placeholder:"DOMAIN"`
	Selector  string `required:"" help:"A name for the key, such as s2027: each key has its own." placeholder:"NAME"`
	Algorithm string `help:"rsa-sha256 is known everywhere; ed25519-sha256 (RFC 8463) may sign beside it." enum:"rsa-sha256,ed25519-sha256" default:"rsa-sha256"`
	Bits      int    `help:"Of an RSA key: 2048 to 4096. Some name servers take no record of more than 2048." default:"2048"`
	File      string `arg:"" help:"A file that does not exist yet, for the private key."`
}

// Run makes a key. A file that is there is never written over: a key that is lost stops the mail.
func (c *dkimKeygenCommand) Run(p *program) error {
	var domain policy.Domain
	if err := domain.UnmarshalText([]byte(c.Domain)); err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: --domain: %w", err)}
	}
	pem, err := mailauth.GenerateKey(c.Algorithm, c.Bits)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: %w", err)}
	}
	if err := writeKey(c.File, pem); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	key, err := mailauth.ReadKey(c.File, string(domain), c.Selector)
	if err != nil {
		return errors.Join(&exitError{exitUsage, fmt.Errorf("congthu: %w", err)}, os.Remove(c.File))
	}
	path, err := filepath.Abs(c.File)
	if err != nil {
		return fmt.Errorf("naming the key's file: %w", err)
	}
	fmt.Fprintf(p.stdout, "%s holds a new key. It has to belong to the user that the gate runs as: chown congthu %s\n\nPublish this record:\n\n", c.File, c.File)
	if err := printRecord(p.stdout, key); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "\nPut the key into the configuration, and reload the gate when congthu dkim check finds the record:\n\nsigning:\n  dkim:\n    keys:\n      - {domain: %s, selector: %s, file: %s}\n",
		key.Domain, key.Selector, path)
	return err
}

// writeKey writes a file that only its owner can read, and leaves none that is not whole.
func writeKey(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// maxString is the longest string of a TXT record in octets (RFC 1035 section 3.3); whoever reads the record puts its
// strings together.
const maxString = 255

// printRecord prints a key's record as a zone file has it.
func printRecord(w io.Writer, k mailauth.Key) error {
	text, err := k.Record()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s. IN TXT (", k.Name())
	for len(text) > 0 {
		n := min(len(text), maxString)
		fmt.Fprintf(w, "\n    \"%s\"", text[:n])
		text = text[n:]
	}
	_, err = fmt.Fprintln(w, " )")
	return err
}

type dkimConfig struct {
	Config string `help:"Configuration file (default: /etc/congthu/congthu.yml if there is one)." placeholder:"FILE"`
}

// keys are the keys of the configuration, at least one.
func (c dkimConfig) keys() (*policy.Config, []mailauth.Key, error) {
	conf, err := loadConfig(c.Config)
	if err != nil {
		return nil, nil, err
	}
	keys, err := dkimKeys(conf)
	if err == nil && len(keys) == 0 {
		err = &exitError{exitConfig, conf.Problem("signing.dkim.keys", "is empty: congthu dkim keygen makes a key")}
	}
	return conf, keys, err
}

type dkimRecordCommand struct{ dkimConfig }

// Run prints the records.
func (c *dkimRecordCommand) Run(p *program) error {
	_, keys, err := c.keys()
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := printRecord(p.stdout, k); err != nil {
			return err
		}
	}
	return nil
}

type dkimCheckCommand struct{ dkimConfig }

// maxAsked bounds the question about one record.
const maxAsked = 20 * time.Second

// Run compares the keys with their records. One that has signed for the last time is looked for no more.
func (c *dkimCheckCommand) Run(p *program) error {
	conf, keys, err := c.keys()
	if err != nil {
		return err
	}
	dns := mailauth.NewResolver(conf.Authentication.NameServers())
	var missing, unknown bool
	for _, k := range keys {
		if !k.Until.IsZero() && !p.now().Before(k.Until) {
			fmt.Fprintf(p.stdout, "%s: signs no more since %s; not asked for\n", k.Name(), k.Until.Local().Format(day))
			continue
		}
		records, err := textsOf(p.ctx, dns, k.Name())
		if err != nil {
			unknown = true
			fmt.Fprintf(p.stdout, "%s: the DNS does not answer: %v\n", k.Name(), err)
			continue
		}
		why := k.Published(records)
		missing = missing || why != ""
		fmt.Fprintf(p.stdout, "%s: %s\n", k.Name(), published(k, why))
	}
	switch {
	case missing:
		return &exitError{exitFindings, nil}
	case unknown:
		return &exitError{exitCannotJudge, nil}
	}
	return nil
}

// textsOf asks for TXT records; none is no error.
func textsOf(ctx context.Context, dns *net.Resolver, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, maxAsked)
	defer cancel()
	records, err := dns.LookupTXT(ctx, name+".")
	var none *net.DNSError
	if errors.As(err, &none) && none.IsNotFound {
		return nil, nil
	}
	return records, err
}

// published says in words what mailauth.Key.Published found.
func published(k mailauth.Key, why string) string {
	switch why {
	case "":
		return fmt.Sprintf("published, %s with %d bits", k.Algorithm(), k.Bits())
	case "no-key":
		return "not published: whoever verifies finds no key. Publish what congthu dkim record prints"
	case "other-key":
		return "another key is published under this name: signatures would be false. Publish what congthu dkim record prints, or take another selector"
	case "several-keys":
		return "several keys are published under this name: keep one"
	case "key-revoked":
		return "the key is published as revoked (p= is empty)"
	case "testing":
		return "published for testing (t=y): whoever verifies may take signatures as none. Take t=y out"
	}
	return "what is published is no good record (" + why + "). Publish what congthu dkim record prints"
}
