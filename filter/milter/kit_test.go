package milter

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
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

// patience is how long a test waits for what must come. Nothing is measured with it.
const patience = 20 * time.Second

// outcome is what the judge was told at the end of a message.
type outcome struct {
	tx *filter.Transaction
	v  filter.Verdict
	o  filter.Outcome
}

// scripted is the product's own judge, whose one rule does what the subject's first word says, and that
// keeps what it is told.
type scripted struct {
	real     *filter.Judge
	outcomes chan outcome
	judge    func(context.Context, *filter.Transaction) filter.Verdict // instead of real, when set
}

func (j *scripted) Judge(ctx context.Context, tx *filter.Transaction) filter.Verdict {
	if j.judge != nil {
		return j.judge(ctx, tx)
	}
	return j.real.Judge(ctx, tx)
}

func (j *scripted) Protocol(tx *filter.Transaction, code int, status string, k filter.TextKey) filter.Verdict {
	return j.real.Protocol(tx, code, status, k)
}
func (j *scripted) Fault(tx *filter.Transaction, err error) filter.Verdict {
	return j.real.Fault(tx, err)
}
func (j *scripted) Settle(ctx context.Context, tx *filter.Transaction, v filter.Verdict) filter.Verdict {
	return j.real.Settle(ctx, tx, v)
}
func (j *scripted) Log(tx *filter.Transaction, v filter.Verdict, o filter.Outcome) {
	j.real.Log(tx, v, o)
	j.outcomes <- outcome{tx, v, o}
}

func checkSubject(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
	for _, f := range tx.Message.Header.Fields {
		if !strings.EqualFold(f.Name, "Subject") {
			continue
		}
		_, value, _ := strings.Cut(string(f.Raw), ":")
		word := (strings.Fields(value + " accept"))[0]
		switch word {
		case "error":
			return nil, errors.New("engine down")
		case "panic":
			panic("secret content")
		case "accept":
			return nil, nil
		}
		d, err := filter.ParseDisposition(word)
		return []filter.Finding{{Disposition: d}}, err
	}
	return nil, nil
}

// gate is a server under test with what it was made of.
type gate struct {
	*Server
	t        testing.TB
	network  string
	address  string
	judge    *scripted
	metrics  *filter.Metrics
	log      *logLines
	budget   *message.Budget
	served   chan error
	stopOnce sync.Once
}

// logLines is a log that a test can read.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logLines) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Name = "test"
	return cfg
}

// newGate makes a server that does not serve yet.
func newGate(t testing.TB, cfg Config, now func() time.Time) *gate {
	t.Helper()
	g := &gate{t: t, log: &logLines{}, budget: message.NewBudget(256 << 20), served: make(chan error, 1)}
	logger := slog.New(slog.NewJSONHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g.metrics = filter.NewMetrics(prometheus.NewRegistry())
	policy := &filter.Policy{
		Hash:         "sha256:test",
		Organisation: filter.Organisation{AuthservID: "mx.example.vn"},
		Rules:        []filter.Rule{{Name: "subject", Clause: "9.3", Code: 550, Status: "7.1", Check: checkSubject}},
		Settings:     map[string]filter.Setting{"subject": {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse}},
		Deadline:     patience,
	}
	judge, err := filter.NewJudge(policy, 64, g.metrics, logger, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	g.judge = &scripted{real: judge, outcomes: make(chan outcome, 1<<14)}
	g.Server = New(cfg, g.judge, g.budget, g.metrics, logger, now)
	return g
}

// start serves a gate on a unix socket, or on TCP, until the test ends.
func (g *gate) start(network string) *gate {
	g.t.Helper()
	cfg := g.cfg
	switch g.network = network; network {
	case "unix":
		g.address = filepath.Join(socketDir(g.t), "m.sock")
		cfg.Listen = "unix:" + g.address
	case "tcp":
		cfg.Listen = "tcp:127.0.0.1:0"
	}
	l, err := Listen(cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	if network == "tcp" {
		g.address = l.Addr().String()
	}
	go func() { g.served <- g.Serve(l) }()
	g.t.Cleanup(g.stop)
	return g
}

func (g *gate) stop() {
	g.stopOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			g.t.Errorf("shutdown: %v", err)
		}
		if err := <-g.served; err != nil {
			g.t.Errorf("serve: %v", err)
		}
	})
}

// sessions is congthu_sessions{door="milter"}.
func (g *gate) sessions() float64 {
	return testutil.ToFloat64(g.metrics.Sessions.WithLabelValues("milter"))
}

// socketDir is a folder with a path short enough for a unix socket.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "m")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// outcome waits for the next message's end.
func (g *gate) outcome() outcome {
	g.t.Helper()
	select {
	case o := <-g.judge.outcomes:
		return o
	case <-time.After(patience):
		g.t.Fatal("no message came to its end")
		panic("unreachable")
	}
}

// mta speaks raw frames, as an MTA does.
type mta struct {
	t testing.TB
	net.Conn
}

func (g *gate) dial() *mta {
	g.t.Helper()
	c, err := net.DialTimeout(g.network, g.address, patience)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return &mta{g.t, c}
}

// frameOf puts a frame together.
func frameOf(code byte, data string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)+1))
	return string(append(b, code)) + data
}

// send writes a frame; a peer that is gone is seen when reading.
func (m *mta) send(code byte, data string) { m.raw(frameOf(code, data)) }

func (m *mta) raw(s string) {
	m.SetWriteDeadline(time.Now().Add(patience))
	m.Write([]byte(s))
}

// recv reads a frame; io.EOF when the gate closed.
func (m *mta) recv() (byte, string, error) {
	m.SetReadDeadline(time.Now().Add(patience))
	var head [5]byte
	if _, err := io.ReadFull(m, head[:]); err != nil {
		return 0, "", err
	}
	data := make([]byte, binary.BigEndian.Uint32(head[:])-1)
	_, err := io.ReadFull(m, data)
	return head[4], string(data), err
}

// want reads a frame that must have the code.
func (m *mta) want(code byte) string {
	m.t.Helper()
	got, data, err := m.recv()
	if err != nil || got != code {
		m.t.Fatalf("want %q, got %q %q (%v)", code, got, data, err)
	}
	return data
}

// wantClosed requires that the gate ended the connection without another word.
func (m *mta) wantClosed() {
	m.t.Helper()
	code, data, err := m.recv()
	if err == nil {
		m.t.Fatalf("want a closed connection, got %q %q", code, data)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		m.t.Fatal("want a closed connection, it is open")
	}
}

// Masks as Postfix 3 offers them.
const (
	allActions  = 0x1ff
	allProtocol = 0x1fffff
)

func offerOf(version, actions, protocol uint32) string {
	b := binary.BigEndian.AppendUint32(nil, version)
	b = binary.BigEndian.AppendUint32(b, actions)
	return string(binary.BigEndian.AppendUint32(b, protocol))
}

// negotiate opens a session as Postfix does.
func (m *mta) negotiate() *mta {
	m.t.Helper()
	m.send('O', offerOf(6, allActions, allProtocol))
	m.want('O')
	return m
}

// connect tells of a client.
func (m *mta) connect() *mta {
	m.send('C', "mail.example.org\x004\x04\xd2192.0.2.7\x00")
	m.send('H', "client.example.org\x00")
	return m
}

// message sends one message up to its end and does not wait for the answer.
func (m *mta) message(from, subject, body string) {
	m.send('M', "<"+from+">\x00")
	m.send('R', "<b@example.vn>\x00")
	m.send('T', "")
	m.send('L', "From\x00 "+from+"\x00")
	m.send('L', "Subject\x00 "+subject+"\x00")
	m.send('N', "")
	m.send('B', body)
	m.send('E', "")
}

// verdict reads answers up to the one that ends the message, which it returns.
func (m *mta) verdict() string {
	m.t.Helper()
	for {
		code, data, err := m.recv()
		if err != nil {
			m.t.Fatalf("waiting for the verdict: %v", err)
		}
		switch code {
		case 'i', 'm', codeProgress:
		case 'y':
			return strings.TrimSuffix(data, "\x00")
		default:
			return string(rune(code))
		}
	}
}
