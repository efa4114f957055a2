package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whatever a crash leaves half written at the end is cut, and a record says so.
func TestTornTailIsCutAndRecorded(t *testing.T) {
	for _, tail := range []string{`{"seq":99,"pre`, "\x00\x00\x00\x00", "{}\n", "no JSON\n{\n\n", strings.Repeat("x", maxLine+10) + "\n", "\n"} {
		t.Run(fmt.Sprintf("%.10q", tail), func(t *testing.T) {
			s := makeSample(t, 3)
			whole := bytes.Join(s.lines, nil)
			must(t, os.WriteFile(s.file(), append(bytes.Clone(whole), tail...), 0o600))
			if _, err := Verify(s.dir, s.pub); !errors.As(err, new(*Fault)) {
				t.Errorf("before: %v", err)
			}
			mustClose(t, mustOpen(t, options(s.dir)))
			verified(t, s.dir)
			b, err := os.ReadFile(s.file())
			must(t, err)
			if !bytes.HasPrefix(b, whole) {
				t.Fatal("records were cut")
			}
			a := records(t, s.dir)[len(s.lines)].Act
			if a == nil || a.What != Start || a.Details["cut_octets"] != fmt.Sprint(len(tail)) {
				t.Errorf("the record of it is %+v", a)
			}
		})
	}
}

// A record cut in half at every place.
func TestTornTailAtEveryOctet(t *testing.T) {
	s := makeSample(t, 4)
	must(t, os.WriteFile(filepath.Join(s.dir, checkpointsName), nil, 0o600)) // as if no checkpoint had come yet
	before := bytes.Join(s.lines[:3], nil)
	for n := 1; n < len(s.lines[3]); n += 11 {
		must(t, os.WriteFile(s.file(), append(bytes.Clone(before), s.lines[3][:n]...), 0o600))
		found, err := findTail(s.dir)
		must(t, err)
		if found.seq != 3 || found.size != int64(len(before)) || !found.cut {
			t.Fatalf("%d octets of a record: %+v", n, found)
		}
	}
}

// After the tail was cut while no gate ran, sequence numbers are not given twice, and Verify still tells.
func TestCutTailIsNeverFilled(t *testing.T) {
	s := makeSample(t, 20)
	must(t, os.WriteFile(s.file(), bytes.Join(s.lines[:5], nil), 0o600))
	l := mustOpen(t, options(s.dir))
	if seq := mustAppend(t, l, verdictOf("next")); seq <= uint64(len(s.lines)) {
		t.Errorf("sequence number %d was given a second time", seq)
	}
	mustClose(t, l)
	var fault *Fault
	if _, err := Verify(s.dir, s.pub); !errors.As(err, &fault) || fault.Seq != 6 {
		t.Errorf("Verify says %v", err)
	}
}

func TestKeyThatCannotBeUsed(t *testing.T) {
	s := makeSample(t, 3)
	path := filepath.Join(s.dir, keyName)
	key, err := os.ReadFile(path)
	must(t, err)
	for _, test := range []struct {
		name string
		harm func()
	}{
		{"lost", func() { must(t, os.Remove(path)) }},
		{"damaged", func() { must(t, os.WriteFile(path, key[:40], 0o600)) }},
		{"open to others", func() { must(t, os.WriteFile(path, key, 0o600)); must(t, os.Chmod(path, 0o644)) }},
	} {
		test.harm()
		if _, err := Open(options(s.dir)); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	must(t, os.Chmod(path, 0o600))
	must(t, os.Remove(filepath.Join(s.dir, publicName)))
	mustClose(t, mustOpen(t, options(s.dir)))
	if !bytes.Equal(publicKey(t, s.dir), s.pub) {
		t.Error("the public key was not made again from the private one")
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	s := makeSample(t, 3)
	for _, name := range []string{keyName, checkpointsName, logFile{first: 1}.name(), lockName} {
		info, err := os.Stat(filepath.Join(s.dir, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", name, info.Mode().Perm())
		}
	}
}

func TestAppendTakesOnlyRecords(t *testing.T) {
	l := mustOpen(t, options(t.TempDir()))
	for _, r := range []Record{
		{}, {Kind: KindVerdict}, {Kind: KindAct, Act: &Act{What: "dance"}}, {Kind: KindVerdict, Act: &Act{What: View}},
		{Kind: KindCheckpoint, Checkpoint: &Checkpoint{}}, {Kind: KindRoot, Root: &Root{}},
		{Kind: KindAct, Act: &Act{What: View}, Checkpoint: &Checkpoint{}},
	} {
		if _, err := l.Append(t.Context(), r); !errors.Is(err, ErrRecord) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	big := verdictOf("M")
	big.Verdict.Error = strings.Repeat("x", maxLine)
	if _, err := l.Append(t.Context(), big); !errors.Is(err, ErrTooLong) {
		t.Errorf("a record of more than %d octets: %v", maxLine, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, verdictOf("M")); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestCheckpointsByAge(t *testing.T) {
	o := options(t.TempDir())
	c := newClock()
	o.Now = c.now
	l := mustOpen(t, o)
	mustAppend(t, l, verdictOf("M"))
	time.Sleep(3 * o.tick)
	if seq, _ := l.Tail(); seq != 1 {
		t.Errorf("%d records before the checkpoint's time", seq)
	}
	c.move(2 * DefaultCheckpointAge)
	eventually(t, "a checkpoint signs the record after an hour", func() bool { seq, _ := l.Tail(); return seq == 2 })
	c.move(2 * DefaultCheckpointAge)
	time.Sleep(3 * o.tick)
	if seq, _ := l.Tail(); seq != 2 {
		t.Errorf("a checkpoint signs nothing new: %d records", seq)
	}
}
