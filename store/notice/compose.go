package notice

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"unicode/utf8"
)

// ErrSecret is the error for a secret that is too short to tell our notices from others.
var ErrSecret = errors.New("the notices' secret needs at least 16 octets")

// minSecret is the shortest secret, in octets.
const minSecret = 16

// Identity is who writes notices.
type Identity struct {
	From   mail.Address // its domain is the Message-IDs' too
	Secret []byte       // marks our notices (see LoadSecret); all gates of an organisation may share one
}

// Check tells what is wrong with an identity.
func (w Identity) Check() error {
	if len(w.Secret) < minSecret {
		return ErrSecret
	}
	if _, domain, ok := strings.Cut(w.From.Address, "@"); !ok || domain == "" || !asciiMailbox(w.From.Address) {
		return fmt.Errorf("%q cannot be the From address of notices: local-part@domain in ASCII is needed", w.From.Address)
	}
	return nil
}

// notePrefix begins the Message-ID of every notice.
const notePrefix = "congthu-notice."

// messageID is made of the notice's id and a mark that only we can make, so that we know the notice again when
// it comes back from wherever it was forwarded to.
func (w Identity) messageID(id string) string {
	_, domain, _ := strings.Cut(w.From.Address, "@")
	return "<" + notePrefix + id + "." + w.mark(id) + "@" + domain + ">"
}

func (w Identity) mark(id string) string {
	m := hmac.New(sha256.New, w.Secret)
	m.Write([]byte(notePrefix + id))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// Own tells whether a Message-ID is that of a notice of ours.
func (w Identity) Own(messageID string) bool {
	s, ok := strings.CutPrefix(strings.Trim(messageID, " \t\r\n"), "<"+notePrefix)
	if !ok || len(s) > 2*MaxAddress {
		return false
	}
	s, _, _ = strings.Cut(s, "@")
	id, mark, ok := strings.Cut(s, ".")
	return ok && hmac.Equal([]byte(mark), []byte(w.mark(id)))
}

// Compose writes a notice as a message with CRLF line ends: multipart/alternative of text and HTML, all in ASCII
// and all lines but the Message-ID's within 78 octets. The same notice always gives the same octets, so that one that is sent twice, because
// the server's answer was lost, is one to mail programs.
func (w Identity) Compose(n Notice, r Rendered, t *Templates) ([]byte, error) {
	if !asciiMailbox(n.To) {
		return nil, fmt.Errorf("notice %s: %w", n.ID, ErrOutside)
	}
	sum := sha256.Sum256([]byte(r.Text + r.HTML))
	var b bytes.Buffer
	body := multipart.NewWriter(&b)
	if err := body.SetBoundary("=_" + n.ID + "_" + hex.EncodeToString(sum[:8])); err != nil {
		return nil, fmt.Errorf("notice %s: boundary: %w", n.ID, err)
	}
	for _, f := range [][2]string{
		{"From", w.from()},
		{"To", "<" + n.To + ">"},
		{"Subject", encodedWords(r.Subject)},
		{"Date", n.Created.In(t.zone).Format("Mon, 02 Jan 2006 15:04:05 -0700")},
		{"Message-ID", w.messageID(n.ID)},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834 section 5.1
		{"X-Auto-Response-Suppress", "All"},  // Exchange's word for the same
		{"MIME-Version", "1.0"},
		{"Content-Language", "vi, en"},
		{"Content-Type", "multipart/alternative;\r\n boundary=\"" + body.Boundary() + "\""},
	} {
		b.WriteString(f[0] + ": " + f[1] + "\r\n")
	}
	b.WriteString("\r\n")
	for _, part := range [][2]string{{"text/plain; charset=utf-8", r.Text}, {"text/html; charset=utf-8", r.HTML}} {
		to, err := body.CreatePart(textproto.MIMEHeader{"Content-Type": {part[0]}, "Content-Transfer-Encoding": {"quoted-printable"}})
		if err != nil {
			return nil, fmt.Errorf("notice %s: %w", n.ID, err)
		}
		q := quotedprintable.NewWriter(to)
		if _, err := q.Write([]byte(part[1])); err != nil {
			return nil, fmt.Errorf("notice %s: %w", n.ID, err)
		}
		if err := q.Close(); err != nil {
			return nil, fmt.Errorf("notice %s: %w", n.ID, err)
		}
	}
	if err := body.Close(); err != nil {
		return nil, fmt.Errorf("notice %s: %w", n.ID, err)
	}
	return b.Bytes(), nil
}

// from is the value of the From field, folded between name and address when the name is not ASCII.
func (w Identity) from() string {
	if strings.IndexFunc(w.From.Name, func(r rune) bool { return r < ' ' || r > '~' }) < 0 && len(w.From.Name) < 60 {
		return w.From.String()
	}
	return encodedWords(w.From.Name) + "\r\n <" + w.From.Address + ">"
}

// wordOctets is how many octets of text go into one encoded word: with base 64, "=?utf-8?B?", "?=" and "Subject: "
// a line keeps within the 76 octets of RFC 2047 section 2.
const wordOctets = 39

// encodedWords is a text as encoded words (RFC 2047), a line each. No character is split (section 5, rule 3).
func encodedWords(s string) string {
	var words []string
	for piece := ""; s != ""; piece = "" {
		for _, r := range s {
			if len(piece)+utf8.RuneLen(r) > wordOctets {
				break
			}
			piece += string(r)
		}
		s = s[len(piece):]
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(piece))+"?=")
	}
	return strings.Join(words, "\r\n ")
}

// asciiMailbox tells an address that goes into a To field and a RCPT command as it is: RFC 5321's Dot-string,
// "@", domain, all ASCII.
func asciiMailbox(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || len(s) > MaxAddress ||
		strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	return only(local, ".!#$%&'*+-/=?^_`{|}~") && only(domain, ".-")
}

func only(s, marks string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(marks, r)
	}) < 0
}
