package policy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"congthu/filter/policy"
)

func TestSigning(t *testing.T) {
	for _, test := range []struct{ yaml, problem string }{
		{"", ""},
		{"signing: {trust: [/etc/congthu/trust/*.pem], hosts: [ocsp.ca.gov.vn, \"ocsp.example:8080\"], revocation: hard, required: [vanthu, an@monre.gov.vn]}", ""},
		{"signing: {states: {revoked: refuse, untrusted: accept}}", ""},
		{"signing: {states: {valid: refuse}}", "unknown key"},
		{"signing: {states: {invalid: refuse}}", "unknown key"},
		{"signing: {hosts: [\"http://ocsp.ca.gov.vn/\"]}", "is no host"},
		{"signing: {hosts: [\"*\"]}", "is no host"},
		{"signing: {required: [\"@monre.gov.vn\"]}", "is no mailbox"},
		{"signing: {trust: [\"[\"]}", "is no file"},
		{"signing: {lists: [\"\"]}", "is no file"},
		{"signing: {cache: revocation}", "write its whole path"},
		{"signing: {revocation: maybe}", "none of off, soft and hard"},
	} {
		c, err := policy.Parse("a.yml", []byte(test.yaml), settings())
		switch {
		case test.problem == "" && err != nil:
			t.Errorf("%s: %v", test.yaml, err)
		case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
			t.Errorf("%s: %v, want %q", test.yaml, err, test.problem)
		case err == nil && len(c.Signing.States) != 7:
			t.Errorf("%s: states %v", test.yaml, c.Signing.States)
		}
	}
}

// Patterns name files beside the configuration; one without a star has to be there.
func TestSigningFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pem", "b.pem", "c.der"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	conf := filepath.Join(dir, "congthu.yml")
	if err := os.WriteFile(conf, []byte("signing:\n  trust: [\"*.pem\", a.pem, none/*.pem]\n  lists:\n    - missing.crl\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := policy.Load(conf, settings())
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.SigningFiles("trust", c.Signing.Trust)
	if want := []string{filepath.Join(dir, "a.pem"), filepath.Join(dir, "b.pem")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	_, err = c.SigningFiles("lists", c.Signing.Lists)
	if err == nil || !strings.Contains(err.Error(), "congthu.yml:4:7") || !strings.Contains(err.Error(), "there is no file "+filepath.Join(dir, "missing.crl")) {
		t.Error(err)
	}
}
