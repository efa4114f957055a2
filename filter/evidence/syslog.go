package evidence

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Times and limits of a stream.
const (
	streamDial     = 10 * time.Second
	streamWrite    = 30 * time.Second // a server that takes nothing for so long is left
	streamBackoff  = time.Second      // after the first failure; doubled after each further one
	streamBackoff2 = time.Minute      // at most
	streamSettle   = 5 * time.Second  // what was sent so long ago on a connection that still stands counts as sent
	streamBuffer   = 512 << 10        // octets of our socket buffer
	streamResend   = 8 << 20          // octets sent again after a connection was lost: ours, and the server's buffer, which by Linux's default grows to 6 MiB
)

// StreamOptions say where a stream goes. Address, Position and Format must be set.
type StreamOptions struct {
	Address  string      // host:port
	TLS      *tls.Config // RFC 5425; nil is TCP in clear (RFC 6587 section 3.4.1)
	Format   Format      // JSONL or CEF
	Position string      // path of the file that keeps how far the stream is
	Log      *slog.Logger

	write, backoff, settle time.Duration // for tests; the constants when 0
}

// Stream sends every record to a syslog server as it becomes durable (RFC 5424, octet counting). Records
// are sent at least once: syslog acknowledges nothing, so after a lost connection what may have been lost
// with it is sent again; the sequence number tells which records came twice. Nothing waits for a
// stream: what it has not sent yet is in the log's files.
type Stream struct {
	opt  StreamOptions
	mu   sync.Mutex
	pos  uint64 // of the last record sent
	sent []mark // of this connection, oldest first
	n    int64  // octets sent on this connection
	kept uint64 // what the position file says
}

// mark says that the records up to seq, n octets, were sent at a time.
type mark struct {
	seq uint64
	n   int64
	at  time.Time
}

// NewStream makes a stream that goes on where its position file says.
func NewStream(o StreamOptions) (*Stream, error) {
	if o.Format != JSONL && o.Format != CEF {
		return nil, fmt.Errorf("streaming the evidence: %q is no format of a stream (jsonl, cef)", o.Format)
	}
	if _, _, err := net.SplitHostPort(o.Address); err != nil {
		return nil, fmt.Errorf("streaming the evidence: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		set   *time.Duration
		usual time.Duration
	}{{&o.write, streamWrite}, {&o.backoff, streamBackoff}, {&o.settle, streamSettle}} {
		if *d.set == 0 {
			*d.set = d.usual
		}
	}
	s := &Stream{opt: o}
	b, err := os.ReadFile(o.Position)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		s.pos, err = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	}
	if err != nil {
		return nil, fmt.Errorf("streaming the evidence: reading %s: %w", o.Position, err)
	}
	s.kept = s.pos
	return s, nil
}

// Run streams the records of l until ctx ends or l is closed. It makes a new connection whenever one is
// lost.
func (s *Stream) Run(ctx context.Context, l *Log) error {
	wait := s.opt.backoff
	for {
		before := s.kept
		err := s.connection(ctx, l)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrClosed):
			return ErrClosed
		case errors.Is(err, ErrAhead):
			s.opt.Log.Warn("the evidence stream begins anew: its position is beyond the log", "position", s.pos)
			s.pos, s.kept = 0, 0
			continue
		}
		s.opt.Log.Warn("the evidence stream's connection was lost", "error", err)
		if s.kept != before {
			wait = s.opt.backoff
		}
		if !sleep(ctx, wait) {
			return context.Cause(ctx)
		}
		wait = min(2*wait, streamBackoff2)
	}
}

// connection streams on one connection.
func (s *Stream) connection(ctx context.Context, l *Log) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer conn.Close()
	defer cancel(nil)
	helpers.Go(func() { cancel(readNothing(conn)) })
	unblock := context.AfterFunc(ctx, func() { conn.Close() })
	defer unblock()
	s.sent, s.n = []mark{{seq: s.pos}}, 0
	helpers.Go(func() {
		for sleep(ctx, s.opt.settle/2) {
			s.settle()
		}
	})
	err = l.Follow(ctx, s.pos+1, func(lines []Line) error { return s.send(conn, lines) })
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	s.settle()
	s.rewind()
	return err
}

// rewind goes back before what lay in the buffers of a connection that was lost.
func (s *Stream) rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.sent {
		if m.n <= s.n-streamResend || m.n == 0 {
			s.pos = m.seq
		}
	}
}

func (s *Stream) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, streamDial)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.opt.Address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.SetWriteBuffer(streamBuffer); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if s.opt.TLS == nil {
		return conn, nil
	}
	config := s.opt.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(s.opt.Address)
	}
	t := tls.Client(conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS with the syslog server: %w", err)
	}
	return t, nil
}

// readNothing waits for the end of a connection on which the other side has nothing to say.
func readNothing(conn net.Conn) error {
	var b [512]byte
	for {
		if _, err := conn.Read(b[:]); err != nil {
			return fmt.Errorf("the syslog server: %w", err)
		}
	}
}

// send writes a batch.
func (s *Stream) send(conn net.Conn, lines []Line) error {
	var b []byte
	for i := range lines {
		b = s.frame(b, &lines[i])
		// A batch of long CEF texts must not be in memory whole, nor under one deadline.
		if len(b) < maxBatchBytes && i+1 < len(lines) {
			continue
		}
		if err := conn.SetWriteDeadline(time.Now().Add(s.opt.write)); err != nil {
			return err
		}
		if _, err := conn.Write(b); err != nil {
			return fmt.Errorf("writing to the syslog server: %w", err)
		}
		s.mark(lines[i].Seq, len(b))
		b = b[:0]
	}
	return nil
}

// mark remembers what was sent, coarsely: the list stays short however small the batches are.
func (s *Stream) mark(seq uint64, octets int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.pos, s.n = seq, s.n+int64(octets)
	m := mark{s.pos, s.n, now}
	last := &s.sent[len(s.sent)-1]
	if len(s.sent) > 1 && now.Sub(last.at) < s.opt.settle/16 && m.n-s.sent[len(s.sent)-2].n < streamResend/16 {
		*last = m
	} else {
		s.sent = append(s.sent, m)
	}
	// Of what is behind both bounds, the last mark is enough.
	i := 0
	for i+1 < len(s.sent) && s.sent[i+1].n <= s.n-streamResend && now.Sub(s.sent[i+1].at) > s.opt.settle {
		i++
	}
	s.sent = s.sent[i:]
}

// settle writes the position file.
func (s *Stream) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.kept
	for _, m := range s.sent {
		if m.n == 0 || time.Since(m.at) >= s.opt.settle {
			to = max(to, m.seq)
		}
	}
	if to == s.kept {
		return
	}
	if err := writeWhole(s.opt.Position, []byte(strconv.FormatUint(to, 10)+"\n"), 0o600); err != nil {
		s.opt.Log.Warn("the evidence stream's position cannot be kept", "error", err)
		return
	}
	s.kept = to
}

// frame is a record as a syslog message, framed by octet counting (RFC 5425 section 4.3).
func (s *Stream) frame(b []byte, l *Line) []byte {
	const facility = 13 // log audit (RFC 5424 section 6.2.1)
	head := fmt.Appendf(nil, "<%d>1 %s %s congthu - %s - ", facility*8+severity(&l.Record),
		l.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), hostname(l.Gate), l.Kind)
	text := l.Raw
	if s.opt.Format == CEF {
		text = []byte(cefOf(&l.Record))
	}
	b = strconv.AppendInt(b, int64(len(head)+len(text)), 10)
	b = append(b, ' ')
	return append(append(b, head...), text...)
}

// severity is RFC 5424's.
func severity(r *Record) int {
	const warning, notice, informational = 4, 5, 6
	switch {
	case r.Verdict != nil && r.Verdict.Disposition == "defer", r.Outcome != nil && r.Outcome.Error != "":
		return warning
	case r.Verdict != nil && (r.Verdict.Disposition == "refuse" || r.Verdict.Disposition == "hold"), r.Act != nil:
		return notice
	}
	return informational
}

// hostname is a gate's name as RFC 5424 section 6 allows it: printable ASCII, up to 255.
func hostname(gate string) string {
	s := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, gate)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), 255)]
}
