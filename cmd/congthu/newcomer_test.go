package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"congthu/filter/evidence"
	"congthu/internal/peer"
	"congthu/store"
)

// identityFile is a file with this identity.
func identityFile(t *testing.T, identity *age.X25519Identity) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "k.age")
	if err := os.WriteFile(file, []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// releasing has released mail go to the sink.
func (r *remembered) releasing(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(r.conf)
	if err == nil {
		err = os.WriteFile(r.conf, bytes.Replace(b, []byte("store: {"), fmt.Appendf(nil, "store: {release: %q, ", r.sink.Addr), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What was typed wrongly is named with its flag, and nothing is done or recorded.
func TestWrongFlagsAreNamed(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	r.releasing(t)
	const id = "01KB7W0QJ5R3M9V2C8XZ4T6N1D"
	r.keep(t, id, "custom:x")
	key := identityFile(t, r.officer)
	noKey := filepath.Join(t.TempDir(), "empty.age")
	if err := os.WriteFile(noKey, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("0", 64)
	except := func(more ...string) []string {
		return append([]string{"exception", "add", "--identity", key, "--part-hash", hash}, more...)
	}
	for _, tt := range []struct {
		flag string
		args []string
	}{
		{"--reason", []string{"quarantine", "release", "--identity", key, "--reason", "", id}},
		{"--reason", []string{"quarantine", "release", "--identity", key, "--reason", " \t\u00a0", id}},
		{"--reason", []string{"quarantine", "release", "--identity", key, "--reason", "a\x1b[2J", id}},
		{"--reason", []string{"quarantine", "release", "--identity", key, "--reason", strings.Repeat("x", 1001), id}},
		{"--reason", []string{"quarantine", "delete", "--identity", key, "--reason", "", id}},
		{"--reason", except("--until", "7d", "--reason", " ")},
		{"--until", except("--until", "soon", "--reason", "x")},
		{"--until", except("--until", "2001-01-01", "--reason", "x")},
		{"--rule", except("--until", "7d", "--reason", "x", "--rule", "markings")},
		{"--identity", []string{"quarantine", "delete", "--identity", noKey, "--reason", "x", id}},
		{"--recipient", []string{"officer", "add", "binh@monre.gov.vn", "--name", "Binh", "--recipient", "age1xyz"}},
		{"--recipient", []string{"officer", "add", "binh@monre.gov.vn", "--name", "Binh", "--recipient", "xyz"}},
		{"stat", []string{"quarantine", "list", "stat=held"}},
	} {
		if code, said := r.command(t, tt.args...); code != exitUsage || !strings.Contains(said, tt.flag) {
			t.Errorf("%q: exit %d: %s", tt.args, code, said)
		}
	}
	if _, said := r.command(t, "quarantine", "list", "stat=held"); !strings.Contains(said, "after, confirmed, id, limit, recipient, rule, sender, since, state, unit, until") {
		t.Errorf("the filters are not named: %s", said)
	}
	if state, n := r.state(t, id), r.sink.Count(); state != store.StateHeld || n != 0 {
		t.Errorf("the message is %s, %d were sent", state, n)
	}
	if acts := r.acts(t); len(acts) != 1 || acts[0].What != evidence.Start { // that of the gate
		t.Errorf("recorded: %+v", acts)
	}
}

// Why a message was released stays with it, and who lists it sees that.
func TestReleaseKeepsItsReason(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	r.releasing(t)
	const id = "01KB7W0QJ5R3M9V2C8XZ4T6N1D"
	r.keep(t, id, "custom:x")
	if code, said := r.command(t, "quarantine", "release", "--identity", identityFile(t, r.officer), "--reason", "thư của đối tác", id); code != exitFine {
		t.Fatalf("exit %d: %s", code, said)
	}
	for _, args := range [][]string{{"show", id}, {"show", "--json", id}, {"list", "--json", "state=released"}} {
		if code, said := r.command(t, append([]string{"quarantine"}, args...)...); code != exitFine || !strings.Contains(said, "thư của đối tác") {
			t.Errorf("%q: exit %d: %s", args, code, said)
		}
	}
}

// Of a message that cannot be opened nothing is shown, so that the error is not overlooked under what was.
func TestShowWithAnotherIdentity(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	const id = "01KB7W0QJ5R3M9V2C8XZ4T6N1D"
	r.keep(t, id, "custom:x")
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	p, stdout, stderr := newProgram(t, "")
	code := p.run([]string{"quarantine", "show", "--config", r.conf, "--identity", identityFile(t, other), id})
	if code == exitFine || stdout.Len() > 0 || !strings.Contains(stderr.String(), "--identity") {
		t.Errorf("exit %d, printed %q, said %q", code, stdout, stderr)
	}
	if code, said := r.command(t, "quarantine", "show", "--identity", identityFile(t, r.officer), id); code != exitFine || !strings.Contains(said, "subject    Noi dung rieng "+id) || !strings.HasPrefix(said, "id ") {
		t.Errorf("exit %d: %s", code, said)
	}
}

// Before the gate first started, every command that needs what it keeps says so, and makes nothing.
func TestBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	folder := filepath.Join(dir, "state")
	r := &remembered{conf: write("congthu.yml", fmt.Sprintf("evidence: {dir: %q}\n", filepath.Join(folder, "evidence")))}
	backup := write("backup.db", "")
	for _, args := range [][]string{{"officer", "list"}, {"officer", "add", "binh@monre.gov.vn", "--name", "Binh", "--new-key", filepath.Join(dir, "k")},
		{"console", "invite"}, {"quarantine", "list"}, {"store", "restore", backup}} {
		if code, said := r.command(t, args...); code == exitFine || !strings.Contains(said, "the gate makes the folder when it starts for the first time") {
			t.Errorf("%q: exit %d: %s", args, code, said)
		}
	}
	r.conf = write("elsewhere.yml", fmt.Sprintf("evidence: {dir: %q}\nstore: {dsn: %q}\n", filepath.Join(folder, "evidence"), "sqlite:"+filepath.Join(dir, "db", "congthu.db")))
	if code, said := r.command(t, "officer", "list"); code == exitFine || !strings.Contains(said, "make the folder "+filepath.Join(dir, "db")) {
		t.Errorf("a folder that the gate does not make: exit %d: %s", code, said)
	}
	for _, name := range []string{"state", "db", "k"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	// Nothing of this is said of what is missing elsewhere.
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	r.conf = filepath.Join(dir, "congthu.yml")
	if code, said := r.command(t, "store", "restore", filepath.Join(dir, "none.db")); code == exitFine || strings.Contains(said, "first time") {
		t.Errorf("a backup that is not there: exit %d: %s", code, said)
	}
}

// What root does while the gate is stopped leaves files that the gate, another user, can open; who is neither is told how.
func TestCommandsOfRoot(t *testing.T) {
	t.Parallel()
	peer.Need(t, os.Geteuid() == 0, "root, for files of another user")
	const gate = 65534
	r := remember(t, "")
	r.keep(t, "01KB7W0QJ5R3M9V2C8XZ4T6N1D", "custom:x")
	home := filepath.Dir(r.conf)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if code, said := r.command(t, "store", "backup", backup); code != exitFine {
		t.Fatalf("exit %d: %s", code, said)
	}
	r.shut()
	log := filepath.Join(home, "evidence")
	elsewhere := filepath.Join(t.TempDir(), "mine")
	// As a new machine: the folders are the gate's, and nothing is in them but a link and a second name of other files.
	for _, file := range inside(home) { // what the gate of this test, which is root, left
		if strings.HasPrefix(filepath.Base(file), "congthu.db") {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := errors.Join(os.WriteFile(elsewhere, nil, 0o600), os.RemoveAll(log), os.Mkdir(log, 0o700),
		os.Symlink(elsewhere, filepath.Join(log, "link")), os.Link(elsewhere, filepath.Join(log, "second")), os.Chown(home, gate, gate), os.Chown(log, gate, gate))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"store", "restore", backup}, {"store", "restore", backup}, {"officer", "add", "binh@monre.gov.vn", "--name", "Binh", "--new-key", filepath.Join(t.TempDir(), "k")}} {
		if code, said := r.command(t, args...); code != exitFine {
			t.Fatalf("%q: exit %d: %s", args, code, said)
		}
	}
	owners := map[string]uint32{elsewhere: 0, filepath.Join(log, "second"): 0, r.conf: 0}
	seen := 0
	for _, file := range append(inside(home), append(inside(log), elsewhere)...) {
		info, err := os.Lstat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			continue
		}
		want, special := owners[file]
		if !special {
			want, seen = gate, seen+1
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != want {
			t.Errorf("%s belongs to %d, not to %d", file, st.Uid, want)
		}
	}
	if seen < 8 { // database, the one before it and their lock; folder, key, public key, lock, checkpoints and records
		t.Errorf("only %d files: %q %q", seen, inside(home), inside(log))
	}
}

// Who may not read the folder is told whose it is.
func TestFolderOfAnotherUser(t *testing.T) {
	peer.Need(t, os.Geteuid() == 0, "root, for files of another user")
	bin := t.TempDir()
	gate, err := peer.BuildGate(bin)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "congthu-owner")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	folder, conf := filepath.Join(dir, "state"), filepath.Join(dir, "congthu.yml")
	program := filepath.Join(dir, "congthu")
	copyFile(t, gate, program)
	err = errors.Join(os.Chmod(dir, 0o755), os.Chmod(program, 0o755), os.Mkdir(folder, 0o700),
		os.WriteFile(conf, fmt.Appendf(nil, "evidence: {dir: %q}\n", filepath.Join(folder, "evidence")), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	for owner, want := range map[int]string{0: "it belongs to root: runuser -u root -- congthu …", 4_000_000: "it belongs to the user with the number 4000000"} {
		if err := os.Chown(folder, owner, owner); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(program, "quarantine", "list", "--config", conf)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		said, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(said), want) {
			t.Errorf("want %q: %v: %s", want, err, said)
		}
	}
}

// A folder that holds no evidence is not the evidence of a day without mail.
func TestLogExportOfNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, where := range []string{dir, filepath.Join(dir, "none")} {
		for _, format := range []string{"jsonl", "csv", "cef"} {
			p, stdout, stderr := newProgram(t, "")
			if code := p.run([]string{"log", "export", "--format", format, where}); code != exitCannotJudge || stdout.Len() > 0 || !strings.Contains(stderr.String(), where) {
				t.Errorf("%s %s: exit %d, printed %q, said %q", format, where, code, stdout, stderr)
			}
		}
		p, _, stderr := newProgram(t, "")
		if code := p.run([]string{"log", "verify", where}); code != exitCannotJudge {
			t.Errorf("verify: exit %d: %s", code, stderr)
		}
	}
	if err := evidence.Export(t.Context(), &strings.Builder{}, dir, evidence.CSV, time.Time{}, time.Time{}); !errors.Is(err, evidence.ErrNoLog) {
		t.Errorf("%v", err)
	}
}

// An address that is none is not judged as the null reverse-path, and a file that is no mail is called that.
func TestCheckOfWhatIsNoMail(t *testing.T) {
	t.Parallel()
	const mail = "From: an@monre.gov.vn\r\nTo: x@example.com\r\nSubject: mot la thu\r\n\r\nx\r\n"
	for _, tt := range []struct {
		args []string
		in   string
		code int
		says string
	}{
		{[]string{"--from", "nonsense"}, mail, exitUsage, "--from"},
		{[]string{"--from", "@example.com"}, mail, exitUsage, "--from"},
		{[]string{"--to", "nonsense"}, mail, exitUsage, "--to"},
		{[]string{"--from", ""}, mail, exitFine, ""},
		{[]string{"--from", "<>", "--to", "<x@example.com>"}, mail, exitFine, ""},
		{nil, mail, exitFine, ""},
		{nil, "Subject : x\r\n" + mail, exitFine, ""},
		{nil, "PK\x03\x04\x14\x00\x06\x00: \x08\x00", -1, "is no mail"},
		{nil, "\ufeff" + mail, -1, "is no mail"},
		{nil, strings.Repeat("x", 5000), -1, "is no mail"},
		{nil, "From a@example.com Tue Nov 24\r\n" + mail, -1, ""},
		{nil, "\r\n" + mail, -1, ""},
		{nil, "", -1, ""},
	} {
		p, _, stderr := newProgram(t, tt.in)
		code := p.run(append(append([]string{"check", "--direction", "internal"}, tt.args...), "-"))
		if tt.code >= 0 && code != tt.code || !strings.Contains(stderr.String(), tt.says) || tt.says == "" && strings.Contains(stderr.String(), "is no mail") {
			t.Errorf("%q of %.20q: exit %d: %s", tt.args, tt.in, code, stderr)
		}
	}
}
