package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"congthu/filter"
)

// DKIM is how outgoing mail is signed (RFC 6376). Without keys none is.
type DKIM struct {
	Keys             []DKIMKey        `yaml:"keys"`
	Fields           []FieldName      `yaml:"fields"`     // header fields that are signed; none named: the usual ones
	Oversigned       []FieldName      `yaml:"oversigned"` // those of them that nobody may add on the way; none named: the usual ones
	Canonicalization Canonicalization `yaml:"canonicalization"`
	Expires          Expiry           `yaml:"expires"` // how long signatures hold
	Failed           OnUnsigned       `yaml:"failed"`  // what becomes of mail that the gate fails to sign
}

// DKIMKey is a private key. What is in its file decides the algorithm: rsa-sha256 or ed25519-sha256 (RFC 8463).
type DKIMKey struct {
	Domain   Domain `yaml:"domain"` // of ours; it signs for subdomains without keys of their own too
	Selector string `yaml:"selector"`
	File     string `yaml:"file"` // PEM, readable by the gate's user alone
	From     Moment `yaml:"from"` // when it begins to sign; "" at once
	Until    Moment `yaml:"until"`
}

// FieldName is the name of a header field.
type FieldName string

// maxFieldName is the longest name of a field in octets.
const maxFieldName = 76

// UnmarshalText reads a name (RFC 5322 section 3.6.8). Fields that change or are added on the way are refused.
func (f *FieldName) UnmarshalText(b []byte) error {
	name := string(b)
	if name == "" || len(name) > maxFieldName || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' || r == ';' }) {
		return fmt.Errorf("%q is no header field: write its name alone, such as Subject", name)
	}
	for _, changing := range []string{"Received", "Return-Path", "DKIM-Signature", "Authentication-Results", "Bcc", "Delivered-To"} {
		if strings.EqualFold(name, changing) {
			return fmt.Errorf("%s changes on the way, which would break the signature: leave it out", changing)
		}
	}
	*f = FieldName(name)
	return nil
}

// Canonicalization is header's and body's canonical form (RFC 6376 section 3.4).
type Canonicalization string

// The forms.
const (
	RelaxedRelaxed Canonicalization = "relaxed/relaxed"
	RelaxedSimple  Canonicalization = "relaxed/simple"
	SimpleRelaxed  Canonicalization = "simple/relaxed"
	SimpleSimple   Canonicalization = "simple/simple"
)

// UnmarshalText reads one.
func (c *Canonicalization) UnmarshalText(b []byte) error {
	return choose(c, b, "canonical form of header and body", string(RelaxedRelaxed), string(RelaxedSimple), string(SimpleRelaxed), string(SimpleSimple))
}

// Simple tells whether header and body are in simple form.
func (c Canonicalization) Simple() (header, body bool) {
	h, b, _ := strings.Cut(string(c), "/")
	return h == "simple", b == "simple"
}

// Expiry is how long a signature holds; 0 is for ever.
type Expiry Duration

// UnmarshalText reads "never" or a duration.
func (e *Expiry) UnmarshalText(b []byte) error {
	if string(b) == "never" {
		*e = 0
		return nil
	}
	var d Duration
	if err := d.UnmarshalText(b); err != nil {
		return fmt.Errorf("%w, or never", err)
	}
	// Mail waits in queues for days (RFC 5321 section 4.5.4.1: four to five).
	if d < Duration(7*day) || d > Duration(366*day) {
		return fmt.Errorf("%s is out of bounds: write 7d, for mail waits in queues for days, to 366d, or never", shown(d))
	}
	*e = Expiry(d)
	return nil
}

// MarshalText writes it.
func (e Expiry) MarshalText() ([]byte, error) {
	if e == 0 {
		return []byte("never"), nil
	}
	return Duration(e).MarshalText()
}

// Moment is a time; the zero Moment is none.
type Moment time.Time

// UnmarshalText reads a date, which begins at midnight of the gate's time zone, or a time with its zone (RFC 3339).
func (m *Moment) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	if text == "" {
		*m = Moment{}
		return nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		if t, err = time.Parse(time.RFC3339, text); err != nil {
			return fmt.Errorf("%q is no time: write a date such as 2027-01-31, or 2027-01-31T08:00:00+07:00", text)
		}
	}
	*m = Moment(t)
	return nil
}

// MarshalText writes it in UTC.
func (m Moment) MarshalText() ([]byte, error) {
	if time.Time(m).IsZero() {
		return nil, nil
	}
	return []byte(time.Time(m).UTC().Format(time.RFC3339)), nil
}

// OnUnsigned is what becomes of outgoing mail that the gate fails to sign: Defer, or Accept, which says so in the header.
type OnUnsigned filter.Disposition

// UnmarshalText reads one of the two.
func (o *OnUnsigned) UnmarshalText(b []byte) error {
	return dispositionOr(o, b, "", filter.Defer, filter.Accept)
}

// MarshalText writes it.
func (o OnUnsigned) MarshalText() ([]byte, error) { return orWord(filter.Disposition(o), ""), nil }

func defaultDKIM() DKIM {
	return DKIM{Canonicalization: RelaxedRelaxed, Failed: OnUnsigned(filter.Defer)}
}

// maxDKIMKeys is how many keys there may be: each that signs for a message is a computation.
const maxDKIMKeys = 200

// checkDKIM finds keys and fields that make no sense.
func (c *Config) checkDKIM(bad func(path, format string, args ...any)) {
	d := c.Signing.DKIM
	if len(d.Keys) > maxDKIMKeys {
		bad("signing.dkim.keys", "%d keys; at most %d", len(d.Keys), maxDKIMKeys)
	}
	seen := map[string]bool{}
	for i, k := range d.Keys {
		path := fmt.Sprintf("signing.dkim.keys[%d]", i)
		switch name := k.Selector + "._domainkey." + string(k.Domain); {
		case k.Domain == "" || k.Selector == "" || k.File == "":
			bad(path, "needs domain, selector and file: {domain: monre.gov.vn, selector: s2027, file: /etc/congthu/dkim/s2027.pem}")
		case !isSelector(k.Selector):
			bad(path+".selector", "%q is no selector: write a-z, 0-9 and -, such as s2027", k.Selector)
		case !c.ours(k.Domain):
			bad(path+".domain", "%s is none of organisation.domains, nor below one: only your own mail is signed", k.Domain)
		case seen[name]:
			bad(path+".selector", "%s has that selector already; each key needs its own", k.Domain)
		case !time.Time(k.Until).IsZero() && !time.Time(k.Until).After(time.Time(k.From)):
			bad(path+".until", "is not after from: the key would never sign")
		default:
			seen[name] = true
		}
	}
	listed := func(name FieldName) bool {
		return len(d.Fields) == 0 || slices.ContainsFunc(d.Fields, func(f FieldName) bool { return strings.EqualFold(string(f), string(name)) })
	}
	if !listed("From") {
		bad("signing.dkim.fields", "needs From, which every signature covers (RFC 6376 section 5.4)")
	}
	for i, f := range d.Oversigned {
		if len(d.Fields) == 0 || !listed(f) {
			bad(fmt.Sprintf("signing.dkim.oversigned[%d]", i), "%s is not in signing.dkim.fields: name it there too", f)
		}
	}
	fieldsOnce("signing.dkim.fields", d.Fields, bad)
	fieldsOnce("signing.dkim.oversigned", d.Oversigned, bad)
}

// fieldsOnce finds names that stand twice: a field would be signed as often.
func fieldsOnce(path string, list []FieldName, bad func(path, format string, args ...any)) {
	seen := map[string]bool{}
	for i, f := range list {
		name := strings.ToLower(string(f))
		if seen[name] {
			bad(fmt.Sprintf("%s[%d]", path, i), "%s is given twice; keep one", f)
		}
		seen[name] = true
	}
}

// isSelector tells labels of letters, digits and hyphens (RFC 6376 section 3.1).
func isSelector(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(s) <= 100
}

func (c *Config) ours(d Domain) bool {
	return slices.ContainsFunc(c.Organisation.Domains, func(own Domain) bool {
		return d == own || strings.HasSuffix(string(d), "."+string(own))
	})
}
