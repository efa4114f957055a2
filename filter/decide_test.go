package filter

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter/message"
)

// A message on which reading panics is deferred once, then refused: never accepted unread, never
// retried for ever.
func TestPanicWhileReading(t *testing.T) {
	var log bytes.Buffer
	metrics := NewMetrics(prometheus.NewRegistry())
	j, err := NewJudge(&Policy{Deadline: time.Minute}, 1, metrics, slog.New(slog.NewJSONHandler(&log, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, failure := contained(func() (*message.Message, error) { panic("TUYET MAT") })
	for i, want := range []string{"451 4.3.0 ", "550 5.6.0 ", "550 5.6.0 "} {
		v := j.Fault(&Transaction{ID: "01", SHA256: "a"}, failure)
		if !strings.HasPrefix(v.Reply.String(), want) {
			t.Errorf("time %d: %q, want %q", i+1, v.Reply, want)
		}
		if v.Direction != Inbound {
			t.Errorf("direction %q", v.Direction)
		}
	}
	if v := j.Fault(&Transaction{ID: "02", SHA256: "b"}, failure); v.Reply.Code() != 451 {
		t.Errorf("another message: %q", v.Reply)
	}
	if strings.Contains(log.String(), "TUYET") {
		t.Errorf("content in the log: %s", &log)
	}
	if testutil.ToFloat64(metrics.Panics) != 4 {
		t.Error("panics not counted")
	}
}

// A broken spool is our trouble, however often it comes.
func TestErrorWhileReading(t *testing.T) {
	j, err := NewJudge(&Policy{Deadline: time.Minute}, 1, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	_, failure := readMessage(brokenReader{}, message.DefaultLimits())
	if failure == nil {
		t.Fatal("no error")
	}
	for range 3 {
		if v := j.Fault(&Transaction{ID: "01", SHA256: "a"}, failure); v.Reply.Code() != 451 {
			t.Errorf("%q", v.Reply)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Size() int64    { return 10 }
func (brokenReader) SHA256() string { return "" }

func (brokenReader) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk gone") }
