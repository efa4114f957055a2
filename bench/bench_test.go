package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/mail"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"congthu/internal/peer"
)

func TestCorpus(t *testing.T) {
	large, err := attached("large", largeAttachment, 0)
	if err != nil {
		t.Fatal(err)
	}
	mix, err := mixed(100, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := append(append(smallMails(3, 0), large...), mix...)
	kinds := map[string]int{}
	for _, w := range all {
		kind := "none of the sizes"
		for name, within := range map[string][2]int{"5 kB": {4600, 5600}, "200 kB": {190_000, 210_000}, "5 MB": {4_900_000, 5_100_000}, "14 MB": {19_000_000, 19_300_000}} {
			if len(w) > within[0] && len(w) < within[1] {
				kind = name
			}
		}
		kinds[kind]++
		m, err := mail.ReadMessage(bytes.NewReader(w))
		if err != nil || m.Header.Get("Message-ID") == "" {
			t.Errorf("a mail of %d octets does not read: %v", len(w), err)
		}
		if !bytes.HasSuffix(w, []byte("\r\n.\r\n")) || bytes.Contains(w[:len(w)-5], []byte("\r\n.\r\n")) {
			t.Errorf("a mail of %d octets does not end once", len(w))
		}
	}
	if kinds["5 kB"] != 3+80 || kinds["200 kB"] != 15 || kinds["5 MB"] != 5 || kinds["14 MB"] != 3 || len(kinds) != 4 {
		t.Errorf("sizes %v", kinds)
	}
}

func TestContentIsWhatItSays(t *testing.T) {
	for kind, magic := range map[string]string{"zip": "PK\x03\x04", "pdf": "%PDF-1.5", "jpg": "\xff\xd8\xff"} {
		b, err := content(kind, 1, 30_000)
		if err != nil || !strings.HasPrefix(string(b), magic) || len(b) < 29_900 || len(b) > 30_000 {
			t.Errorf("%s: %d octets, begins %q: %v", kind, len(b), b[:8], err)
		}
	}
}

// startSink is a sink in this process, and the counter that asks it.
func startSink(t *testing.T) (addr string, k *counter) {
	t.Helper()
	addr = serving(t, new(blockSink).serve)
	k, err := dialCounter(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.close(); err != nil {
			t.Error(err)
		}
	})
	return addr, k
}

func TestLoadCountsAndPaces(t *testing.T) {
	addr, k := startSink(t)
	l := load{mails: smallMails(2, 0), count: 9, sessions: 3, every: 10 * time.Millisecond}
	for want := 9; want <= 18; want += 9 { // a second run counts anew
		got, err := l.run(addr, k)
		if err != nil || got.dotP50 <= 0 || got.dotP99 < got.dotP50 || got.perSecond <= 0 {
			t.Errorf("%+v %v", got, err)
		}
		if got.seconds < 0.08 { // 9 mails, the last one offered after 80 ms
			t.Errorf("offered in %.3f s", got.seconds)
		}
		if n, err := k.count(); n != want || err != nil {
			t.Errorf("the sink has %d, %v", n, err)
		}
	}
}

func TestRefusalEndsARun(t *testing.T) {
	_, k := startSink(t)
	s := &peer.Sink{Hook: func(st peer.Stage, _ string, _ *peer.Delivery) string {
		if st == peer.Dot {
			return "550 5.7.1 no"
		}
		return peer.Normal
	}}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := (load{mails: smallMails(1, 0), count: 1, sessions: 1}).run(s.Addr, k); err == nil || !strings.Contains(err.Error(), "550") {
		t.Errorf("a refused mail gave %v", err)
	}
}

func TestCPUAndPeakOfAProcessAndItsChildren(t *testing.T) {
	// The shell itself does nothing: a child works and ends, then another works and does not end.
	cmd := exec.Command("sh", "-c", "(i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 0); echo done; read x; (while :; do :; done; exit 0); exit 0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	}()
	pid := cmd.Process.Pid
	if _, err := io.ReadFull(out, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	ended, err := cpuSeconds(pid)
	if err != nil || ended < 0.03 {
		t.Errorf("the ended child's work counts %v s: %v", ended, err)
	}
	in.Close()
	if err := peer.Wait(30*time.Second, "0.2 s more", func() bool { v, err := cpuSeconds(pid); return err == nil && v >= ended+0.2 }); err != nil {
		t.Error(err)
	}
	if alone, err := cpuSecondsAlone(pid); err != nil || alone > ended/2+0.05 {
		t.Errorf("the shell itself used %v s, its ended child %v: %v", alone, ended, err)
	}
	if v, err := peakMiB(pid); err != nil || v <= 0 || v > 100 {
		t.Errorf("peak %v %v", v, err)
	}
	if err := resetPeak(pid); err != nil {
		t.Error(err)
	}
	if _, err := cpuSeconds(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestReadStat(t *testing.T) {
	pid, p, err := readStat("12 (a) b (c)) S 7 12 12 0 -1 4194304 100 200 0 0 11 22 150 50 20 0 1 0 9 9 9")
	if err != nil || pid != 12 || p.parent != 7 || p.ended != 2 {
		t.Errorf("%d %+v %v", pid, p, err)
	}
	for _, bad := range []string{"", "12 (a", "12 (a) S 7", "x (a) S 7 1 1 0 1 1 1 1 1 1 1 1 1 1 1 1", "1 (a) S x 1 1 0 1 1 1 1 1 1 1 1 1 1 1 1", "1 (a) S 1 1 1 0 1 1 1 1 1 1 1 1 x 1 1 1"} {
		if _, _, err := readStat(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestChildThatDoesNotListen(t *testing.T) {
	c := &child{name: "nobody", ready: func() bool { return false }, command: func() *exec.Cmd { return exec.Command("sh", "-c", "echo no such thing; exit 3") }}
	if err := c.Start(); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("started: %v", err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
}

func TestChildEndsWithItsChildren(t *testing.T) {
	out := t.TempDir() + "/pid"
	c := &child{name: "family", command: func() *exec.Cmd { return exec.Command("sh", "-c", "sleep 600 & echo $! >"+out+"; wait") },
		ready: func() bool { b, err := os.ReadFile(out); return err == nil && len(b) > 0 }}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	// Whoever adopted it may not have buried it yet: a zombie has no memory.
	if err := peer.Wait(10*time.Second, "the grandchild's end", func() bool {
		_, err := kibIn("/proc/"+strconv.Itoa(grandchild)+"/status", "VmHWM:")
		return err != nil
	}); err != nil {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	all, err := chosen("haraka,milter-tcp")
	if err != nil || len(all) != 2 || all[0].key != keyMilterTCP || all[1].key != keyHaraka {
		t.Errorf("%v %v", all, err)
	}
	if _, err := chosen("milter-tcp,nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("an unknown name: %v", err)
	}
	if all, err := chosen(""); err != nil || len(all) != len(kinds()) {
		t.Errorf("%d %v", len(all), err)
	}
	one := options{rounds: 1, small: 1, mix: 1, large: 1, paced: 1, burst: 1}
	none, wrong, unknown := one, one, one
	none.rounds, wrong.loads, unknown.through = 0, "6kB", "x"
	for _, o := range []options{none, wrong, unknown} {
		if err := run(context.Background(), o); err == nil {
			t.Errorf("%+v ran", o)
		}
	}
	if err := play("nobody", "127.0.0.1:0", ""); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("an unknown role: %v", err)
	}
}

func TestSlowCandidatesGetLess(t *testing.T) {
	c := candidate{kind: kind{slow: 4}}
	for _, k := range []struct {
		l    load
		want int
	}{{load{count: 1000}, 250}, {load{count: 16}, 4}, {load{count: 8}, 4}, {load{count: 2}, 2}, {load{count: 100, every: time.Second}, 100}} {
		if got := c.share(k.l).count; got != k.want {
			t.Errorf("%d of %d, not %d", got, k.l.count, k.want)
		}
	}
}

func TestMergedSettings(t *testing.T) {
	got := merged("a = 1\n# b = 2\nc=3", "# text\na = 9\nb = 8\nc = 7\nd = 6\n")
	if want := "a = 1\n# b = 2\nc=3\nb = 8\nd = 6\n"; got != want {
		t.Errorf("%q", got)
	}
}
