package mailauth

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Errors of Sign that a message causes: it is one that a signature would not protect, or none that can be made of.
var (
	ErrFrom       = errors.New("a message to be signed has exactly one From field")
	ErrHeaderSize = errors.New("the header is too long to be signed")
	ErrFieldCount = errors.New("too many fields of the same names to be signed")
)

// maxSignedNames is how many names the list of signed fields may have (h=): some 8 KiB. Only a message that repeats
// fields has so many, and verifiers need not read a longer one.
const maxSignedNames = 500

// maxSigning is how many addresses in From are looked at for a domain that signs.
const maxSigning = 20

// signedFields are signed when they are there (RFC 6376 section 5.4.1), and those of onceFields once more than they
// are there: a field of theirs that is added on the way breaks the signature, so that nobody shows readers a subject
// or a sender that was not signed. Trace fields and what mailing lists add are not among them.
func signedFields() []string {
	return append(onceFields(), "Content-Disposition", "Content-Language",
		"Importance", "Priority", "X-Priority", "Sensitivity", "Autocrypt",
		"Resent-From", "Resent-To", "Resent-Cc", "Resent-Date", "Resent-Message-ID")
}

func onceFields() []string {
	return []string{"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
		"MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
}

// SignerOptions say how a Signer signs; the zero SignerOptions sign the usual fields in relaxed form, for ever.
type SignerOptions struct {
	// Fields are signed as often as they are there. From is always one of them. nil: the usual ones.
	Fields []string
	// Once are those of Fields that are signed once more than they are there. Date and Message-ID are only when they are
	// there. nil: those of the usual ones that are in Fields.
	Once []string
	// SimpleHeader and SimpleBody choose the simple canonical forms (RFC 6376 section 3.4).
	SimpleHeader, SimpleBody bool
	Expires                  time.Duration // how long signatures hold, 0 for ever (RFC 6376 section 3.5: x=)
	Header                   int64         // octets of a header that is signed; 0: DefaultLimits
	HeaderFields             int           // fields of it; 0: DefaultLimits
}

// addedFields are those that mail servers on the way add when they are missing (RFC 5322 section 3.6): one that is not
// there is not signed as missing, for that would break the signatures of programs that leave it to the server.
func addedFields() []string { return []string{"date", "message-id"} }

// Signer signs outgoing mail. It is safe for use by many goroutines at once.
type Signer struct {
	keys    []Key
	options SignerOptions
	limits  Limits
	now     func() time.Time
}

// NewSigner makes a Signer.
func NewSigner(keys []Key, o SignerOptions, now func() time.Time) *Signer {
	if o.Fields == nil {
		o.Fields = signedFields()
	}
	if !slices.ContainsFunc(o.Fields, isFrom) { // RFC 6376 section 5.4: it MUST be signed
		o.Fields = append([]string{"From"}, o.Fields...)
	}
	if o.Once == nil {
		o.Once = onceFields()
	}
	return &Signer{keys: slices.Clone(keys), options: o, limits: Limits{Header: o.Header, Fields: o.HeaderFields}.complete(), now: now}
}

func isFrom(name string) bool { return strings.EqualFold(name, "From") }

// Signature is one that was made.
type Signature struct {
	Field                       string // whole, with its name and CRLF
	Domain, Selector, Algorithm string // "rsa-sha256" or "ed25519-sha256"
}

// Has tells whether a key of an author's domain, or of the nearest above it that has one, signs now.
func (s *Signer) Has(author string) bool { return len(s.keysOf([]string{author})) > 0 }

// Sign makes the signatures of a message whose From names these domains: of each the keys that it has, else those of the
// nearest domain above it that has some, which is aligned all the same (RFC 9989 section 4.4). An RSA and an Ed25519 key
// of one domain sign side by side (RFC 8463 section 3). Header and body are those that leave, header fields that are
// added on top included or not. No key for any of the domains: no signature, no error.
func (s *Signer) Sign(authors []string, head, body io.Reader) ([]Signature, error) {
	keys := s.keysOf(authors)
	if len(keys) == 0 {
		return nil, nil
	}
	h, err := readHeader(head, s.limits)
	if err != nil {
		return nil, err
	}
	switch {
	case h.broken != "":
		return nil, ErrHeaderSize
	case h.count("from") != 1:
		return nil, ErrFrom
	}
	names, lower, err := s.names(h)
	if err != nil {
		return nil, err
	}
	form := bodyForm{relaxed: !s.options.SimpleBody, length: -1}
	hashes, err := hashBody(body, []bodyForm{form})
	if err != nil {
		return nil, err
	}
	now := s.now()
	fields, list := h.pick(lower, -1), foldList(names)
	var out []Signature
	for _, k := range keys {
		f, err := s.sign(k, fields, list, hashes[form].sum, now)
		if err != nil {
			return nil, err
		}
		out = append(out, Signature{Field: f, Domain: k.Domain, Selector: k.Selector, Algorithm: k.Algorithm()})
	}
	return out, nil
}

// keysOf are the keys that sign now for authors of these domains, each once.
func (s *Signer) keysOf(authors []string) []Key {
	now := s.now()
	var out []Key
	taken := map[string]bool{} // domains of keys
	for _, a := range authors[:min(len(authors), maxSigning)] {
		domain, ok := asciiDomain(a)
		for found := false; ok && !found; _, domain, ok = strings.Cut(domain, ".") {
			for _, k := range s.keys {
				if k.Domain != domain || !k.signs(now) {
					continue
				}
				found = true
				if !taken[domain] {
					out = append(out, k)
				}
			}
			taken[domain] = taken[domain] || found
		}
	}
	return out
}

// names are the names of the fields that are signed, as they are written and in lower case.
func (s *Signer) names(h header) (names, lower []string, err error) {
	for _, n := range s.options.Fields {
		small := strings.ToLower(n)
		times := h.count(small)
		once := slices.ContainsFunc(s.options.Once, func(o string) bool { return strings.EqualFold(o, n) })
		if once && (times > 0 || !slices.Contains(addedFields(), small)) {
			times++
		}
		if len(names)+times > maxSignedNames {
			return nil, nil, ErrFieldCount
		}
		names = append(names, slices.Repeat([]string{n}, times)...)
		lower = append(lower, slices.Repeat([]string{small}, times)...)
	}
	return names, lower, nil
}

// sign makes one field. names is the list of the fields as h= has it.
func (s *Signer) sign(k Key, fields []field, names string, body []byte, now time.Time) (string, error) {
	form := func(simple bool) string {
		if simple {
			return "simple"
		}
		return "relaxed"
	}
	field := "DKIM-Signature: v=1; a=" + k.Algorithm() + "; c=" + form(s.options.SimpleHeader) + "/" + form(s.options.SimpleBody) +
		"; d=" + k.Domain + ";\r\n\ts=" + k.Selector + "; t=" + strconv.FormatInt(now.Unix(), 10)
	if s.options.Expires > 0 {
		field += "; x=" + strconv.FormatInt(now.Add(s.options.Expires).Unix(), 10)
	}
	field += ";\r\n\th=" + names + ";\r\n\tbh=" + base64.StdEncoding.EncodeToString(body) + ";\r\n\tb="
	sum := sha256.Sum256(signedOctets(fields, []byte(field+crlf), !s.options.SimpleHeader))
	hash := crypto.SHA256
	if k.algorithm == "ed25519" {
		hash = 0 // the hash is the message (RFC 8463 section 3)
	}
	value, err := k.signer.Sign(rand.Reader, sum[:], hash)
	if err != nil {
		return "", fmt.Errorf("sign for %s with selector %s: %w", k.Domain, k.Selector, err)
	}
	return field + foldText(base64.StdEncoding.EncodeToString(value)) + crlf, nil
}

const foldAt = 70 // octets of a line

// foldList writes names with ":" between, folded after a ":".
func foldList(names []string) string {
	var b strings.Builder
	line := 0
	for i, n := range names {
		if i > 0 {
			b.WriteByte(':')
			if line+len(n) > foldAt {
				b.WriteString("\r\n\t ")
				line = 0
			}
		}
		b.WriteString(n)
		line += len(n) + 1
	}
	return b.String()
}

func foldText(s string) string {
	var b strings.Builder
	for len(s) > foldAt {
		b.WriteString(s[:foldAt] + "\r\n\t ")
		s = s[foldAt:]
	}
	return b.String() + s
}
