package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"congthu/store"
)

// Nothing from outside moves the cursor of an officer's terminal, colours it, turns its text or hides some.
func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"Thư mời họp giao ban":      "Thư mời họp giao ban",
		"khoảng\u00a0trắng":         "khoảng\u00a0trắng",
		"cột\tcột":                  "cột cột",
		"\x1b[2J\x1b]0;x\x07":       `\u{1b}[2J\u{1b}]0;x\u{7}`,
		"a\rb\nc\x00\x7f":           `a\u{d}b\u{a}c\u{0}\u{7f}`,
		"\u009b31m":                 `\u{9b}31m`,
		"gnp.\u202etxt":             `gnp.\u{202e}txt`,
		"\u200bẩn\u061c\ufeff":      `\u{200b}ẩn\u{61c}\u{feff}`,
		"dòng\u2028dòng\u2029":      `dòng\u{2028}dòng\u{2029}`,
		"\U000e0041nhãn":            `\u{e0041}nhãn`,
		"hỏng \xff\xc3":             `hỏng \xff\xc3`,
		"":                          "",
		strings.Repeat("\x1b", 3):   `\u{1b}\u{1b}\u{1b}`,
		"đúng là dấu \uFFFD của nó": "đúng là dấu \uFFFD của nó",
	} {
		if got := visible(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"Thư mời", "\x1b[31m", "\u202e", "\xff", "a\tb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := visible(s)
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e }) {
			t.Errorf("%q is shown as %q", s, got)
		}
		if visible(got) != got {
			t.Errorf("%q is not shown as itself", got)
		}
	})
}

// Scripts read these keys.
func TestHeldJSON(t *testing.T) {
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.FixedZone("ICT", 7*60*60))
	b, err := json.Marshal(viewOf(store.Held{State: store.StateHeld, Bytes: 7, Approvals: 1, Attempts: 2, Unsure: true, DecidedBy: "lan@monre.gov.vn", Reason: "x",
		Confirmation: store.Confirmation{Who: "an@monre.gov.vn", Reason: "y", At: at},
		Hold: store.Hold{ID: "01A", Time: at, Expires: at.Add(time.Hour), Door: "relay", Direction: "inbound", Unit: "vp", Client: "192.0.2.1", QueueID: "4X",
			ReversePath: "a@khach.example", Recipients: []string{"b@monre.gov.vn"}, Rules: []store.Rule{{Name: "marking", Clause: "10.1"}}, Marking: true,
			TwoPersons: true, SHA256: "00"}}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"01A","state":"held","held":"2026-11-24T08:00:00+07:00","until":"2026-11-24T09:00:00+07:00","door":"relay","direction":"inbound",
		"unit":"vp","client":"192.0.2.1","queue_id":"4X","from":"a@khach.example","to":["b@monre.gov.vn"],"why":["marking [10.1]"],"bytes":7,"sha256":"00",
		"marking":true,"persons":2,"approvals":1,"attempts":2,"unsure":true,"decided_by":"lan@monre.gov.vn","reason":"x","confirmed":"2026-11-24T08:00:00+07:00","confirmed_by":"an@monre.gov.vn","confirmation":"y"}`
	var x, y any
	if err := json.Unmarshal(b, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &y); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(x, y) {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}
