package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"congthu/store"
)

func TestException(t *testing.T) {
	d := newDesk(t, "")
	part := hash([]byte("part"))
	now := d.clock.Now()
	if id, err := d.Excepted(part, "marking", now); id != "" || err != nil {
		t.Fatal("without one", id, err)
	}
	good := store.Exception{PartSHA256: strings.ToUpper(part), Rule: "marking", Reason: "declassified", Who: "an@monre.gov.vn", Until: now.Add(time.Hour)}
	for name, change := range map[string]func(*store.Exception){
		"no hash": func(e *store.Exception) { e.PartSHA256 = "" }, "half a hash": func(e *store.Exception) { e.PartSHA256 = part[:32] },
		"not hexadecimal": func(e *store.Exception) { e.PartSHA256 = strings.Repeat("g", 64) }, "no rule": func(e *store.Exception) { e.Rule = "" },
		"no reason": func(e *store.Exception) { e.Reason = " " }, "nobody": func(e *store.Exception) { e.Who = "" },
		"over": func(e *store.Exception) { e.Until = now }, "never ending": func(e *store.Exception) { e.Until = time.Time{} },
		"a line break": func(e *store.Exception) { e.Reason = "a\r\nb" },
	} {
		e := good
		change(&e)
		if _, err := d.AddException(t.Context(), e); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e, err := d.AddException(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		part, rule string
		at         time.Time
		want       bool
	}{
		{part, "marking", now, true}, {strings.ToUpper(part), "marking", now, true}, {part, "marking", e.Until.Add(-1), true},
		{part, "marking", e.Until, false}, {part, "virus", now, false}, {hash(nil), "marking", now, false}, {"", "marking", now, false},
	} {
		id, err := d.Excepted(c.part, c.rule, c.at)
		if err != nil || (id == e.ID) != c.want || !c.want && id != "" {
			t.Errorf("%.8s %s at %v: %q %v", c.part, c.rule, c.at, id, err)
		}
	}
	for range 3 {
		if err := d.CountException(t.Context(), e.ID, d.clock.add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.CountException(t.Context(), "01Z", now); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := d.EndException(t.Context(), e.ID, "binh@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	if id, err := d.Excepted(part, "marking", now); id != "" || err != nil {
		t.Error("in force after its end", id, err)
	}
	if err := d.EndException(t.Context(), e.ID, "binh@monre.gov.vn"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ended twice: %v", err)
	}
	all, err := d.ListExceptions(t.Context())
	if err != nil || len(all) != 1 || all[0].Uses != 3 || !all[0].LastUsed.Equal(d.clock.Now()) || all[0].EndedBy != "binh@monre.gov.vn" || all[0].Reason != good.Reason {
		t.Errorf("%+v %v", all, err)
	}
}

// While the database cannot be asked, it is soon not known whether an exception is in force: it may have been ended.
func TestExceptionWithoutDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "congthu.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), store.Options{DSN: "sqlite:" + path})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		part := hash([]byte("part"))
		if _, err := s.AddException(t.Context(), store.Exception{PartSHA256: part, Rule: "marking", Reason: "x", Who: "an@monre.gov.vn", Until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			do   func() error
			wait time.Duration
			want bool
			err  error
		}{
			{nil, 5 * time.Minute, true, nil},
			{func() error { return os.Rename(path, path+".away") }, 50 * time.Second, true, nil},
			{nil, 20 * time.Second, false, store.ErrUnavailable},
			{func() error { return os.Rename(path+".away", path) }, 3 * time.Second, true, nil},
			{func() error { return os.Rename(path, path+".away") }, time.Hour, false, nil}, // its date
			{func() error { return os.Rename(path+".away", path) }, 3 * time.Second, false, nil},
		} {
			if step.do != nil {
				if err := step.do(); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(step.wait)
			synctest.Wait()
			if id, err := s.Excepted(part, "marking", time.Now()); (id != "") != step.want || !errors.Is(err, step.err) {
				t.Errorf("after %v: %q, %v", step.wait, id, err)
			}
			if id, err := s.Excepted(hash([]byte("other")), "marking", time.Now()); id != "" || err != nil {
				t.Errorf("another part after %v: %q, %v", step.wait, id, err)
			}
		}
	})
}

// What another process adds or ends is in force here soon, without a query on the mail's way.
func TestExceptionOfAnotherProcess(t *testing.T) {
	gate := newDesk(t, "")
	other := newDesk(t, gate.path)
	part := hash([]byte("part"))
	eventually := func(want bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if id, _ := gate.Excepted(part, "marking", gate.clock.Now()); (id != "") == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("never %t", want)
			}
		}
	}
	e, err := other.AddException(t.Context(), store.Exception{PartSHA256: part, Rule: "marking", Reason: "x", Who: "an@monre.gov.vn", Until: gate.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	eventually(true)
	if err := other.EndException(t.Context(), e.ID, "an@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	eventually(false)
}

// An exception that is over stays so when the clock goes back, in this process and in the next.
func TestExceptionAndClock(t *testing.T) {
	d := newDesk(t, "")
	part := hash([]byte("part"))
	e, err := d.AddException(t.Context(), store.Exception{PartSHA256: part, Rule: "marking", Reason: "x", Who: "an@monre.gov.vn", Until: d.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	d.clock.add(time.Hour)
	listed := func() store.Exception {
		t.Helper()
		all, err := d.ListExceptions(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return all[0]
	}
	for end := time.Now().Add(20 * time.Second); listed().Ended.IsZero(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not ended")
		}
	}
	if got := listed(); !got.Ended.Equal(e.Until) || got.EndedBy != "" {
		t.Errorf("%+v", got)
	}
	d.clock.add(-30 * time.Minute)
	time.Sleep(1100 * time.Millisecond) // longer than the look of each second
	if id, err := d.Excepted(part, "marking", d.clock.Now()); id != "" || err != nil {
		t.Errorf("in force with the clock put back: %q, %v", id, err)
	}
	next := newDesk(t, d.path)
	if id, err := next.Excepted(part, "marking", d.clock.Now()); id != "" || err != nil {
		t.Errorf("in force in the next process: %q, %v", id, err)
	}
}
