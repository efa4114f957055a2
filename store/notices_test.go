package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/filter"
	"congthu/store"
	"congthu/store/notice"
)

func TestNotices(t *testing.T) {
	d := newDesk(t, "")
	created := d.clock.Now()
	sample := func(id, to, rule string, at time.Time) notice.Notice {
		return notice.Notice{ID: id, Kind: notice.HeldSender, To: to, Rule: rule, Created: at, More: 2,
			Items: []notice.Item{{ID: "01A", Time: at, Direction: filter.Internal, Sender: "an@monre.gov.vn", Rules: []notice.Reason{{Rule: rule, Clause: "9.3"}}}}}
	}
	queue := func(n notice.Notice, want bool) {
		t.Helper()
		if queued, err := queueOne(t, d, n); err != nil || queued != want {
			t.Fatalf("%s: %t %v, want %t", n.ID, queued, err, want)
		}
	}
	first := sample("1", "an@monre.gov.vn", "subject", created)
	queue(first, true)
	queue(sample("2", "an@monre.gov.vn", "subject", created.Add(time.Hour-time.Second)), false)
	queue(sample("3", "an@monre.gov.vn", "content", created.Add(time.Second)), true)
	queue(sample("4", "binh@monre.gov.vn", "subject", created.Add(2*time.Second)), true)
	queue(sample("5", "an@monre.gov.vn", "subject", created.Add(time.Hour)), true)
	if queued, err := queueOne(t, d, sample("1", "chi@monre.gov.vn", "x", created)); !errors.Is(err, store.ErrExists) || queued {
		t.Errorf("an id twice: %t %v", queued, err)
	}
	queue(sample("6", "chi@monre.gov.vn", "x", created), true) // which told nobody
	for _, bad := range []notice.Notice{sample("", "an@monre.gov.vn", "y", created), sample("7", "", "y", created), sample("8", "an@monre.gov.vn", strings.Repeat("y", 1<<18), created)} {
		if queued, err := queueOne(t, d, bad); !errors.Is(err, store.ErrInvalid) || queued {
			t.Errorf("%.10q: %t %v", bad.ID, queued, err)
		}
	}
	next := func(at time.Time, limit int, want string) []notice.Notice {
		t.Helper()
		all, err := d.NextNotices(t.Context(), at, limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, n := range all {
			ids = append(ids, n.ID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
		return all
	}
	next(created.Add(-1), 10, "")
	if d := cmp.Diff(first, next(created.Add(time.Minute), 1, "1")[0]); d != "" {
		t.Error(d)
	}
	next(created.Add(time.Minute), 10, "1 6 3 4")
	later := created.Add(3 * time.Hour)
	for _, err := range []error{
		d.MarkSent(t.Context(), "6"), d.MarkSent(t.Context(), "6"), d.MarkFailed(t.Context(), "6", "too late", later),
		d.MarkFailed(t.Context(), "1", "451 busy", later), d.MarkFailed(t.Context(), "3", "550 no", time.Time{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	next(created.Add(2*time.Hour), 10, "4 5")
	if all := next(later, 10, "4 5 1"); all[2].Attempts != 1 {
		t.Errorf("%d attempts", all[2].Attempts)
	}
	queue(sample("9", "chi@monre.gov.vn", "x", created.Add(time.Minute)), false) // the hour goes on
	// They outlive the process.
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = newDesk(t, d.path)
	next(later, 10, "4 5 1")
}

// At most one an hour, however many ask at once.
func TestNoticesAtOnce(t *testing.T) {
	d := newDesk(t, "")
	var queued atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			ok, err := queueOne(t, d, notice.Notice{ID: fmt.Sprint(i), To: "an@monre.gov.vn", Rule: "subject", Created: d.clock.Now()})
			if err != nil {
				t.Error(err)
			}
			if ok {
				queued.Add(1)
			}
		})
	}
	wg.Wait()
	if n := queued.Load(); n != 1 {
		t.Errorf("%d were queued", n)
	}
}

// A notice that nobody can read, of another version or damaged, keeps no other back and is given up.
func TestNoticeUnreadable(t *testing.T) {
	d := newDesk(t, "")
	for i, to := range []string{"an@monre.gov.vn", "binh@monre.gov.vn"} {
		if ok, err := queueOne(t, d, notice.Notice{ID: fmt.Sprint(i), To: to, Rule: "subject", Created: d.clock.Now()}); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	raw, err := sql.Open("sqlite", d.path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `UPDATE notice SET notice = '{"Kind": 7' WHERE id = '0'`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		all, err := d.NextNotices(t.Context(), d.clock.Now(), 10)
		if err != nil || len(all) != 1 || all[0].ID != "1" {
			t.Fatalf("%v, %v", all, err)
		}
	}
	var state string
	if err := raw.QueryRowContext(t.Context(), `SELECT state FROM notice WHERE id = '0'`).Scan(&state); err != nil || state != "failed" {
		t.Errorf("the unreadable one is %q, %v", state, err)
	}
}

// queueOne queues one notice.
func queueOne(t *testing.T, d *desk, n notice.Notice) (bool, error) {
	t.Helper()
	queued, err := d.QueueNotices(t.Context(), []notice.Notice{n})
	if err != nil {
		return false, err
	}
	return queued[0], nil
}

// All or none are queued, and with a hold they are durable when the message is and not before.
func TestNoticesTogether(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	at := d.clock.Now()
	notices := func(id, rule string, n int) (all []notice.Notice) {
		for i := range n {
			all = append(all, notice.Notice{ID: fmt.Sprint(id, i), To: fmt.Sprintf("u%d@monre.gov.vn", i), Rule: rule, Created: at})
		}
		return all
	}
	waiting := func(want int) {
		t.Helper()
		if all, err := d.NextNotices(t.Context(), at, store.MaxPage); err != nil || len(all) != want {
			t.Errorf("%d wait, %v, want %d", len(all), err, want)
		}
	}
	bad := notices("1", "x", 3)
	bad[2].ID = bad[1].ID
	if _, err := d.QueueNotices(t.Context(), bad); !errors.Is(err, store.ErrExists) {
		t.Errorf("%v", err)
	}
	waiting(0)
	h := d.sample("01A", []byte("x"))
	var queued []bool
	h.Notices, h.Queued = notices("2", "y", notice.MaxRecipients), func(ok []bool) { queued = ok }
	if _, err := d.Hold(t.Context(), h, iotest.ErrReader(errors.New("broken"))); err == nil {
		t.Error("held what could not be read")
	}
	waiting(0)
	h.Notices[7].To = "" // no notice keeps a message from being held
	d.hold(t, h, []byte("x"))
	waiting(notice.MaxRecipients - 1)
	if len(queued) != notice.MaxRecipients || queued[7] || !queued[8] {
		t.Errorf("%d queued are told of", len(queued))
	}
	at = at.Add(2 * notice.Interval)
	h.ID, h.Notices, h.Queued = "01B", notices("3", "y", 3), func([]bool) { t.Error("the same message again told people") }
	if id, err := d.Hold(t.Context(), h, strings.NewReader("x")); err != nil || id != "01A" {
		t.Errorf("%q, %v", id, err)
	}
	waiting(notice.MaxRecipients - 1)
}

// Who heard of a held message is known as long as it waits, to whoever opens the database.
func TestHeard(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	d.hold(t, d.sample("01A", []byte("a")), []byte("a"))
	d.hold(t, d.sample("01B", []byte("b")), []byte("b"))
	at := d.clock.Now()
	tell := func(id, to string, k notice.Kind, at time.Time, want bool, hears ...string) {
		t.Helper()
		n := notice.Notice{ID: id, Kind: k, To: to, Rule: string(k), Created: at, Hears: hears}
		if queued, err := queueOne(t, d, n); err != nil || queued != want {
			t.Fatalf("%s: %t, %v", id, queued, err)
		}
	}
	tell("1", "an@monre.gov.vn", notice.OfficerWaiting, at, true, "01A", "01B", "01X") // the last is gone by now
	tell("2", "binh@monre.gov.vn", notice.OfficerWaiting, at, true, "01A")
	tell("3", "binh@monre.gov.vn", notice.OfficerWaiting, at.Add(time.Minute), false, "01B")
	tell("4", "binh@monre.gov.vn", notice.OfficerWaiting, at.Add(time.Hour), true, "01A") // again is no mistake
	tell("5", "chi@monre.gov.vn", notice.OfficerHalf, at, true, "01B")
	want := func(k notice.Kind, want map[string][]string) {
		t.Helper()
		again, err := store.Open(t.Context(), store.Options{DSN: "sqlite:" + d.path})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		got, err := again.Heard(t.Context(), k, []string{"01A", "01B", "01X"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	want(notice.OfficerWaiting, map[string][]string{"01A": {"an@monre.gov.vn", "binh@monre.gov.vn"}, "01B": {"an@monre.gov.vn"}})
	want(notice.OfficerHalf, map[string][]string{"01B": {"chi@monre.gov.vn"}})
	want(notice.OfficerExpired, map[string][]string{})
	if err := d.Delete(t.Context(), "01A", "an@monre.gov.vn", "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Forget(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	want(notice.OfficerWaiting, map[string][]string{"01B": {"an@monre.gov.vn"}})
}

// A clock that goes back keeps no notice back for as long as it went.
func TestNoticesAndClock(t *testing.T) {
	d := newDesk(t, "")
	at := d.clock.Now()
	sample := func(id string, at time.Time) notice.Notice {
		return notice.Notice{ID: id, Kind: notice.HeldSender, To: "an@monre.gov.vn", Rule: "subject", Created: at}
	}
	queue := func(id string, at time.Time, want bool) {
		t.Helper()
		if queued, err := queueOne(t, d, sample(id, at)); err != nil || queued != want {
			t.Fatalf("%s: %t, %v", id, queued, err)
		}
	}
	queue("1", at.Add(40*24*time.Hour), true)
	queue("2", at, true) // 40 days before the first
	queue("3", at.Add(-time.Minute), false)
	all, err := d.NextNotices(t.Context(), at, 10)
	if err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	if err := d.MarkFailed(t.Context(), "1", "x", at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if all, err = d.NextNotices(t.Context(), at, 10); err != nil || len(all) != 1 || all[0].ID != "2" {
		t.Errorf("put off: %v, %v", all, err)
	}
}
