//go:build long

package store_test

import (
	"bytes"
	"testing"

	"congthu/store"
)

// A stored identity costs whoever guesses its passphrase a second of work for each guess.
func TestLongWrapIdentity(t *testing.T) {
	key := newKey(t)
	wrapped, err := store.WrapIdentity("correct horse battery", key.String())
	if err != nil || !bytes.HasPrefix(wrapped, []byte("age-encryption.org/v1\n-> scrypt ")) || !bytes.Contains(wrapped, []byte(" 18\n")) {
		t.Fatalf("%.100q %v", wrapped, err)
	}
	got, err := store.UnwrapIdentity("correct horse battery", wrapped)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, "")
	if _, err := d.AddOfficer(t.Context(), store.Officer{Address: "an@monre.gov.vn", Name: "an", Recipient: key.Recipient().String()}, wrapped); err != nil {
		t.Fatal(err)
	}
	d.hold(t, d.sample("01A", []byte("a")), []byte("a"))
	if b := d.read(t, "01A", got); string(b) != "a" {
		t.Errorf("%q", b)
	}
}
