package deploy

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/internal/peer"
	"congthu/store"
)

// smallDisk is a file system of that size in the gate's state folder.
func smallDisk(t *testing.T, g *peer.Gate, name string, size string) (dir string) {
	t.Helper()
	dir = filepath.Join(g.State(), name)
	must(t, os.MkdirAll(dir, 0o700))
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%s,mode=0700,uid=%d,gid=%d", size, unprivileged, unprivileged))
	peer.Need(t, err == nil, fmt.Sprintf("the right to mount a tmpfs (%v)", err))
	return dir
}

// full fills a disk and returns what makes room again.
func full(t *testing.T, dir string) (room func()) {
	t.Helper()
	ballast := filepath.Join(dir, "day-dia")
	f, err := os.Create(ballast)
	must(t, err)
	block := make([]byte, 64<<10)
	for len(block) > 0 { // to the last octet
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	must(t, f.Close())
	return func() { must(t, os.Remove(ballast)) }
}

// keeping is a gate whose evidence and database lie on disks of their own.
type keeping struct {
	*office
	stand *stand
	n     int
}

func newKeeping(t *testing.T, kind, evidenceSize, databaseSize string) *keeping {
	t.Helper()
	var disks []string
	t.Cleanup(func() { // after the gate has ended
		for _, d := range disks {
			must(t, syscall.Unmount(d, syscall.MNT_DETACH))
		}
		if len(disks) > 0 {
			must(t, os.RemoveAll(filepath.Dir(filepath.Dir(disks[0]))))
		}
	})
	s := newStand(t, kind, "")
	evidence := smallDisk(t, s.gate, "bang-chung", evidenceSize)
	disks = append(disks, evidence)
	db := smallDisk(t, s.gate, "db", databaseSize)
	disks = append(disks, db)
	o := &office{gate: s.gate, folder: filepath.Join(s.gate.Dir, "can-bo"), log: evidence}
	must(t, os.Mkdir(o.folder, 0o700))
	must(t, os.Chown(o.folder, unprivileged, unprivileged))
	must(t, s.gate.Stop())
	s.gate.Config += fmt.Sprintf("evidence: {dir: %q}\nstore: {dsn: %q, release: %q}\n%s", evidence, "sqlite:"+filepath.Join(db, "congthu.db"), s.addr, holding)
	must(t, s.gate.Start())
	o.do(t, 0, "officer", "add", "lan@"+ours, "--name", "Lan", "--new-key", o.identity("lan"))
	o.ready(t)
	return &keeping{office: o, stand: s}
}

// pass and keep send a letter that passes, or is held, and return the answer.
func (k *keeping) pass(t *testing.T) peer.Reply { return k.try(t, "") }
func (k *keeping) keep(t *testing.T) peer.Reply { return k.try(t, "X-Giu: 1\r\n") }

func (k *keeping) try(t *testing.T, fields string) peer.Reply {
	t.Helper()
	k.n++
	return k.stand.send(t, inside, letter{key: fmt.Sprintf("su-co-%d", k.n), subject: "Thu", fields: fields}.mail()).Last()
}

// until sends letters until one is answered so.
func (k *keeping) until(t *testing.T, what string, send func(*testing.T) peer.Reply, code int) {
	t.Helper()
	must(t, peer.Wait(patience, what, func() bool { return send(t).Code == code }))
}

func want(t *testing.T, what string, got peer.Reply, code int) {
	t.Helper()
	if got.Code != code {
		t.Errorf("%s: answered %s, want %d", what, got, code)
	}
}

// TestKeepingTrouble fills disks and takes files away while mail comes: no mail without evidence, no 250 for held
// mail that is not kept, mail that passes goes on when only the database is away, and everything recovers by itself.
func TestKeepingTrouble(t *testing.T) {
	t.Parallel()
	k := newKeeping(t, milterTCP, "4m", "16m")
	want(t, "at first", k.pass(t), 250)
	want(t, "at first, held", k.keep(t), 250)
	t.Run("disk of the evidence full", k.evidenceFull)
	t.Run("disk of the database full", k.databaseFull)
	t.Run("database gone", k.databaseGone)
	t.Run("database locked", k.databaseLocked)
	t.Run("database corrupt", k.databaseCorrupt)
	k.whole(t)
	k.rebuilt(t)
}

func (k *keeping) evidenceFull(t *testing.T) {
	room := full(t, k.evidence())
	k.until(t, "451 without room for evidence", k.pass, 451)
	want(t, "no room for evidence", k.keep(t), 451)
	if ok, err := k.gate.Metric("congthu_evidence_ok"); err != nil || ok != 0 {
		t.Errorf("congthu_evidence_ok is %v, %v", ok, err)
	}
	room()
	k.until(t, "mail to pass again", k.pass, 250)
	want(t, "with room again", k.keep(t), 250)
	if ok, err := k.gate.Metric("congthu_evidence_ok"); err != nil || ok != 1 {
		t.Errorf("congthu_evidence_ok is %v, %v", ok, err)
	}
}

func (k *keeping) databaseFull(t *testing.T) {
	room := full(t, filepath.Join(k.gate.State(), "db"))
	k.until(t, "451 without room for held mail", k.keep, 451)
	want(t, "no room in the database", k.pass(t), 250)
	room()
	k.until(t, "mail to be held again", k.keep, 250)
}

func (k *keeping) database() string { return filepath.Join(k.gate.State(), "db", "congthu.db") }

func (k *keeping) databaseGone(t *testing.T) {
	back := k.takeAway(t)
	k.until(t, "451 without a database", k.keep, 451)
	want(t, "no database", k.pass(t), 250)
	if _, err := os.Stat(k.database()); err == nil {
		t.Error("an empty database was made where one was lost")
	}
	back()
	k.until(t, "mail to be held again", k.keep, 250)
}

// takeAway takes the database's files away, as they are, and returns what puts them back.
func (k *keeping) takeAway(t *testing.T) (back func()) {
	t.Helper()
	away := filepath.Join(filepath.Dir(k.database()), "mat")
	must(t, os.Mkdir(away, 0o700))
	must(t, os.Chown(away, unprivileged, unprivileged))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(k.database()+suffix, filepath.Join(away, "x"+suffix)); !os.IsNotExist(err) {
			must(t, err)
		}
	}
	return func() {
		for _, suffix := range []string{"-shm", "-wal", ""} {
			if err := os.Rename(filepath.Join(away, "x"+suffix), k.database()+suffix); !os.IsNotExist(err) {
				must(t, err)
			}
		}
		must(t, os.Remove(away))
	}
}

func (k *keeping) databaseLocked(t *testing.T) {
	unlock := k.lock(t)
	k.until(t, "451 with a database that another holds", k.keep, 451)
	want(t, "a database that another holds", k.pass(t), 250)
	unlock()
	k.until(t, "mail to be held again", k.keep, 250)
}

// lock holds the database against everybody who writes.
func (k *keeping) lock(t *testing.T) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", k.database())
	must(t, err)
	conn, err := db.Conn(t.Context())
	must(t, err)
	for _, statement := range []string{"PRAGMA busy_timeout = 60000", "BEGIN IMMEDIATE"} {
		_, err = conn.ExecContext(t.Context(), statement)
		must(t, err)
	}
	return func() {
		_, err := conn.ExecContext(t.Context(), "ROLLBACK")
		must(t, err)
		must(t, conn.Close())
		must(t, db.Close())
	}
}

// databaseCorrupt: what cannot be read is said, and a backup put in its place.
func (k *keeping) databaseCorrupt(t *testing.T) {
	backup := filepath.Join(k.folder, "sao-luu.db")
	out, _ := k.do(t, 0, "store", "backup", backup)
	if !strings.Contains(out, " octets in ") {
		t.Errorf("a backup says %s", out)
	}
	had := len(k.list(t))
	must(t, k.gate.Stop())
	must(t, os.WriteFile(k.database(), []byte(strings.Repeat("hong", 4096)), 0o600))
	must(t, k.gate.Start()) // a damaged database keeps no gate from starting
	want(t, "held, with a damaged database", k.keep(t), 451)
	want(t, "a damaged database", k.pass(t), 250)
	if _, said := k.do(t, 2, "quarantine", "list"); !strings.Contains(said, "congthu") {
		t.Errorf("the list of a damaged database says %s", said)
	}
	must(t, k.gate.Stop())
	out, _ = k.do(t, 0, "store", "restore", backup)
	if !strings.Contains(out, "the database that stood there is now ") {
		t.Errorf("a restore says %s", out)
	}
	must(t, k.gate.Start())
	k.until(t, "mail to be held again", k.keep, 250)
	if n := len(k.list(t)); n <= had-1 {
		t.Errorf("%d messages are held, %d were when the backup was made", n, had)
	}
}

// indexed is everything that the index has of messages.
func (k *keeping) indexed(t *testing.T) (all []store.Message) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{DSN: "sqlite:" + k.database()})
	must(t, err)
	defer s.Close()
	for after := ""; ; {
		page, next, err := s.Search(context.Background(), store.MessageFilter{Limit: store.MaxPage, After: after})
		must(t, err)
		all = append(all, page...)
		if after = next; next == "" {
			return all
		}
	}
}

// rebuilt: an index that is made anew out of the evidence is the one that stood there.
func (k *keeping) rebuilt(t *testing.T) {
	t.Helper()
	verdicts := 0
	for _, r := range k.records(t) {
		if r.Verdict != nil {
			verdicts++
		}
	}
	must(t, peer.Wait(patience, "the index to follow", func() bool { return len(k.indexed(t)) == verdicts }))
	time.Sleep(2 * time.Second) // outcomes follow their verdicts
	before := k.indexed(t)
	out, _ := k.do(t, 0, "store", "rebuild")
	if !strings.HasSuffix(out, " records indexed\n") {
		t.Errorf("a rebuild says %s", out)
	}
	if diff := cmp.Diff(before, k.indexed(t)); diff != "" {
		t.Errorf("the index and the one made anew (-before +after):\n%s", diff)
	}
}
