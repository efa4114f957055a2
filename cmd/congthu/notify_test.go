package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"congthu/filter/policy"
	"congthu/rules"
)

// systemd is told when the doors are open and when the gate closes; the unit waits for it.
func TestNotifySystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	conf, err := policy.Parse("test", fmt.Appendf(nil, "organisation: {domains: [monre.gov.vn]}\nmilter: [{listen: \"tcp:%s\"}]\nadmin: {listen: \"\"}\nevidence: {dir: none}\n", freeAddress("127.0.0.1:0")), rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	p, _, _ := newProgram(t, "")
	g, err := newGate(p, conf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.run(ctx, nil, nil) }()
	told := func(want string) {
		t.Helper()
		b := make([]byte, 100)
		if err := l.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := l.Read(b)
		if err != nil || string(b[:n]) != want {
			t.Errorf("told %q, %v; want %q", b[:n], err, want)
		}
	}
	told("READY=1")
	cancel()
	told("STOPPING=1")
	if err := <-done; err != nil {
		t.Error(err)
	}
}
