package evidence

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// syslogServer reads RFC 5425 frames and keeps their messages.
type syslogServer struct {
	t        testing.TB
	config   *tls.Config // nil is TCP in clear
	listener net.Listener
	wg       sync.WaitGroup

	mu       sync.Mutex
	messages []string
	conns    map[net.Conn]bool
	hang     bool // reads nothing
	accepted int
}

func startSyslog(t testing.TB, address string, config *tls.Config) *syslogServer {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	must(t, err)
	s := &syslogServer{t: t, config: config, listener: listener, conns: map[net.Conn]bool{}}
	s.wg.Go(s.serve)
	t.Cleanup(s.stop)
	return s
}

func (s *syslogServer) address() string { return s.listener.Addr().String() }

func (s *syslogServer) stop() {
	s.listener.Close()
	s.drop()
	s.wg.Wait()
}

// drop closes all connections.
func (s *syslogServer) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

func (s *syslogServer) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.accepted++
		hang := s.hang
		s.mu.Unlock()
		s.wg.Go(func() {
			defer conn.Close()
			if hang { // until it is dropped
				io.Copy(io.Discard, &blocked{conn})
				return
			}
			var c net.Conn = conn
			if s.config != nil {
				c = tls.Server(conn, s.config)
			}
			s.read(bufio.NewReader(c))
		})
	}
}

// blocked never reads before its connection is closed.
type blocked struct{ net.Conn }

func (b *blocked) Read([]byte) (int, error) {
	for {
		if err := b.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return 0, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *syslogServer) read(r *bufio.Reader) {
	for {
		length, err := r.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
		if err != nil || n <= 0 || n > maxLine {
			s.t.Errorf("a frame's length is %q", length)
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		s.mu.Lock()
		s.messages = append(s.messages, string(b))
		s.mu.Unlock()
	}
}

// seqs are the sequence numbers that arrived, each once, and how many messages there were.
func (s *syslogServer) seqs() (map[uint64]bool, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[uint64]bool{}
	for _, m := range s.messages {
		if _, text, ok := strings.Cut(m, " - "); ok {
			out[seqOf([]byte(text[strings.Index(text, "{"):]))] = true
		}
	}
	return out, len(s.messages)
}

func (s *syslogServer) has(from, to uint64) bool {
	got, _ := s.seqs()
	for seq := from; seq <= to; seq++ {
		if !got[seq] {
			return false
		}
	}
	return true
}

// certificate makes a server's and what trusts it.
func certificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// runStream runs a stream until the test ends, or stop is called.
func runStream(t testing.TB, l *Log, o StreamOptions) (stop func()) {
	t.Helper()
	o.backoff, o.settle = 20*time.Millisecond, 40*time.Millisecond
	if o.write == 0 {
		o.write = 5 * time.Second
	}
	s, err := NewStream(o)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx, l); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) {
			t.Errorf("the stream ended: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func TestStreamOverTLS(t *testing.T) {
	server, client := certificate(t)
	s := startSyslog(t, "127.0.0.1:0", server)
	o := options(t.TempDir())
	o.CheckpointEvery = 5
	l := mustOpen(t, o)
	for range 7 {
		mustAppend(t, l, verdictOf("M"))
	}
	position := filepath.Join(t.TempDir(), "position")
	so := StreamOptions{Address: s.address(), TLS: client, Format: JSONL, Position: position}
	stop := runStream(t, l, so)
	eventually(t, "what was there before arrives", func() bool { return s.has(1, 8) })
	mustAppend(t, l, act(Release, "H1"))
	eventually(t, "what comes arrives", func() bool { return s.has(1, 9) })
	eventually(t, "the position is kept", func() bool { b, _ := os.ReadFile(position); return string(b) == "9\n" })
	stop()
	mustAppend(t, l, act(Delete, "H2"))
	_, before := s.seqs()
	runStream(t, l, so)
	eventually(t, "a stream goes on where it was", func() bool { return s.has(1, 10) })
	if _, n := s.seqs(); before != 9 || n != 10+1 && n != 10 { // record 10, and perhaps the checkpoint after it
		t.Errorf("%d messages before, %d after: records came again", before, n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if !regexp.MustCompile(`^<1(08|09|10)>1 2026-03-02T08:00:00\.\d{6}Z gate1 congthu - (verdict|act|checkpoint) - \{"seq":.*\}$`).MatchString(m) {
			t.Errorf("no message of RFC 5424: %s", m)
		}
	}
	kept, err := ReadCheckpoints(strings.NewReader(strings.Join(s.messages, "\n")))
	if err != nil || len(kept) == 0 {
		t.Errorf("%d checkpoints off the machine: %v", len(kept), err)
	}
}

func TestStreamTrustsNoOther(t *testing.T) {
	server, _ := certificate(t)
	_, stranger := certificate(t)
	s := startSyslog(t, "127.0.0.1:0", server)
	l := mustOpen(t, options(t.TempDir()))
	mustAppend(t, l, verdictOf("M"))
	runStream(t, l, StreamOptions{Address: s.address(), TLS: stranger, Format: JSONL, Position: filepath.Join(t.TempDir(), "p")})
	eventually(t, "it tried twice", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.accepted >= 2 })
	if _, n := s.seqs(); n > 0 {
		t.Errorf("%d messages went to a server with another certificate", n)
	}
}

// The server closes connections, goes away, and comes back: everything arrives, and nobody waits.
func TestStreamWhenTheServerComesAndGoes(t *testing.T) {
	s := startSyslog(t, "127.0.0.1:0", nil)
	address := s.address()
	l := mustOpen(t, options(t.TempDir()))
	runStream(t, l, StreamOptions{Address: address, Format: JSONL, Position: filepath.Join(t.TempDir(), "p")})
	for i := range uint64(20) {
		mustAppend(t, l, verdictOf("M"))
		if i%5 == 4 {
			eventually(t, "it arrives", func() bool { return s.has(1, i+1) })
			s.drop()
		}
	}
	eventually(t, "everything arrives", func() bool { return s.has(1, 20) })
	s.stop()
	for range 10 {
		mustAppend(t, l, verdictOf("M"))
	}
	again := startSyslog(t, address, nil)
	eventually(t, "what came meanwhile arrives", func() bool { return again.has(21, 30) })
}

// A server that accepts and then reads nothing holds up neither mail nor, for longer than its timeout, the
// stream.
func TestStreamWhenTheServerHangs(t *testing.T) {
	s := startSyslog(t, "127.0.0.1:0", nil)
	s.mu.Lock()
	s.hang = true
	s.mu.Unlock()
	l := mustOpen(t, options(t.TempDir()))
	position := filepath.Join(t.TempDir(), "p")
	runStream(t, l, StreamOptions{Address: s.address(), Format: JSONL, Position: position, write: 100 * time.Millisecond})
	big := verdictOf("M")
	big.Verdict.Error = strings.Repeat("x", 1<<20)
	for range 5 { // MiB: more than socket buffers hold
		mustAppend(t, l, big)
	}
	eventually(t, "the stream leaves the server", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.accepted >= 2 })
	s.mu.Lock()
	s.hang = false
	s.mu.Unlock()
	s.drop()
	eventually(t, "everything arrives", func() bool { return s.has(1, 5) })
}

func TestStreamPositionBeyondTheLog(t *testing.T) {
	s := startSyslog(t, "127.0.0.1:0", nil)
	l := mustOpen(t, options(t.TempDir()))
	mustAppend(t, l, verdictOf("M"))
	position := filepath.Join(t.TempDir(), "p")
	must(t, os.WriteFile(position, []byte("1000\n"), 0o600))
	runStream(t, l, StreamOptions{Address: s.address(), Format: JSONL, Position: position})
	eventually(t, "a new log is streamed from its beginning", func() bool { return s.has(1, 1) })
}

func TestStreamInCEF(t *testing.T) {
	s := startSyslog(t, "127.0.0.1:0", nil)
	l := mustOpen(t, options(t.TempDir()))
	mustAppend(t, l, verdictOf("M1"))
	runStream(t, l, StreamOptions{Address: s.address(), Format: CEF, Position: filepath.Join(t.TempDir(), "p")})
	eventually(t, "it arrives", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.messages) == 1 })
	if m := s.messages[0]; !strings.Contains(m, " - CEF:0|Congthu|Congthu|1|verdict:refuse|") {
		t.Error(m)
	}
}

func TestStreamOptionsAreChecked(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "p")
	must(t, os.WriteFile(bad, []byte("x"), 0o600))
	for _, o := range []StreamOptions{{Address: "127.0.0.1:1", Format: CSV}, {Address: "nowhere", Format: CEF},
		{Address: "127.0.0.1:1", Format: CEF, Position: bad}} {
		if _, err := NewStream(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	if h := hostname("cổng thư 1"); strings.ContainsAny(h, " ổ") || hostname("") != "-" || len(hostname(strings.Repeat("x", 300))) != 255 {
		t.Errorf("host name %q", h)
	}
}
