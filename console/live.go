package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"congthu/store"
)

// Limits of pages that are kept up to date (server-sent events, HTML Living Standard section 9.2).
const (
	maxLive       = 200 // at once
	maxLiveOfOne  = 8   // of one session
	liveEvery     = 5 * time.Second
	liveHeartbeat = 4                // rounds after which something is sent although nothing changed: who went away is noticed
	liveWrite     = 10 * time.Second // that a browser may take for one event
)

// streams are the pages that are kept up to date, by session.
type streams struct {
	mu     sync.Mutex
	all    int
	of     map[string]int
	closed chan struct{} // when the console ends
	once   sync.Once
}

func newStreams() *streams { return &streams{of: map[string]int{}, closed: make(chan struct{})} }

// enter takes a place; false when there is none.
func (s *streams) enter(secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxLive || s.of[secret] >= maxLiveOfOne {
		return false
	}
	s.all++
	s.of[secret]++
	return true
}

func (s *streams) leave(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.of[secret]--; s.of[secret] == 0 {
		delete(s.of, secret)
	}
}

// Close ends what never ends by itself: pages that are kept up to date. A server that is shut down waits for them.
func (c *Console) Close() { c.live.once.Do(func() { close(c.live.closed) }) }

// livePath is the address of the events. Looking at a page that is kept up to date is no use of the session: it ends
// when nobody does anything.
const livePath = "/live"

// liveCounts sends what a page counts whenever it changes, until the session ends or the browser goes away.
func (c *Console) liveCounts(w http.ResponseWriter, r *request) error {
	if !c.live.enter(r.secret) {
		return errBusy
	}
	defer c.live.leave(r.secret)
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	ticker := time.NewTicker(c.options.Live)
	defer ticker.Stop()
	last := ""
	for round := 0; ; round++ {
		now, ok := c.counted(r)
		if !ok {
			return nil
		}
		event := ": still there\n\n"
		if now != last && now != "" {
			event, last = "data: "+now+"\n\n", now
		} else if round%liveHeartbeat != 0 {
			event = ""
		}
		if event != "" {
			if err := send(control, w, event); err != nil {
				return c.gone(err)
			}
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-c.live.closed:
			return nil
		case <-ticker.C:
		}
	}
}

// send writes an event. The server's limit for a whole answer is not for one that goes on.
func send(control *http.ResponseController, w http.ResponseWriter, event string) error {
	if err := control.SetWriteDeadline(time.Now().Add(liveWrite)); err != nil {
		return fmt.Errorf("giving an event time: %w", err)
	}
	if _, err := w.Write([]byte(event)); err != nil {
		return err
	}
	return control.Flush()
}

// counted is what a page counts, as one JSON object of texts in its language; "" while the database does not tell. ok is
// false when the session is over.
func (c *Console) counted(r *request) (event string, ok bool) {
	s := c.options.Gate.Store()
	if s == nil {
		return "", true
	}
	if _, err := s.PeekSession(r.Context(), r.secret, c.options.Idle); errors.Is(err, store.ErrNotFound) {
		return "", false
	} else if err != nil {
		return "", r.Context().Err() == nil
	}
	_, waiting, err := s.Waiting(r.Context(), 0)
	if err != nil {
		return "", r.Context().Err() == nil
	}
	day := midnight(c.options.Now()).Format(dayFormat)
	by, all := map[string]int64{}, int64(0)
	err = s.Units(r.Context(), store.DailyFilter{From: day, To: day}, func(row store.Daily) error {
		by[row.Disposition] += row.Messages
		all += row.Messages
		return nil
	})
	if err != nil {
		return "", r.Context().Err() == nil
	}
	texts := map[string]string{"waiting": number(r.lang, waiting), "today": number(r.lang, all)}
	for _, d := range dispositions() {
		texts["today."+d] = number(r.lang, by[d])
	}
	b, err := json.Marshal(texts) // of texts: it cannot fail, and its order is that of the keys
	return string(b), err == nil
}
