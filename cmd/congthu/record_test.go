package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"congthu/filter/evidence"
)

// awayLog is the evidence of a gate as an auditor gets it: the files without the gate's key, in another folder, and the
// public key apart from them.
type awayLog struct {
	dir, key string
	lines    [][]byte // of the only file
}

// newAwayLog makes 25 verdicts, with a checkpoint after each ten records, and ends the gate.
func newAwayLog(t *testing.T) awayLog {
	t.Helper()
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	home := t.TempDir()
	l, err := evidence.Open(evidence.Options{Dir: home, Gate: "mx1", Now: func() time.Time { return at }, CheckpointEvery: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 25 {
		at = at.Add(time.Second)
		v := evidence.Verdict{ID: fmt.Sprintf("01KB7W0QJ5R3M9V2C8XZ4T%04d", i), Door: "milter", Direction: "outbound", Disposition: "refuse", Reply: "550 5.7.1 x", Bytes: 100}
		if _, err := l.Append(t.Context(), evidence.Record{Kind: evidence.KindVerdict, Verdict: &v}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	a := awayLog{dir: t.TempDir(), key: filepath.Join(t.TempDir(), "mx1.pub")}
	copyFile(t, filepath.Join(home, "key.pub"), a.key)
	copyFile(t, filepath.Join(home, "checkpoints.jsonl"), filepath.Join(a.dir, "checkpoints.jsonl"))
	b, err := os.ReadFile(filepath.Join(home, a.name()))
	if err != nil {
		t.Fatal(err)
	}
	a.lines = bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	a.lines[len(a.lines)-1] = append(a.lines[len(a.lines)-1], '\n')
	return a
}

func (awayLog) name() string { return "evidence-00000000000000000001.jsonl" }

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// verify runs the command on these lines.
func (a awayLog) verify(t *testing.T, lines [][]byte, more ...string) (code int, said string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, a.name()), bytes.Join(lines, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	p, stdout, stderr := newProgram(t, "")
	code = p.run(append(append([]string{"log", "verify", "--key", a.key}, more...), a.dir))
	return code, stdout.String() + stderr.String()
}

// TestLogVerifyNames: whoever has the files and the public key is told which record is not what was written.
func TestLogVerifyNames(t *testing.T) {
	a := newAwayLog(t)
	whole := a.lines
	if code, said := a.verify(t, whole); code != exitFine || !strings.HasPrefix(said, "the chain is whole: records 1 to 28 in 1 files, 3 checkpoints, 0 records after the last") {
		t.Fatalf("a whole log: exit %d: %s", code, said)
	}
	for at := range whole {
		changed := cloneLines(whole)
		line := changed[at]
		line[bytes.IndexByte(line, 'm')] ^= 1 // of the time's name
		last := at == len(whole)-1
		swapped, removed := cloneLines(whole), slices.Delete(cloneLines(whole), at, at+1)
		next := min(at+1, len(whole)-1)
		swapped[at], swapped[next] = swapped[next], swapped[at]
		gone, wrong := "removed", "changed"
		if last {
			gone = "cut tail"
		}
		if bytes.Contains(line, []byte(`"kind":"checkpoint"`)) {
			wrong = "checkpoint signature"
		}
		for _, tt := range []struct {
			lines [][]byte
			want  string
		}{
			{changed, fmt.Sprintf("line %d (record %d): %s", at+1, at+1, wrong)},
			{removed, fmt.Sprintf("(record %d): %s", at+1, gone)},
			{swapped, fmt.Sprintf("line %d (record %d): swapped", at+1, at+1)},
			{whole[:at], fmt.Sprintf("(record %d): cut tail", at+1)},
		} {
			if last && strings.HasSuffix(tt.want, "swapped") {
				continue // it has no neighbour to change places with
			}
			code, said := a.verify(t, tt.lines)
			if code != exitFindings || !strings.Contains(said, "the evidence is not what was written") || !strings.Contains(said, tt.want) {
				t.Errorf("record %d, want %q: exit %d: %s", at+1, tt.want, code, said)
			}
		}
	}
}

func cloneLines(lines [][]byte) [][]byte {
	out := make([][]byte, len(lines))
	for i, l := range lines {
		out[i] = bytes.Clone(l)
	}
	return out
}

// TestLogVerifyOtherKey: a log that is whole in itself is not that of another gate.
func TestLogVerifyOtherKey(t *testing.T) {
	a, b := newAwayLog(t), newAwayLog(t)
	a.key = b.key
	if code, said := a.verify(t, a.lines); code != exitFindings || !strings.Contains(said, "checkpoint signature") {
		t.Errorf("with another gate's key: exit %d: %s", code, said)
	}
}

// TestLogVerifyCopies: files and checkpoints cut at the same place; what was kept off the machine, as a syslog server writes
// it, tells.
func TestLogVerifyCopies(t *testing.T) {
	a := newAwayLog(t)
	var kept bytes.Buffer
	for _, l := range a.lines {
		fmt.Fprintf(&kept, "Nov 24 08:00:00 mx1 congthu: %s", l)
	}
	off := filepath.Join(t.TempDir(), "syslog")
	if err := os.WriteFile(off, kept.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	checkpoints := filepath.Join(a.dir, "checkpoints.jsonl")
	b, err := os.ReadFile(checkpoints)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(b, []byte("\n"))
	if err := os.WriteFile(checkpoints, append(first, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := a.verify(t, a.lines[:15]); code != exitFine {
		t.Errorf("a tail that was cut everywhere shows without copies: exit %d: %s", code, said)
	}
	if code, said := a.verify(t, a.lines[:15], "--checkpoints", off); code != exitFindings || !strings.Contains(said, "(record 16): cut tail") {
		t.Errorf("a tail that was cut everywhere on the machine: exit %d: %s", code, said)
	}
	if code, said := a.verify(t, a.lines, "--checkpoints", off); code != exitFine {
		t.Errorf("a whole log and its copies: exit %d: %s", code, said)
	}
}
