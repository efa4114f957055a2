package rules

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules/rate"
)

// rateStand is a judge with the rate rule alone.
type rateStand struct {
	t     testing.TB
	judge *filter.Judge
	at    time.Time
	n     int
}

func newRateStand(t testing.TB, r Rate, mode filter.Mode, d filter.Disposition) *rateStand {
	t.Helper()
	if r.Counter == nil {
		c, err := rate.New()
		if err != nil {
			t.Fatal(err)
		}
		r.Counter = c
	}
	r.Defers = mode == filter.Enforce && d == filter.Defer
	org := filter.Organisation{Domains: []string{"monre.gov.vn"}, TrustedNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	p := &filter.Policy{Hash: "sha256:test", Organisation: org, Rules: []filter.Rule{rateRule(r, org.Ours)},
		Settings: map[string]filter.Setting{NameRate: {Mode: mode, Outbound: d, Inbound: filter.Accept}}, Deadline: time.Minute}
	j, err := filter.NewJudge(p, 4, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &rateStand{t: t, judge: j, at: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
}

// sent is who sends what.
type sent struct {
	from, login, text string
	client            string // default: one of ours
	to                int    // recipients, default 1
	id                string // default: another each time
	door              string
}

// send judges a mail and gives "" or the disposition with its detail.
func (s *rateStand) send(m sent) string {
	s.t.Helper()
	s.n++
	if m.text == "" {
		m.text = fmt.Sprint("mail ", s.n)
	}
	if m.id == "" {
		m.id = fmt.Sprint("ID", s.n)
	}
	if m.client == "" {
		m.client = "10.1.2.3"
	}
	mail := "From: <nvan@monre.gov.vn>\r\nSubject: Thu\r\n\r\n" + m.text + "\r\n"
	read, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		s.t.Fatal(err)
	}
	tx := &filter.Transaction{ID: m.id, Received: s.at, Message: read, SHA256: m.text, ReversePath: filter.ParsePath(m.from, ""),
		Session: filter.Session{Door: m.door, Client: netip.MustParseAddr(m.client), Login: m.login}}
	for i := range max(m.to, 1) {
		tx.Recipients = append(tx.Recipients, filter.ParsePath(fmt.Sprintf("r%d@example.com", i), ""))
	}
	v := s.judge.Judge(context.Background(), tx)
	if v.Err != nil {
		s.t.Fatal(v.Err)
	}
	if len(v.Findings) == 0 {
		return ""
	}
	return v.Reply.String()[:9] + " " + v.Findings[0].Disposition.String() + " " + v.Findings[0].Detail
}

func TestRateRule(t *testing.T) {
	limits := rate.Limits{Messages: 2, Recipients: 10}
	for _, tc := range []struct {
		name   string
		mode   filter.Mode
		asks   filter.Disposition
		exempt []string
		mails  []sent
		want   string // of the last
	}{
		{"within", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}}, ""},
		{"over", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}, {from: "A@MONRE.gov.vn"}}, "450 4.7.1 defer 3 messages in an hour"},
		{"monitored", filter.Monitor, filter.Defer, nil, []sent{{from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}}, "250 2.0.0 defer 4 messages in an hour"},
		{"deferred is not counted", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}}, "450 4.7.1 defer 3 messages in an hour"},
		{"held is counted", filter.Enforce, filter.Refuse, nil, []sent{{from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}}, "550 5.7.1 refuse 4 messages in an hour"},
		{"recipients", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn", to: 6}, {from: "a@monre.gov.vn", to: 5}}, "450 4.7.1 defer 11 recipients in an hour"},
		{"one mail to many", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn", to: 20}}, ""},
		{"a login, whatever the address", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn", login: "nvan"}, {from: "b@monre.gov.vn", login: "nvan"}, {from: "c@monre.gov.vn", login: "NVan"}}, "450 4.7.1 defer 3 messages in an hour"},
		{"an address, whatever the client", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn", client: "10.0.0.1"}, {from: "a@monre.gov.vn", client: "10.0.0.2"}, {from: "a@monre.gov.vn", client: "10.0.0.3"}}, "450 4.7.1 defer 3 messages in an hour"},
		{"tags of an address", filter.Enforce, filter.Defer, nil, []sent{{from: "a+1@monre.gov.vn"}, {from: "A+2@monre.gov.vn"}, {from: "a@MONRE.gov.vn."}}, "450 4.7.1 defer 3 messages in an hour"},
		{"quoted", filter.Enforce, filter.Defer, nil, []sent{{from: `"a"@monre.gov.vn`}, {from: "a@monre.gov.vn"}, {from: `"\a"@monre.gov.vn`}}, "450 4.7.1 defer 3 messages in an hour"},
		{"only a tag", filter.Enforce, filter.Defer, nil, []sent{{from: "+1@monre.gov.vn"}, {from: "+2@monre.gov.vn"}, {from: "+3@monre.gov.vn"}}, ""},
		{"tags of an exempt mailbox", filter.Enforce, filter.Defer, []string{"bantin"}, []sent{{from: "bantin+a=b@monre.gov.vn"}, {from: "bantin+b@monre.gov.vn"}, {from: "bantin@monre.gov.vn"}}, ""},
		{"a login in capitals", filter.Enforce, filter.Defer, nil, []sent{{login: "nvan"}, {login: "NVan"}, {login: "NVAN"}}, "450 4.7.1 defer 3 messages in an hour"},
		{"others", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn"}, {from: "a@monre.gov.vn"}, {from: "b@monre.gov.vn"}}, ""},
		{"from outside", filter.Enforce, filter.Defer, nil, []sent{{from: "a@example.org", client: "198.51.100.1"}, {from: "a@example.org", client: "198.51.100.1"}, {from: "a@example.org", client: "198.51.100.1"}}, ""},
		{"null reverse-path", filter.Enforce, filter.Defer, nil, []sent{{}, {}, {}}, ""},
		{"null reverse-path of a login", filter.Enforce, filter.Defer, nil, []sent{{login: "nvan"}, {login: "nvan"}, {login: "nvan"}}, "450 4.7.1 defer 3 messages in an hour"},
		{"exempt mailbox", filter.Enforce, filter.Defer, []string{"bantin@monre.gov.vn"}, []sent{{from: "BanTin@monre.gov.vn"}, {from: "bantin@monre.gov.vn"}, {from: "bantin@monre.gov.vn"}}, ""},
		{"exempt name", filter.Enforce, filter.Defer, []string{"bantin"}, []sent{{from: "bantin@vp.monre.gov.vn"}, {from: "bantin@vp.monre.gov.vn"}, {from: "bantin@vp.monre.gov.vn"}}, ""},
		{"exempt name of others", filter.Enforce, filter.Defer, []string{"bantin"}, []sent{{from: "bantin@example.com"}, {from: "bantin@example.com"}, {from: "bantin@example.com"}}, "450 4.7.1 defer 3 messages in an hour"},
		{"exempt login", filter.Enforce, filter.Defer, []string{"bantin"}, []sent{{from: "a@monre.gov.vn", login: "bantin"}, {from: "a@monre.gov.vn", login: "bantin"}, {from: "a@monre.gov.vn", login: "bantin"}}, ""},
		{"an exempt address is no exempt login", filter.Enforce, filter.Defer, []string{"bantin"}, []sent{{from: "bantin@monre.gov.vn", login: "nvan"}, {from: "bantin@monre.gov.vn", login: "nvan"}, {from: "bantin@monre.gov.vn", login: "nvan"}}, "450 4.7.1 defer 3 messages in an hour"},
		{"files are not sent", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn", door: "check"}, {from: "a@monre.gov.vn", door: "check"}, {from: "a@monre.gov.vn", door: "check"}}, ""},
		{"judged again and again", filter.Enforce, filter.Defer, nil, []sent{{from: "a@monre.gov.vn", id: "X", text: "x"}, {from: "a@monre.gov.vn", id: "X", text: "x"}, {from: "a@monre.gov.vn", id: "X", text: "x"}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newRateStand(t, Rate{Limits: limits, Exempt: tc.exempt}, tc.mode, tc.asks)
			got := ""
			for _, m := range tc.mails {
				got = s.send(m)
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// What was counted outlives the policy, and the new policy's limits hold at once.
func TestRateOutlivesThePolicy(t *testing.T) {
	c, err := rate.New()
	if err != nil {
		t.Fatal(err)
	}
	s := newRateStand(t, Rate{Counter: c}, filter.Enforce, filter.Defer)
	for range DefaultRateMessages {
		if got := s.send(sent{from: "a@monre.gov.vn"}); got != "" {
			t.Fatal(got)
		}
	}
	next := newRateStand(t, Rate{Counter: c, Limits: rate.Limits{Messages: DefaultRateMessages + 1}}, filter.Enforce, filter.Defer)
	if next.n = s.n; next.send(sent{from: "a@monre.gov.vn"}) != "" {
		t.Error("the old limit holds")
	}
	if got := next.send(sent{from: "a@monre.gov.vn"}); got != "450 4.7.1 defer 302 messages in an hour" {
		t.Error(got)
	}
}
