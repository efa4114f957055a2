package rules

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"mime"
	mimeparts "mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/signing"
)

// forger has the mail of one author, Alice of RFC 9216, in the forms in which it is signed, and knows every text that she signed.
type forger struct {
	t      testing.TB
	mails  map[string]string
	signed map[string]bool
	config Config
	judge  *filter.Judge
}

func newForger(t testing.TB) *forger {
	t.Helper()
	trust, err := signing.LoadTrust([]string{"../signing/testdata/rfc9216/ca.rsa.crt"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{t: t, mails: map[string]string{}, signed: map[string]bool{}, config: Config{Signatures: Signatures{Trust: trust}}.complete()}
	files, err := filepath.Glob("testdata/signed/*.eml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d signed mails, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f.mails[strings.TrimSuffix(filepath.Base(file), ".eml")] = string(data)
	}
	for name, id := range map[string]string{"detached": "", "twice": "1"} {
		for _, octets := range coveredBy(t, parse(t, f.mails[name]), id) {
			f.signed[octets] = true
		}
	}
	if len(f.signed) != 2 {
		t.Fatalf("%d texts are signed", len(f.signed))
	}
	p := &filter.Policy{Hash: "sha256:test", Organisation: filter.Organisation{Domains: []string{"monre.gov.vn"}}, Rules: []filter.Rule{signatureRule(f.config)},
		Settings: map[string]filter.Setting{NameSignature: {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse}}, Deadline: time.Minute}
	if f.judge, err = filter.NewJudge(p, 2, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now); err != nil {
		t.Fatal(err)
	}
	return f
}

// verdict is what becomes of a mail from outside.
func (f *forger) verdict(text string) (*message.Message, filter.Verdict) {
	m := parse(f.t, text)
	return m, f.judge.Judge(context.Background(), &filter.Transaction{ID: "X", Message: m, Received: time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC),
		ReversePath: filter.ParsePath("alice@smime.example", ""), Recipients: []filter.Path{filter.ParsePath("van.thu@monre.gov.vn", "")}})
}

// forged says why a verdict of valid is wrong, "" when there is none or it is right.
func (f *forger) forged(text string) string {
	m, v := f.verdict(text)
	if v.Err != nil {
		return "not judged: " + v.Err.Error()
	}
	for _, found := range v.Findings {
		rest, valid := strings.CutPrefix(found.Detail, string(signing.Valid))
		if !valid {
			continue
		}
		known := false
		for _, octets := range coveredBy(f.t, m, found.Part) {
			known = known || f.signed[octets]
		}
		switch {
		case !known:
			return "part " + found.Part + " is valid, and nobody signed it"
		case rest == "" && !strings.Contains(found.Part, "/"):
			if why := f.showsElse(text); why != "" {
				return "the message is valid, and another program shows " + why
			}
		}
	}
	return ""
}

// coveredBy are the octets that the signature of a part is said to cover, in every reading that the part has.
func coveredBy(t testing.TB, m *message.Message, id string) []string {
	t.Helper()
	id, below, nested := strings.Cut(id, "/")
	var out []string
	for p := range m.Parts() {
		if p.ID != id {
			continue
		}
		var content io.Reader
		switch {
		case detachedSignature(p) && len(p.Children) > 0:
			content = p.Children[0].Octets()
		case p.Leaf() && mayBeCMS(p):
			var inside bytes.Buffer
			if _, err := signing.Open(context.Background(), p.Open(), &inside, signing.Options{}); err != nil {
				t.Fatal(err)
			}
			if content = &inside; nested {
				out = append(out, coveredBy(t, parse(t, inside.String()), below)...)
				continue
			}
		default:
			continue
		}
		octets, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(octets))
	}
	return out
}

// showsElse reads a message with Go's own library, as a mail program would that knows nothing of ours, and says what it shows that
// Alice did not sign, "" for nothing. A message that it cannot read says nothing.
func (f *forger) showsElse(text string) string {
	if crlf := strings.Count(text, "\r\n"); crlf != strings.Count(text, "\n") || crlf != strings.Count(text, "\r") {
		return "" // no door takes one alone, for no two programs agree on what it means
	}
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		return ""
	}
	for _, name := range []string{"From", "Content-Type", "Content-Transfer-Encoding"} {
		if len(slices.Compact(m.Header[name])) > 1 {
			return "one of two " + name
		}
	}
	if list, err := m.Header.AddressList("From"); err == nil {
		for _, a := range list {
			_, domain, _ := strings.Cut(a.Address, "@") // no domain has other characters, but this library takes them
			if !strings.EqualFold(a.Address, "alice@smime.example") && !strings.ContainsAny(domain, "!#$%&'*+/=?^`{|}~") {
				return "another author"
			}
		}
	}
	mediaType, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return ""
	case mediaType != "multipart/signed":
		return f.opaqueShowsElse(m)
	}
	parts := mimeparts.NewReader(m.Body, params["boundary"])
	for n := 1; ; n++ {
		p, err := parts.NextRawPart()
		switch {
		case err != nil: // the end, or it finds no parts where there are some and shows nothing
			return ""
		case n > 2:
			return "a third part"
		case n == 1:
			body, err := io.ReadAll(p)
			if err != nil {
				return ""
			}
			known := false
			for octets := range f.signed {
				_, signed, _ := strings.Cut(octets, "\r\n\r\n")
				known = known || strings.TrimRight(signed, "\r\n") == strings.TrimRight(string(body), "\r\n")
			}
			if !known {
				return "another text"
			}
		}
	}
}

func (f *forger) opaqueShowsElse(m *mail.Message) string {
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return ""
	}
	der := body
	if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "base64") {
		if der, err = base64.StdEncoding.DecodeString(strings.Map(dropBlank, string(body))); err != nil {
			return ""
		}
	}
	var inside bytes.Buffer
	if _, err := signing.Open(context.Background(), bytes.NewReader(der), &inside, signing.Options{}); err != nil || !f.signed[inside.String()] {
		return "another text"
	}
	return ""
}

func dropBlank(r rune) rune {
	if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
		return -1
	}
	return r
}

// The mail as it was signed is valid; this is what the forgeries are made of.
func TestSignedMails(t *testing.T) {
	f := newForger(t)
	want := map[string]string{"detached": "valid", "opaque": "valid", "twice": "valid|valid", "footer": "valid, part of the message", "forwarded": "valid, enclosed message"}
	for name, text := range f.mails {
		_, v := f.verdict(text)
		var got []string
		for _, found := range v.Findings {
			got = append(got, found.Detail)
		}
		if strings.Join(got, "|") != want[name] || v.Disposition != filter.Accept {
			t.Errorf("%s: %q, %s, %v", name, got, v.Disposition, v.Err)
		}
		if why := f.forged(text); why != "" {
			t.Errorf("%s: %s", name, why)
		}
	}
}
