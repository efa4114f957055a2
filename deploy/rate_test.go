package deploy

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"congthu/internal/peer"
)

// reload puts another line of rules in force without ending the gate.
func reload(t *testing.T, g *peer.Gate, old, rules string) {
	t.Helper()
	if !strings.Contains(g.Config, old) {
		t.Fatalf("the configuration has no %q", old)
	}
	g.Config = strings.Replace(g.Config, old, rules, 1)
	path := filepath.Join(g.Dir, "congthu.yml")
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte(strings.Replace(string(text), old, rules, 1)), 0o644))
	hup(t, g, "configuration reloaded")
}

// hup tells the gate to read its configuration, and waits until its log says so much of it.
func hup(t *testing.T, g *peer.Gate, said string) {
	t.Helper()
	before := strings.Count(g.Output(), said)
	must(t, syscall.Kill(g.PID(), syscall.SIGHUP))
	must(t, peer.Wait(patience, said, func() bool { return strings.Count(g.Output(), said) > before }))
}

// rateLetter is a letter of a sender to so many recipients; each key is another letter.
func rateLetter(from, key string, to int) peer.Mail {
	l := letter{key: key, subject: "Bao cao " + key, noDate: true, body: "Kinh gui, " + key + "\r\n"}
	m := l.mail()
	m.From, m.To = from, nil
	for i := range to {
		m.To = append(m.To, fmt.Sprintf("van.thu%d@%s", i, ours))
	}
	return m
}

const (
	rateDeferred = "450 4.7.1 [10.2] "
	rateRules    = "rules: {rate: {mode: enforce, messages: 3, recipients: 6, exempt: [thong.bao]}}\n"
)

// TestRate sends through a real Postfix, at both doors, until senders have sent too much: who is over gets what the policy
// says and nobody else does, a reload keeps what was counted and a restart begins anew.
func TestRate(t *testing.T) {
	for name, kind := range map[string]string{"milter": milterTCP, "relay": proxyFilter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, kind, rateRules)
			r := rateStand{t: t, stand: s, copies: map[string]int{}}
			for _, tc := range []struct {
				name, client, from string
				to                 int
				fields             string // instead of a subject
				want               string
			}{
				{"first", inside, "a", 1, "", "250 "},
				{"second", inside, "A", 1, "", "250 "},
				{"third, with a tag", inside, "a+the@" + ours, 1, "", "250 "},
				{"over", inside, "a", 1, "", rateDeferred},
				{"over, with another tag", inside, "a+khac@" + ours, 1, "", rateDeferred},
				{"another sender", inside, "b", 1, "", "250 "},
				{"somebody outside who says that he is the sender", outside, "a", 1, "", "250 "},
				{"nobody", inside, "", 1, "", "250 "},
				{"nobody again", inside, "", 6, "", "250 "},
				{"nobody a third time", inside, "", 6, "", "250 "},
				{"exempt", inside, "thong.bao", 6, "", "250 "},
				{"exempt again", inside, "Thong.Bao", 6, "", "250 "},
				{"four recipients", inside, "c", 4, "", "250 "},
				{"three more are too many", inside, "c", 3, "", rateDeferred},
				{"two more are not", inside, "c", 2, "", "250 "},
				{"more recipients than the limit, alone", inside, "d", 7, "", "250 "},
				{"one more", inside, "d", 1, "", rateDeferred},
				{"refused, and counted", inside, "e", 5, "none", "550 5.7.1 [9.3] "},
				{"after a refused one", inside, "e", 2, "", rateDeferred},
			} {
				r.send(tc.name, tc.client, tc.from, tc.to, tc.fields, tc.want)
			}

			// Tried again and again, a deferred letter is not counted, and what was counted outlives the policy.
			again := rateLetter("a@"+ours, "again", 1)
			for range 5 {
				if a := s.send(t, inside, again).Last(); !strings.HasPrefix(a.String(), rateDeferred) {
					t.Fatalf("tried again: %s", a)
				}
			}
			four := strings.Replace(rateRules, "messages: 3", "messages: 4", 1)
			reload(t, s.gate, rateRules, four)
			if a := s.send(t, inside, again).Last(); a.Code != 250 {
				t.Errorf("with a higher limit: %s", a)
			}
			r.copies["again"] = 1
			r.send("over the higher limit", inside, "a", 1, "", rateDeferred)

			// What the policy says of who is over.
			refuse := strings.Replace(four, "mode: enforce", "mode: enforce, outbound: refuse", 1)
			reload(t, s.gate, four, refuse)
			r.send("refused", inside, "a", 1, "", "550 5.7.1 [10.2] Hop thu nay da gui qua nhieu thu trong mot gio. Hay gui lai sau.")
			monitor := strings.Replace(four, "mode: enforce", "mode: monitor", 1)
			reload(t, s.gate, refuse, monitor)
			r.send("monitored", inside, "a", 1, "", "250 ")
			if n, err := s.gate.Metric("congthu_findings_total", `rule="rate"`, `mode="monitor"`); err != nil || n != 1 {
				t.Errorf("congthu_findings_total in monitor mode: %v, %v", n, err)
			}

			must(t, s.gate.Stop())
			s.gate.Config = strings.Replace(s.gate.Config, monitor, rateRules, 1)
			must(t, s.gate.Start())
			r.send("after a restart", inside, "a", 1, "", "250 ")
			r.arrived()
		})
	}
}

// rateStand sends one letter after the other.
type rateStand struct {
	t     *testing.T
	stand *stand
	n     int

	copies map[string]int // how often each is to arrive
}

func (r *rateStand) send(name, client, from string, to int, fields, want string) {
	r.t.Helper()
	r.n++
	if from != "" && !strings.Contains(from, "@") {
		from += "@" + ours
	}
	key := fmt.Sprint("rate-", r.n)
	m := rateLetter(from, key, to)
	if fields == "none" {
		m.Bytes = letter{key: key, noDate: true}.bytes()
	}
	a := r.stand.send(r.t, client, m).Last()
	if !strings.HasPrefix(a.String(), want) {
		r.t.Errorf("%s: %s, want %s", name, a, want)
	}
	if r.copies[key] = 0; a.OK() {
		r.copies[key] = 1
	}
}

// arrived checks that what was taken arrived once and nothing else.
func (r *rateStand) arrived() {
	r.t.Helper()
	must(r.t, r.stand.mx.WaitEmpty(patience))
	for key, want := range r.copies {
		if n := len(r.stand.sink.ByKey(key)); n != want {
			r.t.Errorf("%s arrived %d times, want %d", key, n, want)
		}
	}
}

// TestRateOfALogin: who signed in is one sender, whatever addresses the mail bears and wherever it comes from.
func TestRateOfALogin(t *testing.T) {
	peer.NeedPostfix(t)
	t.Parallel()
	r, next := base(t)
	door, listen := next(), next()
	r.mta = &peer.Postfix{Name: "mx.monre.gov.vn", NextHop: r.sink.Addr, Listens: []string{listen}, Master: listen + " inet n - y - - smtpd",
		Main: file(t, "postfix/milter.cf", "127.0.0.1:8890", door) + `
relay_domains = monre.gov.vn
mynetworks = 127.0.0.1
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:` + startLogins(t).listener.Addr().String() + "\n"}
	r.run(t, fmt.Sprintf("milter: [{name: postfix, listen: \"tcp:%s\"}]\nrules: {rate: {mode: enforce, messages: 2}}\n", door))
	for i, tc := range []struct {
		name, client, from string
		signedIn           bool
		want               string
	}{
		{"first", outside, "an@" + ours, true, "250 "},
		{"another address, from inside", inside, "binh@" + ours, true, "250 "},
		{"a third", outside, "cuong@" + ours, true, rateDeferred},
		{"the null reverse-path", inside, "", true, rateDeferred},
		{"that address without a login", inside, "an@" + ours, false, "250 "},
		{"from outside without a login", outside, loginUser, false, "250 "},
	} {
		c, err := dialFrom(listen, tc.client)
		must(t, err)
		if tc.signedIn {
			a, err := c.Cmd("AUTH PLAIN " + base64.StdEncoding.EncodeToString(plain(loginPassword)))
			must(t, err)
			if !a.OK() {
				t.Fatalf("%s: AUTH: %s", tc.name, a)
			}
		}
		if a := sendOn(t, c, rateLetter(tc.from, fmt.Sprint("rate-login-", i), 1)).Last(); !strings.HasPrefix(a.String(), tc.want) {
			t.Errorf("%s: %s, want %s", tc.name, a, tc.want)
		}
		must(t, c.Quit())
	}
}

// TestRateBehindAQueue: what Postfix tries again is not counted again, so that no letter waits for ever; each arrives once.
func TestRateBehindAQueue(t *testing.T) {
	t.Parallel()
	h := hookup{name: "postfix-content-filter", start: func(t *testing.T, r *road) {
		contentFilterRoad(t, r)
		must(t, r.gate.Stop())
		r.gate.Config += rateRules
		must(t, r.gate.Start())
	}, after: true}
	r := h.begin(t)
	var keys []string
	for i := range 6 {
		c, err := r.dial(inside)
		must(t, err)
		keys = append(keys, fmt.Sprint("rate-queue-", i))
		if a := sendOn(t, c, rateLetter("a@"+ours, keys[i], 1)).Last(); a.Code != 250 {
			t.Fatalf("letter %d: %s", i, a)
		}
		must(t, c.Quit())
	}
	arrived := func() (n int) {
		for _, k := range keys {
			n += len(r.sink.ByKey(k))
		}
		return n
	}
	// Postfix tries each second here; the gate's log has each time.
	tried := func() int { return strings.Count(r.gate.Output(), `"disposition":"defer"`) }
	must(t, peer.Wait(patience, "some retries", func() bool { return arrived() == 3 && tried() >= 12 }))
	reload(t, r.gate, rateRules, strings.Replace(rateRules, "messages: 3", "messages: 6", 1))
	must(t, r.mta.WaitEmpty(patience))
	for _, k := range keys {
		if n := len(r.sink.ByKey(k)); n != 1 {
			t.Errorf("%s arrived %d times", k, n)
		}
	}
	if got := slices.IndexFunc(r.gate.Messages(), func(m map[string]any) bool { return m["disposition"] == "refuse" }); got >= 0 {
		t.Error("a letter was refused")
	}
}
