package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"congthu/store"
)

func TestReleaseOnce(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	content := []byte("Subject: x\r\n\r\nbody\r\n")
	h := d.sample("01A", content)
	d.hold(t, h, content)
	if _, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false); !errors.Is(err, store.ErrNotApproved) {
		t.Fatalf("not approved: %v", err)
	}
	if _, err := d.Approve(t.Context(), "01A", "stranger@monre.gov.vn"); !errors.Is(err, store.ErrNotOfficer) {
		t.Fatalf("a stranger approves: %v", err)
	}
	if ready, err := d.Approve(t.Context(), "01A", "AN@monre.gov.vn"); !ready || err != nil {
		t.Fatalf("%t %v", ready, err)
	}
	r, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false)
	if err != nil || r.Attempt != 1 || r.ReversePath != h.ReversePath || len(r.Recipients) != 2 || r.BodySHA256 != h.BodySHA256 {
		t.Fatalf("%+v %v", r, err)
	}
	if _, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false); !errors.Is(err, store.ErrReleasing) {
		t.Fatalf("two at once: %v", err)
	}
	if err := d.Delete(t.Context(), "01A", "an@monre.gov.vn", "spam"); !errors.Is(err, store.ErrReleasing) {
		t.Fatalf("deleted in the middle: %v", err)
	}
	for range 2 { // a replay does nothing
		if err := d.ReleaseDone(t.Context(), r, "an@monre.gov.vn", "đúng việc", "250 2.0.0 queued"); err != nil {
			t.Fatal(err)
		}
	}
	got := d.state(t, "01A", store.StateReleased)
	if got.DecidedBy != "an@monre.gov.vn" || !got.Decided.Equal(d.clock.Now()) {
		t.Errorf("%+v", got)
	}
	for what, err := range map[string]error{
		"start":   second(d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false)),
		"approve": second(d.Approve(t.Context(), "01A", "an@monre.gov.vn")),
		"open":    second(d.Open(t.Context(), "01A", key)),
		"delete":  d.Delete(t.Context(), "01A", "an@monre.gov.vn", "spam"),
	} {
		if !errors.Is(err, store.ErrDecided) {
			t.Errorf("%s after the release: %v", what, err)
		}
	}
	if err := d.ReleaseFailed(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	d.state(t, "01A", store.StateReleased)
}

func second[T any](_ T, err error) error { return err }

// What needs two persons needs two officers that there still are, not one twice.
func TestReleaseByTwo(t *testing.T) {
	d := newDesk(t, "")
	an := d.officer(t, "an")
	d.officer(t, "binh")
	d.officer(t, "chi")
	h := d.sample("01A", []byte("x"))
	h.TwoPersons = true
	d.hold(t, h, []byte("x"))
	approve := func(who string, want bool) {
		t.Helper()
		ready, err := d.Approve(t.Context(), "01A", who+"@monre.gov.vn")
		if err != nil || ready != want {
			t.Fatalf("%s: %t %v, want %t", who, ready, err, want)
		}
	}
	approve("an", false)
	approve("an", false)
	if _, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false); !errors.Is(err, store.ErrNotApproved) {
		t.Fatalf("by one: %v", err)
	}
	// The same key under another address is the same person.
	_, err := d.AddOfficer(t.Context(), store.Officer{Address: "an2@monre.gov.vn", Name: "an", Recipient: an.Recipient().String()}, nil)
	if !errors.Is(err, store.ErrExists) {
		t.Fatalf("a second address for a key: %v", err)
	}
	approve("binh", true)
	if err := d.RemoveOfficer(t.Context(), "binh@monre.gov.vn", false); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false); !errors.Is(err, store.ErrNotApproved) {
		t.Fatalf("with the approval of one who is gone: %v", err)
	}
	if got := d.state(t, "01A", store.StateHeld); got.Approvals != 1 {
		t.Errorf("%d approvals", got.Approvals)
	}
	approve("chi", true)
	if _, err := d.ReleaseStart(t.Context(), "01A", "chi@monre.gov.vn", false); err != nil {
		t.Fatal(err)
	}
}

// A release whose end nobody told can be begun anew later; one that failed at once.
func TestReleaseAgain(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	d.hold(t, d.sample("01A", []byte("x")), []byte("x"))
	again := false
	start := func(want error) store.Release {
		t.Helper()
		r, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", again)
		if !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
		return r
	}
	if _, err := d.Approve(t.Context(), "01A", "an@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	first := start(nil)
	d.clock.add(store.ReleaseLease - time.Second)
	start(store.ErrReleasing)
	d.clock.add(time.Second)
	start(store.ErrUnsure) // not by somebody who does not know
	again = true
	second := start(nil)
	if second.Attempt != 2 || !second.Unsure || first.Unsure {
		t.Errorf("%+v after %+v", second, first)
	}
	again = false
	if err := d.ReleaseFailed(t.Context(), first); err != nil { // too late: the second has it
		t.Fatal(err)
	}
	d.state(t, "01A", store.StateReleasing)
	if err := d.ReleaseFailed(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	d.state(t, "01A", store.StateHeld)
	r := start(nil) // both are known to have delivered nothing
	// A 250 counts, whoever got it.
	if err := d.ReleaseDone(t.Context(), first, "an@monre.gov.vn", "đúng việc", "250 ok"); err != nil {
		t.Fatal(err)
	}
	if err := d.ReleaseFailed(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	d.state(t, "01A", store.StateReleased)
}

// A released message passes a gate once for each recipient, with its token, envelope and body, for some minutes.
func TestTakeRelease(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	h := d.sample("01A", []byte("x"))
	d.hold(t, h, []byte("x"))
	token := "01A." + strings.Repeat("A", 26)
	take := func(body, from string, want bool, to ...string) {
		t.Helper()
		id, ok, err := d.TakeRelease(t.Context(), token, body, from, to)
		if err != nil || ok != want || ok && id != "01A" {
			t.Errorf("%s to %v: %q %t %v, want %t", from, to, id, ok, err, want)
		}
	}
	an, binh := "an@monre.gov.vn", "binh@monre.gov.vn"
	take(h.BodySHA256, h.ReversePath, false, an, binh) // not released
	if _, err := d.Approve(t.Context(), "01A", an); err != nil {
		t.Fatal(err)
	}
	r, err := d.ReleaseStart(t.Context(), "01A", an, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, forged := range []string{"", "01A", "01A.", ".", token, r.Token + "A", r.Token[:len(r.Token)-1], "01B" + r.Token[3:], r.Token + strings.Repeat(".", 200)} {
		if _, ok, err := d.TakeRelease(t.Context(), forged, h.BodySHA256, h.ReversePath, h.Recipients); ok || err != nil {
			t.Errorf("the token %q: %t %v", forged, ok, err)
		}
	}
	token = r.Token
	take(hash([]byte("other")), h.ReversePath, false, an, binh)
	take("", h.ReversePath, false, an, binh)
	take(h.BodySHA256, "y@example.com", false, an, binh)
	take(h.BodySHA256, "", false, an, binh)
	take(h.BodySHA256, h.ReversePath, false, an, "stranger@monre.gov.vn") // takes nothing
	take(h.BodySHA256, h.ReversePath, false)
	take(h.BodySHA256, "x@EXAMPLE.com", true, "An@monre.gov.vn")
	take(h.BodySHA256, h.ReversePath, false, an, binh)
	take(h.BodySHA256, h.ReversePath, true, binh)
	take(h.BodySHA256, h.ReversePath, false, binh)
	again := func() {
		t.Helper()
		if err := d.ReturnRelease(t.Context(), "01A", []string{binh}); err != nil {
			t.Fatal(err)
		}
	}
	again()
	d.clock.add(store.ReleasePasses - time.Minute)
	take(h.BodySHA256, h.ReversePath, true, binh)
	again()
	if err := d.ReleaseDone(t.Context(), r, an, "đúng việc", "250 ok"); err != nil {
		t.Fatal(err)
	}
	d.clock.add(store.ReleasePasses - time.Minute) // since it was done
	take(h.BodySHA256, h.ReversePath, true, binh)
	again()
	d.clock.add(time.Minute)
	take(h.BodySHA256, h.ReversePath, false, binh)
}

// What failed no longer passes, and a later attempt has a secret of its own. None of them is in the database.
func TestTakeFailedRelease(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	h := d.sample("01A", []byte("x"))
	d.hold(t, h, []byte("x"))
	if _, err := d.Approve(t.Context(), "01A", "an@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	take := func(token string, want bool) {
		t.Helper()
		if _, ok, err := d.TakeRelease(t.Context(), token, h.BodySHA256, h.ReversePath, h.Recipients); ok != want || err != nil {
			t.Errorf("%t %v, want %t", ok, err, want)
		}
	}
	first, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ReleaseFailed(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	take(first.Token, false)
	second, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(d.path + end)
		if err != nil {
			t.Fatal(err)
		}
		if _, secret, _ := strings.Cut(second.Token, "."); bytes.Contains(b, []byte(secret)) {
			t.Error("the secret of a release is in the database")
		}
	}
	take(first.Token, false)
	take(second.Token, true)
}

// Of many gates that meet a released message at once, one lets it through.
func TestTakeReleaseAtOnce(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	other := newDesk(t, d.path)
	const messages, gates = 5, 8
	for i := range messages {
		id := fmt.Sprintf("01A%d", i)
		h := d.sample(id, []byte(id))
		d.hold(t, h, []byte(id))
		if _, err := d.Approve(t.Context(), id, "an@monre.gov.vn"); err != nil {
			t.Fatal(err)
		}
		r, err := d.ReleaseStart(t.Context(), id, "an@monre.gov.vn", false)
		if err != nil {
			t.Fatal(err)
		}
		var passed atomic.Int32
		var wg sync.WaitGroup
		for g := range gates {
			wg.Go(func() {
				s := []*desk{d, other}[g%2]
				for {
					_, ok, err := s.TakeRelease(t.Context(), r.Token, h.BodySHA256, h.ReversePath, h.Recipients)
					if errors.Is(err, store.ErrLocked) {
						continue
					}
					if err != nil {
						t.Error(err)
					}
					if ok {
						passed.Add(1)
					}
					return
				}
			})
		}
		wg.Wait()
		if n := passed.Load(); n != 1 {
			t.Errorf("%d let it through", n)
		}
	}
}

// A release that was begun before the clock went back is not under way for as long as it went.
func TestReleaseAndClock(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	d.hold(t, d.sample("01A", []byte("x")), []byte("x"))
	if _, err := d.Approve(t.Context(), "01A", "an@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	start := func(again bool, want error) {
		t.Helper()
		if _, err := d.ReleaseStart(t.Context(), "01A", "an@monre.gov.vn", again); !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
	}
	start(false, nil)
	d.clock.add(-time.Minute)
	start(true, store.ErrReleasing)
	d.clock.add(-24 * time.Hour)
	start(false, store.ErrUnsure)
	start(true, nil)
	d.clock.add(-24 * time.Hour)
	d.due(t, "", "", "")
	d.state(t, "01A", store.StateHeld)
}
