package store_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"congthu/store"
)

func TestAddOfficer(t *testing.T) {
	d := newDesk(t, "")
	good := store.Officer{Address: "An@Monre.gov.vn", Name: "Nguyễn An", Unit: "VP", Recipient: newKey(t).Recipient().String()}
	for name, change := range map[string]func(*store.Officer){
		"no key":                 func(o *store.Officer) { o.Recipient = "" },
		"a private key":          func(o *store.Officer) { o.Recipient = newKey(t).String() },
		"an ssh key":             func(o *store.Officer) { o.Recipient = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" },
		"two keys":               func(o *store.Officer) { o.Recipient += "\n" + newKey(t).Recipient().String() },
		"a broken key":           func(o *store.Officer) { o.Recipient = o.Recipient[:20] },
		"no address":             func(o *store.Officer) { o.Address = "" },
		"no domain":              func(o *store.Officer) { o.Address = "an" },
		"not an address":         func(o *store.Officer) { o.Address = "an@monre gov" },
		"a line break in a name": func(o *store.Officer) { o.Name = "an\nbinh" },
		"not UTF-8":              func(o *store.Officer) { o.Name = "\xff" },
		"a long unit":            func(o *store.Officer) { o.Unit = strings.Repeat("x", 201) },
	} {
		o := good
		change(&o)
		if _, err := d.AddOfficer(t.Context(), o, nil); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("%s: the error shows a private key", name)
		}
	}
	if _, err := d.AddOfficer(t.Context(), good, nil); err != nil {
		t.Fatal(err)
	}
	again := good
	again.Recipient = newKey(t).Recipient().String()
	if _, err := d.AddOfficer(t.Context(), again, nil); !errors.Is(err, store.ErrExists) {
		t.Errorf("an address twice: %v", err)
	}
	all, err := d.ListOfficers(t.Context())
	if err != nil || len(all) != 1 || all[0].Address != "an@monre.gov.vn" || all[0].Name != good.Name || all[0].Unit != good.Unit ||
		all[0].Recipient != good.Recipient || all[0].Wrapped || !all[0].Added.Equal(d.clock.Now()) {
		t.Errorf("%+v %v", all, err)
	}
	if err := d.RemoveOfficer(t.Context(), "an@monre.gov.vn", false); err != nil {
		t.Fatal(err)
	}
	if err := d.RemoveOfficer(t.Context(), "an@monre.gov.vn", false); !errors.Is(err, store.ErrNotOfficer) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := d.AddOfficer(t.Context(), good, nil); err != nil { // comes back
		t.Error(err)
	}
}

// A new officer opens what is held after one who can open it granted that, without the content being touched.
func TestGrant(t *testing.T) {
	d := newDesk(t, "")
	an := d.officer(t, "an")
	for _, id := range []string{"01A", "01B", "01C"} {
		d.hold(t, d.sample(id, []byte(id)), []byte(id))
	}
	chi := d.officer(t, "chi")
	d.hold(t, d.sample("01D", []byte("01D")), []byte("01D"))
	if err := d.Delete(t.Context(), "01C", "an@monre.gov.vn", "spam"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t.Context(), "01A", chi); !errors.Is(err, store.ErrNoAccess) {
		t.Fatalf("before: %v", err)
	}
	// One who has no access cannot give it.
	if g, err := d.Grant(t.Context(), chi, "chi@monre.gov.vn"); err != nil || g.Given != 1 || strings.Join(g.Without, " ") != "01A 01B" {
		t.Fatalf("%+v %v", g, err)
	}
	if g, err := d.Grant(t.Context(), an, "chi@monre.gov.vn", "01A"); err != nil || g.Given != 1 {
		t.Fatalf("%+v %v", g, err)
	}
	if got := d.read(t, "01A", chi); string(got) != "01A" {
		t.Errorf("%q", got)
	}
	if _, err := d.Open(t.Context(), "01B", chi); !errors.Is(err, store.ErrNoAccess) {
		t.Errorf("not granted: %v", err)
	}
	for range 2 {
		if g, err := d.Grant(t.Context(), an, "chi@monre.gov.vn"); err != nil || g.Given != 3 || g.Without != nil {
			t.Fatalf("%+v %v", g, err)
		}
	}
	if got := d.read(t, "01B", chi); string(got) != "01B" {
		t.Errorf("%q", got)
	}
	if _, err := d.Grant(t.Context(), an, "stranger@monre.gov.vn"); !errors.Is(err, store.ErrNotOfficer) {
		t.Errorf("to a stranger: %v", err)
	}
	if _, err := d.Grant(t.Context(), an, "chi@monre.gov.vn", "01Z"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown message: %v", err)
	}
}

// When a key is lost, others still open what is held; what only it opened can only be deleted.
func TestKeyLost(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an") // whose key nobody has any more
	d.hold(t, d.sample("01A", []byte("01A")), []byte("01A"))
	chi := d.officer(t, "chi")
	d.hold(t, d.sample("01B", []byte("01B")), []byte("01B"))
	if got := d.read(t, "01B", chi); string(got) != "01B" {
		t.Errorf("%q", got)
	}
	if err := d.RemoveOfficer(t.Context(), "an@monre.gov.vn", false); !errors.Is(err, store.ErrLastAccess) {
		t.Fatalf("removed with the last access to 01A: %v", err)
	}
	if all, err := d.ListOfficers(t.Context()); err != nil || len(all) != 2 {
		t.Fatalf("%v %v", all, err)
	}
	if err := d.RemoveOfficer(t.Context(), "an@monre.gov.vn", true); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t.Context(), "01A", chi); !errors.Is(err, store.ErrNoAccess) {
		t.Errorf("%v", err)
	}
	if err := d.Delete(t.Context(), "01A", "chi@monre.gov.vn", "key lost"); err != nil {
		t.Error(err)
	}
	if got := d.read(t, "01B", chi); string(got) != "01B" {
		t.Errorf("%q", got)
	}
}

// A removed officer opens nothing any more.
func TestRemovedOfficer(t *testing.T) {
	d := newDesk(t, "")
	an, _ := d.officer(t, "an"), d.officer(t, "binh")
	d.hold(t, d.sample("01A", []byte("01A")), []byte("01A"))
	if err := d.RemoveOfficer(t.Context(), "an@monre.gov.vn", false); err != nil {
		t.Fatal(err)
	}
	d.hold(t, d.sample("01B", []byte("01B")), []byte("01B"))
	for _, id := range []string{"01A", "01B"} {
		if _, err := d.Open(t.Context(), id, an); !errors.Is(err, store.ErrNoAccess) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestWrappedIdentity(t *testing.T) {
	d := newDesk(t, "")
	key := newKey(t)
	for _, bad := range []struct{ pass, identity string }{{"short", key.String()}, {"correct horse battery", "AGE-SECRET-KEY-1"}, {"correct horse battery", ""}} {
		if _, err := store.WrapIdentity(bad.pass, bad.identity); err == nil {
			t.Errorf("%q %q was wrapped", bad.pass, bad.identity)
		}
	}
	wrapped, err := store.WrapWith("correct horse battery", "# comment\n"+key.String()+"\n", 10)
	if err != nil {
		t.Fatal(err)
	}
	o := store.Officer{Address: "an@monre.gov.vn", Name: "an", Recipient: key.Recipient().String()}
	if _, err := d.AddOfficer(t.Context(), o, wrapped); err != nil {
		t.Fatal(err)
	}
	d.officer(t, "binh")
	d.hold(t, d.sample("01A", []byte("01A")), []byte("01A"))
	kept, err := d.WrappedIdentity(t.Context(), "an@monre.gov.vn")
	if err != nil || !bytes.Equal(kept, wrapped) {
		t.Fatal(err)
	}
	for _, pass := range []string{"correct horse batterY", "", "x"} {
		if _, err := store.UnwrapIdentity(pass, kept); !errors.Is(err, store.ErrPassphrase) {
			t.Errorf("%q: %v", pass, err)
		}
	}
	identity, err := store.UnwrapIdentity("correct horse battery", kept)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.read(t, "01A", identity); string(got) != "01A" {
		t.Errorf("%q", got)
	}
	if _, err := d.WrappedIdentity(t.Context(), "binh@monre.gov.vn"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("binh's: %v", err)
	}
	if err := d.RemoveOfficer(t.Context(), "an@monre.gov.vn", false); err != nil {
		t.Fatal(err)
	}
	if _, err := d.WrappedIdentity(t.Context(), "an@monre.gov.vn"); !errors.Is(err, store.ErrNotOfficer) {
		t.Errorf("after the removal: %v", err)
	}
}

// A wrapped identity that would cost minutes to try is refused at once.
func TestForgedWorkFactor(t *testing.T) {
	wrapped, err := store.WrapWith("correct horse battery", newKey(t).String(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.UnwrapIdentity("correct horse battery", wrapped); err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(wrapped, []byte(" 10\n"), []byte(" 29\n"), 1)
	if bytes.Equal(forged, wrapped) {
		t.Fatal("no work factor found")
	}
	if _, err := store.UnwrapIdentity("correct horse battery", forged); err == nil {
		t.Error("no error")
	}
}
