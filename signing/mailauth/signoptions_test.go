package mailauth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSigningDomain: an author's own domain signs, else the nearest above it; of several authors each domain once.
func TestSigningDomain(t *testing.T) {
	keys, _ := pair(t)
	above, below := keys[0], keys[1]
	above.Domain, below.Domain = "sender.example", "unit.sender.example"
	s := NewSigner([]Key{above, below}, SignerOptions{}, testNow)
	for authors, want := range map[string]string{
		"sender.example": "sender.example", "Other.Sender.Example.": "sender.example", "a.b.unit.sender.example": "unit.sender.example",
		"notsender.example": "", "example": "", "": "", "sender.example.evil.example": "", "[192.0.2.1]": "",
		"x.sender.example sender.example unit.sender.example":       "sender.example unit.sender.example",
		strings.Repeat("x.example ", maxSigning) + "sender.example": "", // beyond what is looked at
	} {
		m := split(outgoing)
		made, err := s.Sign(strings.Split(authors, " "), m.Header, m.Body)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range made {
			got = append(got, one.Domain)
			if !strings.Contains(one.Field, "; d="+one.Domain+";") || !strings.Contains(one.Field, "s="+one.Selector+";") || !strings.Contains(one.Field, "a="+one.Algorithm+";") {
				t.Errorf("%+v", one)
			}
		}
		if strings.Join(got, " ") != want || s.Has(authors) != (want != "" && !strings.Contains(authors, " ")) {
			t.Errorf("%q: %q, want %q", authors, got, want)
		}
	}
}

func TestSignerOptions(t *testing.T) {
	keys, records := pair(t)
	passes := func(s *Signer, raw, change string) []Value {
		t.Helper()
		var out []Value
		for _, d := range check(t, &zone{txt: records}, split(change+signed(t, s, raw))).DKIM {
			out = append(out, d.Result)
		}
		return out
	}
	for _, form := range []struct{ head, body bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		s := NewSigner(keys, SignerOptions{SimpleHeader: form.head, SimpleBody: form.body}, testNow)
		if got := passes(s, outgoing, ""); len(got) != 2 || got[0] != Pass || got[1] != Pass {
			t.Errorf("%+v: %v", form, got)
		}
	}
	// Only what is chosen is signed, and From whether it is chosen or not.
	s := NewSigner(keys, SignerOptions{Fields: []string{"Subject", "X-Own"}, Once: []string{"x-own"}}, testNow)
	for change, want := range map[string]Value{"": Pass, "Subject: more\r\n": Pass, "To: more\r\n": Pass, "X-Own: more\r\n": Fail} {
		if got := passes(s, outgoing, change); len(got) != 2 || got[0] != want || got[1] != want {
			t.Errorf("%q: %v, want %v", change, got, want)
		}
	}
	if f := signed(t, s, outgoing); !strings.Contains(f, "h=From:Subject:X-Own;") {
		t.Errorf("%.300q", f)
	}
}

// TestAddedFields: what a server adds to a message that lacks it breaks nothing, and one more of what it has does.
func TestAddedFields(t *testing.T) {
	keys, records := pair(t)
	s := NewSigner(keys, SignerOptions{}, testNow)
	without := signed(t, s, "From: an@sender.example\r\nSubject: x\r\n\r\nx\r\n")
	with := signed(t, s, outgoing)
	for _, added := range []string{"Date: Thu, 15 Jan 2026 07:00:00 +0700\r\n", "Message-ID: <2@sender.example>\r\n"} {
		for raw, want := range map[string]Value{added + without: Pass, added + with: Fail} {
			for _, d := range check(t, &zone{txt: records}, split(raw)).DKIM {
				if d.Result != want {
					t.Errorf("%.60q: %+v, want %s", raw, d, want)
				}
			}
		}
	}
}

// TestRepeatedFields: every repetition is signed, and one more than there are; so many that the list would be too long
// are not signed at all.
func TestRepeatedFields(t *testing.T) {
	keys, records := pair(t)
	s := NewSigner(keys, SignerOptions{}, testNow)
	for _, n := range []int{1, 20, maxSignedNames - 40} {
		raw := signed(t, s, strings.Repeat("Subject: lie\r\n", n)+outgoing)
		for change, want := range map[string]Value{"": Pass, "Subject: lie\r\n": Fail} {
			for _, d := range check(t, &zone{txt: records}, split(change+raw)).DKIM {
				if d.Result != want {
					t.Errorf("%d repetitions and %q: %+v", n, change, d)
				}
			}
		}
	}
	m := split(strings.Repeat("Subject: lie\r\n", maxSignedNames) + outgoing)
	if made, err := s.Sign([]string{"sender.example"}, m.Header, m.Body); !errors.Is(err, ErrFieldCount) || made != nil {
		t.Errorf("%d repetitions: %v, %v", maxSignedNames, made, err)
	}
}

func TestGeneratedKeys(t *testing.T) {
	for _, test := range []struct {
		algorithm string
		bits      int
		fails     string
	}{{"rsa-sha256", 2048, ""}, {"ed25519-sha256", 0, ""}, {"rsa-sha256", 1024, "1024 bits"}, {"rsa-sha256", 8192, "8192 bits"}, {"rsa-sha1", 2048, "neither"}} {
		pem, err := GenerateKey(test.algorithm, test.bits)
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%+v: %v", test, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, pem, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := ReadKey(path, "sender.example", "s1")
		if err != nil || k.Algorithm() != test.algorithm || k.Bits() != max(test.bits, 256) {
			t.Errorf("%+v: %+v, %v", test, k, err)
		}
	}
}

func TestPublished(t *testing.T) {
	keys, records := pair(t)
	other, err := rsa.GenerateKey(rand.Reader, minSigningBits)
	if err != nil {
		t.Fatal(err)
	}
	_, others := publish(t, map[string]crypto.Signer{"rsa": other})
	for _, k := range keys {
		good := records[k.Name()][0]
		for _, test := range []struct {
			records []string
			want    string
		}{
			{[]string{good}, ""}, {[]string{"v=spf1 -all", good}, ""}, {nil, "no-key"}, {[]string{good, good}, "several-keys"},
			{[]string{strings.Replace(good, "p=", "t=y; p=", 1)}, "testing"}, {[]string{"v=DKIM1; k=" + k.algorithm + "; p="}, "key-revoked"},
			{[]string{strings.Replace(good, "p=", "h=sha1; p=", 1)}, "key-of-other-algorithm"},
			{[]string{strings.Replace(good, "p=", "s=tlsrpt; p=", 1)}, "key-of-other-service"},
			{others["rsa._domainkey.sender.example"], "other-key"}, {[]string{good[:len(good)-8]}, "bad-key"},
		} {
			if got := k.Published(test.records); got != test.want {
				t.Errorf("%s, %.80q: %q, want %q", k.algorithm, test.records, got, test.want)
			}
		}
	}
}

// BenchmarkSign is what two signatures of a letter and of 14 MB cost.
func BenchmarkSign(b *testing.B) {
	keys, _ := pair(b)
	s := NewSigner(keys, SignerOptions{}, time.Now)
	for name, size := range map[string]int{"5kB": 5000, "14MB": 14_000_000} {
		body := strings.Repeat(strings.Repeat("QUJD", 19)+crlf, size/78)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				m := split(outgoing)
				if _, err := s.Sign([]string{"sender.example"}, m.Header, strings.NewReader(body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
