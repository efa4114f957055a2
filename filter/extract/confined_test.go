package extract

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"congthu/filter/message"
)

// A worker can neither read what its user may read, nor end the gate.
func TestConfined(t *testing.T) {
	p, _ := newPool(t, 1, 20*time.Second)
	secret := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	tricks := []string{"signal"}
	if !withC { // a program with C cannot confine all its threads
		tricks = append(tricks, "read:"+secret, "write:"+secret)
	}
	for _, trick := range tricks {
		g, _ := look(t, p, DefaultLimits(), "TRICK "+trick)
		if got := strings.Join(g.lines, "\n"); !strings.Contains(got, "confined") {
			t.Errorf("%s: %s", trick, got)
		}
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "secret" {
		t.Errorf("%q, %v", b, err)
	}
}

// The product is built without C, and only so can it confine all its threads: for root as for a user who has no rights
// to give up.
func TestConfinedWithoutC(t *testing.T) {
	if !withC {
		return // TestConfined has shown it
	}
	dir, err := os.MkdirTemp("/tmp", "confined") // others must be able to enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "extract.test")
	build := exec.Command("go", "test", "-c", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const nobody = 65534
	users := []uint32{uint32(os.Getuid())}
	if os.Getuid() == 0 {
		users = append(users, nobody)
	}
	for _, user := range users {
		cmd := exec.Command(program, "-test.run", "^TestConfined$")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		if user == uint32(os.Getuid()) {
			cmd.SysProcAttr = nil
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("as user %d: %v\n%s", user, err, out)
		}
	}
}

// A process that cannot give up its rights reads nothing and says why.
func TestUnfitWorker(t *testing.T) {
	var said bytes.Buffer
	cause := errors.New("no such right")
	if err := Work(strings.NewReader(""), &said, 1<<30, func(int64) error { return cause }); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	p := &Pool{ctx: t.Context(), options: PoolOptions{Log: slog.New(slog.DiscardHandler)}}
	err := p.ready(t.Context(), &worker{frames: frameReader{r: bufio.NewReader(&said)}})
	if err == nil || !strings.Contains(err.Error(), "giving up rights: no such right") {
		t.Errorf("%v", err)
	}
}

// That no worker can be had is trouble of ours, not something about the file: the mail comes again.
func TestNoWorkerIsOurTrouble(t *testing.T) {
	mail := "Content-Type: application/octet-stream\r\n\r\nTRICK text"
	inspect := func(ctx context.Context, p *Pool) error {
		in, err := New(Options{Limits: DefaultLimits(), Pool: p})
		if err != nil {
			t.Fatal(err)
		}
		in.tell = tellTricks
		m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		_, err = in.Inspect(ctx, m)
		return err
	}
	gone, err := NewPool(PoolOptions{Command: []string{"/bin/false"}, Workers: 1, Deadline: time.Second, Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := inspect(t.Context(), gone); !errors.Is(err, errNoWorker) {
		t.Errorf("no program: %v", err)
	}
	if err := gone.Close(); err != nil {
		t.Error(err)
	}
	if err := inspect(t.Context(), gone); !errors.Is(err, errClosing) {
		t.Errorf("a closed pool: %v", err)
	}
	slow, err := NewPool(PoolOptions{Command: []string{"/bin/sleep", "600"}, Workers: 1, Deadline: time.Second, Lazy: true})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	cause := errors.New("judging took too long")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, cause)
	defer cancel()
	if err := inspect(ctx, slow); !errors.Is(err, cause) {
		t.Errorf("a worker that does not get ready: %v", err)
	}
}
