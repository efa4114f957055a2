package deploy

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"congthu/internal/peer"
)

// Who may sign in, in these tests.
const (
	loginUser     = "chuyen.vien@monre.gov.vn"
	loginPassword = "mat-khau"
)

// logins answers Postfix's smtpd about passwords, as Dovecot does (its auth protocol, version 1.1).
type logins struct {
	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

func startLogins(t *testing.T) *logins {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &logins{listener: l}
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			s.wg.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

func (s *logins) serve(conn net.Conn) {
	fmt.Fprintf(conn, "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t%032d\nDONE\n", 1)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		words := strings.Split(lines.Text(), "\t")
		if words[0] != "AUTH" || len(words) < 3 {
			continue // VERSION and CPID want no answer
		}
		answer := "FAIL\t" + words[1] + "\n"
		for _, w := range words[3:] {
			given, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(w, "resp="))
			if bytes.Equal(given, plain(loginPassword)) {
				answer = "OK\t" + words[1] + "\tuser=" + loginUser + "\n"
			}
		}
		fmt.Fprint(conn, answer)
	}
}

// plain is what a client says to AUTH PLAIN (RFC 4616).
func plain(password string) []byte { return []byte("\x00" + loginUser + "\x00" + password) }

// TestLogin signs a client from outside in at Postfix: its mail is outbound for the gate, and only as long
// as it is signed in. The log has Postfix's queue id.
func TestLogin(t *testing.T) {
	peer.NeedPostfix(t)
	t.Parallel()
	r, next := base(t)
	door, listen := next(), next()
	p := &peer.Postfix{Name: "mx.monre.gov.vn", NextHop: r.sink.Addr, Listens: []string{listen}, Master: listen + " inet n - y - - smtpd",
		Main: file(t, "postfix/milter.cf", "127.0.0.1:8890", door) + `
relay_domains = monre.gov.vn
mynetworks = 127.0.0.1
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:` + startLogins(t).listener.Addr().String() + "\n"}
	r.mta = p
	r.run(t, fmt.Sprintf("milter: [{name: postfix, listen: \"tcp:%s\"}]\n", door))
	for i, tc := range []struct {
		name      string
		password  string // "" does not sign in
		subject   string
		to        string
		code      int
		direction string
	}{
		{"signed-in, no subject", loginPassword, "", "van.thu@" + ours, 550, "internal"},
		{"signed-in, to outside", loginPassword, "Bao cao", "doi.tac@khach.example", 250, "outbound"},
		{"wrong password", "sai", "", "van.thu@" + ours, 250, "inbound"},
		{"not signed in", "", "", "van.thu@" + ours, 250, "inbound"},
	} {
		c, err := dialFrom(listen, outside)
		must(t, err)
		if tc.password != "" {
			a, err := c.Cmd("AUTH PLAIN " + base64.StdEncoding.EncodeToString(plain(tc.password)))
			must(t, err)
			if a.OK() != (tc.password == loginPassword) {
				t.Fatalf("%s: AUTH: %s", tc.name, a)
			}
		}
		l := letter{key: fmt.Sprintf("login-%d", i), subject: tc.subject}
		m := l.mail()
		m.To = []string{tc.to}
		if got := sendOn(t, c, m).Last(); got.Code != tc.code {
			t.Errorf("%s: %s, want %d", tc.name, got, tc.code)
		}
		must(t, c.Quit())
		must(t, peer.Wait(patience, "the log line of "+tc.name, func() bool { return len(r.gate.Messages()) > i }))
		line := r.gate.Messages()[i]
		if line["direction"] != tc.direction || line["authenticated"] != (tc.password == loginPassword) {
			t.Errorf("%s: the log says %v", tc.name, line)
		}
		id, _ := line["queue_id"].(string)
		must(t, peer.Wait(patience, "queue id "+id+" of "+tc.name+" in Postfix's log", func() bool {
			return id != "" && strings.Contains(p.Log(), id+": message-id=<"+l.key+"@")
		}))
		if strings.Contains(r.gate.Output(), tc.password) && tc.password != "" {
			t.Errorf("%s: the password is in the log", tc.name)
		}
	}
}

// TestTwoGates has two gates with different policies in one smtpd_milters.
func TestTwoGates(t *testing.T) {
	peer.NeedPostfix(t)
	t.Parallel()
	r, next := base(t)
	other, _ := base(t)
	doors, listen := []string{next(), next()}, next()
	p := &peer.Postfix{Name: "mx.monre.gov.vn", NextHop: r.sink.Addr, Listens: []string{listen}, Master: listen + " inet n - y - - smtpd",
		Main: file(t, "postfix/milter.cf", "inet:127.0.0.1:8890", "inet:"+doors[0]+", inet:"+doors[1]) + "relay_domains = monre.gov.vn\nmynetworks = 127.0.0.0/8\nsmtpd_error_sleep_time = 0\n"}
	other.gate.Admin = next()
	other.gate.Config = fmt.Sprintf("organisation: {domains: [%s], trusted_networks: [%s]}\nadmin: {listen: %q}\nmilter: [{listen: \"tcp:%s\"}]\nrules: {subject: {mode: off}}\n",
		ours, loopbackTrusted, other.gate.Admin, doors[1])
	must(t, other.gate.Start())
	t.Cleanup(func() {
		if err := other.gate.Stop(); err != nil {
			t.Error(err)
		}
	})
	r.mta = p
	r.run(t, fmt.Sprintf("milter: [{listen: \"tcp:%s\"}]\nrules: {free-mail: {mode: off}}\n", doors[0]))
	c, err := dialFrom(listen, inside)
	must(t, err)
	for i, tc := range []struct {
		name    string
		letter  letter
		reply   string
		seenBy2 bool // the second is not asked about what the first refused
	}{
		{"both accept", letter{subject: "Bao cao"}, "250 ", true},
		{"the first refuses", letter{}, "550 5.7.1 [9.3]", false},
		{"the second refuses", letter{subject: "Hop", fields: "Reply-To: <nvan@gmail.com>\r\n"}, "550 5.7.1 [9.1]", true},
		{"both accept again", letter{subject: "Hop giao ban"}, "250 ", true},
	} {
		tc.letter.key = fmt.Sprintf("two-gates-%d", i)
		m := tc.letter.mail()
		seen, seen2 := len(r.gate.Messages()), len(other.gate.Messages())
		got := sendOn(t, c, m).Last()
		if !strings.HasPrefix(got.String(), tc.reply) {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.reply)
		}
		must(t, peer.Wait(patience, "both log lines", func() bool {
			return len(r.gate.Messages()) == seen+1 && (!tc.seenBy2 || len(other.gate.Messages()) == seen2+1)
		}))
		must(t, p.WaitEmpty(patience))
		d := r.sink.ByKey(tc.letter.key)
		if !got.OK() {
			if len(d) != 0 {
				t.Errorf("%s: it was delivered", tc.name)
			}
			continue
		}
		if len(d) != 1 {
			t.Fatalf("%s: delivered %d times", tc.name, len(d))
		}
		samePassed(t, d[0], m.Bytes)
		// To the second gate the first one's field is one that only claims to be a gate's.
		id := other.gate.Messages()[seen2]["id"]
		if n := bytes.Count(d[0].Bytes, []byte("Congthu-Id:")); n != 1 || peer.Field(d[0].Bytes, "Congthu-Id") != id {
			t.Errorf("%s: %d Congthu-Id fields, %q; the second gate's is %v", tc.name, n, peer.Field(d[0].Bytes, "Congthu-Id"), id)
		}
	}
	must(t, c.Quit())
	if n := len(other.gate.Messages()); n != 3 {
		t.Errorf("the second gate judged %d messages, want 3", n)
	}
	must(t, other.gate.Kill())
	c, err = dialFrom(listen, inside)
	if err == nil { // Postfix may answer with 4xx at once
		if got := sendOn(t, c, letter{key: "two-gates-down", subject: "Hop"}.mail()).Last(); !got.Temporary() {
			t.Errorf("with one gate away: %s", got)
		}
		c.Close()
	}
	must(t, other.gate.Start())
}
