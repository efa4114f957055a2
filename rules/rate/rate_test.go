package rate

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// sent is a message of a sender; each n is another one.
func sent(sender string, n int, at time.Duration) Message {
	return Message{Sender: sender, ID: fmt.Sprint("T", n), Identity: fmt.Sprint(n), Recipients: 1, Time: noon.Add(at)}
}

func counter(t testing.TB) *Counter {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLimits(t *testing.T) {
	c := counter(t)
	l := Limits{Messages: 3, Recipients: 10}
	for i := range 5 {
		if _, over := c.Add(sent("a", i, 0), l, false); over != (i >= 3) {
			t.Errorf("message %d: over %v", i+1, over)
		}
	}
	if before, over := c.Add(sent("b", 9, 0), l, false); over || before.Messages != 0 {
		t.Error("another sender:", before, over)
	}
	many := sent("c", 1, 0)
	many.Recipients = 11
	if _, over := c.Add(many, l, true); over {
		t.Error("a message with more recipients than the limit can never pass")
	}
	if before, over := c.Add(sent("c", 2, 0), l, true); !over || before.Recipients != 11 {
		t.Error("after it:", before, over)
	}
	for n := range 20 {
		if _, over := c.Add(sent("d", n, 0), Limits{}, true); over {
			t.Error("over no limit")
		}
	}
}

func TestWindowSlides(t *testing.T) {
	c, l := counter(t), Limits{Messages: 60}
	over := 0
	for minute := range 180 { // one a minute, then two
		for n := range 1 + minute/120 {
			if _, o := c.Add(sent("a", 2*minute+n, time.Duration(minute)*time.Minute), l, true); o {
				over++
			}
		}
	}
	if over != 60 {
		t.Errorf("%d over", over)
	}
	if before, _ := c.Add(sent("a", 999, 4*time.Hour), l, true); before.Messages != 0 {
		t.Errorf("%d after an hour of silence", before.Messages)
	}
}

// A server that tries again and again keeps no sender out: what is deferred is not counted.
func TestRetriesLockNobodyOut(t *testing.T) {
	c, l := counter(t), Limits{Messages: 300}
	waiting := map[int]bool{}
	for n := range 1000 {
		waiting[n] = true
	}
	passed := 0
	for minute := range 4 * 60 {
		for n := range 1000 {
			m := sent("a", n, time.Duration(minute)*time.Minute)
			m.ID = fmt.Sprint(n, " ", minute)
			if waiting[n] {
				if _, over := c.Add(m, l, true); !over {
					delete(waiting, n)
					passed++
				}
			}
		}
		if minute == 30 && passed != 300 {
			t.Errorf("%d passed in the first hour", passed)
		}
	}
	if passed != 1000 {
		t.Errorf("%d of 1000 passed in 4 hours", passed)
	}
}

func TestTheSameMessage(t *testing.T) {
	for _, tc := range []struct {
		name  string
		again Message
		count int
	}{
		{"judged twice", sent("a", 1, 0), 1},
		{"tried again", Message{Sender: "a", ID: "U", Identity: "1", Recipients: 1, Time: noon.Add(5 * time.Minute)}, 1},
		{"in a loop", Message{Sender: "a", ID: "U", Identity: "1", Recipients: 1, Time: noon.Add(time.Second)}, 2},
		{"of another sender", Message{Sender: "b", ID: "U", Identity: "1", Recipients: 1, Time: noon.Add(5 * time.Minute)}, 1},
		{"after the window", Message{Sender: "a", ID: "U", Identity: "1", Recipients: 1, Time: noon.Add(61 * time.Minute)}, 1},
	} {
		c := counter(t)
		c.Add(sent("a", 1, 0), Limits{}, false)
		c.Add(tc.again, Limits{}, false)
		m := tc.again
		m.ID, m.Identity, m.Sender = "last", "last", "a"
		if before, _ := c.Add(m, Limits{}, false); before.Messages != tc.count {
			t.Errorf("%s: %d messages, want %d", tc.name, before.Messages, tc.count)
		}
	}
}

// A program that sends one text again and again is no server that tries again, however long it waits between.
func TestALoopIsCounted(t *testing.T) {
	c := counter(t)
	for minute := range 60 {
		m := sent("a", 1, time.Duration(minute)*time.Minute)
		m.ID = fmt.Sprint("loop ", minute)
		c.Add(m, Limits{}, false)
	}
	if before, _ := c.Add(sent("a", 2, time.Hour-time.Second), Limits{}, false); before.Messages != 60-MaxRetries {
		t.Errorf("%d of 60 are counted", before.Messages)
	}
	// Postfix tries for five days, and that is one message.
	at := time.Duration(0)
	for n, wait := 0, 5*time.Minute; at < 5*24*time.Hour; n, at, wait = n+1, at+wait, min(2*wait, 4000*time.Second) {
		m := sent("b", 1, at)
		m.ID = fmt.Sprint("try ", n)
		if before, over := c.Add(m, Limits{Messages: 1}, true); over || before.Messages > 1 {
			t.Fatalf("after %v: over %v, %d messages", at, over, before.Messages)
		}
	}
}

// What was counted passes when it comes again, also when its sender is over the limit by then.
func TestCountedMessagePassesAgain(t *testing.T) {
	c, l := counter(t), Limits{Messages: 2}
	for n := range 3 {
		c.Add(sent("a", n, 0), l, true)
	}
	m := sent("a", 1, 5*time.Minute)
	m.ID = "again"
	if _, over := c.Add(m, l, true); over {
		t.Error("over")
	}
}

// A flood of invented senders costs bounded memory, and does not make the gate forget who sends much.
func TestFloodOfSenders(t *testing.T) {
	c := counter(t)
	for n := range 300 {
		c.Add(sent("busy", n, 0), Limits{}, false)
	}
	for n := range MaxQuiet + 1000 {
		c.Add(sent(fmt.Sprint("x", n), n, time.Minute), Limits{}, false)
	}
	if before, _ := c.Add(sent("busy", 301, time.Minute), Limits{}, false); before.Messages != 300 {
		t.Errorf("%d messages are remembered", before.Messages)
	}
	if n := c.Senders(); n > MaxQuiet+MaxBusy {
		t.Errorf("%d senders", n)
	}
	if n := c.known.Len(); n > MaxMessages {
		t.Errorf("%d messages", n)
	}
}

// Senders without end, with names as long as a client may say cost no more memory than the limits of what is remembered.
func TestManySendersAreBounded(t *testing.T) {
	before := heap()
	c := counter(t)
	long := strings.Repeat("x", 1000)
	for n := range MaxMessages + MaxQuiet {
		name := fmt.Sprint(n)
		if n%10 == 0 {
			name = long + name
		}
		c.Add(Message{Sender: name, ID: name, Identity: name, Recipients: 1, Time: noon}, Limits{Messages: 300}, true)
	}
	if used := heap() - before; used > 64<<20 {
		t.Errorf("%d MiB are held", used>>20)
	}
	if n := c.Senders(); n != MaxQuiet {
		t.Errorf("%d senders are remembered", n)
	}
}

// heap is what is in use, in octets.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Names that are too long to remember are told apart.
func TestLongNames(t *testing.T) {
	c, long := counter(t), strings.Repeat("x", 100<<10)
	for n := range 3 {
		c.Add(sent(long+"a", n, 0), Limits{}, false)
	}
	if before, _ := c.Add(sent(long+"a", 3, 0), Limits{}, false); before.Messages != 3 {
		t.Errorf("%d messages", before.Messages)
	}
	if before, _ := c.Add(sent(long+"b", 4, 0), Limits{}, false); before.Messages != 0 {
		t.Errorf("%d messages of another", before.Messages)
	}
	for _, name := range c.quiet.Keys() {
		if len(name) > MaxName {
			t.Errorf("a name of %d octets is kept", len(name))
		}
	}
}

// Who is over the limit and goes on trying is not driven out by others who send.
func TestWhoIsOverIsNotForgotten(t *testing.T) {
	c, l := counter(t), Limits{Messages: busyFrom}
	for n := range busyFrom {
		c.Add(sent("wild", n, 0), l, true)
	}
	for n := range MaxBusy + 5 {
		for k := range busyFrom {
			c.Add(sent(fmt.Sprint("x", n), n*busyFrom+k, 0), Limits{}, false)
		}
		if n%1000 == 0 {
			if _, over := c.Add(sent("wild", 1000+n, 0), l, true); !over {
				t.Fatalf("forgotten after %d others", n)
			}
		}
	}
}

func TestBusySendersAreBounded(t *testing.T) {
	c := counter(t)
	for n := range MaxBusy + 5 {
		for k := range busyFrom {
			c.Add(sent(fmt.Sprint("x", n), n*busyFrom+k, 0), Limits{}, false)
		}
	}
	if len(c.busy) != MaxBusy || c.order.Len() != MaxBusy || c.busy["x0"] != nil || c.busy["x5"] == nil {
		t.Errorf("%d senders in %d places", len(c.busy), c.order.Len())
	}
}

func TestClock(t *testing.T) {
	c := counter(t)
	for _, at := range []time.Duration{0, -5 * time.Minute, -5 * time.Hour, -5*time.Hour + time.Minute} {
		c.Add(sent("a", int(at/time.Minute), at), Limits{}, false)
	}
	if before, _ := c.Add(sent("a", 77, -5*time.Hour+2*time.Minute), Limits{}, false); before.Messages != 2 {
		t.Errorf("%d messages after the clock went back for long", before.Messages)
	}
	c.Add(Message{Sender: "z"}, Limits{}, false) // the time of nobody

	// Set to a wrong year and back: nobody is over for years, and what was counted before is not known any more.
	l := Limits{Messages: 2}
	for n := range 2 {
		c.Add(sent("b", n, 20*365*24*time.Hour), l, true)
	}
	if before, over := c.Add(sent("b", 3, time.Minute), l, true); over || before.Messages != 0 {
		t.Errorf("%d messages, over %v after the clock was set right", before.Messages, over)
	}
	// Minutes back: what was counted stays, so that nobody gets a second hour by it.
	for n := range 2 {
		c.Add(sent("c", n, 30*time.Minute), l, true)
	}
	if _, over := c.Add(sent("c", 3, 10*time.Minute), l, true); !over {
		t.Error("a clock that goes back some minutes gives room")
	}
	if _, over := c.Add(sent("c", 4, 91*time.Minute), l, true); over {
		t.Error("an hour later there is no room")
	}
}
