// Package rate counts what senders send, in a window of an hour that slides with the minutes (Điều 8 khoản 3, Điều 10
// khoản 2). It keeps numbers only, in bounded memory, until the process ends.
package rate

import (
	"container/list"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"
)

// Limits of what is remembered.
const (
	// MaxBusy is how many senders with at least busyFrom messages in the window are counted at once.
	MaxBusy = 10_000
	// MaxQuiet is how many others are. However many addresses a flood invents, it drives out only each other's and those
	// that have sent next to nothing.
	MaxQuiet = 50_000
	// MaxMessages is how many messages that were counted are known again when they come again.
	MaxMessages = 100_000

	// MaxName is how many octets of a sender's name are remembered: an address of RFC 5321 is shorter. Longer ones are told
	// apart by their hash.
	MaxName = 320
	// MaxRetries is how often a message that was counted comes again within the window as a retry of its server. Servers try
	// less often (Postfix 5, 10, 20, 40 minutes later); what comes more often is a program in a loop.
	MaxRetries = 12

	busyFrom = 10
	slots    = 60
	slot     = time.Minute

	// soonest is how soon a mail server tries the same message again at the earliest. One that looks the same and comes
	// sooner is another: a program that sends one text in a loop.
	soonest = 30 * time.Second
)

// Window is how far back is counted.
const Window = slots * slot

// Message is one message that may be counted.
type Message struct {
	Sender     string
	ID         string // of the transaction
	Identity   string // of content and recipients: the same when the message comes again
	Recipients int
	Time       time.Time
}

// Limits are what a sender may send within the window; 0 is no limit.
type Limits struct{ Messages, Recipients int }

// Count is what a sender has sent within the window.
type Count struct{ Messages, Recipients int }

// Counter counts. It is safe for concurrent use and lives longer than a policy.
type Counter struct {
	mu    sync.Mutex
	quiet *lru.LRU[string, *sender]
	busy  map[string]*sender
	order *list.List // of the busy, the longest silent first
	known *lru.LRU[[16]byte, seen]
}

// seen is when a message came last, and how often it came again since it was counted.
type seen struct {
	at      time.Time
	id      string // of the transaction
	counted time.Time
	retries int
}

// sender is the window of one sender.
type sender struct {
	name     string
	at       int64 // slot of the last message, from the beginning of time
	messages [slots]uint32
	heads    [slots]uint32 // recipients
	place    *list.Element // in order; nil while it is quiet
}

// New makes a counter.
func New() (*Counter, error) {
	c := &Counter{busy: map[string]*sender{}, order: list.New()}
	var err error
	if c.quiet, err = lru.NewLRU[string, *sender](MaxQuiet, nil); err != nil {
		return nil, err
	}
	c.known, err = lru.NewLRU[[16]byte, seen](MaxMessages, nil)
	return c, err
}

// again tells a message that was counted within the window and comes again. Else it says what is known of it once it is
// counted.
func (c *Counter) again(m Message) (key [16]byte, counted seen, again bool) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", m.Sender, m.Identity))
	key = [16]byte(sum[:16])
	fresh := seen{at: m.Time, id: m.ID, counted: m.Time}
	s, known := c.known.Get(key)
	if !known {
		return key, fresh, false
	}
	if s.id == m.ID {
		return key, s, true
	}
	passed := m.Time.Sub(s.at)
	if passed >= Window || passed <= -Window {
		return key, fresh, false
	}
	s.at, s.id = m.Time, m.ID
	if passed < soonest {
		return key, s, false
	}
	if m.Time.Sub(s.counted) >= Window { // its server goes on trying
		s.counted, s.retries = m.Time, 0
	}
	if s.retries >= MaxRetries {
		return key, s, false
	}
	s.retries++
	c.known.Add(key, s)
	return key, s, true
}

// bounded is a name that is not longer than MaxName.
func bounded(name string) string {
	if len(name) <= MaxName {
		return name
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
}

// Add counts a message and says what its sender has sent before it, and whether it goes over a limit. A message that was
// counted within the window and comes again is not counted again and does not go over.
//
// One that goes over is counted all the same unless refuse is set: then it is as if it had never come, so that a server
// that tries again and again does not keep its sender out. A message that by itself has more recipients than the limit
// goes over only while others are in the window, or it could never pass.
func (c *Counter) Add(m Message, l Limits, refuse bool) (before Count, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.Sender = bounded(m.Sender)
	now := m.Time.Unix() / int64(slot/time.Second)
	s := c.sender(m.Sender, now)
	before = s.count()
	key, known, again := c.again(m)
	if again {
		return before, false
	}
	over = l.Messages > 0 && before.Messages >= l.Messages ||
		l.Recipients > 0 && before.Recipients > 0 && before.Recipients+m.Recipients > l.Recipients
	if over && refuse {
		return before, true
	}
	c.known.Add(key, known)
	s.messages[index(s.at)]++
	s.heads[index(s.at)] += uint32(m.Recipients)
	c.settle(s, before.Messages+1)
	return before, over
}

// sender is a sender's window, moved to now.
func (c *Counter) sender(name string, now int64) *sender {
	s, ok := c.busy[name]
	if !ok {
		if s, ok = c.quiet.Get(name); !ok {
			s = &sender{name: name, at: now}
			c.quiet.Add(name, s)
		}
	}
	if s.place != nil { // whoever is over the limit is not silent
		c.order.MoveToBack(s.place)
	}
	s.move(now)
	return s
}

// move forgets what has left the window. A clock that goes back changes nothing until it has caught up, unless it went back
// by more than a window: then what was counted is of no time that is known.
func (s *sender) move(now int64) {
	if s.at-now >= slots || now-s.at >= slots {
		s.messages, s.heads, s.at = [slots]uint32{}, [slots]uint32{}, now
		return
	}
	for s.at < now {
		s.at++
		s.messages[index(s.at)], s.heads[index(s.at)] = 0, 0
	}
}

// index is the place of a slot; those before 1970 are negative.
func index(at int64) int64 { return (at%slots + slots) % slots }

func (s *sender) count() (c Count) {
	for i := range slots {
		c.Messages += int(s.messages[i])
		c.Recipients += int(s.heads[i])
	}
	return c
}

// settle puts a sender where it belongs by how much it sends. The busy who have to go are the longest silent.
func (c *Counter) settle(s *sender, messages int) {
	if s.place != nil || messages < busyFrom {
		return
	}
	c.quiet.Remove(s.name)
	if len(c.busy) >= MaxBusy {
		oldest := c.order.Remove(c.order.Front()).(*sender)
		delete(c.busy, oldest.name)
	}
	s.place = c.order.PushBack(s)
	c.busy[s.name] = s
}

// Senders is how many senders are remembered.
func (c *Counter) Senders() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.busy) + c.quiet.Len()
}
