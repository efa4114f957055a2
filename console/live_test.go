package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"congthu/filter/evidence"
	"congthu/store"
)

// follow asks for events until the test, or stop, ends it.
func (w *browser) follow() (events *bufio.Scanner, status int, stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+"/live", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return bufio.NewScanner(resp.Body), resp.StatusCode, func() {
		cancel()
		resp.Body.Close()
	}
}

// begins is the status of an answer that does not end.
func (w *browser) begins(string) int {
	_, status, stop := w.follow()
	stop()
	return status
}

// next is what the next event tells; ok is false when there are no more.
func next(t *testing.T, events *bufio.Scanner) (told map[string]string, ok bool) {
	t.Helper()
	for events.Scan() {
		if data, is := strings.CutPrefix(events.Text(), "data: "); is {
			if err := json.Unmarshal([]byte(data), &told); err != nil {
				t.Fatal(err)
			}
			return told, true
		}
	}
	return nil, false
}

func TestLive(t *testing.T) {
	b := newBench(t)
	b.officer()
	w := b.as(store.Auditor)
	events, status, stop := w.follow()
	defer stop()
	if told, ok := next(t, events); status != http.StatusOK || !ok || told["waiting"] != "0" || told["today.refuse"] != "0" {
		t.Fatalf("%d %v", status, told)
	}
	b.held("01HOLD", mail, false)
	if told, ok := next(t, events); !ok || told["waiting"] != "1" {
		t.Errorf("after something was held: %v", told)
	}
	v := b.verdict1(0, "x")
	b.append(evidence.Record{Kind: evidence.KindVerdict, Verdict: v})
	if _, err := b.store.Rebuild(t.Context(), b.log.Dir()); err != nil {
		t.Fatal(err)
	}
	for told := map[string]string{}; told["today.refuse"] != "1" || told["today"] != "1"; {
		ok := false
		if told, ok = next(t, events); !ok {
			t.Fatal("it ended")
		}
	}
	b.wait(31 * time.Minute) // looking on is no use of a session
	if told, ok := next(t, events); ok {
		t.Errorf("after the session ended: %v", told)
	}
	if got := w.get("/"); got.status != http.StatusSeeOther {
		t.Errorf("then the session goes on: %d", got.status)
	}
}

func TestLiveIsBounded(t *testing.T) {
	b := newBench(t)
	w, other := b.as(store.Auditor), b.as(store.Auditor)
	for range 8 {
		_, status, stop := w.follow()
		defer stop()
		if status != http.StatusOK {
			t.Fatalf("%d", status)
		}
	}
	if _, status, stop := w.follow(); status != http.StatusServiceUnavailable {
		t.Errorf("the ninth of one session: %d, want 503", status)
	} else {
		stop()
	}
	if got := other.begins(""); got != http.StatusOK {
		t.Errorf("of another session: %d", got)
	}
	b.console.Close() // all end, or closing the server would wait for ever
	b.console.Close()
}

func TestLiveWithoutDatabase(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Auditor)
	events, _, stop := w.follow()
	defer stop()
	next(t, events)
	b.mu.Lock()
	b.down = true
	b.mu.Unlock()
	time.Sleep(100 * time.Millisecond)
	b.officer()
	b.held("01HOLD", mail, false)
	b.mu.Lock()
	b.down = false
	b.mu.Unlock()
	if told, ok := next(t, events); !ok || told["waiting"] != "1" {
		t.Errorf("when it is there again: %v %v", told, ok)
	}
}

// TestLiveInABrowser sees figures change, and holds the pages to being of use without it.
func TestLiveInABrowser(t *testing.T) {
	b := newBench(t)
	officer := b.officer()
	w := newWindow(t, b.server.URL)
	w.as(officer, "vi", "light")
	w.run(chromedp.Navigate(b.server.URL + "/"))
	b.holdSome(3, "thuong")
	value(w, chromedp.Poll[bool](`document.querySelector("[data-live=waiting]").textContent === "3"`))
	w.run(chromedp.Navigate(b.server.URL + "/held"))
	if hidden := value(w, chromedp.Evaluate[bool](`document.querySelector("[data-changed]").hidden`)); !hidden {
		t.Error("the list says that it changed")
	}
	b.held("01HOLD", strings.ReplaceAll(mail, "Xin", "Nay xin"), false)
	value(w, chromedp.Poll[bool](`!document.querySelector("[data-changed]").hidden`))
	w.quiet("pages that are kept up to date")
}
