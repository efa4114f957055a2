package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/store"
)

func ids(all []store.Held) string {
	var out []string
	for _, h := range all {
		out = append(out, h.ID)
	}
	return strings.Join(out, " ")
}

// due wants what is due now.
func (d *desk) due(t *testing.T, half, ended, gone string) {
	t.Helper()
	got, err := d.Expiry(t.Context(), d.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if ids(got.Half) != half || ids(got.Ended) != ended || ids(got.Gone) != gone {
		t.Fatalf("half %q, ended %q, gone %q; want %q, %q, %q", ids(got.Half), ids(got.Ended), ids(got.Gone), half, ended, gone)
	}
}

func (d *desk) noticed(t *testing.T, stage store.Stage, ids ...string) {
	t.Helper()
	if err := d.Noticed(t.Context(), stage, d.clock.Now(), ids...); err != nil {
		t.Fatal(err)
	}
}

// Nothing undecided is deleted before people were told, however long that takes.
func TestExpiry(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	const day = 24 * time.Hour
	d.hold(t, d.sample("01A", []byte("a")), []byte("a"))
	marked := d.sample("01M", []byte("m"))
	marked.Marking, marked.Expires = true, marked.Time.Add(day)
	d.hold(t, marked, []byte("m"))
	d.due(t, "", "", "")
	d.clock.add(12 * time.Hour)
	d.due(t, "01M", "", "")
	d.noticed(t, store.HalfTime, "01M")
	d.due(t, "", "", "")
	d.clock.add(12 * time.Hour)
	d.due(t, "", "01M", "")
	d.noticed(t, store.EndOfTime, "01M")
	d.due(t, "", "", "01M") // a marking has no grace
	if err := d.Delete(t.Context(), "01M", "congthu", "expired"); err != nil {
		t.Fatal(err)
	}
	d.clock.add(14 * day)
	d.due(t, "01A", "", "")
	d.clock.add(40 * day) // nobody was told, the gate was down
	d.due(t, "", "01A", "")
	d.due(t, "", "01A", "")
	d.state(t, "01A", store.StateExpired)
	if string(d.read(t, "01A", key)) != "a" {
		t.Error("an expired message cannot be read")
	}
	d.noticed(t, store.EndOfTime, "01A")
	d.clock.add(store.GraceAfterNotice - time.Second)
	d.due(t, "", "", "")
	d.clock.add(time.Second)
	d.due(t, "", "", "01A")
	if err := d.Delete(t.Context(), "01A", "congthu", "expired"); err != nil {
		t.Fatal(err)
	}
	d.due(t, "", "", "")
	got := d.state(t, "01A", store.StateDeleted)
	if got.Reason != "expired" || len(got.Recipients) != 2 {
		t.Errorf("%+v", got)
	}
	if _, err := d.Open(t.Context(), "01A", key); !errors.Is(err, store.ErrDecided) {
		t.Errorf("%v", err)
	}
	if n, err := d.Forget(t.Context(), d.clock.Now()); err != nil || n != 1 { // 01M, decided before
		t.Errorf("%d %v", n, err)
	}
	if _, err := d.Show(t.Context(), "01M"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	d.state(t, "01A", store.StateDeleted)
}

// A message is never deleted while it is being released, and one whose release was forgotten is undecided again.
func TestExpiryAndRelease(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	h := d.sample("01A", []byte("a"))
	h.Expires = h.Time.Add(time.Minute)
	d.hold(t, h, []byte("a"))
	if _, err := d.Approve(t.Context(), "01A", "an@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false); err != nil {
		t.Fatal(err)
	}
	d.clock.add(2 * time.Minute)
	d.due(t, "", "", "")
	d.clock.add(store.ReleaseLease)
	d.due(t, "", "01A", "")
	if got := d.state(t, "01A", store.StateExpired); got.Attempts != 1 || got.LastTry.IsZero() {
		t.Errorf("the attempt does not show: %+v", got)
	}
	r, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", true)
	if err != nil || r.Attempt != 2 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestDelete(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	d.hold(t, d.sample("01A", []byte("a")), []byte("a"))
	for _, c := range []struct{ id, who, reason string }{
		{"01A", "", "x"}, {"01A", "an", ""}, {"01A", "an", " "}, {"01A", "an", "a\nb"}, {"01A", "an", strings.Repeat("x", 1001)},
	} {
		if err := d.Delete(t.Context(), c.id, c.who, c.reason); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := d.Delete(t.Context(), "01Z", "an", "x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	d.state(t, "01A", store.StateHeld)
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := &clock{now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
	s, err := store.Open(t.Context(), store.Options{DSN: "sqlite:" + t.TempDir() + "/a.db", Now: c.Now, Metrics: store.NewGauges(reg)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := &desk{Store: s, clock: c}
	d.officer(t, "an")
	d.hold(t, d.sample("01A", []byte("a")), []byte("a"))
	c.add(time.Minute)
	d.hold(t, d.sample("01B", []byte("b")), []byte("b"))
	want := `# HELP congthu_held_messages Messages in the quarantine on which nobody has decided.
# TYPE congthu_held_messages gauge
congthu_held_messages 2
# HELP congthu_held_oldest_seconds How long the oldest undecided message has been held; 0 without one.
# TYPE congthu_held_oldest_seconds gauge
congthu_held_oldest_seconds 60
# HELP congthu_store_errors_total Calls of the store that failed because of the database.
# TYPE congthu_store_errors_total counter
congthu_store_errors_total 0
`
	eventually := func() {
		t.Helper()
		var err error
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if err = testutil.GatherAndCompare(reg, strings.NewReader(want)); err == nil {
				return
			}
		}
		t.Fatal(err)
	}
	eventually()
	for _, id := range []string{"01A", "01B"} {
		if err := d.Delete(t.Context(), id, "an", "x"); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"messages 2", "seconds 60"} {
		want = strings.Replace(want, name, strings.Fields(name)[0]+" 0", 1)
	}
	eventually()
}

// Officers are to be told of each message once, as long as it waits.
func TestExpiryOfWhatWaits(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	wait := func(want string) {
		t.Helper()
		if got, err := d.Expiry(t.Context(), d.clock.Now()); err != nil || ids(got.Waiting) != want {
			t.Fatalf("%q wait, %v, want %q", ids(got.Waiting), err, want)
		}
	}
	for _, id := range []string{"01A", "01B", "01C"} {
		d.hold(t, d.sample(id, []byte(id)), []byte(id))
	}
	wait("01A 01B 01C")
	d.noticed(t, store.Waiting, "01B")
	wait("01A 01C")
	if err := d.Delete(t.Context(), "01A", "an@monre.gov.vn", "x"); err != nil {
		t.Fatal(err)
	}
	wait("01C")
	d.clock.add(60 * 24 * time.Hour) // then it is another notice that tells of it
	wait("")
}
