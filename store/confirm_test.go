package store_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"congthu/store"
)

// sent holds a message that somebody inside sent.
func (d *desk) sent(t *testing.T, id, sender string) {
	t.Helper()
	h := d.sample(id, []byte(id))
	h.ReversePath, h.Direction = sender, "outbound"
	d.hold(t, h, []byte(id))
}

// A sender's word is kept once, with who, why and when, and nothing else of the message changes.
func TestConfirm(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "ha")
	d.sent(t, "01A", "An@monre.gov.vn")
	before := d.state(t, "01A", store.StateHeld)
	if err := before.CanConfirm(); err != nil {
		t.Errorf("before: %v", err)
	}
	word := store.Confirmation{Who: "an@monre.gov.vn", Reason: "báo cáo đã công bố"}
	if err := d.Confirm(t.Context(), "01A", word); err != nil {
		t.Fatal(err)
	}
	after := d.state(t, "01A", store.StateHeld)
	word.At = d.clock.Now()
	if after.Confirmation != word {
		t.Errorf("kept is %+v, want %+v", after.Confirmation, word)
	}
	if after.Expires != before.Expires || after.Approvals != 0 || !after.Decided.IsZero() || string(d.read(t, "01A", key)) != "01A" {
		t.Errorf("the confirmation changed more: %+v", after)
	}
	if err := d.Confirm(t.Context(), "01A", store.Confirmation{Who: "an@monre.gov.vn", Reason: "lần nữa"}); !errors.Is(err, store.ErrConfirmed) {
		t.Errorf("confirming again: %v", err)
	}
	if got := d.state(t, "01A", store.StateHeld).Confirmation; got != word {
		t.Errorf("the second word took the first one's place: %+v", got)
	}
}

func TestWhatCannotBeConfirmed(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "ha")
	d.sent(t, "01EXPIRED", "an@monre.gov.vn")
	d.clock.add(31 * 24 * time.Hour)
	if _, err := d.Expiry(t.Context(), d.clock.Now()); err != nil {
		t.Fatal(err)
	}
	d.sent(t, "01DELETED", "an@monre.gov.vn")
	d.sent(t, "01RELEASING", "an@monre.gov.vn")
	if err := d.Delete(t.Context(), "01DELETED", "ha@monre.gov.vn", "trùng"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approve(t.Context(), "01RELEASING", "ha@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ReleaseStart(t.Context(), "01RELEASING", "ha@monre.gov.vn", false); err != nil {
		t.Fatal(err)
	}
	d.state(t, "01EXPIRED", store.StateExpired)
	for id, want := range map[string]error{"01EXPIRED": nil, "01DELETED": store.ErrDecided, "01RELEASING": store.ErrReleasing, "01NONE": store.ErrNotFound} {
		if h, err := d.Show(t.Context(), id); err == nil {
			if got := h.CanConfirm(); !errors.Is(got, want) {
				t.Errorf("%s: CanConfirm says %v, want %v", id, got, want)
			}
		}
		if err := d.Confirm(t.Context(), id, store.Confirmation{Who: "an", Reason: "không mật"}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
}

// The limit of the reason is 1000 octets, and it is one line.
func TestCheckConfirmation(t *testing.T) {
	for name, c := range map[string]struct {
		word store.Confirmation
		good bool
	}{
		"longest":  {store.Confirmation{Who: "an", Reason: strings.Repeat("x", 1000)}, true},
		"too long": {store.Confirmation{Who: "an", Reason: strings.Repeat("x", 1001)}, false},
		"blank":    {store.Confirmation{Who: "an", Reason: " "}, false},
		"nobody":   {store.Confirmation{Reason: "x"}, false},
		"lines":    {store.Confirmation{Who: "an", Reason: "a\nb"}, false},
		"no UTF-8": {store.Confirmation{Who: "an", Reason: "\xff"}, false},
	} {
		if err := store.CheckConfirmation(c.word); (err == nil) != c.good || err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only the owner of the reverse-path of mail from inside is its sender.
func TestSentBy(t *testing.T) {
	for _, c := range []struct {
		direction, sender, address string
		want                       bool
	}{
		{"outbound", "an@monre.gov.vn", "AN@Monre.gov.vn", true}, {"internal", "an@monre.gov.vn", "an@monre.gov.vn", true},
		{"inbound", "an@monre.gov.vn", "an@monre.gov.vn", false}, {"outbound", "an@monre.gov.vn", "an2@monre.gov.vn", false},
		{"outbound", "an@monre.gov.vn", "an@monre.gov.vn.evil.example", false}, {"outbound", "", "", false}, {"outbound", "an@monre.gov.vn", "", false},
	} {
		h := store.Held{Hold: store.Hold{Direction: c.direction, ReversePath: c.sender}}
		if got := h.SentBy(c.address); got != c.want {
			t.Errorf("%s mail of %q, asked by %q: %v", c.direction, c.sender, c.address, got)
		}
	}
}

// A list of one sender's messages finds those held before the database knew senders, and reads no others.
func TestHeldOfASender(t *testing.T) {
	path := filepath.Join(t.TempDir(), "congthu.db")
	older(t, path, 10)
	execute(t, path, `INSERT INTO hold (id, state, held, half, expires, half_noticed, end_noticed, door, direction, unit, client, queue_id, reverse_path, envelope, marking,
		two_persons, sha256, body_sha256, bytes, subject, decided, decided_by, reason, wait_noticed) VALUES ('01OLD', 'held', 1, 2, 3, 0, 0, 'relay', 'outbound', '', '', '', 'An@MONRE.gov.vn', 'x', 0, 0, 'a', 'b', 1, x'', 0, '', '', 0)`)
	d := newDesk(t, path)
	d.officer(t, "ha")
	d.sent(t, "01NEW", "an@monre.GOV.vn")
	d.sent(t, "01OTHER", "binh@monre.gov.vn")
	if err := d.Confirm(t.Context(), "01NEW", store.Confirmation{Who: "an", Reason: "không mật"}); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]store.Filter{"01OLD 01NEW": {Sender: "AN@monre.gov.vn"}, "01OTHER": {Sender: "binh@monre.gov.vn"}, "": {Sender: "c@monre.gov.vn"}, "01NEW": {Confirmed: true}} {
		all, err := d.List(t.Context(), f)
		var ids []string
		for _, h := range all {
			ids = append(ids, h.ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != want {
			t.Errorf("%+v: %q, %v; want %q", f, got, err, want)
		}
	}
	if got := plan(t, path, "SELECT id FROM hold h WHERE h.sender = $1 ORDER BY h.id DESC LIMIT 50", []any{"an@monre.gov.vn"}); !strings.Contains(got, "hold_sender") || strings.Contains(got, "TEMP B-TREE") {
		t.Errorf("the list is made by %s", got)
	}
}
