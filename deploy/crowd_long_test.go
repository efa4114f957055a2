//go:build long

package deploy

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	gomilter "github.com/emersion/go-milter"

	"congthu/internal/peer"
)

// What a gate has to bear (each door by itself).
const (
	crowd       = 2000            // connections at once, each with a small mail
	idlers      = 5000            // connections that say nothing more
	heavy       = 20              // clients that send big mails without pause
	heavyBytes  = 22 << 20        // of an attachment: 30 MB on the wire
	crowdMemory = 256 << 20       // octets of the gate's process at most
	slowest     = 2 * time.Second // p99 of small mails beside big ones, on a quiet machine
)

// caller is one client's connection with a door, MTA or SMTP client.
type caller interface {
	// send sends one mail and returns the reply code, 250 when it passes.
	send(m *parcel) (code int, err error)
	close()
}

// parcel is a mail in the form in which each door takes it.
type parcel struct {
	mail    peer.Mail
	stuffed []byte
}

func newParcel(l letter) *parcel {
	m := l.mail()
	return &parcel{mail: m, stuffed: peer.DotStuff(m.Bytes)}
}

type smtpCaller struct{ c *peer.Client }

func dialRelay(addr string) (caller, int, error) {
	c, err := peer.Dial(addr)
	if err != nil {
		return nil, 0, err
	}
	if !c.Welcome.OK() {
		c.Close()
		return nil, c.Welcome.Code, nil
	}
	return smtpCaller{c}, 220, nil
}

func (s smtpCaller) close() { s.c.Close() }

func (s smtpCaller) send(m *parcel) (int, error) {
	if err := s.c.Ehlo("may.khach.example"); err != nil {
		return 0, err
	}
	a, taken, err := s.c.Envelope(m.mail)
	if err != nil || taken == 0 {
		return a.Last().Code, err
	}
	r, err := s.c.Cmd("DATA")
	if err != nil || r.Code != 354 {
		return r.Code, err
	}
	if err := s.c.Write(m.stuffed); err != nil {
		return 0, err
	}
	r, err = s.c.Read()
	return r.Code, err
}

// milterCaller is what an MTA's process is to the milter door.
type milterCaller struct{ s *gomilter.ClientSession }

func dialMilter(addr string) (caller, int, error) {
	const patience = 5 * time.Minute
	c := gomilter.NewClientWithOptions("tcp", addr, gomilter.ClientOptions{ReadTimeout: patience, WriteTimeout: patience,
		ActionMask: gomilter.OptAddHeader | gomilter.OptChangeHeader})
	s, err := c.Session()
	if err != nil {
		return nil, 0, err
	}
	return milterCaller{s}, 220, nil
}

func (m milterCaller) close() { m.s.Close() }

func (m milterCaller) send(p *parcel) (int, error) {
	head, body, _ := bytes.Cut(p.mail.Bytes, []byte("\r\n\r\n"))
	steps := []func() (*gomilter.Action, error){
		func() (*gomilter.Action, error) {
			return m.s.Conn("may.khach.example", gomilter.FamilyInet, 25, outside)
		},
		func() (*gomilter.Action, error) { return m.s.Helo("may.khach.example") },
		func() (*gomilter.Action, error) { return m.s.Mail(p.mail.From, nil) },
		func() (*gomilter.Action, error) { return m.s.Rcpt(p.mail.To[0], nil) },
	}
	for f := range strings.SplitSeq(string(head), "\r\n") {
		name, value, ok := strings.Cut(f, ":")
		if !ok {
			return 0, fmt.Errorf("header line %q", f)
		}
		steps = append(steps, func() (*gomilter.Action, error) { return m.s.HeaderField(name, strings.TrimPrefix(value, " ")) })
	}
	steps = append(steps, func() (*gomilter.Action, error) { return m.s.HeaderEnd() })
	for _, step := range steps {
		if a, err := step(); err != nil || a.Code != gomilter.ActContinue {
			return answerCode(a), err
		}
	}
	_, a, err := m.s.BodyReadFrom(bytes.NewReader(body))
	return answerCode(a), err
}

func answerCode(a *gomilter.Action) int {
	switch {
	case a == nil:
		return 0
	case a.Code == gomilter.ActReplyCode:
		return a.SMTPCode
	case a.Code == gomilter.ActContinue, a.Code == gomilter.ActAccept:
		return 250
	case a.Code == gomilter.ActTempFail:
		return 451
	}
	return 0
}

// crowdStand is a gate with both doors, and a server behind that takes everything.
type crowdStand struct {
	gate                 *peer.Gate
	sink                 *peer.Sink
	relay, narrow        string // addresses; narrow has the default of connections
	milter, narrowMilter string
}

func newCrowdStand(t *testing.T) *crowdStand {
	t.Helper()
	var files syscall.Rlimit // Go has raised it to the hard limit, here and in the gate
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	if need := uint64(2*idlers + 1000); files.Cur < need {
		t.Fatalf("%d descriptors are allowed, these tests need %d: ulimit -n", files.Cur, need)
	}
	s := &crowdStand{sink: &peer.Sink{Blind: true}}
	must(t, s.sink.Start("127.0.0.1:0"))
	t.Cleanup(func() { s.sink.Close() })
	var ports peer.Ports
	var addrs [5]string
	for i := range addrs {
		var err error
		addrs[i], err = ports.Next()
		must(t, err)
	}
	s.relay, s.narrow, s.milter, s.narrowMilter = addrs[0], addrs[1], addrs[2], addrs[3]
	s.gate = &peer.Gate{Binary: gateBinary.path(t), Admin: addrs[4], Dir: t.TempDir(), Config: fmt.Sprintf(`organisation: {domains: [%s], trusted_networks: [10.0.0.0/8]}
admin: {listen: %q}
relay:
  - {name: wide, listen: %q, next_hops: [%q], trusted_peers: [], connections: %d, client_connections: 0}
  - {name: narrow, listen: %q, next_hops: [%q], trusted_peers: [], client_connections: 0}
milter:
  - {name: wide-milter, listen: "tcp:%s", connections: %d}
  - {name: narrow-milter, listen: "tcp:%s", connections: 500}
rules:
  attachment-size: {mode: monitor}
`, ours, addrs[4], s.relay, s.sink.Addr, idlers+crowd, s.narrow, s.sink.Addr, s.milter, idlers+crowd, s.narrowMilter)}
	must(t, s.gate.Start())
	t.Cleanup(func() {
		if err := s.gate.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestLongCrowdRelay and TestLongCrowdMilter put the two doors under more load than a ministry has.
func TestLongCrowdRelay(t *testing.T) {
	s := newCrowdStand(t)
	s.crowd(t, s.relay, s.narrow, dialRelay, true)
}

func TestLongCrowdMilter(t *testing.T) {
	s := newCrowdStand(t)
	s.crowd(t, s.milter, s.narrowMilter, dialMilter, false)
}

type dialDoor func(addr string) (c caller, code int, err error)

// crowd is the whole test of one door; relays tells that what passes arrives at the sink.
func (s *crowdStand) crowd(t *testing.T, wide, narrow string, dial dialDoor, relays bool) {
	small := newParcel(letter{key: "nho", subject: "Thu nho", from: "ban@noi-khac.example"})
	fields, body := attachment(1, heavyBytes)
	big := newParcel(letter{key: "lon", subject: "Thu lon", from: "ban@noi-khac.example", fields: fields, body: body})

	s.measure(t, wide, small, dial, 200) // what is made once
	before := s.settled(t, nil)
	alone := s.measure(t, wide, small, dial, 1000)
	t.Logf("%d small mails alone: p50 %v, p99 %v", len(alone), quantile(alone, 0.5), quantile(alone, 0.99))

	taken := s.sink.Count()
	codes := atOnce(t, wide, small, dial, crowd)
	t.Logf("%d connections at once: answers %v", crowd, codes)
	if codes[250] != crowd {
		t.Errorf("not all of %d were taken: %v", crowd, codes)
	}
	if relays && s.sink.Count()-taken != codes[250] {
		t.Errorf("%d said 250, %d arrived", codes[250], s.sink.Count()-taken)
	}
	s.crowdedOut(t, narrow, small, dial, relays)
	s.beside(t, wide, small, dial)
	s.starved(t, wide, small, big, dial, quantile(alone, 0.99))

	began := time.Now()
	again := s.measure(t, wide, small, dial, 20)
	t.Logf("recovered after %v: p99 %v", time.Since(began).Round(time.Millisecond), quantile(again, 0.99))
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("20 small mails took %v after the load", d)
	}
	after := s.settled(t, &before)
	t.Logf("%-8s %s\n%-8s %s\n%-8s %s", "", resourceHead, "before", before, "after", after)
	if after.goroutines > before.goroutines || after.descriptors > before.descriptors || after.memfds > before.memfds || after.files > before.files {
		t.Error("not everything was given back")
	}
	if after.peak > crowdMemory && !s.racing(t) {
		t.Errorf("the gate took %d MiB", after.peak>>20)
	}
}

// crowdedOut sends to a listener for fewer: each is served or told to come again, and the ones are as many
// as were taken. A milter's client waits instead.
func (s *crowdStand) crowdedOut(t *testing.T, addr string, small *parcel, dial dialDoor, relays bool) {
	t.Helper()
	taken := s.sink.Count()
	codes := atOnce(t, addr, small, dial, crowd)
	t.Logf("%d connections at once where 500 are allowed: answers %v", crowd, codes)
	if codes[250] < 500 || codes[250]+codes[421]+codes[451] != crowd {
		t.Errorf("answers %v to %d connections", codes, crowd)
	}
	if got := s.sink.Count() - taken; relays && got != codes[250] {
		t.Errorf("%d said 250, %d arrived", codes[250], got)
	}
}

// beside sends small mails while thousands of connections are open and say nothing.
func (s *crowdStand) beside(t *testing.T, addr string, small *parcel, dial dialDoor) {
	t.Helper()
	var mu sync.Mutex
	var open []caller
	each(64, idlers, func(int) {
		c, code, err := dial(addr)
		if err != nil || code != 220 {
			t.Errorf("an idle connection: %d, %v", code, err)
			return
		}
		mu.Lock()
		open = append(open, c)
		mu.Unlock()
	})
	took := s.measure(t, addr, small, dial, 500)
	r := s.resources(t)
	t.Logf("beside %d idle connections: p50 %v, p99 %v; gate: %d MiB, %d descriptors", len(open), quantile(took, 0.5), quantile(took, 0.99), r.resident>>20, r.descriptors)
	for _, c := range open {
		c.close()
	}
}

// starved sends small mails while others send big ones without pause.
func (s *crowdStand) starved(t *testing.T, addr string, small, big *parcel, dial dialDoor, alone time.Duration) {
	t.Helper()
	slower := slowdown(t)
	// Clients and server behind are in this process: those of small mails shall wait for the gate only.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4 * heavy))
	var stop atomic.Bool
	var done atomic.Int64
	var wg sync.WaitGroup
	for range heavy {
		wg.Go(func() {
			for !stop.Load() {
				if code, err := once(addr, big, dial); err != nil || code != 250 {
					t.Errorf("a mail of %d octets: %d, %v", len(big.mail.Bytes), code, err)
					return
				}
				done.Add(1)
			}
		})
	}
	must(t, peer.Wait(3*time.Minute, "the first big mail", func() bool { return done.Load() > 0 }))
	took := s.measure(t, addr, small, dial, 200)
	stop.Store(true)
	spooled := s.resources(t).spooled
	wg.Wait()
	p99, limit := quantile(took, 0.99), max(time.Duration(float64(slowest)*slower), 20*alone)
	t.Logf("beside %d clients with mails of %d MB (%d of them taken, %d MiB in memory files), on a machine that is %.1f times slower than a quiet one: p50 %v, p99 %v, at most %v",
		heavy, len(big.stuffed)/1e6, done.Load(), spooled>>20, slower, quantile(took, 0.5), p99, limit)
	if p99 > limit {
		t.Errorf("small mails are starved: p99 %v", p99)
	}
}

// slowdown is how much longer the processor takes here for this process than it would alone: others on this
// machine say nothing of the gate.
func slowdown(t *testing.T) float64 {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	busy := func() time.Duration {
		var u syscall.Rusage
		must(t, syscall.Getrusage(syscall.RUSAGE_THREAD, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began, before := time.Now(), busy()
	for busy()-before < 100*time.Millisecond {
	}
	return max(1, float64(time.Since(began))/float64(busy()-before))
}

// atOnce has n clients connect and send together, and counts the answers.
func atOnce(t *testing.T, addr string, m *parcel, dial dialDoor, n int) map[int]int {
	t.Helper()
	var mu sync.Mutex
	codes := map[int]int{}
	start := make(chan struct{})
	var ready, wg sync.WaitGroup
	ready.Add(n)
	for range n {
		wg.Go(func() {
			ready.Done()
			<-start
			code, err := once(addr, m, dial)
			if err != nil {
				t.Errorf("answered %d, %v", code, err)
			}
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	ready.Wait()
	close(start)
	wg.Wait()
	return codes
}

// once sends one mail on a connection of its own.
func once(addr string, m *parcel, dial dialDoor) (int, error) {
	c, code, err := dial(addr)
	if err != nil || code != 220 {
		return code, err
	}
	defer c.close()
	return c.send(m)
}

// measure sends n mails, four at a time, and returns how long each took from the connecting on.
func (s *crowdStand) measure(t *testing.T, addr string, m *parcel, dial dialDoor, n int) []time.Duration {
	t.Helper()
	took := make([]time.Duration, n)
	each(4, n, func(i int) {
		began := time.Now()
		if code, err := once(addr, m, dial); err != nil || code != 250 {
			t.Errorf("a small mail was answered %d, %v", code, err)
		}
		took[i] = time.Since(began)
	})
	slices.Sort(took)
	return took
}

// each calls do for 0 to n-1, some at a time.
func each(workers, n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Round(100 * time.Microsecond)
}

// racing tells whether the gate looks for races, which takes several times the memory.
func (s *crowdStand) racing(t *testing.T) bool {
	t.Helper()
	info, err := buildinfo.ReadFile(s.gate.Binary)
	must(t, err)
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// resources is what the gate's process holds.
type resources struct {
	goroutines, descriptors, memfds, files int
	resident, peak, spooled                int64 // octets
}

const resourceHead = "goroutines descriptors memfds files resident-MiB peak-MiB"

func (r resources) String() string {
	return fmt.Sprintf("%10d %11d %6d %5d %12d %8d", r.goroutines, r.descriptors, r.memfds, r.files, r.resident>>20, r.peak>>20)
}

// resources looks at /proc and at the gate's own count of goroutines.
func (s *crowdStand) resources(t *testing.T) (r resources) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d", s.gate.PID())
	list, err := os.ReadDir(proc + "/fd")
	must(t, err)
	for _, e := range list {
		link, err := os.Readlink(filepath.Join(proc, "fd", e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // closed meanwhile
		}
		must(t, err)
		if strings.HasPrefix(link, s.gate.State()) {
			continue // evidence and database are opened as they are needed, and stay
		}
		r.descriptors++
		switch {
		case strings.HasPrefix(link, "/memfd:"):
			r.memfds++
			if info, err := os.Stat(filepath.Join(proc, "fd", e.Name())); err == nil {
				r.spooled += info.Size()
			}
		case strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "/dev/"):
			r.files++
		}
	}
	status, err := os.ReadFile(proc + "/status")
	must(t, err)
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			r.resident = kib << 10
		case "VmHWM":
			r.peak = kib << 10
		}
	}
	n, err := s.gate.Metric("go_goroutines")
	must(t, err)
	r.goroutines = int(n)
	return r
}

// settled waits until the gate holds no more than like, or for long enough that its kept connections have
// ended when there is nothing to compare with.
func (s *crowdStand) settled(t *testing.T, like *resources) resources {
	t.Helper()
	var r resources
	still, last := 0, -1
	err := peer.Wait(30*time.Second, "the gate to give back what it took", func() bool {
		r = s.resources(t)
		if like != nil {
			return r.goroutines <= like.goroutines && r.descriptors <= like.descriptors && r.memfds <= like.memfds && r.files <= like.files
		}
		if still++; r.descriptors != last {
			still, last = 0, r.descriptors
		}
		time.Sleep(100 * time.Millisecond)
		return still > 70 // kept connections end after 5 s
	})
	if err != nil && like == nil {
		t.Error(err)
	}
	return r
}
