package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A listener that cannot open is named with its place in the configuration, its address once, and the way out.
func TestListenersThatCannotOpen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	byWhom := "the port is taken; ss -ltnp 'sport = :" + port + "' shows by whom: stop that, or write another port"
	dir := t.TempDir()
	file := filepath.Join(dir, "congthu.yml")
	for _, c := range []struct{ name, yaml, address, want string }{
		{"milter", `milter: [{listen: "tcp:` + address + `"}]`, address, ":3:19: milter[0].listen: cannot listen on tcp:" + address + ": " + byWhom},
		{"relay", `relay: [{listen: "` + address + `", next_hops: ["127.0.0.1:1"]}]`, address, ":3:18: relay[0].listen: cannot listen on " + address + ": " + byWhom},
		{"admin", `milter: [{listen: "unix:` + dir + `/m.sock"}]` + "\n" + `admin: {listen: "` + address + `"}`, address, ":4:17: admin.listen: cannot listen on " + address + ": " + byWhom},
		{"no folder", `milter: [{listen: "unix:` + dir + `/none/m.sock"}]`, "m.sock", "m.sock: there is no folder " + dir + "/none: make it, for the gate's user to write"},
		{"no address", `relay: [{listen: "192.0.2.1:10025", next_hops: ["127.0.0.1:1"]}]`, "192.0.2.1", "this machine does not have the address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			yaml := "organisation: {domains: [monre.gov.vn]}\nevidence: {dir: none}\n" + c.yaml + "\n"
			if !strings.Contains(c.yaml, "admin:") {
				yaml += "admin: {listen: \"\"}\n"
			}
			if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			p, _, stderr := newProgram(t, "")
			code := p.run([]string{"serve", "--config", file})
			if said := stderr.String(); code != exitCannotJudge || !strings.HasSuffix(strings.TrimSpace(said), strings.TrimSpace(c.want)) && c.name != "no address" ||
				!strings.Contains(said, c.want) || strings.Count(said, c.address) != 1 {
				t.Errorf("exit %d:\n%swanted\n%s", code, said, c.want)
			}
		})
	}
}

// What only a user without rights meets is worked out of the system's errors.
func TestListenCause(t *testing.T) {
	wrapped := func(e syscall.Errno) error {
		return fmt.Errorf("listening on %q: %w", "x", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", e)})
	}
	for _, c := range []struct {
		address string
		err     error
		want    string
	}{
		{"0.0.0.0:80", wrapped(syscall.EACCES), "ports below 1024 need the right CAP_NET_BIND_SERVICE"},
		{"unix:/run/x/m.sock", wrapped(syscall.EACCES), "may not write into the folder /run/x: "},
		{"0.0.0.0:80", wrapped(syscall.EMFILE), "bind: too many open files"},
		{"unix:/run/x/m.sock", os.ErrExist, "file already exists"},
	} {
		if got := listenCause(c.address, c.err); !strings.Contains(got, c.want) || strings.Contains(got, "listening on") {
			t.Errorf("%s, %v: %s\nwant %s", c.address, c.err, got, c.want)
		}
	}
}
