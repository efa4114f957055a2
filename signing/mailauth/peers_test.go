package mailauth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// Debian's python3-dkim, python3-nacl and opendkim are implementations that have nothing in common with ours.

// job is what testdata/dkimpy.py reads.
type job struct {
	Do        string              `json:"do"`
	Message   []byte              `json:"message"`
	Zone      map[string][]string `json:"zone"`
	Form      string              `json:"form,omitempty"`
	Selector  string              `json:"selector,omitempty"`
	Domain    string              `json:"domain,omitempty"`
	Key       string              `json:"key,omitempty"`
	Algorithm string              `json:"algorithm,omitempty"`
	Length    bool                `json:"length,omitempty"`
}

func dkimpy[T any](t *testing.T, j job) (out T) {
	t.Helper()
	in, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/dkimpy.py")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	data, err := cmd.Output()
	if err != nil {
		t.Fatalf("dkimpy: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("dkimpy: %v in %q", err, data)
	}
	return out
}

func needDkimpy(t *testing.T) {
	t.Helper()
	peer.Need(t, exec.Command("/usr/bin/python3", "-c", "import dkim, nacl, authres").Run() == nil, "Debian's python3-dkim, python3-nacl and python3-authres")
}

// privateKey is a key as dkimpy reads it: PEM, or the seed in base64.
func privateKey(t *testing.T, s any) string {
	t.Helper()
	switch k := s.(type) {
	case *rsa.PrivateKey:
		return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
	case ed25519.PrivateKey:
		return base64.StdEncoding.EncodeToString(k.Seed())
	}
	t.Fatalf("%T", s)
	return ""
}

// awkward are messages that implementations trip over.
func awkward() map[string]string {
	return map[string]string{
		"letter": letter, "outgoing": outgoing,
		"no body":           "From: an@sender.example\r\nSubject: x\r\n\r\n",
		"empty lines":       "From: an@sender.example\r\nSubject: x\r\n\r\n\r\n\r\n\r\n",
		"blanks only":       "From: an@sender.example\r\nSubject: x\r\n\r\n \r\n\t\r\n",
		"no line end":       "From: an@sender.example\r\nSubject: x\r\n\r\nlast",
		"empty lines first": "From: an@sender.example\r\nSubject: x\r\n\r\n\r\n\r\na \r\n\r\nb\t\t c\r\n\r\n",
		"folded":            "From: an@sender.example\r\nSubject:\r\n   mot\r\n\thai   ba \t\r\nTo:a@b.example\r\n\r\nx\r\n",
		"empty subject":     "From: an@sender.example\r\nSubject: \r\nTo: a@b.example\r\n\r\nx\r\n",
		"dots and 8 bit":    "From: an@sender.example\r\nSubject: x\r\n\r\n.\r\n..\r\nBáo cáo\r\n\xff\xfe\r\n",
		"big":               "From: an@sender.example\r\nSubject: x\r\n\r\n" + strings.Repeat("Bao cao  thang \t1.\r\n\r\n", 20_000),
	}
}

func TestDkimpyVerifiesOurs(t *testing.T) {
	needDkimpy(t)
	keys, records := pair(t)
	s := NewSigner(keys, SignerOptions{}, time.Now)
	for name, raw := range awkward() {
		t.Run(name, func(t *testing.T) {
			raw := signed(t, s, raw)
			for _, v := range dkimpy[[]any](t, job{Do: "verify", Message: []byte(raw), Zone: records}) {
				if v != true {
					t.Errorf("%v", v)
				}
			}
			for _, v := range dkimpy[[]any](t, job{Do: "verify", Message: []byte(raw + "more\r\n"), Zone: records}) {
				if v == true {
					t.Error("a changed message verifies")
				}
			}
		})
	}
}

func TestWeVerifyDkimpys(t *testing.T) {
	needDkimpy(t)
	keys, records := pair(t)
	forms := []string{"simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"}
	n := 0
	for name, raw := range awkward() {
		k, form := keys[n%2], forms[n%4]
		n++
		t.Run(name+" "+form+" "+k.algorithm, func(t *testing.T) {
			j := job{Do: "sign", Message: []byte(raw), Zone: records, Form: form, Selector: k.Selector, Domain: k.Domain,
				Key: privateKey(t, k.signer), Algorithm: k.algorithm + "-sha256", Length: n%3 == 0}
			out := checkRaw(t, records, latin1(dkimpy[string](t, j)))
			if len(out.DKIM) != 1 || out.DKIM[0].Result != Pass {
				t.Errorf("%+v", out.DKIM)
			}
		})
	}
}

// latin1 are the octets of a text that JSON carried as ISO 8859-1.
func latin1(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		out = append(out, byte(r))
	}
	return string(out)
}

func checkRaw(t *testing.T, records map[string][]string, raw string) Results {
	t.Helper()
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	r, err := New(&zone{txt: records}, Limits{}, time.Now).Check(t.Context(),
		Message{Header: strings.NewReader(head + crlf), Body: strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARCWithDkimpy(t *testing.T) {
	needDkimpy(t)
	k, z := newKeys(t)
	for i := 1; i <= 3; i++ {
		raw := chained(t, k, i)
		if cv := dkimpy[string](t, job{Do: "arc_verify", Message: []byte(raw), Zone: z.txt}); cv != "pass" {
			t.Errorf("our chain of %d: %s", i, cv)
		}
		if cv := dkimpy[string](t, job{Do: "arc_verify", Message: []byte(raw + "x\r\n"), Zone: z.txt}); cv != "fail" {
			t.Errorf("our chain of %d, changed: %s", i, cv)
		}
	}
	raw := "Authentication-Results: gate.example; spf=pass smtp.mailfrom=sender.example\r\n" + letter
	for i := 1; i <= 3; i++ {
		if i == 2 { // dkimpy takes from here what it found of the chain before
			raw = "Authentication-Results: gate.example; arc=pass\r\n" + raw
		}
		raw = latin1(dkimpy[string](t, job{Do: "arc_sign", Message: []byte(raw), Zone: z.txt, Selector: "r", Domain: "sealer.example", Key: privateKey(t, k.rsa)}))
		if i == 1 { // and ours on top of its
			both := seal(t, k, 2, "pass", raw, "", "", "")
			if out := checkRaw(t, z.txt, both).ARC; out.Result != Pass || out.Instances != 2 {
				t.Errorf("mixed chain: %+v", out)
			}
		}
		if out := checkRaw(t, z.txt, raw).ARC; out.Result != Pass || out.Instances != i {
			t.Errorf("dkimpy's chain of %d: %+v", i, out)
		}
		if out := checkRaw(t, z.txt, raw+"x\r\n").ARC; out.Result != Fail {
			t.Errorf("dkimpy's chain of %d, changed: %+v", i, out)
		}
	}
}

// opendkim runs OpenDKIM in its test mode on a file; no daemon is started.
func opendkim(t *testing.T, config, raw string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{"conf": config, "message": raw} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "opendkim", "-v", "-v", "-v", "-x", filepath.Join(dir, "conf"), "-t", filepath.Join(dir, "message"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("opendkim: %v\n%s", err, out)
	}
	return string(out)
}

func TestOpenDKIM(t *testing.T) {
	_, err := exec.LookPath("opendkim")
	peer.Need(t, err == nil, "Debian's opendkim")
	keys, records := pair(t)
	dir := t.TempDir()
	var zone strings.Builder
	var key string
	var rsaKey Key
	for _, k := range keys {
		fmt.Fprintf(&zone, "%s %s\n", k.Name(), records[k.Name()][0])
		if k.algorithm == "rsa" {
			rsaKey = k // OpenDKIM 2.11 knows no Ed25519
			key = filepath.Join(dir, "key")
			if err := os.WriteFile(key, []byte(privateKey(t, k.signer)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	data := filepath.Join(dir, "dns")
	if err := os.WriteFile(data, []byte(zone.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewSigner([]Key{rsaKey}, SignerOptions{}, time.Now)
	for name, raw := range awkward() {
		if !strings.HasSuffix(raw, crlf) {
			continue // its test mode reads whole lines only
		}
		t.Run(name, func(t *testing.T) {
			out := opendkim(t, "Mode v\nTestDNSData "+data+"\n", signed(t, s, raw))
			if !strings.Contains(out, "verification (s=rsa, d=sender.example, 2048-bit key) succeeded") {
				t.Errorf("OpenDKIM on ours: %s", out)
			}
			for _, form := range []string{"simple/simple", "relaxed/relaxed", "simple/relaxed", "relaxed/simple"} {
				if name == "folded" && strings.HasPrefix(form, "simple") {
					continue // it is a milter, and is not told whether a blank follows the colon
				}
				out := opendkim(t, "Mode s\nRequireSafeKeys false\nDomain sender.example\nSelector rsa\nKeyFile "+key+"\nSignatureAlgorithm rsa-sha256\nCanonicalization "+form+"\n", raw)
				checkRawPass(t, records, form, inserted(t, out)+raw)
			}
		})
	}
}

func checkRawPass(t *testing.T, records map[string][]string, form, raw string) {
	t.Helper()
	if r := checkRaw(t, records, raw); len(r.DKIM) != 1 || r.DKIM[0].Result != Pass {
		t.Errorf("we on OpenDKIM's %s: %+v\n%.900s", form, r.DKIM, raw)
	}
}

// inserted is the field in OpenDKIM's report: ### INSHEADER: idx=1 hname='DKIM-Signature' hvalue='...'
func inserted(t *testing.T, report string) string {
	t.Helper()
	_, rest, found := strings.Cut(report, "hname='DKIM-Signature' hvalue='")
	value, _, closed := strings.Cut(rest, "'")
	if !found || !closed {
		t.Fatalf("OpenDKIM put no signature: %s", report)
	}
	return "DKIM-Signature: " + strings.TrimPrefix(strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\n", "\r\n"), " ") + crlf
}
