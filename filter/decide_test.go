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

// A message on top of which the gate could put no field is refused at the doors; in a file an mbox line is ordinary.
func TestFirstLine(t *testing.T) {
	j, err := NewJudge(&Policy{Deadline: time.Minute}, 1, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for start, refused := range map[string]bool{
		" folded\r\n": true, "\tfolded\r\n": true, " \r\n": true,
		"From an@monre.gov.vn Mon Jan  1 00:00:00 2026\r\n": true, ">From an@monre.gov.vn\r\n": true,
		"": false, "From:": false, "F": false, "\r\n": false, "From": false, "no field\r\n": false,
	} {
		for _, door := range []string{"milter", "relay", "check"} {
			c := memory{strings.NewReader(start)}
			v := Decide(t.Context(), j, &Transaction{ID: "01", Session: Session{Door: door}}, c, nil, message.DefaultLimits())
			want := ""
			if refused && door != "check" {
				want = "550 5.6.0 "
			}
			if got := v.Reply.String(); !strings.HasPrefix(got, want) || want == "" && !v.Passes() {
				t.Errorf("%q at %s: %q", start, door, got)
			}
		}
	}
	tx := &Transaction{ID: "01", Session: Session{Door: "relay"}}
	if v := Decide(t.Context(), j, tx, goneAfterReading{strings.NewReader("From: x")}, nil, message.DefaultLimits()); v.Reply.Code() != 451 {
		t.Errorf("a broken spool: %q", v.Reply)
	}
}

// A header that mail servers change on the way is refused at every door, whatever the policy says: what is judged
// is not what arrives.
func TestAlteredHeader(t *testing.T) {
	j, err := NewJudge(&Policy{Deadline: time.Minute}, 1, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for text, refused := range map[string]bool{
		"Subject: a\x00\r\n\r\nx": true, "Cong\x00thu-Verdict: x\r\n\r\nx": true,
		strings.Repeat("x", 101) + ": a\r\nSubject: b\r\n\r\nx":                                         true,
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Ty\x00pe: x\r\n\r\nx\r\n--b--": true,
		"Content-Type: text/plain; x=" + strings.Repeat("x", 998) + "\r\n\r\nx":                         true,
		"Subject: a\r\n\r\nx\x00y": false, strings.Repeat("x", 100) + ": a\r\n\r\nx": false,
	} {
		for _, door := range []string{"milter", "relay", "check"} {
			c := memory{strings.NewReader(text)}
			v := Decide(t.Context(), j, &Transaction{ID: "01", Session: Session{Door: door}}, c, nil, message.DefaultLimits())
			if got := v.Reply.String(); strings.HasPrefix(got, "550 5.6.0 ") != refused || v.Passes() == refused {
				t.Errorf("%.40q at %s: %q", text, door, got)
			}
		}
	}
}

type memory struct{ *strings.Reader }

func (memory) SHA256() string { return "" }

// goneAfterReading fails whoever reads only the first octets.
type goneAfterReading struct{ *strings.Reader }

func (goneAfterReading) SHA256() string { return "" }
func (r goneAfterReading) ReadAt(p []byte, off int64) (int, error) {
	if len(p) < 7 {
		return 0, errors.New("disk gone")
	}
	return r.Reader.ReadAt(p, off)
}

type brokenReader struct{}

func (brokenReader) Size() int64    { return 10 }
func (brokenReader) SHA256() string { return "" }

func (brokenReader) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk gone") }
