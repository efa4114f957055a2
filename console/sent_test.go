package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

// TestSenderConfirms goes from the list of one's own held mail to a word on record, and to the officer who reads it.
func TestSenderConfirms(t *testing.T) {
	b := newBench(t)
	officer := b.officer()
	b.held("01MARK", mail, true)
	w := b.as(store.Sender)
	list := w.get("/sent")
	if list.status != http.StatusOK || !strings.Contains(list.text, `href="/sent/01MARK"`) {
		t.Fatalf("the list: %d\n%s", list.status, list.text)
	}
	page := w.get("/sent/01MARK")
	for _, never := range []string{"Kế hoạch", "citizen@example.com", "kế hoạch", "a.pdf"} {
		if strings.Contains(list.text, never) || strings.Contains(page.text, never) {
			t.Errorf("the sender's pages show %q", never)
		}
	}
	got := w.post("/sent/01MARK", url.Values{"reason": {"báo cáo <b>đã công bố</b>"}})
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/sent/01MARK?done=done.confirmed" {
		t.Fatalf("confirming: %d\n%s", got.status, got.text)
	}
	if got := w.get(got.header.Get("Location")); !strings.Contains(got.text, "Thư vẫn được giữ") || strings.Contains(got.text, `name="reason"`) {
		t.Errorf("then the page: %d\n%s", got.status, got.text)
	}
	h, err := b.store.Show(t.Context(), "01MARK")
	if err != nil || h.State != store.StateHeld || h.Approvals != 0 || h.Confirmation.Reason != "báo cáo <b>đã công bố</b>" {
		t.Errorf("then it is %+v, %v", h, err)
	}
	acts := b.did(evidence.Confirm)
	if len(acts) != 1 || acts[0].Object != "01MARK" || acts[0].Details["address"] != "an@monre.gov.vn" || acts[0].Reason == "" || acts[0].Who != h.Confirmation.Who {
		t.Errorf("on record: %+v", acts)
	}
	for _, path := range []string{"/held/01MARK", "/held", "/held?confirmed=yes&sender=an@monre.gov.vn"} {
		if got := officer.get(path); !strings.Contains(got.text, "người gửi xác nhận không mật") || strings.Contains(got.text, "<b>đã công bố") {
			t.Errorf("%s for the officer: %d\n%s", path, got.status, got.text)
		}
	}
	if got := officer.get("/api/v1/held/01MARK"); !strings.Contains(got.text, `"confirmed":"2026-03-02T`) || !strings.Contains(got.text, `"confirmation":"báo cáo`) {
		t.Errorf("the API: %d %s", got.status, got.text)
	}
}

// TestMessagePageShowsTheSendersWord has the word beside the verdict.
func TestMessagePageShowsTheSendersWord(t *testing.T) {
	b := newBench(t)
	b.officer()
	ids := b.fill(9, func(int) string { return "w" }) // the sixth is held
	b.held(ids[5], mail, false)
	if got := b.as(store.Sender).post("/sent/"+ids[5], url.Values{"reason": {"đã công bố"}}); got.status != http.StatusSeeOther {
		t.Fatalf("confirming: %d\n%s", got.status, got.text)
	}
	if got := b.as(store.Auditor).get("/messages/" + ids[5]); !strings.Contains(got.text, "người gửi xác nhận không mật") || !strings.Contains(got.text, "đã công bố") {
		t.Errorf("%d\n%s", got.status, got.text)
	}
}

// TestWhoIsNotTheSender gets the same answer for another's message as for none, and is on record.
func TestWhoIsNotTheSender(t *testing.T) {
	b := newBench(t)
	b.officer()
	b.held("01HOLD", mail, false)
	other := b.person(store.User{Name: "binh", Role: store.Sender, Address: "binh@monre.gov.vn"})
	answers := map[string]bool{}
	for _, id := range []string{"01HOLD", "01NONE"} {
		for _, got := range []answer{other.get("/sent/" + id), other.post("/sent/"+id, url.Values{"reason": {"x"}})} {
			if got.status != http.StatusNotFound || !strings.Contains(got.text, "Yêu cầu này đã được ghi") {
				t.Errorf("%s: %d\n%s", id, got.status, got.text)
			}
			answers[strings.ReplaceAll(strings.ReplaceAll(got.text, "01HOLD", ""), "01NONE", "")] = true
		}
	}
	if len(answers) != 1 {
		t.Errorf("%d answers tell messages of others from none", len(answers))
	}
	if got := b.did(evidence.Denied); len(got) != 4 || got[0].Who != "binh" || got[0].Details["address"] != "binh@monre.gov.vn" {
		t.Errorf("on record: %+v", got)
	}
	if got := other.get("/sent"); strings.Contains(got.text, "01HOLD") {
		t.Errorf("another's list has it:\n%s", got.text)
	}
	nobody := b.as(store.Auditor) // of whom no address is known
	for _, got := range []answer{nobody.get("/sent"), nobody.get("/sent/01HOLD"), nobody.post("/sent/01HOLD", url.Values{"reason": {"x"}})} {
		if got.status != http.StatusBadRequest || !strings.Contains(got.text, "chưa gắn với địa chỉ thư nào") {
			t.Errorf("without an address: %d\n%s", got.status, got.text)
		}
	}
	if got := b.browser().get("/sent/01HOLD"); got.header.Get("Location") != "/signin?next=%2Fsent%2F01HOLD" {
		t.Errorf("the notice's link before signing in leads to %q", got.header.Get("Location"))
	}
	if h, err := b.store.Show(t.Context(), "01HOLD"); err != nil || !h.Confirmation.At.IsZero() {
		t.Errorf("then it is %+v, %v", h, err)
	}
}

// TestForgedSender keeps whoever is written on mail from outside from seeing it.
func TestForgedSender(t *testing.T) {
	b := newBench(t)
	b.officer()
	_, err := b.store.Hold(t.Context(), store.Hold{ID: "01IN", Time: b.Now(), Expires: b.Now().Add(time.Hour), Door: "relay", Direction: "inbound", ReversePath: "an@monre.gov.vn",
		Recipients: []string{"ha@monre.gov.vn"}, Rules: []store.Rule{{Name: "content", Clause: "10.2"}}}, strings.NewReader(mail))
	if err != nil {
		t.Fatal(err)
	}
	w := b.as(store.Sender)
	if got := w.get("/sent"); strings.Contains(got.text, "01IN") {
		t.Error("it is in the list of whoever it claims to be from")
	}
	if got := w.post("/sent/01IN", url.Values{"reason": {"x"}}); got.status != http.StatusNotFound {
		t.Errorf("confirming it: %d, want 404", got.status)
	}
}

// TestNothingLeftToConfirm names why.
func TestNothingLeftToConfirm(t *testing.T) {
	b := newBench(t)
	officer := b.officer()
	for _, id := range []string{"01DELETED", "01TWICE", "01WHY", "01EXPIRED"} {
		b.held(id, mail+id, false)
	}
	officer.post("/held/unlock", url.Values{"passphrase": {passphrase}})
	if got := officer.post("/held", url.Values{"id": {"01DELETED"}, "do": {"delete"}, "reason": {"trùng"}}); got.status != http.StatusSeeOther {
		t.Fatalf("deleting: %d\n%s", got.status, got.text)
	}
	w := b.as(store.Sender)
	w.post("/sent/01TWICE", url.Values{"reason": {"lần đầu"}})
	b.wait(31 * 24 * time.Hour)
	if _, err := b.store.Expiry(t.Context(), b.Now()); err != nil {
		t.Fatal(err)
	}
	w = b.person(store.User{Name: "an.lai", Role: store.Sender, Address: "An@monre.gov.vn"})
	for _, c := range []struct {
		id, reason string
		status     int
		says       string
	}{
		{"01DELETED", "x", http.StatusConflict, "đã được quyết định"},
		{"01TWICE", "lần hai", http.StatusConflict, "xác nhận đầu tiên có giá trị"},
		{"01WHY", "", http.StatusBadRequest, "Hãy ghi lý do"},
		{"01WHY", strings.Repeat("ế", 400), http.StatusBadRequest, "Hãy ghi lý do"},
		{"01WHY", "hai\ndòng", http.StatusBadRequest, "Hãy ghi lý do"},
		{"01EXPIRED", "x", http.StatusSeeOther, ""},
	} {
		got := w.post("/sent/"+c.id, url.Values{"reason": {c.reason}})
		if got.status != c.status || !strings.Contains(got.text, c.says) {
			t.Errorf("%s: %d, want %d and %q\n%s", c.id, got.status, c.status, c.says, got.text)
		}
		if c.status == http.StatusBadRequest && c.reason != "" && !strings.Contains(got.text, `name="reason" value="`) {
			t.Errorf("%s: what was typed is lost", c.id)
		}
	}
	if got := len(b.did(evidence.Confirm)); got != 2 {
		t.Errorf("%d confirmations on record, want those of 01TWICE and 01EXPIRED", got)
	}
	if got := w.post("/sent/01WHY", url.Values{"reason": {"x"}, "csrf": {"another"}}); got.status != http.StatusForbidden {
		t.Errorf("a form of elsewhere: %d, want 403", got.status)
	}
}

// TestSenderIsNoStaff leads a sender's first page to the own mail and shows no other in the menu.
func TestSenderIsNoStaff(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Sender)
	if got := w.get("/"); got.status != http.StatusSeeOther || got.header.Get("Location") != "/sent" {
		t.Errorf("the first page: %d to %q", got.status, got.header.Get("Location"))
	}
	page := w.get("/sent").text
	for _, path := range []string{"/held", "/messages", "/policy", "/people", "/system"} {
		if strings.Contains(page, `<a href="`+path+`"`) {
			t.Errorf("the menu leads to %s", path)
		}
	}
	if got := len(b.did(evidence.Denied)); got != 0 {
		t.Errorf("looking at the own mail is %d refusals on record", got)
	}
}
