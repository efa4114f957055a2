package main

import (
	"bytes"
	"net/mail"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

func TestCorpus(t *testing.T) {
	for _, w := range smallMails(3) {
		if len(w) < 4600 || len(w) > 5600 {
			t.Errorf("a small mail has %d octets", len(w))
		}
		m, err := mail.ReadMessage(bytes.NewReader(w))
		if err != nil || m.Header.Get("Message-ID") == "" {
			t.Errorf("a small mail does not read: %v", err)
		}
	}
	for _, w := range largeMails() {
		if len(w) < 19_000_000 || len(w) > 19_300_000 {
			t.Errorf("a large mail has %d octets", len(w))
		}
	}
}

func TestLoadCountsAndPaces(t *testing.T) {
	s := &peer.Sink{Blind: true}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := load{mails: smallMails(2), count: 9, sessions: 3, every: 10 * time.Millisecond}.run(s.Addr, s)
	if err != nil || s.Count() != 9 || got.dotP50 <= 0 {
		t.Errorf("sent %d: %+v %v", s.Count(), got, err)
	}
	if got.seconds < 0.08 { // 9 mails, the last one offered after 80 ms
		t.Errorf("offered in %.3f s", got.seconds)
	}
}

func TestRefusalEndsARun(t *testing.T) {
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
	if _, err := (load{mails: smallMails(1), count: 1, sessions: 1}).run(s.Addr, s); err == nil || !strings.Contains(err.Error(), "550") {
		t.Errorf("a refused mail gave %v", err)
	}
}

func TestCPUAndPeakOfAProcess(t *testing.T) {
	// A child that works for some ticks: the figure must grow with its work.
	cmd := exec.Command("sh", "-c", "i=0; while :; do i=$((i+1)); done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	pid := cmd.Process.Pid
	if err := peer.Wait(20*time.Second, "0.1 s of work", func() bool { v, err := cpuSeconds(pid); return err == nil && v >= 0.1 }); err != nil {
		t.Error(err)
	}
	if v, err := peakMiB(pid); err != nil || v <= 0 || v > 100 {
		t.Errorf("peak %v %v", v, err)
	}
	if _, err := cpuSeconds(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestTable(t *testing.T) {
	tab := newTable()
	for _, v := range []float64{3, 1, 2, 4} {
		tab.add(partMemory, doorUnix, metricPeak, v*40)
		tab.add(partSmall, doorRelay, metricCPU, v/10)
		tab.add(partPaced, doorRelay, metricCPU, v) // not shown
	}
	var b bytes.Buffer
	tab.print(&b)
	got := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(got) != 3 {
		t.Fatalf("%d lines:\n%s", len(got), b.String())
	}
	for i, want := range []string{"40 100 160 4 96 MISS", "0.1 0.25 0.4 4 0.6 pass"} {
		if s := strings.Join(strings.Fields(got[i+1]), " "); !strings.HasSuffix(s, want) {
			t.Errorf("line %q does not end in %q", s, want)
		}
	}
}
