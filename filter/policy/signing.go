package policy

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"congthu/filter"
)

// Signing is what S/MIME signatures are judged by, for rule signature, and what outgoing mail is signed with. Nothing is
// trusted by default.
type Signing struct {
	Trust         []string               `yaml:"trust"`         // files of anchors, PEM or DER; * stands for any name
	Intermediates []string               `yaml:"intermediates"` // files of further certificates, which messages leave out
	Lists         []string               `yaml:"lists"`         // files of revocation lists
	Hosts         []string               `yaml:"hosts"`         // of authorities that are asked whether a certificate is revoked; none: nobody is
	Cache         string                 `yaml:"cache"`         // a directory for their answers; "": in memory alone
	Revocation    SigningRevocation      `yaml:"revocation"`    // what is made of no answer
	States        map[string]Disposition `yaml:"states"`        // asked for each state; invalid is what rules.signature says
	Required      []string               `yaml:"required"`      // mailboxes of ours whose mail has to be signed
	DKIM          DKIM                   `yaml:"dkim"`          // how the gate signs outgoing mail
}

// SigningRevocation is what is made of it when nobody knows whether a certificate is revoked.
type SigningRevocation string

// Revocation is not looked up, taken as good with a note, or insisted on.
const (
	RevocationOff  SigningRevocation = "off"
	RevocationSoft SigningRevocation = "soft"
	RevocationHard SigningRevocation = "hard"
)

// UnmarshalText reads one of them.
func (r *SigningRevocation) UnmarshalText(b []byte) error {
	switch v := SigningRevocation(b); v {
	case RevocationOff, RevocationSoft, RevocationHard:
		*r = v
		return nil
	}
	return fmt.Errorf("%q is none of off, soft and hard", b)
}

func defaultSigning() Signing {
	states := map[string]Disposition{"revoked": Disposition(filter.Hold)}
	for _, state := range []string{"untrusted", "expired", "weak", "unsupported", "address-mismatch", "revocation-unknown"} {
		states[state] = Disposition(filter.Tag)
	}
	return Signing{Revocation: RevocationSoft, States: states, DKIM: defaultDKIM()}
}

// checkSigning finds what makes no sense.
func (c *Config) checkSigning(bad func(path, format string, args ...any)) {
	s := c.Signing
	for i, host := range s.Hosts {
		if host == "" || strings.ContainsAny(host, "/@* ") {
			bad(fmt.Sprintf("signing.hosts[%d]", i), "%q is no host: write ocsp.example.vn, or with a port ocsp.example.vn:8080", host)
		}
	}
	for i, mailbox := range s.Required {
		if strings.ContainsAny(mailbox, " <>") || strings.HasPrefix(mailbox, "@") || strings.HasSuffix(mailbox, "@") || mailbox == "" {
			bad(fmt.Sprintf("signing.required[%d]", i), "%q is no mailbox: write vanthu@monre.gov.vn, or vanthu for that of each of your domains", mailbox)
		}
	}
	for key, list := range map[string][]string{"trust": s.Trust, "intermediates": s.Intermediates, "lists": s.Lists} {
		for i, pattern := range list {
			if _, err := filepath.Match(pattern, ""); err != nil || pattern == "" {
				bad(fmt.Sprintf("signing.%s[%d]", key, i), "%q is no file: write /etc/congthu/trust/*.pem", pattern)
			}
		}
	}
	if s.Cache != "" && !filepath.IsAbs(s.Cache) {
		bad("signing.cache", "is a directory: write its whole path, such as /var/lib/congthu/revocation")
	}
}

// SigningFiles are the files that patterns name, beside the configuration file when they do not begin with /. A pattern without a * names
// one file, which has to be there; the error says which is not.
func (c *Config) SigningFiles(key string, patterns []string) ([]string, error) {
	var out []string
	for i, pattern := range patterns {
		path := c.Beside(pattern)
		found, err := filepath.Glob(path)
		if err != nil || len(found) == 0 && !strings.ContainsAny(pattern, "*?[") {
			return nil, c.Problem(fmt.Sprintf("signing.%s[%d]", key, i), "there is no file "+path)
		}
		for _, f := range found {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out, nil
}
