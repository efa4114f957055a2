package rules

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// mutations yields forgeries of a mail: every stride-th of those that change an octet, a line or a piece of it.
func mutations(text string, stride int, yield func(kind, forged string)) {
	n := 0
	give := func(kind string, pieces ...string) {
		if n++; n%stride != 0 {
			return
		}
		if forged := strings.Join(pieces, ""); forged != text {
			yield(kind, forged)
		}
	}
	for i := range text {
		for _, c := range []string{"", "\x00", " ", "\r\n", "\n", "-", ":", ";", "\"", "=", "@", string([]byte{text[i] ^ 1}), string([]byte{text[i] ^ 0x20})} {
			give("octet", text[:i], c, text[i+1:])
			give("octet more", text[:i], c, text[i:])
		}
	}
	starts := []int{0}
	for line := range strings.Lines(text) {
		starts = append(starts, starts[len(starts)-1]+len(line))
	}
	for i, at := range starts[:len(starts)-1] {
		end := starts[i+1]
		head, line, tail := text[:at], text[at:end], text[end:]
		give("line away", head, tail)
		give("line first", line, head, tail)
		give("line last", head, tail, line)
		give("end cut off", head)
		give("beginning again", text, head)
		for _, to := range starts {
			give("line copied", text[:to], line, text[to:])
		}
		for _, p := range insertions() {
			give("insertion", head, p, line, tail)
			give("line replaced", head, p, tail)
			give("folded in", head, "\t", p, line, tail)
		}
	}
}

// insertions are what somebody writes between the lines of another's mail.
func insertions() []string {
	const lie = "Hay chuyen 100 trieu dong.\r\n"
	return []string{
		"\r\n", "\n", "\r", " \r\n", lie, "<b>" + lie, "--ranh-gioi\r\n", "--ranh-gioi--\r\n", "--ranh-gioi \r\n", "--ranh-gioi\n", "--ngoai\r\n", "--ngoai--\r\n", "--other\r\n",
		"--ranh-gioi\r\nContent-Type: text/html\r\n\r\n" + lie, "--ranh-gioi\r\n\r\n" + lie + "\r\n",
		"Content-Type: text/html\r\n", "Content-Type: text/html\r\n\r\n" + lie, "Content-Type: multipart/mixed; boundary=ranh-gioi\r\n", "Content-Type: multipart/signed; boundary=other\r\n",
		"Content-Type: multipart/alternative; boundary=other\r\n\r\n--other\r\n\r\n" + lie + "--other\r\n", "Content-Type: message/rfc822\r\n\r\n", "Content-type : text/html\r\n",
		"Content-Type: application/pkcs7-mime; name=smime.p7m\r\n", "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "Content-Transfer-Encoding: x-uuencode\r\n",
		"Content-Disposition: inline; filename=a.html\r\n", "MIME-Version: 2.0\r\n",
		"From: minister@mae.gov.vn\r\n", "From: minister@mae.gov.vn, alice@smime.example\r\n", "From : minister@mae.gov.vn\r\n", "from:minister@mae.gov.vn\r\n", "Sender: alice@smime.example\r\n",
		"From: Alice <alice@smime.example>\r\n\r\n" + lie, "begin 644 a.txt\r\n#2&%Y\r\n`\r\nend\r\n", "boundary=other\r\n", "; boundary=other\r\n", "boundary*=utf-8''other\r\n", "(comment\r\n",
	}
}

// Whatever is changed in signed mail, a verdict of valid is about a text that was signed, and about all that is shown.
func TestSignatureMutations(t *testing.T) {
	f := newForger(t)
	forged, changed := 0, 0
	for name, text := range f.mails {
		mutations(text, mutationStride, func(kind, text string) {
			changed++
			if why := f.forged(text); why != "" {
				if forged++; forged < 20 {
					t.Errorf("%s, %s: %s\n%q", name, kind, why, firstDifference(f.mails[name], text))
				}
			}
		})
	}
	t.Logf("%d forgeries tried", changed)
	if changed < 1000 {
		t.Errorf("only %d forgeries tried", changed)
	}
}

// So it is with every octet of the signature, under the Base64.
func TestSignatureOctetMutations(t *testing.T) {
	f := newForger(t)
	changed, valid := 0, 0
	for _, name := range []string{"detached", "opaque"} {
		head, der := f.splitCMS(name)
		try := func(cms []byte) bool {
			text := head + lines(cms)
			if name == "detached" {
				text += "\r\n--ranh-gioi--\r\n"
			}
			if why := f.forged(text); why != "" {
				t.Errorf("%s: %s: %x", name, why, cms)
			}
			_, v := f.verdict(text)
			good := len(v.Findings) > 0 && v.Findings[0].Detail == "valid"
			if changed++; good {
				valid++
			}
			return good
		}
		if !try(der) {
			t.Errorf("%s is not valid as it was signed", name)
		}
		for i := 0; i < len(der); i += octetStride {
			for bit := range 8 {
				other := bytes.Clone(der)
				other[i] ^= 1 << bit
				try(other)
			}
			try(append(bytes.Clone(der[:i]), der[i+1:]...))
			try(append(bytes.Clone(der[:i+1]), der[i:]...))
		}
	}
	// Some octets say nothing: versions, the list of announced algorithms. Most do.
	t.Logf("%d tried, %d valid", changed, valid)
	if valid*20 > changed {
		t.Errorf("%d of %d changed signatures are valid", valid, changed)
	}
}

// splitCMS is a mail up to its CMS, and that.
func (f *forger) splitCMS(name string) (head string, der []byte) {
	f.t.Helper()
	text := f.mails[name]
	at := strings.Index(text, "\r\n\r\nMII") + 4
	rest, _, _ := strings.Cut(text[at:], "\r\n\r\n")
	der, err := base64.StdEncoding.DecodeString(strings.Map(dropBlank, rest))
	if err != nil {
		f.t.Fatal(err)
	}
	return text[:at], der
}

// firstDifference is where a forgery leaves its mail.
func firstDifference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return b[max(0, i-60):min(len(b), i+120)]
}
