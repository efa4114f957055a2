package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/evidence"
	"congthu/filter/message"
	"congthu/filter/policy"
	"congthu/internal/peer"
	"congthu/store"
	"congthu/store/notice"
)

// arriving is a message from outside to one mailbox, before it is read.
func (r *remembered) arriving(t *testing.T, id, text string) *filter.Transaction {
	t.Helper()
	spool := message.NewSpool(message.DefaultLimits(), nil)
	t.Cleanup(func() { spool.Close() })
	if _, err := io.WriteString(spool, text); err != nil {
		t.Fatal(err)
	}
	return &filter.Transaction{ID: id, Received: r.clock.now(), Session: filter.Session{Door: "relay"}, Direction: filter.Inbound, Content: spool,
		SHA256: spool.SHA256(), ReversePath: filter.ParsePath("a@khach.example", ""), Recipients: []filter.Path{filter.ParsePath("van.thu@monre.gov.vn", "")}}
}

// judge is one whose only rule, "content", finds what check says and refuses for it, with this memory.
func (r *remembered) judge(t *testing.T, check func(*filter.Transaction) []filter.Finding) *filter.Judge {
	t.Helper()
	officer := func() bool { can, known := r.CanHold(); return can && known }
	if err := peer.Wait(time.Minute, "an officer", officer); err != nil {
		t.Fatal(err)
	}
	rule := filter.Rule{Name: "content", Clause: "10.2", Code: 550, Status: "7.1",
		Check: func(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) { return check(tx), nil }}
	p := &filter.Policy{Hash: "sha256:x", Organisation: filter.Organisation{Domains: []string{"monre.gov.vn"}}, Rules: []filter.Rule{rule},
		Settings: map[string]filter.Setting{"content": {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse}}, Deadline: time.Minute}
	j, err := filter.NewJudge(p, 4, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), r.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	j.KeepWith(r.memory)
	return j
}

// decided judges and settles a message.
func decided(t *testing.T, j *filter.Judge, tx *filter.Transaction) filter.Verdict {
	t.Helper()
	return j.Settle(t.Context(), tx, filter.Decide(t.Context(), j, tx, tx.Content, nil, message.DefaultLimits()))
}

func always(d filter.Disposition) func(*filter.Transaction) []filter.Finding {
	return func(*filter.Transaction) []filter.Finding { return []filter.Finding{{Disposition: d}} }
}

// Behind a queue a refusal becomes a hold: its rules are still why it is held, and two persons stay two.
func TestHeldBehindQueue(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	r.memory.conf.Store.TwoPersons = []string{"content"}
	tx := r.arriving(t, "01KB7W0QJ5R3M9V2C8XZ4T6N1D", "From: a@khach.example\r\nSubject: s\r\n\r\nx\r\n")
	tx.Session.AfterQueue = true
	if v := decided(t, r.judge(t, always(filter.Refuse)), tx); !v.Held {
		t.Fatalf("%+v", v)
	}
	for _, l := range r.lines(t) {
		if l.Verdict != nil && (!l.Verdict.Held || l.Verdict.Dropped) {
			t.Errorf("on record: %+v", l.Verdict)
		}
	}
	h, err := r.store.Load().Show(t.Context(), tx.ID)
	if err != nil || len(h.Rules) != 1 || h.Rules[0] != (store.Rule{Name: "content", Clause: "10.2"}) || !h.TwoPersons {
		t.Errorf("%+v, %v", h, err)
	}
}

// What was released passes with what went out with it. The same body in other clothes, which anybody outside may
// send who sent the first, does not, whether the released message met a gate or not.
func TestReleasedBodyInOtherClothes(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	j := r.judge(t, always(filter.Hold))
	const body = "--A\r\nContent-Type: text/plain\r\n\r\nlanh\r\n--A--\r\n--B\r\nContent-Type: text/plain\r\n\r\nxau\r\n--B--\r\n"
	clothes := func(field, boundary string) string {
		return field + "From: a@khach.example\r\nSubject: " + boundary + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n" + body
	}
	tx := r.arriving(t, "01KB7W0QJ5R3M9V2C8XZ4T6N1D", clothes("", "A"))
	if v := decided(t, j, tx); !v.Held {
		t.Fatalf("%+v", v)
	}
	s := r.store.Load()
	if _, err := s.Approve(t.Context(), tx.ID, "lan@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	release, err := s.ReleaseStart(t.Context(), tx.ID, "lan@monre.gov.vn", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ReleaseDone(t.Context(), release, "lan@monre.gov.vn", "đúng việc", "250 ok"); err != nil {
		t.Fatal(err)
	}
	for n, field := range []string{"x", tx.ID, tx.ID + ".AAAAAAAAAAAAAAAAAAAAAAAAAA", release.Token + "\r\nCongthu-Release: x"} {
		again := r.arriving(t, "01KB7W0QJ5R3M9V2C8XZ4T6N2"+string(rune('0'+n)), clothes("Congthu-Release: "+field+"\r\n", "B"))
		if v := decided(t, j, again); v.Passes() || again.Released != "" {
			t.Errorf("%q: %v, released from %q", field, v.Disposition, again.Released)
		}
	}
	// Whoever was sent the released message knows its secret where no gate took that out.
	dressed := r.arriving(t, "01KB7W0QJ5R3M9V2C8XZ4T6N4A", clothes("Congthu-Release: "+release.Token+"\r\n", "B"))
	if v := decided(t, j, dressed); v.Passes() || dressed.Released != "" {
		t.Errorf("with the secret: %v, released from %q", v.Disposition, dressed.Released)
	}
	for n, want := range []string{tx.ID, ""} { // once, with a field that a server folded
		folded := strings.Replace(clothes("Congthu-Release: "+release.Token+"\r\n", "A"), "; boundary", ";\r\n\tboundary", 1)
		again := r.arriving(t, "01KB7W0QJ5R3M9V2C8XZ4T6N3"+string(rune('0'+n)), folded)
		if v := decided(t, j, again); v.Passes() != (want != "") || again.Released != want {
			t.Errorf("%v, released from %q, want %q", v.Disposition, again.Released, want)
		}
	}
}

// A server that did not hear the answer sends the message again: it is told the id under which the first is held, the
// record says so, and nobody hears of it twice.
func TestHeldTwice(t *testing.T) {
	t.Parallel()
	r := remember(t, "notices: {submit: \"127.0.0.1:1\"}") // where nobody takes them
	j := r.judge(t, always(filter.Hold))
	const first, second = "01KB7W0QJ5R3M9V2C8XZ4T6N1D", "01KB7W0QJ5R3M9V2C8XZ4T6N1E"
	for _, id := range []string{first, second} {
		tx := r.arriving(t, id, "From: a@khach.example\r\nSubject: s\r\n\r\nx\r\n")
		v := decided(t, j, tx)
		if !v.Held || v.Hold != first || !strings.Contains(v.Reply.String(), first) {
			t.Errorf("%s: %+v", id, v)
		}
		j.Log(tx, v, filter.Outcome{Reply: v.Reply.String()})
		r.clock.move(2 * notice.Interval)
	}
	if n := r.queued(t)["van.thu@monre.gov.vn"]; n != 1 {
		t.Errorf("the recipient is told %d times", n)
	}
	r.shut()
	var all []evidence.Outcome
	for _, l := range r.lines(t) {
		if l.Outcome != nil {
			all = append(all, *l.Outcome)
		}
	}
	if len(all) != 2 || all[0].Hold != "" || all[1].Hold != first || !all[1].Held {
		t.Errorf("%+v", all)
	}
}

// queued is how many notices wait for each address.
func (r *remembered) queued(t *testing.T) map[string]int {
	t.Helper()
	all, err := r.store.Load().NextNotices(t.Context(), r.clock.now().Add(365*24*time.Hour), store.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, one := range all {
		n[one.To]++
	}
	return n
}

// lines is the evidence of a kept gate, from the files.
func (r *remembered) lines(t *testing.T) (all []evidence.Line) {
	t.Helper()
	err := evidence.Scan(t.Context(), filepath.Join(filepath.Dir(r.conf), "evidence"), 1, func(lines []evidence.Line) error {
		all = append(all, lines...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Until the database has opened nobody knows whether an officer made an exception; without one there is none.
func TestExceptionBeforeDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]error{"sqlite:/nowhere/congthu.db": store.ErrUnavailable, "none": nil} {
		m := &memory{conf: &policy.Config{Store: policy.Store{DSN: dsn}}}
		if id, err := m.Excepted(filter.RuleMarking, strings.Repeat("0", 64), time.Now()); id != "" || !errors.Is(err, want) {
			t.Errorf("%s: %q, %v", dsn, id, err)
		}
	}
}
