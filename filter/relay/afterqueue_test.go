package relay

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"congthu/filter"
)

// ownRefusal is how to get one refusal of the relay's own.
type ownRefusal struct {
	change func(*Config)
	tls    bool
	say    []string // the last one is refused
}

const envelopeText = "MAIL FROM:<a@example.org>|RCPT TO:<b@monre.gov.vn>"

func ownRefusals() map[string]ownRefusal {
	trusted := func(c *Config) { c.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
	plain := func(say string) ownRefusal { return ownRefusal{say: strings.Split(say, "|")} }
	with := func(change func(*Config), say string) ownRefusal {
		return ownRefusal{change: change, say: strings.Split(say, "|")}
	}
	tls := func(say string) ownRefusal { return ownRefusal{tls: true, say: strings.Split(say, "|")} }
	return map[string]ownRefusal{
		replySyntaxMail:        plain("MAIL from here"),
		replySyntaxRcpt:        plain("MAIL FROM:<>|RCPT TO:<>"),
		replyOddSender:         plain("MAIL FROM:<a!b@x.test(c)>"),
		replyOddRecipient:      plain("MAIL FROM:<>|RCPT TO:<(c)b@monre.gov.vn>"),
		replyLongSender:        plain("MAIL FROM:<" + strings.Repeat("a", maxPath) + "@x.test>"),
		replyLongRecipient:     plain("MAIL FROM:<>|RCPT TO:<" + strings.Repeat("a", maxPath) + "@monre.gov.vn>"),
		replyRoutedSender:      plain("MAIL FROM:<@x.test:a@example.org>"),
		replyRoutedRecipient:   plain("MAIL FROM:<>|RCPT TO:<@x.test,@y.test:b@monre.gov.vn>"),
		replySyntaxHello:       plain("EHLO"),
		replySyntaxBdat:        plain(envelopeText + "|BDAT x"),
		replyChunkTooBig:       plain(envelopeText + "|BDAT 999999999999"),
		replyBdatOnly:          plain(envelopeText + "|BDAT 0|DATA"),
		replySyntaxForward:     with(trusted, "XFORWARD x"),
		replySyntaxXclient:     with(trusted, "XCLIENT x"),
		replyNotTrusted:        plain("XFORWARD ADDR=192.0.2.1"),
		replyXclientNotTrusted: plain("XCLIENT ADDR=192.0.2.1"),
		replyNoArgument:        plain("RSET now"),
		replyLineTooLong:       plain("NOOP " + strings.Repeat("x", maxCommandLine)),
		replyControl:           plain("NOOP \x01"),
		replyBareLineFeed:      plain("NOOP\nNOOP"),
		replyUnknown:           plain("FOO"),
		replyUnsupported:       plain("EXPN list"),
		replyNoSMTP:            plain("GET / HTTP/1.1"),
		replyHelloFirst:        plain("-|MAIL FROM:<>"),
		replyMailFirst:         plain("RCPT TO:<b@monre.gov.vn>"),
		replyNested:            plain("MAIL FROM:<>|MAIL FROM:<>"),
		replyNoRecipients:      plain("MAIL FROM:<>|DATA"),
		replyNoUTF8:            plain("MAIL FROM:<> SMTPUTF8"),
		replyNoUTF8Path:        plain("MAIL FROM:<a\u1ed9@example.org>"),
		replyTLSFirst:          with(func(c *Config) { c.TLS.Required = true }, "MAIL FROM:<>"),
		replyAuthTLSFirst:      plain("AUTH PLAIN AG4AeA=="),
		replyTLSAlready:        tls("STARTTLS"),
		replyNoMechanism:       tls("AUTH EXTERNAL ="),
		replyAuthAlready:       tls("AUTH PLAIN AG4AeA==|AUTH PLAIN AG4AeA=="),
	}
}

// provoke plays a refusal on a gate of its own and returns the reply.
func (r ownRefusal) provoke(t *testing.T, p pair, change func(*Config)) string {
	t.Helper()
	g, hop := withHop(t, func(cfg *Config) {
		cfg.TLS, cfg.AuthPass = ListenTLS{Certificate: p.cert, Key: p.key}, true
		if r.change != nil {
			r.change(cfg)
		}
		change(cfg)
	})
	hop.setAct(func(_ int, stage string) string {
		return map[string]string{"EHLO": "250-next.test\r\n250 AUTH PLAIN LOGIN\r\n", "AUTH": "235 2.7.0 welcome\r\n"}[stage]
	})
	c := dialGate(t, g)
	c.want(c.reply(), "220 ")
	say := r.say
	if say[0] == "-" {
		say = say[1:]
	} else {
		c.want(c.cmd("EHLO c.test"), "250-")
	}
	if r.tls {
		c.want(c.cmd("STARTTLS"), "220 ")
		if err := c.secureAsClient(t); err != nil {
			t.Fatal(err)
		}
		c.want(c.cmd("EHLO c.test"), "250-")
	}
	return strings.TrimSuffix(c.cmd(say...), "\r\n")
}

// TestOwnRefusalsBehindAQueue: every refusal of the relay's own is a 5xx in front of a queue and where the
// mail is known to be ours, and behind a queue the same in words and detail, but temporary.
func TestOwnRefusalsBehindAQueue(t *testing.T) {
	p := newPair(t, "gate.test")
	cases := ownRefusals()
	for _, line := range permanentReplies(t) {
		if _, ok := cases[line]; !ok {
			t.Errorf("no case for %q", line)
		}
	}
	for line, r := range cases {
		t.Run(line[:min(len(line), 30)], func(t *testing.T) {
			t.Parallel()
			if got := r.provoke(t, p, func(*Config) {}); got != line {
				t.Errorf("in front of a queue: %q, want %q", got, line)
			}
			want := "451 4" + line[5:]
			if strings.HasPrefix(line, "521") {
				want = "421 4" + line[5:]
			}
			if got := r.provoke(t, p, func(c *Config) { c.AfterQueue = true }); got != want {
				t.Errorf("behind a queue: %q, want %q", got, want)
			}
			want = line
			if line == replyHelloFirst { // nothing is known of who it is
				want = "451 4" + line[5:]
			}
			if got := r.provoke(t, p, func(c *Config) { c.AfterQueue, c.Direction = true, filter.Outbound }); got != want {
				t.Errorf("behind a queue, of ours: %q, want %q", got, want)
			}
		})
	}
}

// TestOwnRefusalsByEnvelope: without a fixed direction it is the client and the reverse-path that tell whose
// mail it is.
func TestOwnRefusalsByEnvelope(t *testing.T) {
	g, _ := withHop(t, func(cfg *Config) {
		cfg.AfterQueue, cfg.TrustedPeers = true, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	c := dialGate(t, g)
	c.greet()
	for _, tc := range []struct{ client, from, want string }{
		{"10.1.2.3", "a@monre.gov.vn", "501 5.1.3 "},
		{"10.1.2.3", "a@example.org", "451 4.1.3 "},
		{"192.0.2.1", "a@monre.gov.vn", "451 4.1.3 "},
		{"192.0.2.1", "", "451 4.1.3 "},
	} {
		c.want(c.cmd("XFORWARD ADDR="+tc.client, "MAIL FROM:<"+tc.from+">"), "250 ")
		c.want(c.cmd("RCPT TO:<(c)b@monre.gov.vn>"), tc.want)
		c.want(c.cmd("RSET"), "250 ")
	}
}

// permanentReplies are the constants of this package that are replies of class 5.
func permanentReplies(t *testing.T) (lines []string) {
	t.Helper()
	for _, file := range []string{"replies.go", "mailbox.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.HasPrefix(lit.Value, `"5`) {
				if s, err := strconv.Unquote(lit.Value); err == nil && len(s) > 9 {
					lines = append(lines, s)
				}
			}
			return true
		})
	}
	if len(lines) < 20 {
		t.Fatalf("only %d replies found", len(lines))
	}
	return lines
}
