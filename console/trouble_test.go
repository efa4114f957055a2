package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"congthu/store"
)

// TestSessionOver says after a session what became of what was asked for.
func TestSessionOver(t *testing.T) {
	b := newBench(t)
	w := b.officer()
	b.held("01HOLD", mail, false)
	b.wait(31 * time.Minute)
	read := w.get("/held/01HOLD")
	if to := read.header.Get("Location"); read.status != http.StatusSeeOther || to != "/signin?next=%2Fheld%2F01HOLD&why=ended" {
		t.Fatalf("a page after the session: %d to %q", read.status, to)
	}
	if got := w.get(read.header.Get("Location")); !strings.Contains(got.text, "Phiên đăng nhập đã kết thúc. Hãy đăng nhập lại") || !strings.Contains(got.text, `name="next" value="/held/01HOLD"`) {
		t.Errorf("then the page says\n%s", got.text)
	}
	sent := w.post("/held", url.Values{"id": {"01HOLD"}, "do": {"delete"}, "reason": {"x"}})
	if to := sent.header.Get("Location"); sent.status != http.StatusSeeOther || to != "/signin?why=not-done" {
		t.Fatalf("a form after the session: %d to %q", sent.status, to)
	}
	if got := w.get(sent.header.Get("Location")); !strings.Contains(got.text, "chưa được thực hiện") {
		t.Errorf("then the page says\n%s", got.text)
	}
	if got := b.browser().get("/signin?why=%3Cscript%3E"); got.status != http.StatusOK || strings.Contains(got.text, "role=\"alert\"") {
		t.Errorf("another reason: %d\n%s", got.status, got.text)
	}
}

// TestFormOfAnEarlierSession is refused with a page that says so.
func TestFormOfAnEarlierSession(t *testing.T) {
	b := newBench(t)
	earlier, w := b.as(store.Administrator), b.as(store.Administrator)
	got := w.post("/people", url.Values{"role": {"auditor"}, "csrf": {earlier.csrf}})
	if got.status != http.StatusForbidden || !strings.Contains(got.text, "Biểu mẫu đã cũ hoặc đến từ trang khác") {
		t.Errorf("%d\n%s", got.status, got.text)
	}
}

// TestNothingWithoutRecord does nothing that cannot be put on record, says why, and not more.
func TestNothingWithoutRecord(t *testing.T) {
	b := newBench(t)
	officer, admin := b.officer(), b.as(store.Administrator)
	b.held("01HOLD", mail, false)
	officer.post("/held/unlock", url.Values{"passphrase": {passphrase}})
	name := b.account(store.Auditor)
	b.mu.Lock()
	b.noRecord = true
	b.mu.Unlock()
	const says = "Không ghi được nhật ký chứng cứ, nên thao tác này không được thực hiện"
	for what, got := range map[string]answer{
		"a password for once": admin.post("/people/"+name, url.Values{"do": {"password"}, "password": {"Tam.Thoi-1"}}),
		"an invitation":       admin.post("/people", url.Values{"role": {"auditor"}}),
		"a sender's word":     b.as(store.Sender).post("/sent/01HOLD", url.Values{"reason": {"đã công bố"}}),
		"a token":             admin.post("/tokens", url.Values{"label": {"siem"}, "role": {"auditor"}, "days": {"30"}}),
		"an exception":        officer.post("/exceptions", url.Values{"part": {strings.Repeat("ab", 32)}, "rule": {"marking"}, "days": {"7"}, "reason": {"x"}}),
		"looking":             officer.post("/held/01HOLD/view", url.Values{}),
		"a part":              officer.post("/held/01HOLD/part", url.Values{"part": {"1"}}),
		"signing in":          b.browser().post("/signin", url.Values{"name": {name}, "password": {password}}),
	} {
		if got.status != http.StatusServiceUnavailable || !strings.Contains(got.text, says) || strings.Contains(got.text, "evidence.sock") || strings.Contains(got.text, "kế hoạch") {
			t.Errorf("%s: %d\n%s", what, got.status, got.text)
		}
	}
	if got := officer.post("/held", url.Values{"id": {"01HOLD"}, "do": {"delete"}, "reason": {"trùng"}}); !strings.Contains(got.text, says) {
		t.Errorf("deleting: %d\n%s", got.status, got.text)
	}
	if h, err := b.store.Show(t.Context(), "01HOLD"); err != nil || h.State != store.StateHeld {
		t.Errorf("then it is %+v, %v", h, err)
	}
	if got := officer.get("/held"); got.status != http.StatusOK {
		t.Errorf("reading: %d", got.status)
	}
}

// TestFormsKeepWhatWasTyped holds forms that were wrong in one thing to the others.
func TestFormsKeepWhatWasTyped(t *testing.T) {
	b := newBench(t)
	officer, admin := b.officer(), b.as(store.Administrator)
	b.held("01HOLD", mail, false)
	wrong := officer.post("/held/unlock", url.Values{"passphrase": {"wrong"}, "next": {"/held/01HOLD"}})
	if wrong.status != http.StatusBadRequest || !strings.Contains(wrong.text, `name="next" value="/held/01HOLD"`) || !strings.Contains(wrong.text, "Cụm mật khẩu không đúng") {
		t.Errorf("a wrong passphrase: %d\n%s", wrong.status, wrong.text)
	}
	officer.post("/held/unlock", url.Values{"passphrase": {passphrase}})
	for what, x := range map[string]struct {
		got  answer
		keep []string
	}{
		"an exception without a hash": {officer.post("/exceptions", url.Values{"part": {"abc"}, "rule": {"subject"}, "days": {"30"}, "reason": {"họp báo"}}),
			[]string{`value="abc"`, `name="rule" value="subject"`, `<option selected>30<`, `value="họp báo"`}},
		"a token of an administrator": {admin.post("/tokens", url.Values{"label": {"siem"}, "role": {"administrator"}, "days": {"365"}}), []string{`value="siem"`, `<option selected>365<`}},
		"an account":                  {b.browser().post("/setup", url.Values{"code": {"abc"}, "name": {"an"}, "display": {"Nguyễn An"}}), []string{`value="ABC"`, `value="an"`, `value="Nguyễn An"`}},
		"a deletion without a reason": {officer.post("/held", url.Values{"do": {"delete"}, "id": {"01HOLD"}}), []string{`value="01HOLD" checked`}},
		"a deletion of nothing":       {officer.post("/held", url.Values{"do": {"delete"}, "reason": {"trùng lặp"}}), []string{`name="reason" value="trùng lặp"`}},
		"a search":                    {officer.get("/messages?since=gestern&sender=an@monre.gov.vn"), []string{`value="gestern"`, `value="an@monre.gov.vn"`}},
	} {
		if x.got.status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", what, x.got.status)
		}
		for _, k := range x.keep {
			if !strings.Contains(x.got.text, k) {
				t.Errorf("%s does not keep %s:\n%s", what, k, x.got.text)
			}
		}
		if !strings.Contains(x.got.text, `role="alert"`) {
			t.Errorf("%s does not say what is wrong", what)
		}
	}
}
