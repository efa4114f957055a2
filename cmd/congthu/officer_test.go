package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"congthu/filter/evidence"
)

// acts are those in the evidence of a kept gate, from the files.
func (r *remembered) acts(t *testing.T) (all []evidence.Act) {
	t.Helper()
	for _, l := range r.lines(t) {
		if l.Act != nil {
			all = append(all, *l.Act)
		}
	}
	return all
}

// command runs a command on what a kept gate keeps.
func (r *remembered) command(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	p, stdout, stderr := newProgram(t, "")
	code = p.run(append(args, "--config", r.conf))
	return code, stdout.String() + stderr.String()
}

// A private key that is given in the place of the public one goes nowhere, and nothing else that is no officer's is
// recorded as one.
func TestOfficerIsCheckedFirst(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for what, args := range map[string][]string{
		"a private key":        {"binh@monre.gov.vn", "--name", "Binh", "--recipient", key.String()},
		"no mailbox":           {"binh", "--name", "Binh", "--recipient", key.Recipient().String()},
		"a name of two lines":  {"binh@monre.gov.vn", "--name", "Binh\nX", "--recipient", key.Recipient().String()},
		"another's address":    {"LAN@monre.gov.vn", "--name", "Lan", "--recipient", key.Recipient().String()},
		"another's public key": {"binh@monre.gov.vn", "--name", "Binh", "--recipient", r.officer.Recipient().String()},
	} {
		code, said := r.command(t, append([]string{"officer", "add"}, args...)...)
		if code == exitFine || strings.Contains(said, key.String()) {
			t.Errorf("%s: exit %d: %s", what, code, said)
		}
	}
	for _, a := range r.acts(t) {
		if a.What == evidence.OfficerAdd {
			t.Errorf("recorded: %+v", a)
		}
	}
	if code, said := r.command(t, "officer", "add", " Binh@MONRE.gov.vn", "--name", "Binh", "--recipient", " "+key.Recipient().String()+" "); code != exitFine {
		t.Fatalf("exit %d: %s", code, said)
	}
	all := r.acts(t)
	if a := all[len(all)-1]; a.What != evidence.OfficerAdd || a.Object != "binh@monre.gov.vn" || a.Details["recipient"] != key.Recipient().String() {
		t.Errorf("recorded: %+v", a)
	}
}

// broken is where nothing can be written.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// The file of a new key stays when its officer is there, whatever goes wrong then; of nobody's key nothing stays.
func TestNewKeyStaysWithItsOfficer(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	key := filepath.Join(t.TempDir(), "binh.age")
	p, _, _ := newProgram(t, "")
	p.stdout = broken{}
	if code := p.run([]string{"officer", "add", "--config", r.conf, "--name", "Binh", "--new-key", key, "binh@monre.gov.vn"}); code == exitFine {
		t.Error("nobody was told that it went well")
	}
	if _, err := os.Stat(key); err != nil {
		t.Errorf("the key of an officer is gone: %v", err)
	}
	if o, err := r.store.Load().Officer(t.Context(), "binh@monre.gov.vn"); err != nil || o.Name != "Binh" {
		t.Errorf("%+v, %v", o, err)
	}

	r.shut()
	if err := os.Rename(filepath.Join(filepath.Dir(r.conf), "evidence"), filepath.Join(filepath.Dir(r.conf), "away")); err != nil {
		t.Fatal(err)
	}
	key = filepath.Join(t.TempDir(), "chi.age")
	if code, said := r.command(t, "officer", "add", "--name", "Chi", "--new-key", key, "chi@monre.gov.vn"); code == exitFine {
		t.Errorf("an officer without a record: %s", said)
	}
	if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key of nobody: %v", err)
	}
}

// What was recorded before it was done, and then failed, is recorded as failed; what can be checked first is.
func TestFailedActs(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	r.keep(t, "01KB7W0QJ5R3M9V2C8XZ4T6N1D", "custom:x")
	if code, said := r.command(t, "officer", "remove", "lan@monre.gov.vn"); code == exitFine {
		t.Fatalf("the last officer is gone: %s", said)
	}
	all := r.acts(t)
	n := len(all)
	if n < 2 || all[n-2].What != evidence.OfficerRemove || all[n-1].What != evidence.OfficerRemove || !strings.HasPrefix(all[n-1].Details["result"], "failed: ") {
		t.Errorf("recorded: %+v", all)
	}
	if code, said := r.command(t, "officer", "remove", "nobody@monre.gov.vn"); code == exitFine {
		t.Fatal(said)
	}
	key := filepath.Join(t.TempDir(), "lan.age")
	if err := os.WriteFile(key, []byte(r.officer.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"exception", "end", "01Z"}, {"quarantine", "show", "01Z"}, {"quarantine", "delete", "--reason", "x", "01Z"},
		{"officer", "grant", "nobody@monre.gov.vn"}, {"officer", "grant", "lan@monre.gov.vn", "01Z"}} {
		if code, said := r.command(t, append(args, "--identity", key)...); code == exitFine {
			t.Errorf("%q: %s", args, said)
		}
	}
	if again := r.acts(t); len(again) != n {
		t.Errorf("recorded of what there is not: %+v", again[n:])
	}
}

// An officer may be there before the gate first runs: what is recorded of that is in the gate's name, and the gate's
// index and its rebuilding take it.
func TestOfficerBeforeTheGate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	conf := filepath.Join(dir, "congthu.yml")
	text := fmt.Sprintf("organisation: {domains: [monre.gov.vn]}\nevidence: {dir: %q, gate: mx1}\nstore: {dsn: %q}\n", filepath.Join(dir, "evidence"), "sqlite:"+filepath.Join(dir, "congthu.db"))
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "evidence"), 0o700), os.WriteFile(conf, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	r := &remembered{conf: conf}
	if code, said := r.command(t, "officer", "add", "--name", "Binh", "--new-key", filepath.Join(dir, "k"), "binh@monre.gov.vn"); code != exitFine {
		t.Fatalf("exit %d: %s", code, said)
	}
	for _, l := range r.lines(t) {
		if l.Gate != "mx1" {
			t.Errorf("record %d is in the name of %q", l.Seq, l.Gate)
		}
	}
	if code, said := r.command(t, "store", "rebuild"); code != exitFine {
		t.Errorf("exit %d: %s", code, said)
	}
}
