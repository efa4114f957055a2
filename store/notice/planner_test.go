package notice

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/filter"
)

// plan is a Planner over a queue in memory.
func plan(t testing.TB) (*Planner, *memory, *clock) {
	t.Helper()
	q, c := &memory{}, &clock{at: noon}
	p, err := NewPlanner(PlannerOptions{Identity: identity(), Ours: ours, Queue: q, Now: c.now, Log: quiet(), Metrics: metrics(), Wake: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	return p, q, c
}

// held queues what people are to be told of a held message, as who holds it does, and counts it.
func held(t testing.TB, p *Planner, tx *filter.Transaction, v filter.Verdict) int {
	t.Helper()
	queued, err := p.enqueue(t.Context(), p.Held(tx, v, noon.AddDate(0, 0, 30)))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, ok := range queued {
		n += count(ok)
	}
	return n
}

// told is who was told what: "kind to rule".
func told(q *memory) (out []string) {
	for _, e := range q.all() {
		out = append(out, fmt.Sprint(e.Kind, " ", e.To, " ", e.Rule))
	}
	return out
}

func TestWhoIsToldOfAHold(t *testing.T) {
	const me, outside = "nvan@monre.gov.vn", "b@example.com"
	own := "Message-ID: " + identity().messageID("01JDEXAMPLE000000000000000") + "\n"
	for _, tc := range []struct {
		name      string
		direction filter.Direction
		from      string
		header    string
		to        []string
		rules     []string
		want      []string
	}{
		{"outbound: the sender", filter.Outbound, me, "", []string{outside, me}, []string{"subject"}, []string{"held-sender nvan@monre.gov.vn subject"}},
		{"internal: the sender", filter.Internal, me, "", []string{"b@monre.gov.vn"}, []string{"subject"}, []string{"held-sender nvan@monre.gov.vn subject"}},
		{"several rules: the first", filter.Outbound, me, "", []string{outside}, []string{"marking", "subject"}, []string{"held-sender nvan@monre.gov.vn marking"}},
		{"a virus, outbound: the sender", filter.Outbound, me, "", []string{outside}, []string{"virus"}, []string{"held-sender nvan@monre.gov.vn virus"}},
		{"domain in capitals", filter.Outbound, "Nvan@MONRE.GOV.VN", "", []string{outside}, []string{"subject"}, []string{"held-sender nvan@monre.gov.vn subject"}},
		{"a subdomain", filter.Outbound, "a@so.monre.gov.vn", "", []string{outside}, []string{"subject"}, []string{"held-sender a@so.monre.gov.vn subject"}},
		{"inbound: recipients of ours", filter.Inbound, outside, "", []string{me, "c@example.org", "b@monre.gov.vn"}, []string{"content"},
			[]string{"held-recipient nvan@monre.gov.vn content", "held-recipient b@monre.gov.vn content"}},
		{"inbound, null reverse-path: recipients", filter.Inbound, "", "", []string{me}, []string{"content"}, []string{"held-recipient nvan@monre.gov.vn content"}},
		{"inbound, from a list: recipients", filter.Inbound, outside, "List-Id: <a.example>\n", []string{me}, []string{"content"}, []string{"held-recipient nvan@monre.gov.vn content"}},
		{"inbound virus: nobody", filter.Inbound, outside, "", []string{me}, []string{"subject", "virus"}, nil},
		{"inbound, own address as sender: only recipients", filter.Inbound, me, "", []string{"b@monre.gov.vn"}, []string{"subject"}, []string{"held-recipient b@monre.gov.vn subject"}},
		{"outbound from an address outside: nobody", filter.Outbound, outside, "From: <nvan@monre.gov.vn>\n", []string{outside}, []string{"subject"}, nil},
		{"a look-alike domain", filter.Outbound, "a@evilmonre.gov.vn", "", []string{outside}, []string{"subject"}, nil},
		{"no domain", filter.Outbound, "root", "", []string{outside}, []string{"subject"}, nil},
		{"null reverse-path: nobody", filter.Outbound, "", "From: <nvan@monre.gov.vn>\n", []string{outside}, []string{"subject"}, nil},
		{"automatic reply", filter.Outbound, me, "Auto-Submitted: (x) auto-replied; y=z\n", []string{outside}, []string{"subject"}, nil},
		{"Auto-Submitted: no", filter.Outbound, me, "Auto-Submitted: No\n", []string{outside}, []string{"subject"}, []string{"held-sender nvan@monre.gov.vn subject"}},
		{"Precedence", filter.Outbound, me, "Precedence: Bulk\n", []string{outside}, []string{"subject"}, nil},
		{"Precedence: first-class", filter.Outbound, me, "Precedence: first-class\n", []string{outside}, []string{"subject"}, []string{"held-sender nvan@monre.gov.vn subject"}},
		{"mailing list", filter.Outbound, me, "List-Id: <a.monre.gov.vn>\n", []string{outside}, []string{"subject"}, nil},
		{"a program's mailbox", filter.Outbound, "MAILER-DAEMON@monre.gov.vn", "", []string{outside}, []string{"subject"}, nil},
		{"a list's owner", filter.Outbound, "tin-request@monre.gov.vn", "", []string{outside}, []string{"subject"}, nil},
		{"our own notice", filter.Internal, me, own, []string{"b@monre.gov.vn"}, []string{"subject"}, nil},
		{"our own notice, back from outside", filter.Inbound, outside, own, []string{me}, []string{"subject"}, nil},
		{"what pretends to be our notice", filter.Inbound, outside, "Message-ID: <congthu-notice.01JDEXAMPLE000000000000000.00@monre.gov.vn>\n", []string{me},
			[]string{"subject"}, []string{"held-recipient nvan@monre.gov.vn subject"}},
		{"to where notices come from", filter.Inbound, outside, "", []string{"congthu@monre.gov.vn"}, []string{"subject"}, nil},
		{"a recipient nobody can write", filter.Inbound, outside, "", []string{"\"a b\"@monre.gov.vn", "văn@monre.gov.vn"}, []string{"subject"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, q, _ := plan(t)
			if n := held(t, p, transaction(t, tc.direction, tc.from, tc.header, tc.to...), heldBy(tc.rules...)); n != len(tc.want) {
				t.Errorf("%d queued", n)
			}
			if d := cmp.Diff(tc.want, told(q)); d != "" {
				t.Error(d)
			}
			// An automatic message is no mistake of anybody's: it is not counted as one to an address outside.
			if got := counted(p.metrics.Notices, "held-sender", resultOutside); tc.from == "" && got != 0 {
				t.Errorf("%d counted as outside", got)
			}
		})
	}
}

// A recipient hears of itself only: the others may be blind copies.
func TestRecipientsDoNotSeeEachOther(t *testing.T) {
	p, q, _ := plan(t)
	tx := transaction(t, filter.Inbound, "b@example.com", "", "nvan@monre.gov.vn", "kin@monre.gov.vn")
	held(t, p, tx, heldBy("content"))
	if _, err := p.Dropped(t.Context(), tx, heldBy("marking"), nil); err != nil {
		t.Fatal(err)
	}
	if got := len(q.all()); got != 4 {
		t.Fatalf("%d notices", got)
	}
	for _, e := range q.all() {
		if !slices.Equal(e.Items[0].Recipients, []string{e.To}) {
			t.Errorf("%s is told of %v", e.To, e.Items[0].Recipients)
		}
	}
}

func TestOneAnHour(t *testing.T) {
	p, q, c := plan(t)
	hold := func(from, rule string) int {
		return held(t, p, transaction(t, filter.Outbound, from, "", "b@example.com"), heldBy(rule))
	}
	for _, step := range []struct {
		after      time.Duration
		from, rule string
		want       int
	}{
		{0, "a@monre.gov.vn", "subject", 1},
		{0, "a@monre.gov.vn", "subject", 0},
		{0, "A@MONRE.gov.vn", "subject", 0},
		{0, "a@monre.gov.vn", "content", 1},
		{0, "b@monre.gov.vn", "subject", 1},
		{59 * time.Minute, "a@monre.gov.vn", "subject", 0},
		{time.Minute, "a@monre.gov.vn", "subject", 1},
		{time.Minute, "a@monre.gov.vn", "subject", 0},
	} {
		c.add(step.after)
		if got := hold(step.from, step.rule); got != step.want {
			t.Errorf("at %s %s %s: %d queued, want %d", c.now().Format("15:04"), step.from, step.rule, got, step.want)
		}
	}
	if got := counted(p.metrics.Notices, "held-sender", resultSuppressed); got != 4 {
		t.Errorf("%d counted as suppressed", got)
	}
	if len(q.all()) != 4 {
		t.Errorf("%d queued", len(q.all()))
	}
}

func TestOfficers(t *testing.T) {
	p, q, c := plan(t)
	items := make([]Item, MaxItems+5)
	for i := range items {
		items[i] = Item{ID: fmt.Sprint(i), Rules: []Reason{{Rule: "virus", Clause: "11.5"}}}
	}
	officers := []string{"sec@monre.gov.vn", "someone@example.com", "sec2@monre.gov.vn", "congthu@monre.gov.vn"}
	got, err := p.Officers(t.Context(), OfficerWaiting, officers, items)
	if err != nil || len(got) != len(items) {
		t.Fatalf("told of %d, %v", len(got), err)
	}
	if d := cmp.Diff([]string{"officer-waiting sec@monre.gov.vn officer-waiting", "officer-waiting sec2@monre.gov.vn officer-waiting"}, told(q)); d != "" {
		t.Error(d)
	}
	if e := q.all()[0]; len(e.Items) != MaxItems || e.More != 5 {
		t.Errorf("%d listed, %d more", len(e.Items), e.More)
	}
	// The hour of one kind does not silence another, and ends. Nobody hears twice of the same.
	for _, step := range []struct {
		after time.Duration
		kind  Kind
		items []Item
		want  int // items that all heard of
		more  int // notices
	}{{0, OfficerWaiting, items, len(items), 0}, {0, OfficerExpired, items, len(items), 2}, {0, OfficerHalf, items, len(items), 2},
		{0, OfficerWaiting, []Item{{ID: "new"}}, 0, 0}, {Interval, OfficerWaiting, []Item{{ID: "new"}}, 1, 2}, {Interval, OfficerWaiting, items, len(items), 0}} {
		c.add(step.after)
		before := len(q.all())
		if got, err := p.Officers(t.Context(), step.kind, officers, step.items); err != nil || len(got) != step.want || len(q.all())-before != step.more {
			t.Errorf("%s: told of %d in %d notices, %v", step.kind, len(got), len(q.all())-before, err)
		}
	}
	if _, err := p.Officers(t.Context(), HeldSender, officers, items); err == nil {
		t.Error("a sender's notice went to officers")
	}
	if got, err := p.Officers(t.Context(), OfficerHalf, officers, nil); got != nil || err != nil {
		t.Error("a notice about nothing", got, err)
	}
	if got, err := p.Officers(t.Context(), OfficerHalf, officers[1:2], items); got != nil || err != nil {
		t.Error("told of it was somebody outside", got, err)
	}
	if !p.CanTell(officers[0]) || p.CanTell(officers[1]) || p.CanTell(officers[3]) {
		t.Error("who can be told")
	}
}

// Officers whose hours do not begin together all hear of everything, each once.
func TestOfficersOutOfStep(t *testing.T) {
	p, q, c := plan(t)
	officers := []string{"a@monre.gov.vn", "b@monre.gov.vn"}
	if _, err := p.Officers(t.Context(), OfficerExpired, officers[:1], []Item{{ID: "1"}}); err != nil {
		t.Fatal(err)
	}
	c.add(Interval / 2)
	var got []string
	for range 4 {
		var err error
		if got, err = p.Officers(t.Context(), OfficerExpired, officers, []Item{{ID: "2"}}); err != nil {
			t.Fatal(err)
		}
		c.add(Interval / 2)
	}
	if !slices.Equal(got, []string{"2"}) || len(q.all()) != 3 {
		t.Errorf("told of %v, in %v", got, told(q))
	}
	// Who was told is the queue's to know: a planner that begins anew tells nobody again.
	again, _, _ := plan(t)
	again.queue, again.now = q, c.now
	c.add(Interval)
	got, err := again.Officers(t.Context(), OfficerExpired, officers, []Item{{ID: "1"}, {ID: "2"}})
	if err != nil || !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("told of %v, %v", got, err)
	}
	want := []string{"officer-expired a@monre.gov.vn officer-expired", "officer-expired a@monre.gov.vn officer-expired",
		"officer-expired b@monre.gov.vn officer-expired", "officer-expired b@monre.gov.vn officer-expired"}
	all := told(q)
	slices.Sort(all)
	if d := cmp.Diff(want, all); d != "" { // b had not heard of the first
		t.Error(d)
	}
}

// Recipients whose hours do not begin together do so too.
func TestExpiredOutOfStep(t *testing.T) {
	p, q, c := plan(t)
	if _, err := p.Expired(t.Context(), []Item{{ID: "1", Recipients: []string{"a@monre.gov.vn"}}}); err != nil {
		t.Fatal(err)
	}
	c.add(Interval / 2)
	var got []string
	for range 4 {
		var err error
		if got, err = p.Expired(t.Context(), []Item{{ID: "2", Recipients: []string{"a@monre.gov.vn", "b@monre.gov.vn"}}}); err != nil {
			t.Fatal(err)
		}
		c.add(Interval / 2)
	}
	if !slices.Equal(got, []string{"2"}) || len(q.all()) != 3 {
		t.Errorf("told of %v, in %v", got, told(q))
	}
}

// What is dropped is told to recipients and officers at once.
func TestDropped(t *testing.T) {
	p, q, _ := plan(t)
	tx := transaction(t, filter.Inbound, "b@example.com", "", "a@monre.gov.vn", "x@example.org")
	n, err := p.Dropped(t.Context(), tx, heldBy("marking"), []string{"sec@monre.gov.vn", "x@example.com"})
	if err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
	if d := cmp.Diff([]string{"dropped-recipient a@monre.gov.vn marking", "officer-dropped sec@monre.gov.vn officer-dropped"}, told(q)); d != "" {
		t.Error(d)
	}
}

func TestExpired(t *testing.T) {
	p, q, c := plan(t)
	item := func(id, rule string, to ...string) Item {
		return Item{ID: id, Recipients: to, Expires: noon, Direction: filter.Inbound, Rules: []Reason{{Rule: rule}}}
	}
	items := []Item{
		item("1", "content", "a@monre.gov.vn", "b@monre.gov.vn"),
		item("2", "content", "A@example.com", "a@monre.gov.vn"),
		item("3", "content", "x@example.com"),
		item("4", "virus", "c@monre.gov.vn"),
	}
	got, err := p.Expired(t.Context(), items)
	if want := []string{"1", "2", "3", "4"}; err != nil || !slices.Equal(got, want) {
		t.Fatalf("told of %v, %v", got, err)
	}
	if d := cmp.Diff([]string{"expired-recipient a@monre.gov.vn expired-recipient", "expired-recipient b@monre.gov.vn expired-recipient"}, told(q)); d != "" {
		t.Error(d)
	}
	if e := q.all()[0]; len(e.Items) != 2 || !slices.Equal(e.Items[1].Recipients, []string{"a@monre.gov.vn"}) {
		t.Errorf("a is told of %+v", e.Items)
	}
	// Within the hour a cannot be told, and the caller knows of which message.
	later := []Item{item("5", "content", "a@monre.gov.vn"), item("6", "content", "d@monre.gov.vn")}
	if got, err := p.Expired(t.Context(), later); err != nil || !slices.Equal(got, []string{"6"}) {
		t.Errorf("told of %v, %v", got, err)
	}
	c.add(Interval)
	if got, err := p.Expired(t.Context(), later[:1]); err != nil || !slices.Equal(got, []string{"5"}) {
		t.Errorf("an hour later told of %v, %v", got, err)
	}
	q.fail(errOut)
	if got, err := p.Expired(t.Context(), []Item{item("7", "content", "e@monre.gov.vn")}); !errors.Is(err, errOut) || got != nil {
		t.Errorf("with the store out told of %v, %v", got, err)
	}
}

func TestQueueOut(t *testing.T) {
	p, q, _ := plan(t)
	q.fail(errOut)
	tx := transaction(t, filter.Inbound, "b@example.com", "", "a@monre.gov.vn")
	if n, err := p.Dropped(t.Context(), tx, heldBy("subject"), nil); n != 0 || !errors.Is(err, errOut) {
		t.Error(n, err)
	}
	if got := counted(p.metrics.Notices, "dropped-recipient", resultError); got != 1 {
		t.Errorf("%d counted as errors", got)
	}
}

func TestRecipientsLimit(t *testing.T) {
	p, q, _ := plan(t)
	tx := transaction(t, filter.Inbound, "b@example.com", "")
	for i := range MaxRecipients + 1 {
		tx.Recipients = append(tx.Recipients, filter.Path{Local: fmt.Sprint("u", i), Domain: "monre.gov.vn"})
	}
	if n := held(t, p, tx, heldBy("content")); n != MaxRecipients || len(q.all()) != n {
		t.Error(n)
	}
}

func TestNewItem(t *testing.T) {
	tx := transaction(t, filter.Inbound, "b@example.com", "Subject: TUYET MAT secret-string\n", "a@monre.gov.vn")
	tx.Unit = "vanphong"
	v := heldBy("marking", "marking")
	v.Findings = append(v.Findings,
		filter.Finding{Rule: "content", Mode: filter.Monitor, Disposition: filter.Hold},
		filter.Finding{Rule: "free-mail", Mode: filter.Enforce, Disposition: filter.Tag},
		filter.Finding{Rule: "uninspected", Clause: "10.1", Mode: filter.Enforce, Disposition: filter.Refuse, Detail: "secret-string"})
	got := NewItem(tx, v, noon)
	want := Item{ID: tx.ID, Time: noon, Expires: noon, Direction: filter.Inbound, Unit: "vanphong", Sender: "b@example.com", Recipients: []string{"a@monre.gov.vn"},
		Rules: []Reason{{Rule: "marking", Clause: "9.3"}, {Rule: "uninspected", Clause: "10.1"}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if strings.Contains(fmt.Sprint(got), "secret-string") {
		t.Error("content in a notice")
	}
}

// However many messages with however long addresses: the notice fits the queue, and all are counted.
func TestNoticeFitsTheQueue(t *testing.T) {
	p, q, _ := plan(t)
	long := strings.Repeat("&", MaxAddress) // six octets each in JSON
	items := make([]Item, 2*MaxItems)
	for i := range items {
		items[i] = Item{ID: fmt.Sprint(i), Sender: long + "x", Unit: long, Recipients: slices.Repeat([]string{long + "x"}, 3*MaxShown),
			Rules: slices.Repeat([]Reason{{Rule: "subject", Clause: "9.3"}}, 2*MaxShown)}
	}
	if _, err := p.Officers(t.Context(), OfficerWaiting, []string{"sec@monre.gov.vn"}, items); err != nil {
		t.Fatal(err)
	}
	n := q.all()[0].Notice
	b, err := json.Marshal(n)
	if err != nil || len(b) > MaxNotice || len(b) < MaxNotice/4 || len(n.Items)+n.More != len(items) {
		t.Errorf("%d octets, %d messages and %d more, %v", len(b), len(n.Items), n.More, err)
	}
	if i := n.Items[0]; len(i.Recipients) != MaxShown || i.More != 2*MaxShown || len(i.Rules) != MaxShown || len(i.Sender) != MaxAddress {
		t.Errorf("%d recipients and %d more, %d rules", len(i.Recipients), i.More, len(i.Rules))
	}
	if len(items[0].Recipients) != 3*MaxShown {
		t.Error("the caller's items were changed")
	}
	r, err := builtinTemplates(t).Render(n)
	if err != nil || !strings.Contains(r.Text, "và 20 địa chỉ khác") || !strings.HasPrefix(r.Subject, "200 thư") {
		t.Errorf("%q %v", r.Subject, err)
	}
}
