package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"congthu/filter"
	"congthu/internal/peer"
)

// sending is a Sender over a queue in memory and a server.
type sending struct {
	*Sender
	q *memory
	c *clock
}

func sender(t testing.TB, addr string, change func(*SenderOptions)) sending {
	t.Helper()
	q, c := &memory{}, &clock{at: noon}
	all := builtinTemplates(t)
	o := SenderOptions{Identity: identity(), Templates: func() *Templates { return all }, Ours: ours, Queue: q, Now: c.now,
		Submission: Submission{Address: addr, Helo: "gate.monre.gov.vn"}, Log: quiet(), Metrics: metrics()}
	if change != nil {
		change(&o)
	}
	s, err := NewSender(o)
	if err != nil {
		t.Fatal(err)
	}
	return sending{s, q, c}
}

// put queues a notice as a Planner does.
func (s sending) put(t testing.TB, to string) string {
	t.Helper()
	n := samples(HeldSender)[0]
	n.ID, n.To, n.Created, n.Rule = filter.NewID(s.c.now()), to, s.c.now(), fmt.Sprint(len(s.q.all()))
	if ok, err := s.q.QueueNotices(t.Context(), []Notice{n}); err != nil || !ok[0] {
		t.Fatal(ok, err)
	}
	return n.ID
}

// sink is a mail server that a hook may spoil.
func sink(t testing.TB, hook func(peer.Stage, string, *peer.Delivery) string) *peer.Sink {
	t.Helper()
	s := &peer.Sink{Hook: hook, KeyField: "Message-ID"}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSend(t *testing.T) {
	server := sink(t, nil)
	s := sender(t, server.Addr, func(o *SenderOptions) { o.Poll = time.Hour })
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	id := s.put(t, "nvan@monre.gov.vn")
	s.Wake()
	eventually(t, "the notice is sent", func() bool { return s.q.all()[0].sent })
	stop()
	wg.Wait()
	d := server.Deliveries()
	if len(d) != 1 || d[0].From != "" || !slices.Equal(d[0].To, []string{"nvan@monre.gov.vn"}) || d[0].Helo != "gate.monre.gov.vn" ||
		d[0].Key != identity().messageID(id) || d[0].Params != "" { // no SMTPUTF8, though it is offered
		t.Fatalf("%+v", d)
	}
	if _, parts := read(t, d[0].Bytes); !strings.Contains(parts["text/plain; charset=utf-8"], "Kính gửi ông/bà") {
		t.Error("the text did not arrive whole")
	}
	if got := counted(s.o.Metrics.Notices, "held-sender", resultSent); got != 1 {
		t.Errorf("%d counted as sent", got)
	}
}

// Another server, not of our own making, understands what we say.
func TestSendToGoSMTP(t *testing.T) {
	got := make(chan string, 1)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{got: got}, nil }))
	server.Domain = "mail.monre.gov.vn"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(l) })
	defer wg.Wait()
	defer server.Close()
	s := sender(t, l.Addr().String(), nil)
	s.put(t, "nvan@monre.gov.vn")
	if n := s.round(t.Context()); n != 1 || !s.q.all()[0].sent {
		t.Fatalf("%d done, %v", n, s.q.reasons)
	}
	if msg := <-got; !strings.HasPrefix(msg, "<> nvan@monre.gov.vn\nFrom: ") || !strings.HasSuffix(msg, "--\r\n") {
		t.Errorf("%.80q…", msg)
	}
}

type session struct {
	got      chan string
	from, to string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error   { s.to = to; return nil }
func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.got <- fmt.Sprintf("<%s> %s\n%s", s.from, s.to, b)
	return err
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// What a server may do, what it counts as, and that the notice comes through once the server is well.
func TestServerTrouble(t *testing.T) {
	const retried, givenUp = resultRetried, resultGivenUp
	for _, tc := range []struct {
		name  string
		stage peer.Stage
		say   string
		want  string
	}{
		{"4xx greeting", peer.Greeting, "421 4.3.2 busy", retried},
		{"5xx greeting is not about the notice", peer.Greeting, "554 5.3.2 no", retried},
		{"5xx to EHLO is not about the notice", peer.Ehlo, "550 5.7.1 who are you", retried},
		{"4xx to MAIL", peer.MailFrom, "451 4.3.0 later", retried},
		{"5xx to MAIL", peer.MailFrom, "550 5.7.1 no", givenUp},
		{"4xx to RCPT", peer.RcptTo, "450 4.2.1 later", retried},
		{"5xx to RCPT", peer.RcptTo, "550 5.1.1 who", givenUp},
		{"4xx to DATA", peer.DataCmd, "451 4.3.0 later", retried},
		{"4xx to the dot", peer.Dot, "452 4.3.1 full", retried},
		{"5xx to the dot", peer.Dot, "554 5.6.0 bad", givenUp},
		{"no SMTP at all", peer.Greeting, "HTTP/1.1 400 Bad Request", retried},
		{"gone at the greeting", peer.Greeting, peer.Drop, retried},
		{"gone at RCPT", peer.RcptTo, peer.Drop, retried},
		{"gone at the dot", peer.Dot, peer.Drop, retried},
		{"hangs at the greeting", peer.Greeting, peer.Hang, retried},
		{"hangs at the dot", peer.Dot, peer.Hang, retried},
		{"says too much", peer.MailFrom, "250-" + strings.Repeat(strings.Repeat("x", 1000)+"\r\n250-", 1100) + "\r\n250 ok", retried},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var well atomic.Bool
			server := sink(t, func(st peer.Stage, _ string, _ *peer.Delivery) string {
				if st == tc.stage && !well.Load() {
					return tc.say
				}
				return peer.Normal
			})
			s := sender(t, server.Addr, func(o *SenderOptions) {
				if tc.say == peer.Hang {
					o.Submission.Timeout = 100 * time.Millisecond
				}
			})
			s.put(t, "nvan@monre.gov.vn")
			if n := s.round(t.Context()); n != 1 || counted(s.o.Metrics.Notices, "held-sender", tc.want) != 1 {
				t.Fatalf("%d done; %v", n, s.q.reasons)
			}
			if len(s.q.reasons) != 1 || len(s.q.reasons[0]) > maxReason || strings.ContainsAny(s.q.reasons[0], "\r\n") {
				t.Errorf("reasons %q", s.q.reasons)
			}
			if tc.name == "says too much" && !strings.Contains(s.q.reasons[0], ErrAnswers.Error()) {
				t.Errorf("reason %q", s.q.reasons[0])
			}
			well.Store(true)
			if s.round(t.Context()) != 0 {
				t.Error("tried again without a pause")
			}
			s.c.add(FirstRetry)
			s.o.Submission.Timeout = 0
			s.round(t.Context())
			if sent := s.q.all()[0].sent; sent != (tc.want == retried) || s.q.all()[0].givenUp == sent {
				t.Errorf("a minute later sent %v, %v", sent, s.q.reasons)
			}
		})
	}
}

func TestPauses(t *testing.T) {
	var got []string
	for _, n := range []int{-1, 0, 1, 2, 6, 7, 8, 9, 1 << 40} {
		got = append(got, pause(n).String())
	}
	if want := "1m0s 1m0s 2m0s 4m0s 1h4m0s 2h8m0s 4h0m0s 4h0m0s 4h0m0s"; strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
}

// A server that is away for good: the notice is tried for three days, then given up.
func TestGivenUpAfterThreeDays(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there any more
	s := sender(t, l.Addr().String(), nil)
	s.put(t, "nvan@monre.gov.vn")
	tries := 0
	for ; !s.q.all()[0].givenUp && tries < 1000; tries++ {
		s.round(t.Context())
		s.c.add(time.Minute)
		if next := s.q.all()[0].next; next.After(s.c.now()) {
			s.c.add(next.Sub(s.c.now()))
		}
	}
	e := s.q.all()[0]
	if after := s.c.now().Sub(e.Created); !e.givenUp || after < GiveUp-LastRetry || after > GiveUp+time.Hour || tries < 20 || tries > 40 {
		t.Errorf("given up %v after %s and %d tries", e.givenUp, after, tries)
	}
}

// The queue is asked again before a notice leaves: whatever stands in it, nothing goes outside.
func TestNeverOutside(t *testing.T) {
	server := sink(t, nil)
	s := sender(t, server.Addr, nil)
	for _, to := range []string{"a@example.com", "a@evilmonre.gov.vn", "a", "", "a@monre.gov.vn\r\nRCPT TO:<b@example.com>", "@example.com:a@monre.gov.vn",
		"a@monre.gov.vn,b@example.com"} {
		s.put(t, to)
	}
	s.round(t.Context())
	if server.Count() != 0 || counted(s.o.Metrics.Notices, "held-sender", resultOutside) != 7 {
		t.Errorf("%d taken, %v", server.Count(), s.q.reasons)
	}
	if s.round(t.Context()) != 0 {
		t.Error("they are tried again")
	}
}

// The store goes away between the 250 and the mark: the notice is not sent at every look, and is marked later.
func TestStoreOutAfterSending(t *testing.T) {
	server := sink(t, nil)
	s := sender(t, server.Addr, nil)
	s.put(t, "nvan@monre.gov.vn")
	out := &onlyReads{memory: s.q, out: true}
	s.o.Queue = out
	for range 3 {
		s.round(t.Context())
	}
	if server.Count() != 1 || s.q.all()[0].sent {
		t.Fatalf("sent %d times", server.Count())
	}
	out.out = false
	s.round(t.Context())
	if server.Count() != 1 || !s.q.all()[0].sent || len(s.unmarked) != 0 {
		t.Errorf("sent %d times, marked %v", server.Count(), s.q.all()[0].sent)
	}
}

// onlyReads is a queue whose marks fail while out.
type onlyReads struct {
	*memory
	out bool
}

func (q *onlyReads) MarkSent(ctx context.Context, id string) error {
	if q.out {
		return errOut
	}
	return q.memory.MarkSent(ctx, id)
}

func TestUnmarkedLimit(t *testing.T) {
	s := sender(t, "127.0.0.1:1", nil)
	s.q.fail(errOut)
	for i := range maxUnmarked - batch {
		s.unmarked[fmt.Sprint(i)] = ""
	}
	if s.settle(t.Context()) {
		t.Error("more is sent though nothing can be marked")
	}
	s.q.fail(nil)
	if !s.settle(t.Context()) || len(s.unmarked) != 0 {
		t.Error("it does not go on when the store is back")
	}
}

// A template that fails only with this message: counted, and the notice goes out with the built-in text.
func TestSendWithBrokenTemplate(t *testing.T) {
	const fails = `{{define "subject"}}S{{end}}OWN{{range .Items}}{{if eq .Sender "boom@example.com"}}{{index .Recipients 99}}{{end}}{{end}}`
	own, err := LoadTemplates(folder(t, map[string]string{"held-sender.txt": fails}), nil, Words{})
	if err != nil {
		t.Fatal(err)
	}
	server := sink(t, nil)
	s := sender(t, server.Addr, func(o *SenderOptions) { o.Templates = func() *Templates { return own } })
	n := samples(HeldSender)[0]
	n.Items[0].Sender = "boom@example.com"
	if _, err := s.q.QueueNotices(t.Context(), []Notice{n}); err != nil {
		t.Fatal(err)
	}
	s.round(t.Context())
	if server.Count() != 1 || counted(s.o.Metrics.TemplateFailure, "held-sender") != 1 {
		t.Fatalf("%d sent, %v", server.Count(), s.q.reasons)
	}
	if _, parts := read(t, server.Deliveries()[0].Bytes); !strings.Contains(parts["text/plain; charset=utf-8"], "Kính gửi") {
		t.Error("not the built-in text")
	}
}

// Stopping while a server hangs ends at once, and the notice stays in the queue.
func TestStopWhileHanging(t *testing.T) {
	reached := make(chan bool, 10)
	server := sink(t, func(st peer.Stage, _ string, _ *peer.Delivery) string {
		if st == peer.RcptTo {
			reached <- true
			return peer.Hang
		}
		return peer.Normal
	})
	s := sender(t, server.Addr, func(o *SenderOptions) { o.Submission.Timeout = time.Hour })
	s.put(t, "nvan@monre.gov.vn")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() { s.Run(ctx); close(done) }()
	<-reached
	stop()
	<-done
	if e := s.q.all()[0]; e.sent || e.givenUp || e.Attempts != 0 {
		t.Errorf("%+v", e)
	}
}

// More than a batch leaves at one look, at most four at a time.
func TestManyNotices(t *testing.T) {
	var now, most atomic.Int64
	server := sink(t, func(st peer.Stage, _ string, _ *peer.Delivery) string {
		switch st {
		case peer.RcptTo:
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		case peer.Dot:
			now.Add(-1)
		}
		return peer.Normal
	})
	s := sender(t, server.Addr, func(o *SenderOptions) { o.Poll = time.Hour })
	for range 3*batch + 1 {
		s.put(t, "nvan@monre.gov.vn")
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	s.Wake()
	eventually(t, "all are sent", func() bool {
		return !slices.ContainsFunc(s.q.all(), func(e entry) bool { return !e.sent })
	})
	stop()
	wg.Wait()
	if server.Count() != 3*batch+1 || most.Load() > parallel {
		t.Errorf("%d sent, %d at once", server.Count(), most.Load())
	}
}

// With TLS configured, a server without it gets nothing.
func TestTLSIsRequired(t *testing.T) {
	server := sink(t, nil)
	s := sender(t, server.Addr, func(o *SenderOptions) { o.Submission.TLS = clientTLS() })
	s.put(t, "nvan@monre.gov.vn")
	s.round(t.Context())
	if server.Count() != 0 || counted(s.o.Metrics.Notices, "held-sender", resultRetried) != 1 {
		t.Errorf("%d sent in clear", server.Count())
	}
}

func TestQueueOutWhileReading(t *testing.T) {
	server := sink(t, nil)
	s := sender(t, server.Addr, nil)
	s.put(t, "nvan@monre.gov.vn")
	s.q.fail(errors.New("locked"))
	if s.round(t.Context()) != 0 || server.Count() != 0 {
		t.Error("sent without a queue")
	}
	s.q.fail(nil)
	if s.round(t.Context()) != 1 || server.Count() != 1 {
		t.Error("not sent when the queue came back")
	}
}
