package deploy

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// postfixRoad is Postfix hooked up as a stand is.
func postfixRoad(kind string) func(*testing.T, *road) {
	return func(t *testing.T, r *road) {
		s := newStand(t, kind, "", r.postfixTLS()...)
		r.sink.Close()
		r.gate, r.mta, r.sink, r.hello = s.gate, s.mx, s.sink, xclient
		r.door = func(string) (string, string) { return "", s.addr }
	}
}

// postfixTLS are main.cf lines for a listener that takes mail under TLS only.
func (r *road) postfixTLS() []string {
	if !r.tls {
		return nil
	}
	return []string{"smtpd_tls_cert_file = " + r.cert.File, "smtpd_tls_key_file = " + r.cert.Key, "smtpd_tls_security_level = encrypt"}
}

// contentFilterRoad is Postfix with the content_filter files.
func contentFilterRoad(t *testing.T, r *road) {
	peer.NeedPostfix(t)
	next := r.prepare(t)
	addr, door, back := next(), next(), next()
	_, doorPort, err := net.SplitHostPort(door)
	must(t, err)
	main := file(t, "postfix/content-filter.cf", "127.0.0.1]:10028", "127.0.0.1]:"+doorPort) + site
	if r.still {
		main += "minimal_backoff_time = 1h\nmaximal_backoff_time = 1h\n"
	}
	r.mta = &peer.Postfix{Name: "mx.monre.gov.vn", NextHop: r.sink.Addr, Listens: []string{addr, back},
		Main: main + strings.Join(r.postfixTLS(), "\n") + "\n",
		Master: addr + " inet n - y - - smtpd\n" +
			file(t, "postfix/content-filter.master.cf", "\n127.0.0.1:10029 inet", "\n"+back+" inet")}
	r.hello = xclient
	r.door = func(string) (string, string) { return "", addr }
	r.run(t, fmt.Sprintf("relay: [{name: after, listen: %q, next_hops: [%q], queue: after}]\n", door, back), "10.0.0.0/8")
}

// sendmailRoad is Sendmail with the lines of sendmail/congthu.mc.
func sendmailRoad(kind string) func(*testing.T, *road) {
	return func(t *testing.T, r *road) {
		peer.NeedSendmail(t)
		next := r.prepare(t)
		s := &peer.Sendmail{Name: "mx.monre.gov.vn", Listen: next(), NextHop: r.sink.Addr}
		must(t, s.Prepare())
		t.Cleanup(func() { os.RemoveAll(s.Dir) })
		var doors string
		if kind == milterUnix {
			folder := s.Dir + "/congthu"
			must(t, os.Mkdir(folder, 0o750))
			must(t, os.Chown(folder, unprivileged, unprivileged))
			s.MC = file(t, "sendmail/congthu.mc", "`congthu', `S=inet:8890@127.0.0.1,", "`congthu', `S=unix:"+s.Root+"/congthu/milter.sock,")
			doors = fmt.Sprintf("milter: [{name: sendmail, listen: \"unix:%s/milter.sock\"}]\n", folder)
		} else {
			door := next()
			_, port, _ := strings.Cut(door, ":")
			s.MC = file(t, "sendmail/congthu.mc", "`congthu', `S=inet:8890@", "`congthu', `S=inet:"+port+"@")
			doors = fmt.Sprintf("milter: [{name: sendmail, listen: \"tcp:%s\"}]\n", door)
		}
		r.mta = s
		r.door = from(s.Listen, s.Listen)
		r.run(t, doors)
	}
}

// relayBeforePostfix is the relay as the mail exchanger in front of a Postfix that knows nothing of it.
func relayBeforePostfix(t *testing.T, r *road) {
	peer.NeedPostfix(t)
	next := r.prepare(t)
	door, behind := next(), next()
	main := "message_size_limit = 41943040\n" + strings.Join(r.postfixTLS(), "\n") + "\n"
	if r.plain {
		main += "smtpd_discard_ehlo_keywords = chunking\n"
	}
	r.mta = &peer.Postfix{Name: "mail.monre.gov.vn", NextHop: r.sink.Addr, Listens: []string{behind},
		Main: main, Master: behind + " inet n - y - - smtpd"}
	r.door = from(door, door)
	r.run(t, "relay:\n"+r.relay("mx", door, behind))
}

// relay is a listener of the relay.
func (r *road) relay(name, door, behind string) string {
	secured := ""
	if r.tls {
		secured = fmt.Sprintf(", tls: {certificate: %q, key: %q, required: true}, next_hop_tls: {mode: verified, ca: %q}", r.cert.File, r.cert.Key, r.cert.File)
	}
	return fmt.Sprintf("  - {name: %s, listen: %q, next_hops: [%q], received: true%s}\n", name, door, behind, secured)
}

// relayBeforeSendmail is the relay in front of a Sendmail that knows nothing of it.
func relayBeforeSendmail(t *testing.T, r *road) {
	peer.NeedSendmail(t)
	next := r.prepare(t)
	door, behind := next(), next()
	s := &peer.Sendmail{Name: "mail.monre.gov.vn", Listen: behind, NextHop: r.sink.Addr, MC: "define(`confMAX_MESSAGE_SIZE', `41943040')dnl\n"}
	must(t, s.Prepare())
	t.Cleanup(func() { os.RemoveAll(s.Dir) })
	r.mta = s
	r.door = from(door, door)
	r.run(t, "relay:\n"+r.relay("mx", door, behind))
}

// relayBeforeExim is the relay in front of Exim with the exim/in-front files: a listener for the world, and
// one for machines of ours, through which Exim takes mail to anybody.
func relayBeforeExim(t *testing.T, r *road) {
	peer.NeedExim(t)
	next := r.prepare(t)
	world, machines, mx, out := next(), next(), next(), next()
	r.mta = &peer.Exim{Name: "mail.monre.gov.vn", Listens: []string{mx, out}, NextHop: r.sink.Addr, Domains: ours + " : mae.gov.vn", Relay: "127.0.0.1",
		Main: file(t, "exim/in-front.main", "[127.0.0.1]:10026", bracketed(mx), "[127.0.0.1]:10027", bracketed(out)),
		ACL:  file(t, "exim/in-front.acl", "{10027}", "{"+port(out)+"}"), Certificate: r.cert}
	r.door = from(machines, world)
	r.run(t, "relay:\n"+r.relay("mx", world, mx)+r.relay("out", machines, out))
}

// eximBehindQueue is Exim with the exim/behind-queue files.
func eximBehindQueue(t *testing.T, r *road) {
	peer.NeedExim(t)
	next := r.prepare(t)
	addr, mine, foreign, back := next(), next(), next(), next()
	e := &peer.Exim{Name: "mx.monre.gov.vn", Listens: []string{addr, back}, NextHop: r.sink.Addr, Domains: ours + " : mae.gov.vn", Relay: loopbackTrusted,
		Main:       file(t, "exim/behind-queue.main", "[0.0.0.0]:25", bracketed(addr), "[127.0.0.1]:10029", bracketed(back)),
		ACL:        file(t, "exim/behind-queue.acl", "{10029}", "{"+port(back)+"}"),
		Routers:    file(t, "exim/behind-queue.router", "{10029}", "{"+port(back)+"}"),
		Transports: file(t, "exim/behind-queue.transport", "port = 10027", "port = "+port(mine), "port = 10028", "port = "+port(foreign))}
	if r.still {
		e.Retry = "F,4d,1h"
	}
	r.mta = e
	r.door = from(addr, addr)
	listener := "  - {name: exim-%s, listen: %q, next_hops: [%q], direction: %s, queue: after}\n"
	r.run(t, "relay:\n"+fmt.Sprintf(listener, "ours", mine, back, "outbound")+fmt.Sprintf(listener, "foreign", foreign, back, "inbound"))
}

// port and bracketed are an address as Exim wants it.
func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func bracketed(addr string) string { return "[127.0.0.1]:" + port(addr) }
