package store_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// start starts this test binary as another process that does what at path. Its lines come on the channel.
func start(t *testing.T, what, path string) (kill func(), lines <-chan string) {
	t.Helper()
	c := exec.Command(os.Args[0], childArg, what, path)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	c.Stderr = &complaints
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 100_000)
	go func() {
		defer close(said)
		for s := bufio.NewScanner(out); s.Scan(); {
			said <- s.Text()
		}
	}()
	kill = func() {
		c.Process.Kill()
		c.Wait()
		if complaints.Len() > 0 {
			t.Error(complaints.String())
		}
	}
	return kill, said
}

// Whatever was held when the process was killed is there, whole, and can be opened.
func TestKilledWhileHolding(t *testing.T) {
	path := filepath.Join(t.TempDir(), "congthu.db")
	var key *age.X25519Identity
	func() {
		d := newDesk(t, path)
		key = d.officer(t, "an")
	}()
	total := 0
	for round := range 20 {
		kill, lines := start(t, "hold", path)
		held := []string{<-lines} // one at least
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		kill()
		for line := range lines {
			held = append(held, line)
		}
		d := newDesk(t, path)
		for _, line := range held {
			var id string
			var size int
			if _, err := fmt.Sscan(line, &id, &size); err != nil {
				t.Fatalf("round %d: %q: %v", round, line, err)
			}
			got, err := readHeld(t.Context(), d.Store, id, key)
			if err != nil || !bytes.Equal(got, noise(id, size)) {
				t.Fatalf("round %d: %s of %d octets: %d, %v", round, id, size, len(got), err)
			}
		}
		total += len(held)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if total < 20 {
		t.Errorf("only %d messages were held", total)
	}
	left, err := filepath.Glob(path + "*")
	if err != nil || strings.Contains(strings.Join(left, " "), ".partial") {
		t.Errorf("%v %v", left, err)
	}
}
