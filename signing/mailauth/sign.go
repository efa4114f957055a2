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

// Errors of Sign that a message causes: it is one that a signature would not protect.
var (
	ErrFrom       = errors.New("a message to be signed has exactly one From field")
	ErrHeaderSize = errors.New("the header is too long to be signed")
)

// signedFields are signed when they are there (RFC 6376 section 5.4.1), and those of onceFields once more than they
// are there: a field of theirs that is added on the way breaks the signature, so that nobody shows readers a subject
// or a sender that was not signed. Trace fields and what mailing lists add are not among them.
func signedFields() []string {
	return []string{"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
		"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-Language",
		"Importance", "Priority", "X-Priority", "Sensitivity", "Autocrypt",
		"Resent-From", "Resent-To", "Resent-Cc", "Resent-Date", "Resent-Message-ID"}
}

func onceFields() []string {
	return []string{"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
		"MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
}

// Signer signs outgoing mail. It is safe for use by many goroutines at once.
type Signer struct {
	keys    []Key
	now     func() time.Time
	expires time.Duration
}

// NewSigner makes a Signer. expires is how long signatures hold, 0 for ever (RFC 6376 section 3.5: x=).
func NewSigner(keys []Key, expires time.Duration, now func() time.Time) *Signer {
	return &Signer{keys: slices.Clone(keys), now: now, expires: expires}
}

// Sign gives the DKIM-Signature fields for the next hop's message, each whole with its name and CRLF, one for each key
// of the domain that signs now: an RSA and an Ed25519 key sign side by side (RFC 8463 section 3). Header and body are
// those that the next hop gets, header fields that are added on top included or not. No key for the domain: no fields,
// no error.
func (s *Signer) Sign(domain string, head, body io.Reader) ([]string, error) {
	domain, _ = asciiDomain(domain)
	now := s.now()
	var keys []Key
	for _, k := range s.keys {
		if k.Domain == domain && k.signs(now) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	h, err := readHeader(head, DefaultLimits())
	if err != nil {
		return nil, err
	}
	switch {
	case h.broken != "":
		return nil, ErrHeaderSize
	case h.count("from") != 1:
		return nil, ErrFrom
	}
	form := bodyForm{relaxed: true, length: -1}
	hashes, err := hashBody(body, []bodyForm{form})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, k := range keys {
		f, err := s.sign(k, h, hashes[form].sum, now)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// sign makes one field.
func (s *Signer) sign(k Key, h header, body []byte, now time.Time) (string, error) {
	var names []string
	for _, n := range signedFields() {
		names = append(names, slices.Repeat([]string{n}, h.count(strings.ToLower(n)))...)
		if slices.Contains(onceFields(), n) {
			names = append(names, n)
		}
	}
	field := "DKIM-Signature: v=1; a=" + k.algorithm + "-sha256; c=relaxed/relaxed; d=" + k.Domain + ";\r\n\ts=" + k.Selector +
		"; t=" + strconv.FormatInt(now.Unix(), 10)
	if s.expires > 0 {
		field += "; x=" + strconv.FormatInt(now.Add(s.expires).Unix(), 10)
	}
	field += ";\r\n\th=" + foldList(names) + ";\r\n\tbh=" + base64.StdEncoding.EncodeToString(body) + ";\r\n\tb="
	lower := make([]string, len(names))
	for i, n := range names {
		lower[i] = strings.ToLower(n)
	}
	sum := sha256.Sum256(signedOctets(h.pick(lower, -1), []byte(field+crlf), true))
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
