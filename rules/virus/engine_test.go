package virus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeClamd answers INSTREAM as it is told, and VERSION well as long as it is well.
type fakeClamd struct {
	path   string
	l      net.Listener
	scans  atomic.Int64
	ill    atomic.Bool
	answer func(id int, octets []byte, c net.Conn) // after the whole object
	early  func(c net.Conn) bool                   // before it; true: there is no more to say
	conns  sync.Map
	ended  sync.WaitGroup
}

func newFakeClamd(t testing.TB) *fakeClamd {
	t.Helper()
	f := &fakeClamd{path: filepath.Join(t.TempDir(), "s"), answer: says("stream: OK")}
	var err error
	if f.l, err = net.Listen("unix", f.path); err != nil {
		t.Fatal(err)
	}
	f.ended.Go(f.serve)
	t.Cleanup(func() {
		f.l.Close()
		f.conns.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		f.ended.Wait()
	})
	return f
}

func says(what string) func(int, []byte, net.Conn) {
	return func(id int, _ []byte, c net.Conn) { fmt.Fprintf(c, "%d: %s\x00", id, what) }
}

func (f *fakeClamd) serve() {
	for {
		c, err := f.l.Accept()
		if err != nil {
			return
		}
		f.conns.Store(c, nil)
		f.ended.Go(func() {
			defer c.Close()
			f.session(c)
		})
	}
}

func (f *fakeClamd) session(c net.Conn) {
	for id := 1; ; {
		var command []byte
		for b := make([]byte, 1); ; command = append(command, b[0]) {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			if b[0] == 0 {
				break
			}
		}
		switch string(command) {
		case "zVERSION":
			if !f.ill.Load() {
				io.WriteString(c, "ClamAV 1.4.6/1/Mon Nov 23 08:21:00 2026\x00")
			}
			return
		case "zINSTREAM":
			f.scans.Add(1)
			if f.early != nil && f.early(c) {
				return
			}
			var object []byte
			for {
				size := make([]byte, 4)
				if _, err := io.ReadFull(c, size); err != nil {
					return
				}
				n := binary.BigEndian.Uint32(size)
				if n == 0 {
					break
				}
				chunk := make([]byte, n)
				if _, err := io.ReadFull(c, chunk); err != nil {
					return
				}
				object = append(object, chunk...)
			}
			f.answer(id, object, c)
			id++
		}
	}
}

// Whatever an engine does but say it rightly, nothing is clean.
func TestBadAnswers(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	tests := []struct {
		name   string
		answer func(int, []byte, net.Conn)
		early  func(net.Conn) bool
		is     error
	}{
		{name: "nonsense", answer: says("250 2.0.0 queued"), is: errNonsense},
		{name: "another question's answer", answer: func(id int, _ []byte, c net.Conn) { fmt.Fprintf(c, "%d: stream: OK\x00", id+1) }, is: errNonsense},
		{name: "an error of its own", answer: says("Can't open file or directory ERROR")},
		{name: "closes without an answer", answer: func(_ int, _ []byte, c net.Conn) { c.Close() }, is: errNoReply},
		{name: "closes in the middle of the answer", answer: func(_ int, _ []byte, c net.Conn) { io.WriteString(c, "1: stream: O"); c.Close() }, is: errNonsense},
		{name: "endless answer", answer: func(_ int, _ []byte, c net.Conn) { io.WriteString(c, strings.Repeat("x", 1<<20)) }, is: errNonsense},
		{name: "closes in the middle of the object", early: func(c net.Conn) bool { io.ReadFull(c, make([]byte, 100_000)); return true }},
		{name: "clean before it saw anything", early: func(c net.Conn) bool {
			io.WriteString(c, "1: stream: OK\x00")
			time.Sleep(50 * time.Millisecond)
			return false
		}, is: errEarly},
		{name: "says nothing", answer: func(_ int, _ []byte, c net.Conn) { io.ReadFull(c, make([]byte, 1)) }},
		{name: "takes nothing", early: func(c net.Conn) bool { time.Sleep(3 * time.Second); return true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeClamd(t)
			f.early = tt.early
			if tt.answer != nil {
				f.answer = tt.answer
			}
			o := options("unix:" + f.path)
			o.Timeout = time.Second
			e := newTestEngine(t, o)
			start := time.Now()
			a, err := scan(t, e, big)
			if err == nil || a != (Answer{}) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%+v, %v; want %v", a, err, tt.is)
			}
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// A find counts also when the engine did not wait for the end, and its limit is told from trouble.
func TestEarlyFind(t *testing.T) {
	f := newFakeClamd(t)
	f.early = func(c net.Conn) bool {
		io.ReadFull(c, make([]byte, 100_000))
		io.WriteString(c, "1: stream: Eicar FOUND\x00")
		return true
	}
	e := newTestEngine(t, options("unix:"+f.path))
	wantAnswer(t, e, strings.Repeat("x", 4<<20), Answer{Infected, "Eicar"})
}

// The engine closes a connection that waited: the question is asked again on another, and only then.
func TestClosedMeanwhile(t *testing.T) {
	f := newFakeClamd(t)
	e := newTestEngine(t, options("unix:"+f.path))
	wantAnswer(t, e, "one", Answer{Kind: Clean})
	f.conns.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
	wantAnswer(t, e, "two", Answer{Kind: Clean})
}

// The same octets are scanned once, however many ask at once; another state of the signatures is another question.
func TestScannedOnce(t *testing.T) {
	f := newFakeClamd(t)
	f.answer = func(id int, octets []byte, c net.Conn) {
		time.Sleep(50 * time.Millisecond)
		says("stream: Eicar FOUND")(id, octets, c)
	}
	s, hits := shared(t)
	e, err := New(options("unix:"+f.path), s)
	must(t, err)
	defer e.Close()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { wantAnswer(t, e, "a map", Answer{Infected, "Eicar"}) })
	}
	wg.Wait()
	for range 80 {
		wantAnswer(t, e, "a map", Answer{Infected, "Eicar"})
	}
	if n := f.scans.Load(); n != 1 || hits.Load() < 80 {
		t.Errorf("scanned %d times, remembered %d times", n, hits.Load())
	}
	e.mu.Lock()
	e.database.Version = "another"
	e.mu.Unlock()
	wantAnswer(t, e, "a map", Answer{Infected, "Eicar"})
	if n := f.scans.Load(); n != 2 {
		t.Errorf("scanned %d times", n)
	}
}

// Answers are good for a time.
func TestMemoryForgets(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	m, err := NewMemory(10, time.Minute, func() time.Time { return now }, nil)
	must(t, err)
	asked := 0
	ask := func(context.Context) (Answer, error) { asked++; return Answer{Kind: Clean}, nil }
	for _, step := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {59 * time.Second, 1}, {2 * time.Second, 2}} {
		now = now.Add(step.wait)
		if _, err := m.answer(t.Context(), question{"e", "1", "x"}, ask); err != nil || asked != step.want {
			t.Errorf("asked %d times, %v", asked, err)
		}
	}
}

// Who waits for somebody else's question asks itself when that one goes away.
func TestAskerGoesAway(t *testing.T) {
	m, err := NewMemory(10, time.Minute, time.Now, nil)
	must(t, err)
	first, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := m.answer(first, question{"e", "1", "x"}, func(ctx context.Context) (Answer, error) {
			close(begun)
			<-ctx.Done()
			return Answer{}, ctx.Err()
		})
		done <- err
	}()
	<-begun
	second := make(chan Answer, 1)
	go func() {
		a, _ := m.answer(t.Context(), question{"e", "1", "x"}, func(context.Context) (Answer, error) { return Answer{Kind: Clean}, nil })
		second <- a
	}()
	time.Sleep(10 * time.Millisecond)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if a := <-second; a.Kind != Clean {
		t.Errorf("%+v", a)
	}
}

// An object on which the engine fails each time while it answers for others is not shown to it again.
func TestSuspect(t *testing.T) {
	f := newFakeClamd(t)
	f.answer = func(id int, octets []byte, c net.Conn) {
		if strings.HasPrefix(string(octets), "bad") {
			c.Close()
			return
		}
		says("stream: OK")(id, octets, c)
	}
	e := newTestEngine(t, options("unix:"+f.path))
	for n := range failuresToTry {
		if _, err := scan(t, e, "bad"); err == nil || errors.Is(err, ErrObject) {
			t.Errorf("time %d: %v", n, err)
		}
		if _, err := scan(t, e, "bad"); err == nil || errors.Is(err, ErrObject) { // at once again: that counts for nothing
			t.Errorf("time %d: %v", n, err)
		}
		if n < failuresToTry-1 {
			wantAnswer(t, e, fmt.Sprint("good", n), Answer{Kind: Clean})
		}
	}
	wantAnswer(t, e, "good at last", Answer{Kind: Clean})
	before := f.scans.Load()
	if _, err := scan(t, e, "bad"); !errors.Is(err, ErrObject) || f.scans.Load() != before {
		t.Errorf("%v", err)
	}
	wantAnswer(t, e, "good again", Answer{Kind: Clean})
}

// 200 messages at once before an engine that hangs: the questions under way are bounded, all are told in time, and
// the engine is used within seconds when it is back.
func TestCrowdBeforeHungEngine(t *testing.T) {
	t.Parallel()
	f := newFakeClamd(t)
	hung := make(chan struct{})
	f.early = func(net.Conn) bool { <-hung; return false }
	f.ill.Store(true)
	o := options("unix:" + f.path)
	o.Timeout = 8 * time.Second
	e := newTestEngine(t, o)
	e.mu.Lock() // it was well a moment ago
	e.known, e.polled = true, time.Now()
	e.mu.Unlock()
	e.Watch()
	before := runtime.NumGoroutine()
	start := time.Now()
	var wg sync.WaitGroup
	var clean, most atomic.Int64
	for n := range 200 {
		wg.Go(func() {
			if _, err := scan(t, e, fmt.Sprint("letter ", n)); err == nil {
				clean.Add(1)
			}
		})
	}
	for range 40 {
		time.Sleep(50 * time.Millisecond)
		most.Store(max(most.Load(), int64(runtime.NumGoroutine()-before)))
	}
	wg.Wait()
	if took := time.Since(start); clean.Load() != 0 || took > 20*time.Second {
		t.Errorf("%d clean, after %s", clean.Load(), took)
	}
	if n := f.scans.Load(); n > int64(o.Concurrent) {
		t.Errorf("%d questions reached the engine", n)
	}
	if most.Load() > 300 { // 200 of ours, and a few for each question under way
		t.Errorf("%d goroutines", most.Load())
	}
	f.ill.Store(false)
	close(hung)
	back := time.Now()
	for {
		if _, err := scan(t, e, "after"); err == nil {
			break
		}
		if time.Since(back) > 5*time.Second {
			t.Fatal("the engine is not used again")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// An engine gets no more at once than it wants.
func TestEngineWantsFewer(t *testing.T) {
	e := newTestEngine(t, options("unix:/nobody"))
	for _, step := range []struct{ most, reserved int }{{1, 3}, {3, 1}, {0, 0}, {9, 0}, {4, 0}} {
		e.mu.Lock()
		e.want(step.most)
		got := e.reserved
		e.mu.Unlock()
		if got != step.reserved || len(e.slots) != step.reserved {
			t.Errorf("wants %d: %d of %d are kept free, %d taken", step.most, got, cap(e.slots), len(e.slots))
		}
	}
}

func TestLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"unix:/run/clamav/clamd.ctl": true, "tcp:127.0.0.1:3310": true, "tcp:[::1]:3310": true, "tcp:localhost:3310": true, "tcp:127.9.9.9:1": true,
		"tcp:10.0.0.5:3310": false, "tcp:clamd.monre.gov.vn:3310": false, "tcp:0.0.0.0:3310": false, "tcp:localhost.example.com:3310": false,
		"icap://127.0.0.1:1344/avscan": true, "icap://[::1]/avscan": true, "icap://icap.example.com/avscan": false, "icap://192.0.2.1:1344/x": false, "": false,
	} {
		if Local(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	s, _ := shared(t)
	for _, address := range []string{"", "/run/clamd", "unix:clamd", "tcp:127.0.0.1", "http://127.0.0.1/", "icap://127.0.0.1", "icap:///x", "icap://user@127.0.0.1/x"} {
		if _, err := New(options(address), s); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	if _, err := New(Options{Name: "x", Address: "unix:/x"}, s); err == nil {
		t.Error("no limits are taken")
	}
}
