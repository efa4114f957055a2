package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"congthu/store"
)

// What is held comes out whole, for the officers there were, whatever its size.
func TestHoldAndOpen(t *testing.T) {
	d := newDesk(t, "")
	an, binh := d.officer(t, "an"), d.officer(t, "binh")
	stranger := newKey(t)
	for _, size := range []int{0, 1, 1000, 256<<10 - 1, 256 << 10, 1<<20 + 1, 3 << 20} {
		id := fmt.Sprintf("01SIZE%d", size)
		content := noise(id, size)
		h := d.sample(id, content)
		h.Subject = "Họp giao ban"
		d.hold(t, h, content)
		for _, key := range []age.Identity{an, binh} {
			if !bytes.Equal(d.read(t, id, key), content) {
				t.Errorf("%d octets: other content", size)
			}
			if s, err := d.Subject(t.Context(), id, key); err != nil || s != "Họp giao ban" {
				t.Errorf("subject %q, %v", s, err)
			}
		}
		if _, err := d.Open(t.Context(), id, stranger); !errors.Is(err, store.ErrNoAccess) {
			t.Errorf("a stranger opens it: %v", err)
		}
		if _, err := d.Subject(t.Context(), id, stranger); !errors.Is(err, store.ErrNoAccess) {
			t.Errorf("a stranger reads the subject: %v", err)
		}
		got := d.state(t, id, store.StateHeld)
		if got.Bytes != int64(size) || got.Subject != "" {
			t.Errorf("%d octets, subject %q", got.Bytes, got.Subject)
		}
		h.Subject, h.HalfTime = "", h.Time.Add(h.Expires.Sub(h.Time)/2)
		if d := cmp.Diff(h, got.Hold, cmpopts.EquateApproxTime(0)); d != "" {
			t.Error(d)
		}
	}
}

// What cannot be kept whole is not kept at all.
func TestHoldRefuses(t *testing.T) {
	d := newDesk(t, "")
	content := noise("x", 2<<20)
	if _, err := d.Hold(t.Context(), d.sample("01A", content), bytes.NewReader(content)); !errors.Is(err, store.ErrNoOfficers) {
		t.Fatalf("without officers: %v", err)
	}
	d.officer(t, "an")
	broken := errors.New("spool gone")
	for name, c := range map[string]struct {
		change  func(*store.Hold)
		content io.Reader
		want    error
	}{
		"cut content":       {content: bytes.NewReader(content[:len(content)-1]), want: store.ErrDamaged},
		"other content":     {content: strings.NewReader("short"), want: store.ErrDamaged},
		"reading fails":     {content: io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), want: broken},
		"no id":             {change: func(h *store.Hold) { h.ID = "" }, want: store.ErrInvalid},
		"no recipients":     {change: func(h *store.Hold) { h.Recipients = nil }, want: store.ErrInvalid},
		"over before it is": {change: func(h *store.Hold) { h.Expires = h.Time }, want: store.ErrInvalid},
	} {
		h := d.sample("01A", content)
		if c.change != nil {
			c.change(&h)
		}
		if c.content == nil {
			c.content = bytes.NewReader(content)
		}
		if _, err := d.Hold(t.Context(), h, c.content); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if all, err := d.List(t.Context(), store.Filter{}); err != nil || len(all) != 0 {
		t.Errorf("kept %v, %v", all, err)
	}
	h := d.sample("01A", content)
	d.hold(t, h, content)
	h.Recipients = []string{"other@monre.gov.vn"}
	if _, err := d.Hold(t.Context(), h, bytes.NewReader(content)); !errors.Is(err, store.ErrExists) {
		t.Errorf("an id twice: %v", err)
	}
}

// A server that did not hear the 250 sends again: the same content and envelope is the same hold, until
// somebody decided on it.
func TestHoldAgain(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	content := []byte("Subject: x\r\n\r\nbody\r\n")
	first := d.sample("01A", content)
	d.hold(t, first, content)
	again := first
	again.ID, again.QueueID = "01B", "other"
	again.Recipients = []string{"BINH@monre.GOV.vn", "an@monre.gov.vn"}
	for range 2 {
		id, err := d.Hold(t.Context(), again, bytes.NewReader(content))
		if err != nil || id != "01A" {
			t.Fatalf("held as %q, %v", id, err)
		}
	}
	again.SHA256 = "" // known only when the content was read
	if id, err := d.Hold(t.Context(), again, bytes.NewReader(content)); err != nil || id != "01A" {
		t.Fatalf("without a hash: %q, %v", id, err)
	}
	again.SHA256 = first.SHA256
	for i, change := range []func(*store.Hold){
		func(h *store.Hold) { h.Recipients = h.Recipients[:1] },
		func(h *store.Hold) { h.ReversePath = "" },
	} {
		other := again
		other.ID = fmt.Sprintf("01C%d", i)
		change(&other)
		d.hold(t, other, content)
	}
	if err := d.Delete(t.Context(), "01A", "an@monre.gov.vn", "spam"); err != nil {
		t.Fatal(err)
	}
	again.ID = "01D"
	d.hold(t, again, content)
}

// Many at once, the same and others: each is there once.
func TestHoldAtOnce(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	content := noise("same", 1<<20+5)
	done := make(chan error)
	const n = 12
	for i := range n {
		go func() {
			h := d.sample(fmt.Sprintf("01A%02d", i), content)
			if i%2 == 0 {
				h.ReversePath = fmt.Sprintf("s%d@example.com", i)
			}
			_, err := d.Hold(t.Context(), h, bytes.NewReader(content))
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	all, err := d.List(t.Context(), store.Filter{})
	if err != nil || len(all) != n/2+1 {
		t.Fatalf("%d are held, want %d; %v", len(all), n/2+1, err)
	}
	for _, h := range all {
		if !bytes.Equal(d.read(t, h.ID, key), content) {
			t.Errorf("%s: other content", h.ID)
		}
	}
}

// Lists are limited by every field of the filter and paged by id.
func TestList(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	start := d.clock.Now()
	for i := range 5 {
		content := []byte{byte(i)}
		h := d.sample(fmt.Sprintf("01AB%d", i), content)
		if i == 2 {
			h.Unit, h.Rules, h.Recipients = "other", []store.Rule{{Name: "virus", Clause: "11.5"}, {Name: "content", Clause: "10.2"}}, []string{"chi@monre.gov.vn"}
		}
		d.hold(t, h, content)
		d.clock.add(60e9)
	}
	if err := d.Delete(t.Context(), "01AB4", "an@monre.gov.vn", "spam"); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]store.Filter{
		"4 3 2 1 0": {}, "3 2 1 0": {State: store.StateUndecided}, "4": {State: store.StateDeleted}, "2": {Rule: "content"},
		"4 3 1 0": {Unit: "vp"}, " 2": {Recipient: "Chi@MONRE.gov.vn"}, "1": {Text: "b1"}, "": {Text: "%"}, " ": {Text: "_"},
		"4 3": {Limit: 2}, "2 1": {Limit: 2, After: "01AB3"}, "4 3 2": {Since: start.Add(120e9)}, "1 0": {Until: start.Add(120e9)},
	} {
		all, err := d.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range all {
			got = append(got, strings.TrimPrefix(h.ID, "01AB"))
		}
		if strings.Join(got, " ") != strings.TrimSpace(want) {
			t.Errorf("%+v: %v, want %s", f, got, want)
		}
	}
	if _, err := d.Show(t.Context(), "01ZZ"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown id: %v", err)
	}
}

// Who reads a message while another decides on it is told, and does not take half of it for the whole.
func TestDecidedWhileReading(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	content := noise("x", 2<<20)
	d.hold(t, d.sample("01A", content), content)
	r, err := d.Open(t.Context(), "01A", key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, 10_000); err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(t.Context(), "01A", "an@monre.gov.vn", "spam"); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, store.ErrDecided) || n > int64(len(content))-10_000 {
		t.Errorf("%d octets more, %v", n, err)
	}
	if d.state(t, "01A", store.StateDeleted).Bytes != int64(len(content)) {
		t.Error("its size is forgotten")
	}
}

// Reading ends with its context, and with Close.
func TestReadingEnds(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	content := noise("x", 2<<20)
	d.hold(t, d.sample("01A", content), content)
	r, err := d.Open(t.Context(), "01A", key)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) || n > 1<<20 {
		t.Errorf("%d octets after Close, %v", n, err)
	}
}
