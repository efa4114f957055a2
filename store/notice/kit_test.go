package notice

import (
	"context"
	"errors"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"congthu/filter"
	"congthu/filter/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	noon   = time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	errOut = errors.New("the store is out")
)

// memory is a Queue with the rule that a store has to keep.
type memory struct {
	mu      sync.Mutex
	err     error // what every call answers
	told    map[string]time.Time
	notices []*entry
	reasons []string
	heard   map[Kind]map[string][]string
}

type entry struct {
	Notice
	next          time.Time
	sent, givenUp bool
}

func (q *memory) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.err = err
}

func (q *memory) QueueNotices(_ context.Context, all []Notice) (queued []bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return nil, q.err
	}
	if q.told == nil {
		q.told = map[string]time.Time{}
	}
	for _, n := range all {
		last, ok := q.told[n.To+" "+n.Rule]
		ok = !ok || n.Created.Sub(last) >= Interval
		if ok {
			q.told[n.To+" "+n.Rule] = n.Created
			q.notices = append(q.notices, &entry{Notice: n, next: n.Created})
			q.hear(n)
		}
		queued = append(queued, ok)
	}
	return queued, nil
}

func (q *memory) hear(n Notice) {
	if q.heard == nil {
		q.heard = map[Kind]map[string][]string{}
	}
	if q.heard[n.Kind] == nil {
		q.heard[n.Kind] = map[string][]string{}
	}
	for _, id := range n.Hears {
		q.heard[n.Kind][id] = append(q.heard[n.Kind][id], n.To)
	}
}

func (q *memory) Heard(_ context.Context, k Kind, ids []string) (map[string][]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return nil, q.err
	}
	heard := map[string][]string{}
	for _, id := range ids {
		if all := q.heard[k][id]; len(all) > 0 {
			heard[id] = append([]string(nil), all...)
		}
	}
	return heard, nil
}

func (q *memory) NextNotices(_ context.Context, now time.Time, limit int) (due []Notice, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.notices {
		if !e.sent && !e.givenUp && !e.next.After(now) && len(due) < limit {
			due = append(due, e.Notice)
		}
	}
	return due, q.err
}

func (q *memory) mark(id string, f func(*entry)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return q.err
	}
	for _, e := range q.notices {
		if e.ID == id {
			f(e)
		}
	}
	return nil
}

func (q *memory) MarkSent(_ context.Context, id string) error {
	return q.mark(id, func(e *entry) { e.sent = true })
}

func (q *memory) MarkFailed(_ context.Context, id, reason string, next time.Time) error {
	return q.mark(id, func(e *entry) {
		e.Attempts++
		e.next, e.givenUp = next, next.IsZero()
		q.reasons = append(q.reasons, reason)
	})
}

func (q *memory) all() (out []entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.notices {
		out = append(out, *e)
	}
	return out
}

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func ours(domain string) bool {
	return filter.Organisation{Domains: []string{"monre.gov.vn"}}.Ours(domain)
}

func identity() Identity {
	return Identity{From: mail.Address{Name: "Cổng thư điện tử", Address: "congthu@monre.gov.vn"}, Secret: []byte("a secret of 24 octets...")}
}

func metrics() *Metrics { return NewMetrics(prometheus.NewRegistry()) }

func counted(m *prometheus.CounterVec, labels ...string) int {
	return int(testutil.ToFloat64(m.WithLabelValues(labels...)))
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func builtinTemplates(t testing.TB) *Templates {
	t.Helper()
	all, err := LoadTemplates("", nil, Words{Organisation: "Bộ Tài nguyên và Môi trường", Contact: "attt@monre.gov.vn, 024 3795 6868", Console: "https://congthu.monre.gov.vn"})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// transaction is mail from one to others with a header.
func transaction(t testing.TB, d filter.Direction, from, header string, to ...string) *filter.Transaction {
	t.Helper()
	text := strings.ReplaceAll(header, "\n", "\r\n") + "\r\nbody\r\n"
	m, err := message.Read(strings.NewReader(text), int64(len(text)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	tx := &filter.Transaction{ID: "01JDEXAMPLE0000000000000AA", Received: noon, ReversePath: filter.ParsePath(from, ""), Message: m, Direction: d}
	for _, r := range to {
		tx.Recipients = append(tx.Recipients, filter.ParsePath(r, ""))
	}
	return tx
}

func heldBy(rules ...string) filter.Verdict {
	v := filter.Verdict{Disposition: filter.Hold}
	for _, r := range rules {
		v.Findings = append(v.Findings, filter.Finding{Rule: r, Clause: "9.3", Mode: filter.Enforce, Disposition: filter.Hold})
	}
	return v
}

// eventually waits for something that another goroutine does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
