package filter

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter/message"
)

func plainJudge(t *testing.T, rules ...Rule) *Judge {
	t.Helper()
	p := &Policy{Deadline: time.Minute, Settings: map[string]Setting{}, Rules: rules}
	for _, r := range rules {
		p.Settings[r.Name] = Setting{Mode: Enforce, Outbound: Hold, Inbound: Hold}
	}
	j, err := NewJudge(p, 4, NewMetrics(prometheus.NewRegistry()), slog.New(slog.NewTextHandler(io.Discard, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// ledger is a keeper that remembers.
type ledger struct {
	full      error // of the disk
	officers  bool
	away      bool   // nobody knows of officers
	first     string // id of an earlier hold of the same message
	released  string // hold
	broken    error  // of the look for a release
	panics    bool   // instead
	excepted  string // part hash
	unknown   error  // of the look for another
	kept      []Verdict
	outcomes  []Outcome
	exception int // looks for one
}

func (l *ledger) Keep(_ context.Context, _ *Transaction, v Verdict) (string, error) {
	if l.full == nil {
		l.kept = append(l.kept, v)
	}
	return cmp.Or(l.first, v.Hold), l.full
}
func (l *ledger) Outcome(_ *Transaction, _ Verdict, o Outcome) { l.outcomes = append(l.outcomes, o) }
func (l *ledger) CanHold() (can, known bool)                   { return l.officers, !l.away }
func (l *ledger) Released(context.Context, *Transaction) (string, error) {
	if l.panics {
		panic("secret")
	}
	return l.released, l.broken
}
func (l *ledger) Excepted(_, part string, _ time.Time) (string, error) {
	l.exception++
	if part == l.excepted {
		return "exception-1", nil
	}
	return "", l.unknown
}

// A hold is 250 only with a place for the message, and nothing is said before it is on record.
func TestSettle(t *testing.T) {
	marked := []Finding{{Rule: RuleMarking, Clause: "10.1", Mode: Enforce, Disposition: Hold}}
	other := []Finding{{Rule: "content", Clause: "10.2", Mode: Enforce, Disposition: Hold}}
	failed := []Finding{{Rule: RuleUninspected, Clause: "10.1", Mode: Enforce, Disposition: Hold, Detail: string(RuleFailed)},
		{Rule: "content", Clause: "10.2", Mode: Monitor, Disposition: Refuse}}
	locked := []Finding{{Rule: RuleUninspected, Clause: "10.1", Mode: Enforce, Disposition: Hold, Part: "2", Detail: "encrypted"}}
	for name, c := range map[string]struct {
		l          ledger
		keepMarked bool
		after      bool
		content    bool
		findings   []Finding
		want       string // beginning of the reply
		held       bool
		dropped    bool
		d          Disposition
	}{
		"held":                                {l: ledger{officers: true}, content: true, findings: other, want: "250 2.0.0 ", held: true, d: Hold},
		"no officer":                          {content: true, findings: other, want: "451 4.7.1 ", d: Hold},
		"message not kept by the door":        {l: ledger{officers: true}, findings: other, want: "451 4.7.1 ", d: Hold},
		"disk full":                           {l: ledger{officers: true, full: errors.New("no space")}, content: true, findings: other, want: "451 4.3.0 ", d: Defer},
		"marked, nothing may be kept":         {l: ledger{officers: true}, content: true, findings: marked, want: "550 5.7.1 [10.1] ", d: Refuse},
		"marked, kept by policy":              {l: ledger{officers: true}, keepMarked: true, content: true, findings: marked, want: "250 2.0.0 ", held: true, d: Hold},
		"marked, behind a queue":              {l: ledger{officers: true}, after: true, content: true, findings: marked, want: "451 4.7.1 ", d: Hold},
		"marked, kept, but nobody to open it": {keepMarked: true, content: true, findings: marked, want: "451 4.7.1 ", d: Hold},
		"failed before":                       {l: ledger{officers: true}, content: true, findings: failed, want: "250 2.0.0 ", held: true, d: Hold},
		"failed before, no officer":           {content: true, findings: failed, want: "550 5.7.1 [10.1] ", d: Refuse},
		"failed before, no database":          {l: ledger{away: true}, content: true, findings: failed, want: "451 4.7.1 ", d: Hold},
		"failed before, behind a queue":       {after: true, content: true, findings: failed, want: "451 4.7.1 ", d: Hold},
		"failed and held, no officer":         {content: true, findings: append(other, failed...), want: "451 4.7.1 ", d: Hold},
		"not inspected, no officer":           {content: true, findings: locked, want: "451 4.7.1 ", d: Hold},
	} {
		t.Run(name, func(t *testing.T) {
			j := plainJudge(t)
			j.Policy().KeepMarked = c.keepMarked
			j.KeepWith(&c.l)
			tx := &Transaction{ID: "id1", Direction: Inbound, Session: Session{AfterQueue: c.after}}
			if c.content {
				tx.Content = memory{strings.NewReader("x")}
			}
			held, _ := TextOf(TextHeld)
			v := j.Settle(t.Context(), tx, Verdict{ID: "id1", Direction: Inbound, Disposition: Hold, Findings: c.findings,
				Reply: NewReply(451, "7.1", held, "id1")})
			if !strings.HasPrefix(v.Reply.String(), c.want) || v.Held != c.held || v.Dropped != c.dropped || v.Disposition != c.d || v.Passes() {
				t.Errorf("%q %s held %v dropped %v", v.Reply, v.Disposition, v.Held, v.Dropped)
			}
			if c.l.full == nil && (len(c.l.kept) != 1 || c.l.kept[0].Reply != v.Reply) {
				t.Errorf("on record: %+v", c.l.kept)
			}
		})
	}
}

// A message that passes is not let on before it is on record, and carries nothing of ours when it is not.
func TestNoMailWithoutEvidence(t *testing.T) {
	j := plainJudge(t)
	l := &ledger{full: errors.New("no space")}
	j.KeepWith(l)
	tx := read(t, "From: a@b\r\n\r\nx")
	v := j.Settle(t.Context(), tx, j.Judge(t.Context(), tx))
	if v.Reply.Code() != 451 || v.Passes() || len(v.Add)+len(v.Remove) > 0 || v.Err == nil {
		t.Errorf("%q %+v", v.Reply, v)
	}
	j.Log(tx, v, Outcome{Reply: v.Reply.String()})
	if len(l.outcomes) != 1 {
		t.Errorf("outcomes %v", l.outcomes)
	}
}

func read(t *testing.T, text string) *Transaction {
	t.Helper()
	m, err := message.Read(strings.NewReader(text), int64(len(text)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return &Transaction{ID: "id1", Message: m, Content: memory{strings.NewReader(text)}}
}

// What an officer released passes without being judged, with the gate's fields and without forged ones.
func TestReleased(t *testing.T) {
	refuses := Rule{Name: "r", Clause: "9.3", Code: 550, Status: "7.1", Check: func(context.Context, *Transaction) ([]Finding, error) {
		return []Finding{{Disposition: Refuse}}, nil
	}}
	j := plainJudge(t, refuses)
	l := &ledger{released: "hold-1"}
	j.KeepWith(l)
	tx := read(t, "Congthu-Id: forged\r\nFrom: a@b\r\n\r\nx")
	v := j.Judge(t.Context(), tx)
	if !v.Passes() || tx.Released != "hold-1" || len(v.Remove) != 1 || len(v.Add) != 1 {
		t.Errorf("%+v", v)
	}
	l.released = ""
	if v := j.Judge(t.Context(), tx); v.Disposition != Refuse {
		t.Errorf("a message that nobody released: %s", v.Disposition)
	}
	l.broken = errors.New("database is gone")
	if v := j.Judge(t.Context(), tx); v.Reply.Code() != 451 {
		t.Errorf("not known whether it was released: %q", v.Reply)
	}
	l.panics = true
	for range 10 { // the slots are given back
		if v := j.Judge(t.Context(), tx); v.Reply.Code() != 451 {
			t.Errorf("a panic: %q", v.Reply)
		}
	}
}

// An exception is for one part, by its hash, and is asked for only where it could change something.
func TestException(t *testing.T) {
	found := Finding{Disposition: Refuse, Part: "2"}
	j := plainJudge(t, Rule{Name: "r", Clause: "10.1", Code: 550, Status: "7.1", Check: func(context.Context, *Transaction) ([]Finding, error) {
		return []Finding{found}, nil
	}})
	const digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of "x"
	l := &ledger{}
	j.KeepWith(l)
	text := "From: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ny\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--\r\n"
	v := j.Judge(t.Context(), read(t, text))
	if v.Disposition != Refuse || len(v.Findings) != 1 || v.Findings[0].PartSHA256 != digest {
		t.Fatalf("%s %+v", v.Disposition, v.Findings)
	}
	l.excepted = digest
	v = j.Judge(t.Context(), read(t, text))
	if !v.Passes() || v.Findings[0].Exception != "exception-1" || v.Findings[0].Mode != Monitor {
		t.Errorf("%s %+v", v.Disposition, v.Findings)
	}
	if v := j.Judge(t.Context(), read(t, strings.Replace(text, "eA==", "eQ==", 1))); v.Disposition != Refuse {
		t.Errorf("another part: %s", v.Disposition)
	}
	two := strings.Replace(text, "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit", 1)
	if v := j.Judge(t.Context(), read(t, two)); v.Disposition != Refuse || v.Findings[0].PartSHA256 != "" {
		t.Errorf("a part that reads in two ways: %s %+v", v.Disposition, v.Findings)
	}
	l.exception = 0
	found.Disposition = Tag
	if j.Judge(t.Context(), read(t, text)); l.exception != 0 {
		t.Errorf("asked %d times for an exception from a tag", l.exception)
	}
}

// The sender is told under which id an officer finds the message, when it is held already.
func TestHeldAlready(t *testing.T) {
	j := plainJudge(t)
	j.KeepWith(&ledger{officers: true, first: "hold-1"})
	tx := read(t, "Subject: x\r\n\r\nx\r\n")
	v := j.Settle(t.Context(), tx, Verdict{ID: tx.ID, Disposition: Hold, Findings: []Finding{{Rule: "content", Clause: "10.2", Mode: Enforce, Disposition: Hold}}})
	if !v.Held || v.Hold != "hold-1" || v.Reply.Code() != 250 || !strings.Contains(v.Reply.String(), "hold-1") || strings.Contains(v.Reply.String(), tx.ID) {
		t.Errorf("%+v", v)
	}
}

// Whether there is an exception must be known before a message is refused for good, but not when it is refused anyway.
func TestExceptionNotKnown(t *testing.T) {
	var found []Finding
	j := plainJudge(t, Rule{Name: "r", Clause: "10.1", Code: 550, Status: "7.1", Check: func(context.Context, *Transaction) ([]Finding, error) {
		return found, nil
	}})
	away := errors.New("away")
	j.KeepWith(&ledger{unknown: away})
	for what, c := range map[string]struct {
		found []Finding
		code  int
	}{
		"a part":                        {[]Finding{{Disposition: Refuse, Part: "1"}}, 451},
		"a part, and the whole message": {[]Finding{{Disposition: Refuse, Part: "1"}, {Disposition: Refuse}}, 550},
		"a part, and a lesser finding":  {[]Finding{{Disposition: Refuse, Part: "1"}, {Disposition: Hold}}, 451},
		"the whole message":             {[]Finding{{Disposition: Refuse}}, 550},
		"a tag":                         {[]Finding{{Disposition: Tag, Part: "1"}}, 250},
	} {
		found = c.found
		v := j.Judge(t.Context(), read(t, "From: a@b\r\n\r\nx\r\n"))
		if v.Reply.Code() != c.code || (c.code == 451) != errors.Is(v.Err, away) && c.code != 550 {
			t.Errorf("%s: %s, %v", what, v.Reply, v.Err)
		}
	}
}
