package relay

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
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

// patience is how long a test waits for what must come. A test that passes never waits it out.
const patience = 20 * time.Second

// gate is a relay under test, with a real judge whose one rule does what the Subject says.
type gate struct {
	*Server
	judge   *recorder
	metrics *filter.Metrics
	addr    string
	panics  int // expected
}

// recorder is a judge that keeps what it judged and logged.
type recorder struct {
	inner  Judge
	during func(*filter.Transaction) // runs while a message is judged

	mu     sync.Mutex
	judged []filter.Transaction
	logged []logged
}

type logged struct {
	tx filter.Transaction
	v  filter.Verdict
	o  filter.Outcome
}

func (r *recorder) Judge(ctx context.Context, tx *filter.Transaction) filter.Verdict {
	if r.during != nil {
		r.during(tx)
	}
	v := r.inner.Judge(ctx, tx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judged = append(r.judged, *tx)
	return v
}

func (r *recorder) Protocol(tx *filter.Transaction, code int, status string, text filter.TextKey) filter.Verdict {
	return r.inner.Protocol(tx, code, status, text)
}

func (r *recorder) Fault(tx *filter.Transaction, err error) filter.Verdict {
	return r.inner.Fault(tx, err)
}

func (r *recorder) Settle(ctx context.Context, tx *filter.Transaction, v filter.Verdict) filter.Verdict {
	return r.inner.Settle(ctx, tx, v)
}

func (r *recorder) Log(tx *filter.Transaction, v filter.Verdict, o filter.Outcome) {
	r.inner.Log(tx, v, o)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logged = append(r.logged, logged{*tx, v, o})
}

// logs waits until n messages have been logged and returns them.
func (r *recorder) logs(t testing.TB, n int) []logged {
	t.Helper()
	eventually(t, "the log lines of the messages", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.logged) >= n
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.logged) != n {
		t.Fatalf("%d messages logged, want %d", len(r.logged), n)
	}
	return r.logged
}

func (r *recorder) transactions() []filter.Transaction {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]filter.Transaction(nil), r.judged...)
}

// subjectRule does what a message's Subject says.
func subjectRule(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
	for _, f := range tx.Message.Header.Fields {
		if f.Name != "Subject" {
			continue
		}
		for _, d := range filter.Dispositions() {
			if bytes.Contains(f.Raw, []byte("judge:"+d.String())) {
				return []filter.Finding{{Disposition: d}}, nil
			}
		}
		if bytes.Contains(f.Raw, []byte("judge:fault")) {
			return nil, errors.New("engine down at /secret/socket")
		}
		if bytes.Contains(f.Raw, []byte("judge:panic")) {
			panic("rule")
		}
	}
	return nil, nil
}

func testPolicy() *filter.Policy {
	return &filter.Policy{
		Hash:         "sha256:test",
		Organisation: filter.Organisation{Domains: []string{"monre.gov.vn"}, TrustedNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		Rules:        []filter.Rule{{Name: "subject", Clause: "9.3", Code: 550, Status: "7.1", Check: subjectRule}},
		Settings:     map[string]filter.Setting{"subject": {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Tag}},
		Deadline:     patience,
	}
}

// newGate makes a server that does not listen yet.
func newGate(t testing.TB, change func(*Config)) *gate {
	t.Helper()
	cfg := Defaults()
	cfg.Name, cfg.Hostname = "test", "gate.test"
	cfg.Keep.Connections = 0 // tests that keep connections say so
	if change != nil {
		change(&cfg)
	}
	metrics := filter.NewMetrics(prometheus.NewRegistry())
	log := slog.New(slog.DiscardHandler)
	judge, err := filter.NewJudge(testPolicy(), 8, metrics, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{inner: judge}
	s, err := New(cfg, r, message.NewBudget(256<<20), metrics, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &gate{Server: s, judge: r, metrics: metrics}
}

// startGate serves on a loopback port until the test ends; then nothing of it may be left.
func startGate(t testing.TB, change func(*Config)) *gate {
	t.Helper()
	g := newGate(t, change)
	g.start(t)
	return g
}

func (g *gate) start(t testing.TB) {
	t.Helper()
	l := listenLoopback(t)
	g.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if n := testutil.ToFloat64(g.metrics.Sessions.WithLabelValues(doorName)); n != 0 {
			t.Errorf("%v sessions left", n)
		}
		if n := testutil.ToFloat64(g.metrics.Panics); n != float64(g.panics) {
			t.Errorf("%v panics, want %d", n, g.panics)
		}
	})
}

func listenLoopback(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
