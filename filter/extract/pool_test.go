package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"congthu/filter/message"
)

const workerMemory = 2 << 30 // of address space, octets; the race detector needs more

// TestMain makes the test program a worker when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == WorkerArgument {
		prepare := Confine
		if os.Getenv("RACE") != "" { // its shadow memory is terabytes of address space
			prepare = func(int64) error { return filterCalls() }
		}
		all := tricks()
		if os.Getenv("REAL") != "" {
			all = formats()
		}
		if err := work(os.Stdin, os.Stdout, workerMemory, prepare, all); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// tricks are formats whose readers behave as hostile files make real ones behave. The file says how.
func tricks() map[string]format {
	return map[string]format{"trick": {name: "trick", mediaType: "application/x-trick", worker: true, read: trick}}
}

func trick(_ context.Context, in *input, o out) error {
	b := make([]byte, in.content.Size())
	in.content.ReadAt(b, 0)
	_, word, _ := strings.Cut(string(b), " ")
	word, argument, _ := strings.Cut(word, ":")
	switch word {
	case "read":
		if _, err := os.ReadFile(argument); !errors.Is(err, os.ErrPermission) {
			return o.text(Text{Kind: Body, Value: fmt.Sprintf("read: %v", err)})
		}
		return o.text(Text{Kind: Body, Value: "confined"})
	case "write":
		if err := os.WriteFile(argument, []byte("x"), 0o600); !errors.Is(err, os.ErrPermission) {
			return o.text(Text{Kind: Body, Value: fmt.Sprintf("wrote: %v", err)})
		}
		if err := os.Remove(argument); !errors.Is(err, os.ErrPermission) {
			return o.text(Text{Kind: Body, Value: fmt.Sprintf("removed: %v", err)})
		}
		return o.text(Text{Kind: Body, Value: "confined"})
	case "signal":
		parent := os.Getppid()
		for _, err := range []error{unix.Kill(parent, unix.SIGCONT), unix.Tgkill(parent, parent, unix.SIGCONT)} {
			if !errors.Is(err, os.ErrPermission) {
				return o.text(Text{Kind: Body, Value: fmt.Sprintf("signalled: %v", err)})
			}
		}
		return o.text(Text{Kind: Body, Value: "confined"})
	case "hang":
		time.Sleep(time.Hour) // a program without C would notice that it waits for nothing
	case "die":
		os.Exit(3)
	case "memory":
		var all [][]byte
		for len(all) < 1<<20 {
			all = append(all, bytes.Repeat([]byte{1}, 64<<20))
		}
		return o.text(Text{Kind: Body, Value: fmt.Sprint(len(all))})
	case "stack":
		var f func(int) int
		f = func(n int) int { return f(n+1) + 1 }
		f(0)
	case "panic":
		panic("secret")
	case "damaged":
		return errors.New("secret")
	case "limit":
		return stop{Encrypted}
	case "nonsense":
		os.Stdout.WriteString("\xff\xff\xff\xff\xff\xff\xff")
		time.Sleep(time.Hour) // a program without C would notice that it waits for nothing
	case "network":
		if _, err := net.Dial("tcp", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "not permitted") {
			return o.text(Text{Kind: Body, Value: fmt.Sprintf("dialled: %v", err)})
		}
		if err := exec.Command("/bin/true").Run(); err == nil {
			return o.text(Text{Kind: Body, Value: "started a program"})
		}
		return o.text(Text{Kind: Body, Value: "confined"})
	case "members":
		o.fact(Macro)
		if err := o.member([]string{"a.txt"}, strings.NewReader("inside")); err != nil {
			return err
		}
		if err := o.member([]string{"bad.txt"}, io.MultiReader(strings.NewReader("half"), failing{})); err != nil {
			return err
		}
		if err := o.member([]string{"t"}, strings.NewReader("TRICK text")); err != nil {
			return err
		}
		o.miss(NoText)
		return nil
	case "late":
		return o.member([]string{"locked"}, errorsOf{io.MultiReader(strings.NewReader("half"), failing{}), func(error) error {
			o.fact(EncryptedFile)
			o.miss(NoText)
			return stop{Encrypted}
		}})
	case "text":
		return o.text(Text{Kind: Body, Page: 2, Value: strings.Repeat("Thư mời họp\n", 20_000)})
	case "flood":
		for {
			if err := o.text(Text{Kind: Body, Value: strings.Repeat("x", MaxPiece)}); err != nil {
				return err
			}
		}
	case "bomb":
		return o.member([]string{"big"}, zeros{})
	}
	return nil
}

// tellTricks knows the tricks beside the real formats.
func tellTricks(head []byte, c content, label string, names []string) (format, bool) {
	if bytes.HasPrefix(head, []byte("TRICK ")) {
		return tricks()["trick"], true
	}
	return tell(formats(), head, c, label, names)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("secret") }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// gathered is a consumer that keeps everything, which no real one may.
type gathered struct {
	lines []string
	text  int
}

func (g *gathered) File(f *File)            { g.lines = append(g.lines, f.Path+" "+f.Type) }
func (g *gathered) Fact(f *File, fact Fact) { g.lines = append(g.lines, f.Path+" fact "+string(fact)) }
func (g *gathered) Text(f *File, t Text) {
	if len(t.Value) > MaxPiece {
		panic("a piece is too long")
	}
	g.text += len(t.Value)
	g.lines = append(g.lines, fmt.Sprintf("%s %s%s %d.%d %.40q", f.Path, t.Kind, t.Name, t.Page, t.Reading, t.Value))
}
func (g *gathered) Outcome() (any, bool) { return g, true }

type count struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *count) Worker(state string, change int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[state] += change
}

func newPool(t testing.TB, workers int, deadline time.Duration) (*Pool, *count) {
	t.Helper()
	program, err := Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &count{n: map[string]int{}}
	env := []string{"GOTRACEBACK=none"}
	if raceEnabled {
		env = append(env, "RACE=1")
	}
	p, err := NewPool(PoolOptions{Command: []string{program, WorkerArgument}, Env: env, Workers: workers, Deadline: deadline, Metrics: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, c
}

// look looks into one file with the tricks.
func look(t testing.TB, p *Pool, l Limits, file string) (*gathered, []message.NotInspected) {
	t.Helper()
	in, err := New(Options{Limits: l, Pool: p, Consumers: map[string]NewConsumers{"all": func(context.Context) NewConsumer { return func() Consumer { return &gathered{} } }}})
	if err != nil {
		t.Fatal(err)
	}
	in.tell = tellTricks
	mail := "Content-Type: application/octet-stream; name=f\r\n\r\n" + file
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	found, err := in.Inspect(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return found.Leaves[0].Outcomes["all"].(*gathered), found.NotInspected
}

// Whatever a file does to a worker, it is answered for, and the next file is read.
func TestWorker(t *testing.T) {
	p, counted := newPool(t, 2, 3*time.Second)
	for _, tc := range []struct {
		word, want string
		missed     message.Reason
		killed     bool
	}{
		{"hang", "", WorkerFailed, true},
		{"die", "", WorkerFailed, true},
		{"stack", "", WorkerFailed, true},
		{"memory", "", WorkerFailed, true},
		{"nonsense", "", WorkerFailed, true},
		{"panic", "", message.Damaged, false},
		{"damaged", "", message.Damaged, false},
		{"limit", "", Encrypted, false},
		{"network", ` body 0.0 "confined"`, "", false},
		{"text", ` body 2.0 "Thư mời họp\nThư mời họp\nThư mời họp\nThư "`, "", false},
	} {
		t.Run(tc.word, func(t *testing.T) {
			if tc.word == "memory" && raceEnabled {
				tc.word = "die" // the limit of address space is not set then
			}
			before := counted.killed()
			g, missed := look(t, p, DefaultLimits(), "TRICK "+tc.word)
			if tc.want != "" && !slices.Contains(g.lines, tc.want) {
				t.Errorf("no %s in %q", tc.want, g.lines)
			}
			want := []message.NotInspected{{Part: "1", Reason: tc.missed}}
			if tc.missed == "" {
				want = nil
			}
			if !slices.Equal(missed, want) {
				t.Errorf("not inspected: %v, want %v", missed, want)
			}
			if (counted.killed() > before) != tc.killed {
				t.Errorf("killed: %v", counted.killed() > before)
			}
			if g, _ := look(t, p, DefaultLimits(), "TRICK text"); g.text != 20_000*len("Thư mời họp\n") {
				t.Errorf("afterwards a file gives %d octets of text", g.text)
			}
		})
	}
}

func (c *count) killed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n["killed"]
}

// What a worker finds goes through the same limits as what is found here, and files inside are looked into.
func TestWorkerMembers(t *testing.T) {
	p, _ := newPool(t, 1, 20*time.Second) // one worker: what is inside waits for it
	g, missed := look(t, p, DefaultLimits(), "TRICK members")
	want := []string{" application/x-trick", " fact macro", ` file-name 0.0 "a.txt"`, ` file-name 0.0 "bad.txt"`, ` file-name 0.0 "t"`,
		"/1 text/plain", `/1 body 0.0 "inside"`, "/3 application/x-trick"}
	for _, w := range want {
		if !slices.Contains(g.lines, w) {
			t.Errorf("no %q in %q", w, g.lines)
		}
	}
	if g.text < 20_000*len("Thư mời họp\n") {
		t.Errorf("%d octets of text", g.text)
	}
	if !slices.Equal(missed, []message.NotInspected{{Part: "1/2", Reason: message.Damaged}, {Part: "1", Reason: NoText}}) {
		t.Errorf("not inspected: %v", missed)
	}
	// What is found in the middle of a file inside is told behind it.
	g, missed = look(t, p, DefaultLimits(), "TRICK late")
	if !slices.Contains(g.lines, " fact encrypted") || !slices.Equal(missed, []message.NotInspected{{Part: "1/1", Reason: Encrypted}, {Part: "1", Reason: NoText}}) {
		t.Errorf("late: %q, not inspected: %v", g.lines, missed)
	}
	l := DefaultLimits()
	l.TextBytes = 1 << 20
	g, missed = look(t, p, l, "TRICK flood")
	if g.text > 1<<20 || !slices.Equal(missed, []message.NotInspected{{Part: "1", Reason: message.TooBig}}) {
		t.Errorf("a flood: %d octets, %v", g.text, missed)
	}
	l = DefaultLimits()
	l.MemberBytes = 1 << 20
	if _, missed = look(t, p, l, "TRICK bomb"); !slices.Contains(missed, message.NotInspected{Part: "1/1", Reason: message.TooBig}) {
		t.Errorf("a bomb: %v", missed)
	}
}

// A message whose time is up lets its worker go, and the error is ours.
func TestWorkerContext(t *testing.T) {
	p, _ := newPool(t, 1, time.Minute)
	in, err := New(Options{Limits: DefaultLimits(), Pool: p})
	if err != nil {
		t.Fatal(err)
	}
	in.tell = tellTricks
	cause := errors.New("judging took too long")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, cause)
	defer cancel()
	mail := "Content-Type: application/octet-stream\r\n\r\nTRICK hang"
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Inspect(ctx, m); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if g, _ := look(t, p, DefaultLimits(), "TRICK text"); g.text == 0 {
		t.Error("no worker afterwards")
	}
}

// Without workers what needs one is not inspected, and nothing else suffers.
func TestNoPool(t *testing.T) {
	if _, missed := look(t, nil, DefaultLimits(), "TRICK text"); !slices.Equal(missed, []message.NotInspected{{Part: "1", Reason: WorkerFailed}}) {
		t.Errorf("%v", missed)
	}
	if _, err := NewPool(PoolOptions{Command: []string{"/nowhere"}, Workers: 1, Deadline: time.Second}); err == nil {
		t.Error("a pool of a program that is not there")
	}
}

// The same file twice is looked into once; one that a worker failed on is tried again.
func TestCache(t *testing.T) {
	p, _ := newPool(t, 1, 20*time.Second)
	made := 0
	in, err := New(Options{Limits: DefaultLimits(), Pool: p, CacheSize: 10,
		Consumers: map[string]NewConsumers{"all": func(context.Context) NewConsumer { return func() Consumer { made++; return &gathered{} } }}})
	if err != nil {
		t.Fatal(err)
	}
	in.tell = tellTricks
	for _, tc := range []struct {
		file string
		made int
	}{{"TRICK text", 1}, {"TRICK text", 1}, {"TRICK die", 2}, {"TRICK die", 3}, {"TRICK limit", 4}, {"TRICK limit", 4}} {
		mail := "Content-Type: application/octet-stream\r\n\r\n" + tc.file
		m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Inspect(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if made != tc.made {
			t.Errorf("%s: looked into %d times, want %d", tc.file, made, tc.made)
		}
	}
}
