package deploy

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"congthu/internal/peer"
)

// The ways to hook the gate up to Postfix.
const (
	milterUnix  = "milter-unix"
	milterTCP   = "milter-tcp"
	proxyFilter = "proxy-filter"
)

func hookups() []string { return []string{milterUnix, milterTCP, proxyFilter} }

// What is ours in these tests, and the clients that Postfix is told of with XCLIENT.
const (
	ours    = "monre.gov.vn"
	inside  = "10.1.2.3"
	outside = "203.0.113.9"
)

// unprivileged is the user and group that the gate runs as here (Debian's nobody and nogroup).
const unprivileged = 65534

// builder builds the gate once for all tests of the package.
type builder struct {
	once sync.Once
	dir  string
	bin  string
	err  error
}

var gateBinary builder

func TestMain(m *testing.M) {
	if err := peer.ProgramsEndAtOnce(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if gateBinary.dir != "" {
		if err := os.RemoveAll(gateBinary.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func (b *builder) path(t *testing.T) string {
	t.Helper()
	b.once.Do(func() {
		if b.dir, b.err = peer.TempDir(); b.err == nil {
			b.bin, b.err = peer.BuildGate(b.dir)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.bin
}

// stand is Postfix with the gate, hooked up one way, and a sink behind.
type stand struct {
	kind string
	gate *peer.Gate
	mx   *peer.Postfix
	sink *peer.Sink
	addr string // where clients connect
}

// file is one of the deployed files with addresses exchanged.
func file(t *testing.T, name string, oldnew ...string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			t.Fatalf("%s has no %q to exchange", name, oldnew[i])
		}
		text = strings.ReplaceAll(text, oldnew[i], oldnew[i+1])
	}
	return text
}

// site is what the administrator of these tests has in main.cf beside our lines.
const site = `
relay_domains = monre.gov.vn mae.gov.vn
mynetworks = 127.0.0.0/8 10.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
`

// absent is a recipient that the next hop refuses, in words of its own.
const (
	absent       = "vang-mat@monre.gov.vn"
	absentWords  = "khong co hop thu nay"
	absentAccess = "check_recipient_access inline:{{" + absent + " = 550 5.1.1 " + absentWords + "}}"
)

// newStand starts everything; more are lines for the gate's configuration, main for main.cf.
func newStand(t *testing.T, kind, more string, main ...string) *stand {
	t.Helper()
	peer.NeedPostfix(t)
	s := &stand{kind: kind, sink: &peer.Sink{}, mx: &peer.Postfix{Name: "mx.monre.gov.vn"}}
	must(t, s.sink.Start("127.0.0.1:0"))
	t.Cleanup(func() { s.sink.Close() })
	var ports peer.Ports
	next := func() string {
		addr, err := ports.Next()
		must(t, err)
		return addr
	}
	s.addr = next()
	s.mx.NextHop, s.mx.Listens = s.sink.Addr, []string{s.addr}
	must(t, s.mx.Prepare())
	t.Cleanup(func() { os.RemoveAll(s.mx.Dir) })
	dir, err := peer.TempDir()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	s.gate = &peer.Gate{Binary: gateBinary.path(t), Admin: next(), Dir: dir, UID: unprivileged, GID: unprivileged}
	doors := s.hookUp(t, next)
	s.mx.Main += strings.Join(append([]string{""}, main...), "\n") + "\n"
	s.gate.Config = fmt.Sprintf("organisation: {domains: [%s, mae.gov.vn], trusted_networks: [10.0.0.0/8]}\nadmin: {listen: %q}\n%s%s", ours, s.gate.Admin, doors, more)
	must(t, s.gate.Start())
	t.Cleanup(func() {
		if err := s.gate.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("gate:\n%s", tail(s.gate.Output()))
		}
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix:\n%s", tail(s.mx.Log()))
		}
		if err := s.mx.Stop(); err != nil {
			t.Error(err)
		}
	})
	must(t, s.mx.Start())
	return s
}

// hookUp fills Postfix's configuration from the deployed files and returns the gate's listeners.
func (s *stand) hookUp(t *testing.T, next func() string) (doors string) {
	t.Helper()
	plain := s.addr + " inet n - y - - smtpd\n"
	switch s.kind {
	case milterTCP:
		door := next()
		s.mx.Main = file(t, "postfix/milter.cf", "127.0.0.1:8890", door) + site + "smtpd_recipient_restrictions = " + absentAccess + "\n"
		s.mx.Master = plain
		return fmt.Sprintf("milter: [{name: postfix, listen: \"tcp:%s\"}]\n", door)
	case milterUnix:
		s.mx.Main = file(t, "postfix/milter.cf", "\nsmtpd_milters = inet:", "\n#smtpd_milters = inet:", "\n#smtpd_milters = unix:", "\nsmtpd_milters = unix:") +
			site + "smtpd_recipient_restrictions = " + absentAccess + "\n"
		s.mx.Master = plain
		folder := filepath.Join(s.mx.Dir, "spool/congthu")
		socketFolder(t, folder)
		return fmt.Sprintf("milter: [{name: postfix, listen: \"unix:%s/milter.sock\", mode: \"0660\"}]\n", folder)
	}
	door, back := next(), next()
	s.mx.Main = file(t, "postfix/proxy-filter.cf") + site
	s.mx.Master = file(t, "postfix/proxy-filter.master.cf", "\nsmtp      inet", "\n"+s.addr+" inet", "127.0.0.1:10025", door, "127.0.0.1:10026", back,
		"smtpd_recipient_restrictions=permit_mynetworks,reject", "{ smtpd_recipient_restrictions="+absentAccess+", permit_mynetworks, reject }")
	s.mx.Listens = append(s.mx.Listens, back)
	return fmt.Sprintf("relay: [{name: mx, listen: %q, next_hops: [%q], direction: auto, queue: before, trusted_peers: [127.0.0.1]}]\n", door, back)
}

// socketFolder makes the folder of the milter's socket as congthu.tmpfiles does: the gate's user owns
// it, the group is Postfix's and goes over to the socket.
func socketFolder(t *testing.T, folder string) {
	t.Helper()
	g, err := user.LookupGroup("postfix")
	must(t, err)
	gid, err := strconv.Atoi(g.Gid)
	must(t, err)
	must(t, os.Mkdir(folder, 0o750))
	must(t, os.Chown(folder, unprivileged, gid))
	must(t, os.Chmod(folder, 0o750|os.ModeSetgid))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tail is the end of a log.
func tail(s string) string {
	if len(s) > 6000 {
		return "…" + s[len(s)-6000:]
	}
	return s
}

// client connects as the SMTP client with that address.
func (s *stand) client(t *testing.T, address string) *peer.Client {
	t.Helper()
	c, err := peer.Dial(s.addr)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	r, err := c.Cmd("XCLIENT NAME=may.khach.example ADDR=" + address)
	must(t, err)
	if !r.OK() {
		t.Fatalf("XCLIENT: %s", r)
	}
	must(t, c.Ehlo("may.khach.example"))
	return c
}

// send sends one mail as that client, on a connection of its own.
func (s *stand) send(t *testing.T, address string, m peer.Mail) peer.Answers {
	t.Helper()
	c := s.client(t, address)
	a := sendOn(t, c, m)
	must(t, c.Quit())
	return a
}

func sendOn(t *testing.T, c *peer.Client, m peer.Mail) peer.Answers {
	t.Helper()
	a, err := c.Send(m)
	must(t, err)
	return a
}

// delivered waits for the one delivery of the message with this key.
func (s *stand) delivered(t *testing.T, key string) peer.Delivery {
	t.Helper()
	must(t, peer.Wait(patience, "the delivery of "+key, func() bool { return len(s.sink.ByKey(key)) > 0 }))
	must(t, s.mx.WaitEmpty(patience))
	all := s.sink.ByKey(key)
	if len(all) != 1 {
		t.Fatalf("%s was delivered %d times", key, len(all))
	}
	return all[0]
}

// notDelivered waits until Postfix has nothing left and checks that the message went nowhere.
func (s *stand) notDelivered(t *testing.T, key string) {
	t.Helper()
	must(t, s.mx.WaitEmpty(patience))
	if n := len(s.sink.ByKey(key)); n != 0 {
		t.Fatalf("%s was delivered %d times although it was not accepted", key, n)
	}
}
