package signing

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// signPDF appends a signature to a PDF, as programs do: with room for its digits, which are filled in at the end.
func (p *pki) signPDF(pdf []byte, filter string, id identity) []byte {
	p.t.Helper()
	const room = 8192
	object := len(pdf)
	pdf = append(pdf, fmt.Sprintf("9 0 obj\n<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/%s/ByteRange [0 %010d %010d %010d]/Contents ", filter, 0, 0, 0)...)
	start := len(pdf)
	pdf = append(pdf, "<"+strings.Repeat("0", room)+">"...)
	end := len(pdf)
	pdf = append(pdf, fmt.Sprintf(">>\nendobj\nxref\n0 1\ntrailer\n<</Size 10/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", object)...)
	numbers := fmt.Sprintf("[0 %010d %010d %010d]", start, end, len(pdf)-end)
	copy(pdf[bytes.LastIndex(pdf, []byte("/ByteRange ["))+len("/ByteRange "):], numbers)
	signed := append(bytes.Clone(pdf[:start]), pdf[end:]...)
	cms := p.openssl("cms", "-sign", "-binary", "-cades", "-outform", "DER", "-in", p.file(".pdf", signed), "-out", "OUT",
		"-signer", p.certFile(id.cert), "-inkey", p.keyFile(id.key), "-certfile", p.certFile(p.sub.cert))
	hex.Encode(pdf[start+1:], cms)
	return pdf
}

func plainPDF() []byte {
	return []byte("%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n")
}

func TestVerifyPDF(t *testing.T) {
	p := newPKI(t)
	const cades = "ETSI.CAdES.detached"
	id := p.person(p.rsa, func(c *x509.Certificate) {
		c.EmailAddresses, c.ExtKeyUsage = nil, nil
		c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}}
	})
	colleague := p.person(p.p256)
	stranger := p.issue(identity{}, p.p256, person())
	once := p.signPDF(plainPDF(), cades, id)
	change := func(from, to string) []byte { return bytes.Replace(bytes.Clone(once), []byte(from), []byte(to), 1) }
	hole := bytes.Index(once, []byte("/Contents <")) + len("/Contents ")
	for _, c := range []struct {
		name string
		pdf  []byte
		want string
		n    int // signatures
	}{
		{"not signed", plainPDF(), "unsigned: no signers", 0},
		{"signed", once, "valid", 1},
		{"signed, older form", p.signPDF(plainPDF(), "adbe.pkcs7.detached", id), "valid", 1},
		{"signed twice", p.signPDF(bytes.Clone(once), cades, colleague), "valid", 2},
		{"signed twice, the second unknown", p.signPDF(bytes.Clone(once), cades, stranger), "untrusted: no anchor", 2},
		{"unknown signer", p.signPDF(plainPDF(), cades, stranger), "untrusted: no anchor", 1},
		{"page changed", change("/Count 0", "/Count 1"), "invalid: content changed", 1},
		{"behind the signature changed", change("/Size 10", "/Size 11"), "invalid: content changed", 1},
		{"appended", append(bytes.Clone(once), "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n%%EOF\n"...), "unsupported: changed after signing", 1},
		{"line end appended", append(bytes.Clone(once), "\r\n"...), "valid", 1},
		{"document timestamp appended", p.signPDF(bytes.Clone(once), "ETSI.RFC3161", colleague), "unsupported: changed after signing", 2},
		{"timestamp alone", p.signPDF(plainPDF(), "ETSI.RFC3161", id), "unsigned: no signers", 1},
		{"SHA-1 of the file in the signature", p.signPDF(plainPDF(), "adbe.pkcs7.sha1", id), "weak: digest", 1},
		{"bare RSA", p.signPDF(plainPDF(), "adbe.x509.rsa_sha1", id), "unsupported: algorithm", 1},
		{"hole bigger than the digits", append(append(bytes.Clone(once[:hole]), ' '), once[hole+1:]...), "invalid: damaged", 1},
		{"something else in the hole", change("00000>>>", "0000x>>>"), "invalid: damaged", 1},
		{"hole of another key", change("/Contents <", "/Contentz <"), "invalid: damaged", 1},
		{"range beyond the file", change("[0 0", "[0 9"), "invalid: damaged", 1},
		{"range from the middle", change("[0 0", "[1 0"), "invalid: damaged", 1},
		{"a text about it", append(plainPDF(), "(the key /ByteRange [1 2 3] and /ByteRange of signatures)"...), "unsigned: no signers", 0},
		{"cut off", once[:len(once)-30], "invalid: damaged", 1},
		{"too many", bytes.Repeat([]byte("/ByteRange [0 1 2 3]"), 17), "unsupported: too many signers", 0},
	} {
		r, err := VerifyPDF(context.Background(), bytes.NewReader(c.pdf), int64(len(c.pdf)), p.options())
		got := detail(Result{State: r.State, Reason: r.Reason})
		if err != nil || got != c.want || len(r.Signatures) != c.n {
			t.Errorf("%s: %s, %d signatures, want %s, %d; %v", c.name, got, len(r.Signatures), c.want, c.n, err)
		}
	}
	// For mail a certificate for documents only does not do.
	m := sample{cms: p.programCMS(id), content: letter(), o: p.options()}
	if r := verify(t, m.cms, m.content, m.o); detail(r) != "untrusted: purpose" {
		t.Error(detail(r))
	}
}

// A word across the border of two windows is found, and once.
func TestFindInPDF(t *testing.T) {
	for _, at := range []int{0, 100, 64<<10 - 11, 64<<10 - 10, 64<<10 - 9, 64<<10 - 5, 64<<10 - 1, 64 << 10, 128<<10 - 14} {
		pdf := bytes.Repeat([]byte{' '}, 200<<10)
		copy(pdf[at:], "/ByteRange")
		got, err := findInPDF(context.Background(), bytes.NewReader(pdf), int64(len(pdf)))
		if err != nil || len(got) != 1 || got[0] != int64(at+len("/ByteRange")) {
			t.Errorf("at %d: %v, %v", at, got, err)
		}
	}
}

type brokenFile struct{}

func (brokenFile) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestVerifyPDFFailure(t *testing.T) {
	if _, err := VerifyPDF(context.Background(), brokenFile{}, 1000, Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := VerifyPDF(ended, bytes.NewReader(plainPDF()), 50, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzVerifyPDF(f *testing.F) {
	f.Add(append(plainPDF(), "/ByteRange [0 10 20 30]/Contents <30>"...))
	f.Add([]byte("/SubFilter/adbe.pkcs7.sha1/Contents <00>/ByteRange [0 36 40 23]"))
	f.Add([]byte("/Contents <3080>/ByteRange[0 10 16 23]"))
	f.Fuzz(func(t *testing.T, pdf []byte) {
		r, err := VerifyPDF(context.Background(), bytes.NewReader(pdf), int64(len(pdf)), Options{})
		if err != nil || r.State == Valid || r.State.rank() > Invalid.rank() {
			t.Fatalf("%q, %v", r.State, err)
		}
	})
}
