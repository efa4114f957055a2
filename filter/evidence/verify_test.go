package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Octets of every kind of record changed: the record is named, or, where two
// neighbours contradict each other and nothing tells which one lies, the one before.
func TestVerifyNamesAChangedOctet(t *testing.T) {
	s := makeSample(t, 12)
	if f := s.verifyWith(t, s.lines); f != nil {
		t.Fatal(f)
	}
	rng := mathrand.New(mathrand.NewPCG(7, 7))
	try := func(i, at int, with byte) {
		lines := cloneLines(s.lines)
		if lines[i][at] == with {
			return
		}
		lines[i][at] = with
		f := s.verifyWith(t, lines)
		if f == nil {
			t.Errorf("record %d, octet %d changed to %q: not found\n%s", i+1, at, with, lines[i])
			return
		}
		if f.Seq != uint64(i+1) || f.Line != i+1 {
			t.Errorf("record %d, octet %d changed to %q: found as %v", i+1, at, with, f)
		}
	}
	for _, i := range []int{7, len(s.lines) - 1} { // checkpoints
		for at := 0; at < len(s.lines[i]); at += 3 {
			try(i, at, s.lines[i][at]^1)
		}
	}
	for i := range s.lines {
		for range 10 {
			try(i, rng.IntN(len(s.lines[i])), byte(rng.IntN(256)))
		}
	}
}

func TestVerifyNamesWhatIsMissingOrMoved(t *testing.T) {
	s := makeSample(t, 20)
	last := len(s.lines)
	for i := range s.lines {
		removed := append(cloneLines(s.lines[:i]), s.lines[i+1:]...)
		want := Removed
		if i+1 == last {
			want = CutTail
		}
		if f := s.verifyWith(t, removed); f == nil || f.Kind != want || f.Seq != uint64(i+1) {
			t.Errorf("record %d removed: %v", i+1, f)
		}
		for _, j := range []int{i + 1, i + 2, last - 1} {
			if j >= last || j <= i {
				continue
			}
			swapped := cloneLines(s.lines)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			if f := s.verifyWith(t, swapped); f == nil || f.Kind != Swapped || f.Seq != uint64(i+1) {
				t.Errorf("records %d and %d swapped: %v", i+1, j+1, f)
			}
		}
		twice := append(cloneLines(s.lines[:i+1]), s.lines[i:]...)
		if f := s.verifyWith(t, twice); f == nil || f.Kind != Inserted || f.Seq != uint64(i+2) {
			t.Errorf("record %d twice: %v", i+1, f)
		}
		if i > 0 {
			cut := cloneLines(s.lines[:i])
			if f := s.verifyWith(t, cut); f == nil || f.Kind != CutTail || f.Seq != uint64(i+1) {
				t.Errorf("cut after record %d: %v", i, f)
			}
			cut[i-1] = cut[i-1][:len(cut[i-1])/2]
			if f := s.verifyWith(t, cut); f == nil || f.Kind != Torn || f.Seq != uint64(i) {
				t.Errorf("cut in record %d: %v", i, f)
			}
		}
	}
}

// Somebody without the key changes a record and makes the whole chain after it fit.
func TestVerifyNamesARewrittenChain(t *testing.T) {
	s := makeSample(t, 20)
	f := s.verifyWith(t, s.rewriteWith(t, func(*Record) {}))
	if f == nil || f.Kind != BadSignature || f.Seq != 8 {
		t.Errorf("a chain rewritten with the old signatures: %v", f)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f = s.verifyWith(t, s.rewriteWith(t, func(r *Record) { r.sign(other, keyID(s.pub)) }))
	if f == nil || f.Kind != BadSignature || f.Seq != 8 {
		t.Errorf("a chain signed with another key under our key's name: %v", f)
	}
	f = s.verifyWith(t, s.rewriteWith(t, func(r *Record) { r.sign(other, keyID(other.Public().(ed25519.PublicKey))) }))
	if f == nil || f.Kind != BadSignature || !strings.Contains(f.Detail, "another key") {
		t.Errorf("a chain signed with another key: %v", f)
	}
}

// rewriteWith changes a record of the log and makes the chain after it fit.
func (s sample) rewriteWith(t *testing.T, sign func(*Record)) [][]byte {
	t.Helper()
	var out [][]byte
	prev := noHash
	for i, raw := range s.lines {
		r, err := Decode(raw)
		must(t, err)
		if i == 2 {
			r.Verdict.Disposition = "accept"
		}
		r.Prev = prev
		if c := r.Checkpoint; c != nil {
			c.Hash = prev
			sign(&r)
		}
		line, err := Encode(r)
		must(t, err)
		prev = hashOf(line)
		out = append(out, append(line, '\n'))
	}
	return out
}

// Somebody with the key, who stole it, changes a record: only what was kept elsewhere tells.
func TestVerifyNamesAChainRewrittenWithTheKey(t *testing.T) {
	s := makeSample(t, 20)
	key, err := loadKey(s.dir, false)
	if err != nil {
		t.Fatal(err)
	}
	stolen := s.rewriteWith(t, func(r *Record) { r.sign(key, keyID(s.pub)) })
	f := s.verifyWith(t, stolen)
	if f == nil || f.Kind != Changed || f.Seq != 8 || !strings.Contains(f.Detail, checkpointsName) {
		t.Errorf("a chain rewritten with the key: %v", f)
	}
	kept, err := ReadCheckpoints(bytes.NewReader(s.asSyslog(t)))
	if err != nil || len(kept) < 3 {
		t.Fatalf("%d checkpoints: %v", len(kept), err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, checkpointsName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(s.dir, s.pub); err != nil {
		t.Errorf("what cannot be found on the machine alone was: %v", err)
	}
	if _, err := Verify(s.dir, s.pub, kept...); !errors.As(err, &f) || f.Kind != Changed || f.Seq != 8 {
		t.Errorf("a chain rewritten with the key, and checkpoints from off the machine: %v", err)
	}
}

// asSyslog is the log as a syslog server's file has it.
func (s sample) asSyslog(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, l := range s.lines {
		fmt.Fprintf(&b, "<110>1 2026-03-02T08:00:00Z gate1 congthu - - - %s", l)
	}
	return b.Bytes()
}

// The log and its separate file of checkpoints cut at the same place: off the machine it shows.
func TestCheckpointsOffTheMachineShowACutTail(t *testing.T) {
	s := makeSample(t, 20)
	kept, err := ReadCheckpoints(bytes.NewReader(s.asSyslog(t)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, checkpointsName))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(b, []byte("\n"))
	if err := os.WriteFile(filepath.Join(s.dir, checkpointsName), append(first, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := s.verifyWith(t, s.lines[:10]); f != nil {
		t.Errorf("what cannot be found on the machine alone was: %v", f)
	}
	var fault *Fault
	if _, err := Verify(s.dir, s.pub, kept...); !errors.As(err, &fault) || fault.Kind != CutTail || fault.Seq != 11 {
		t.Errorf("a tail cut everywhere on the machine: %v", err)
	}
}

func TestVerifyLooksAtTheSeparateFile(t *testing.T) {
	s := makeSample(t, 20)
	path := filepath.Join(s.dir, checkpointsName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	for _, test := range []struct {
		name string
		file []byte
		want FaultKind
	}{
		{"changed", bytes.Replace(b, []byte(`"gate":"gate1"`), []byte(`"gate":"gate2"`), 1), BadSignature},
		{"no JSON", append([]byte("{\n"), b...), Changed},
		{"swapped", bytes.Join([][]byte{lines[1], lines[0]}, nil), Swapped},
		{"torn", b[:len(b)-5], Torn},
	} {
		if err := os.WriteFile(path, test.file, 0o600); err != nil {
			t.Fatal(err)
		}
		var fault *Fault
		if _, err := Verify(s.dir, s.pub); !errors.As(err, &fault) || fault.Kind != test.want || fault.File != checkpointsName {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var fault *Fault
	if _, err := Verify(s.dir, s.pub); !errors.As(err, &fault) || fault.Kind != MissingFile {
		t.Errorf("removed: %v", err)
	}
}

func TestVerifyNamesAMissingFile(t *testing.T) {
	dir, files := severalFiles(t)
	verified(t, dir)
	for i, f := range files {
		path := filepath.Join(dir, f.name())
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		want := MissingFile
		if i == len(files)-1 {
			want = CutTail
		}
		var fault *Fault
		if _, err := Verify(dir, publicKey(t, dir)); !errors.As(err, &fault) || fault.Kind != want {
			t.Errorf("%s removed: %v", f.name(), err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verified(t, dir)

	for _, f := range files {
		if err := os.Remove(filepath.Join(dir, f.name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, checkpointsName), 0); err != nil {
		t.Fatal(err)
	}
	var fault *Fault
	if _, err := Verify(dir, publicKey(t, dir)); !errors.As(err, &fault) || fault.Kind != MissingFile {
		t.Errorf("all removed, with the checkpoints: %v", err)
	}
}

func TestVerifyNamesADamagedCompressedFile(t *testing.T) {
	dir, files := severalFiles(t)
	path := filepath.Join(dir, files[1].name())
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rng := mathrand.New(mathrand.NewPCG(1, 1))
	for range 100 {
		bad := bytes.Clone(b)
		at := 10 + rng.IntN(len(b)-10) // behind gzip's header, which says nothing of the content
		bad[at] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		var fault *Fault
		if _, err := Verify(dir, publicKey(t, dir)); !errors.As(err, &fault) || fault.File != files[1].name() {
			t.Errorf("octet %d changed: %v", at, err)
		}
	}
	if err := os.WriteFile(path, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	var fault *Fault
	if _, err := Verify(dir, publicKey(t, dir)); !errors.As(err, &fault) || fault.Kind != Changed {
		t.Errorf("cut in half: %v", err)
	}
}

// A log is verified while the gate writes, rotates and prunes.
func TestVerifyOfARunningLog(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.CheckpointEvery, o.FileBytes = 20, 20<<10
	l := mustOpen(t, o)
	mustAppend(t, l, verdictOf("first"))
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := l.Append(t.Context(), verdictOf("M")); err != nil {
				t.Error(err)
				return
			}
			if i%200 == 199 {
				if _, err := l.Prune(t.Context(), o.Now().Add(-200*time.Millisecond)); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for range 15 {
		if r, err := Verify(dir, publicKey(t, dir)); err != nil || !r.Live {
			t.Errorf("report %+v: %v", r, err)
		}
	}
	close(stop)
	<-done
	mustClose(t, l)
	verified(t, dir)
}

func TestReportSaysWhatNobodySigned(t *testing.T) {
	s := makeSample(t, 20)
	r := verified(t, s.dir)
	var last Record
	if err := json.Unmarshal(s.lines[len(s.lines)-1], &last); err != nil {
		t.Fatal(err)
	}
	if r.Last != last.Seq || r.Records != uint64(len(s.lines)) || r.Unsigned != 0 || r.LastHash != hashOf(bytes.TrimSpace(s.lines[len(s.lines)-1])) {
		t.Errorf("report: %+v", r)
	}
	if err := os.WriteFile(filepath.Join(s.dir, checkpointsName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file(), bytes.Join(s.lines[:10], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if r = verified(t, s.dir); r.Unsigned != 2 {
		t.Errorf("%d records after the last checkpoint, want 2: %+v", r.Unsigned, r)
	}
}

// A record whose text quotes a checkpoint's is no checkpoint, and the quick look at a line says what the
// whole decoding says.
func TestQuickLookAtALine(t *testing.T) {
	quoting := act(View, `{"kind":"checkpoint"}`)
	quoting.Seq, quoting.Prev, quoting.Gate = 7, noHash, `"kind":"root"`
	for _, r := range append(hostile(), quoting) {
		raw, err := Encode(r)
		must(t, err)
		quick, err := linked(raw)
		must(t, err)
		whole, err := decodeLine(raw)
		must(t, err)
		if quick.Seq != whole.Seq || quick.Prev != whole.Prev || quick.Hash != whole.Hash ||
			(quick.Checkpoint != nil) != (whole.Checkpoint != nil) || (quick.Root != nil) != (whole.Root != nil) {
			t.Errorf("quick %+v\nwhole %+v", quick, whole)
		}
	}
}
