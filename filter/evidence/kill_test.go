package evidence

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const childWriters = 8

// appendUntilKilled is the child process: it prints the number and id of every record whose Append
// returned.
func appendUntilKilled(dir string) {
	l, err := Open(Options{Dir: dir, Gate: "gate1", CheckpointEvery: 20, FileBytes: 100 << 10})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var out sync.Mutex
	for w := range childWriters {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d.%d.%d", os.Getpid(), w, i)
				seq, err := l.Append(context.Background(), verdictOf(id))
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(seq, id)
				out.Unlock()
			}
		}()
	}
	select {}
}

// Each time that the process is killed, everything that Append returned for is in the log, and the log is
// one that Verify finds nothing wrong with.
func TestKilledWhileAppending(t *testing.T) {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	promised := map[uint64]string{}
	for range 20 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "CONGTHU_TEST_EVIDENCE_CHILD="+dir)
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(pipe)
		enough, n := 1+rng.IntN(80), 0
		for lines.Scan() {
			seq, id, ok := strings.Cut(lines.Text(), " ")
			number, err := strconv.ParseUint(seq, 10, 64)
			if !ok || err != nil {
				t.Errorf("the child said %q", lines.Text())
				break
			}
			promised[number] = id
			if n++; n == enough {
				time.Sleep(time.Duration(rng.IntN(3000)) * time.Microsecond)
				cmd.Process.Kill()
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
		afterKill(t, dir, promised)
	}
}

func afterKill(t *testing.T, dir string, promised map[uint64]string) {
	t.Helper()
	mustClose(t, mustOpen(t, Options{Dir: dir, Gate: "gate1"}))
	verified(t, dir)
	found := map[uint64]string{}
	for _, l := range records(t, dir) {
		if l.Verdict != nil {
			found[l.Seq] = l.Verdict.ID
		}
	}
	for seq, id := range promised {
		if found[seq] != id {
			t.Fatalf("record %d is %q, but Append returned for %q", seq, found[seq], id)
		}
	}
}
