package extract

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// The product is built without C, and only so can it confine all its threads.
func TestConfinedWithoutC(t *testing.T) {
	if !withC {
		return // TestConfined has shown it
	}
	cmd := exec.Command("go", "test", "-count", "1", "-run", "^TestConfined$", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
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
