package notice

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/filter"
)

// watch is a Watcher and what it raised: "kind sender client".
func watch(t testing.TB, viruses, refusals Burst) (*Watcher, *[]string) {
	t.Helper()
	raised := &[]string{}
	w, err := NewWatcher(func(a Alert) {
		*raised = append(*raised, fmt.Sprintf("%s %s %s", a.Kind, a.Sender, a.Client))
	}, viruses, refusals)
	if err != nil {
		t.Fatal(err)
	}
	return w, raised
}

func seen(rule string, d filter.Disposition, after time.Duration) Seen {
	return Seen{ID: "01JD", Time: noon.Add(after), Direction: filter.Outbound, Sender: "nvan@monre.gov.vn", Client: "10.0.0.7", Disposition: d,
		Findings: []filter.Finding{{Rule: rule, Clause: "10.1", Level: "MAT", Mode: filter.Enforce, Disposition: d}}}
}

func TestEachRefusedMarking(t *testing.T) {
	monitored := seen("marking", filter.Refuse, 0)
	monitored.Findings[0].Mode = filter.Monitor
	tagged := seen("marking", filter.Tag, 0)
	deferred := seen("marking", filter.Refuse, 0)
	deferred.Disposition = filter.Defer
	twice := seen("marking", filter.Refuse, 0)
	twice.Findings = append(twice.Findings, twice.Findings[0])
	for _, tc := range []struct {
		name string
		seen Seen
		want int
	}{
		{"refused", seen("marking", filter.Refuse, 0), 1}, {"found twice in one message", twice, 1}, {"monitored", monitored, 0},
		{"tagged", tagged, 0}, {"deferred", deferred, 0}, {"another rule", seen("subject", filter.Refuse, 0), 0}, {"accepted", Seen{Disposition: filter.Accept}, 0},
	} {
		w, raised := watch(t, Burst{}, Burst{})
		w.Observe(tc.seen)
		w.Observe(tc.seen)
		if len(*raised) != 2*tc.want {
			t.Errorf("%s: %v", tc.name, *raised)
		}
	}
}

func TestBursts(t *testing.T) {
	const s = time.Second
	for _, tc := range []struct {
		name  string
		times []time.Duration
		rule  string
		d     filter.Disposition
		want  []string
	}{
		{"three viruses in a minute", []time.Duration{0, 20 * s, 59 * s}, "virus", filter.Refuse, []string{"virus-burst nvan@monre.gov.vn "}},
		{"held viruses count as well", []time.Duration{0, 20 * s, 59 * s}, "virus", filter.Hold, []string{"virus-burst nvan@monre.gov.vn "}},
		{"three viruses in more", []time.Duration{0, 20 * s, 60 * s}, "virus", filter.Refuse, nil},
		{"the window slides", []time.Duration{0, 30 * s, 70 * s, 80 * s}, "virus", filter.Refuse, []string{"virus-burst nvan@monre.gov.vn "}},
		{"then it counts anew", []time.Duration{0, s, 2 * s, 3 * s, 4 * s}, "virus", filter.Hold, []string{"virus-burst nvan@monre.gov.vn "}},
		{"five refusals", []time.Duration{0, s, 2 * s, 3 * s, 4 * s}, "subject", filter.Refuse, []string{"refusal-burst nvan@monre.gov.vn "}},
		{"four refusals", []time.Duration{0, s, 2 * s, 3 * s}, "subject", filter.Refuse, nil},
		{"held mail is no refusal", []time.Duration{0, s, 2 * s, 3 * s, 4 * s}, "subject", filter.Hold, nil},
		{"what is ahead of a clock that went back does not count", []time.Duration{time.Hour, time.Hour, 0, s}, "virus", filter.Hold, nil},
		{"and counting goes on", []time.Duration{time.Hour, time.Hour, 0, s, 2 * s}, "virus", filter.Hold, []string{"virus-burst nvan@monre.gov.vn "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, raised := watch(t, Burst{3, time.Minute}, Burst{5, time.Minute})
			for _, at := range tc.times {
				w.Observe(seen(tc.rule, tc.d, at))
			}
			if d := cmp.Diff(tc.want, *raised, cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); d != "" {
				t.Error(d)
			}
		})
	}
}

// Who a sender is: a login before an address; outside, where addresses cost nothing, the client as well.
func TestWhoseBurst(t *testing.T) {
	w, raised := watch(t, Burst{}, Burst{3, time.Minute})
	for i := range 3 {
		out := seen("subject", filter.Refuse, 0)
		out.Login, out.Sender, out.Client = "nvan", fmt.Sprintf("a%d@monre.gov.vn", i), fmt.Sprint("10.0.0.", i)
		w.Observe(out)
		in := seen("subject", filter.Refuse, 0)
		in.Direction, in.Sender, in.Client = filter.Inbound, fmt.Sprintf("a%d@example.com", i), "198.51.100.9"
		w.Observe(in)
		null := seen("subject", filter.Refuse, 0)
		null.Direction, null.Sender, null.Client = filter.Inbound, "", fmt.Sprint("198.51.100.1", i)
		w.Observe(null)
	}
	if want := []string{"refusal-burst nvan ", "refusal-burst  198.51.100.9"}; !slices.Equal(*raised, want) {
		t.Errorf("%q", *raised)
	}
}

func TestBurstLimits(t *testing.T) {
	for _, b := range []Burst{{-1, time.Minute}, {MaxBurst + 1, time.Minute}, {1, 0}, {1, -time.Second}} {
		if _, err := NewWatcher(nil, b, Burst{}); err == nil {
			t.Errorf("%+v was taken", b)
		}
		if _, err := NewWatcher(nil, Burst{}, b); err == nil {
			t.Errorf("%+v was taken", b)
		}
	}
	if _, err := NewWatcher(nil, DefaultViruses(), DefaultRefusals()); err != nil {
		t.Error(err)
	}
	w, raised := watch(t, Burst{}, Burst{MaxBurst, time.Minute})
	for i := range MaxSenders + 10 {
		s := seen("subject", filter.Refuse, 0)
		s.Sender = fmt.Sprint(i, "@monre.gov.vn")
		w.Observe(s)
	}
	if w.refusedOf.Len() != MaxSenders || len(*raised) != 0 {
		t.Errorf("%d senders remembered", w.refusedOf.Len())
	}
	for range MaxBurst {
		w.Observe(seen("subject", filter.Refuse, 0))
	}
	if len(*raised) != 1 {
		t.Errorf("%v", *raised)
	}
}

func TestSeenOf(t *testing.T) {
	tx := transaction(t, filter.Inbound, "a@example.com", "", "nvan@monre.gov.vn")
	tx.Session.Client, tx.Session.Login = netip.MustParseAddr("198.51.100.9"), "nvan"
	v := heldBy("virus")
	v.Direction, v.Unit = filter.Inbound, "vanphong"
	got := SeenOf(tx, v)
	want := Seen{ID: tx.ID, Time: noon, Direction: filter.Inbound, Unit: "vanphong", Sender: "a@example.com", Login: "nvan", Client: "198.51.100.9",
		Disposition: filter.Hold, Findings: v.Findings}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	tx.Session.Client = netip.Addr{}
	if got := SeenOf(tx, v); got.Client != "" {
		t.Errorf("client %q", got.Client)
	}
}
