package relay

import (
	"sync"
	"time"
)

// Keep bounds the connections to next hops that are kept between clients.
type Keep struct {
	Connections int           // idle at once, for each next hop; 0 keeps none
	Idle        time.Duration // how long one waits for a client: well below what servers allow
	Age         time.Duration // since it was made
	Mails       int           // transactions begun on it
}

// keeper keeps idle connections to next hops for the next client. What it keeps is clear (see clear) and
// knows nothing of the client before but its greeting: connections on which anything was said that
// outlives a transaction (XCLIENT, AUTH) are never given to it.
type keeper struct {
	limits Keep

	mu     sync.Mutex
	idle   map[string][]*keptHop // by address, the newest last
	closed bool
	leaves sync.WaitGroup // connections that are taking leave
}

type keptHop struct {
	*nextHop
	timer *time.Timer
}

func newKeeper(limits Keep) *keeper { return &keeper{limits: limits, idle: map[string][]*keptHop{}} }

// wants tells whether h may be kept, as far as its own state goes.
func (k *keeper) wants(h *nextHop) bool {
	return k.limits.Connections > 0 && !h.personal && h.welcome.class() == 2 && h.mails < k.limits.Mails && time.Since(h.made) < k.limits.Age
}

// clear makes sure that the next hop has no transaction under way: it has taken a message and forgotten
// its envelope with that (RFC 5321 section 4.1.1.4), or it says 250 to RSET.
func (h *nextHop) clear() bool {
	if h.ended {
		return true
	}
	r, err := h.command("RSET", 2, h.times.Quit)
	return err == nil && r.code == 250
}

// put keeps h, if there is room.
func (k *keeper) put(h *nextHop) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || len(k.idle[h.addr]) >= k.limits.Connections {
		return false
	}
	h.kept = true
	e := &keptHop{nextHop: h}
	e.timer = time.AfterFunc(k.limits.Idle, func() { k.expire(e) })
	k.idle[h.addr] = append(k.idle[h.addr], e)
	return true
}

// take gives out a connection to addr, nil when there is none. One that the next hop closed, or on
// which it spoke unasked, is not given out: its 421 for idleness must not be taken for an answer.
func (k *keeper) take(addr string) *nextHop {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		list := k.idle[addr]
		if len(list) == 0 {
			return nil
		}
		e := list[len(list)-1]
		list[len(list)-1] = nil
		k.idle[addr] = list[:len(list)-1]
		e.timer.Stop()
		switch {
		case e.in.look() != peekNothing:
			_ = e.conn.Close()
		case time.Since(e.made) >= k.limits.Age:
			k.leave(e.nextHop)
		default:
			return e.nextHop
		}
	}
}

// expire ends the wait of e, unless it was given out in the meantime.
func (k *keeper) expire(e *keptHop) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := k.idle[e.addr]
	for i := range list {
		if list[i] == e {
			k.idle[e.addr] = append(list[:i:i], list[i+1:]...)
			k.leave(e.nextHop)
			return
		}
	}
}

// leave says QUIT to h beside the caller. k.mu is held.
func (k *keeper) leave(h *nextHop) {
	k.leaves.Go(h.quit)
}

// close takes leave of everything kept, and keeps nothing from now on.
func (k *keeper) close() {
	k.mu.Lock()
	k.closed = true
	for addr, list := range k.idle {
		for _, e := range list {
			e.timer.Stop()
			k.leave(e.nextHop)
		}
		delete(k.idle, addr)
	}
	k.mu.Unlock()
	k.leaves.Wait() // each takes Timeouts.Quit at most
}
