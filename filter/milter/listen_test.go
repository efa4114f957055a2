package milter

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenRefuses(t *testing.T) {
	for _, listen := range []string{"", "inet:8890@localhost", "unix:relative.sock", "unix:", "tcp:", "tcp:127.0.0.1", "tcp:127.0.0.1:", "/run/x.sock",
		"unix:/nonexistent-folder/m.sock"} {
		cfg := testConfig()
		cfg.Listen = listen
		if l, err := Listen(cfg); err == nil {
			l.Close()
			t.Errorf("%q is listened on", listen)
		} else if !strings.Contains(err.Error(), "listening on") {
			t.Errorf("%q: %v", listen, err)
		}
	}
}

func TestListenSocketMode(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o660, 0o666} {
		cfg := testConfig()
		path := filepath.Join(socketDir(t), "m.sock")
		cfg.Listen, cfg.SocketMode = "unix:"+path, mode
		l, err := Listen(cfg)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("mode %v, want %v (%v)", info.Mode(), mode, err)
		}
		l.Close()
		if _, err := os.Lstat(path); err == nil {
			t.Error("the socket is left behind")
		}
	}
}

func TestListenReplacesOnlyStaleSockets(t *testing.T) {
	for _, tt := range []struct {
		name  string
		found func(t *testing.T, path string)
		want  string // of the error; "" when the listener opens
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"stale socket", func(t *testing.T, path string) {
			l := listenForTest(t, path)
			l.SetUnlinkOnClose(false)
			l.Close()
		}, ""},
		{"living socket", func(t *testing.T, path string) { listenForTest(t, path) }, "another process listens there"},
		{"file", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "no socket stands there"},
		{"symbolic link to a stale socket", func(t *testing.T, path string) {
			l := listenForTest(t, path+".other")
			l.SetUnlinkOnClose(false)
			l.Close()
			if err := os.Symlink(path+".other", path); err != nil {
				t.Fatal(err)
			}
		}, "no socket stands there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(socketDir(t), "m.sock")
			tt.found(t, path)
			cfg := testConfig()
			cfg.Listen = "unix:" + path
			l, err := Listen(cfg)
			if err == nil {
				defer l.Close()
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if _, statErr := os.Lstat(path); statErr != nil {
				t.Errorf("what stood there is gone: %v", statErr)
			}
		})
	}
}

func listenForTest(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
