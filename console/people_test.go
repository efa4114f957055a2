package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"congthu/filter/evidence"
	"congthu/store"
)

// TestInvitedSender makes the account of a sender, whose address is the administrator's word and not the person's.
func TestInvitedSender(t *testing.T) {
	b := newBench(t)
	b.officer()
	b.held("01HOLD", mail, false)
	admin := b.as(store.Administrator)
	got := admin.post("/people", url.Values{"role": {"sender"}, "address": {"An@monre.gov.vn"}})
	code := regexp.MustCompile(`/setup#([A-Z2-7]+)`).FindStringSubmatch(got.text)
	if code == nil {
		t.Fatalf("inviting: %d\n%s", got.status, got.text)
	}
	w := b.browser()
	got = w.post("/setup", url.Values{"code": {code[1]}, "name": {"binh@monre.gov.vn"}, "address": {"binh@monre.gov.vn"}, "password": {password}, "again": {password}})
	if got.status != http.StatusSeeOther {
		t.Fatalf("making the account: %d\n%s", got.status, got.text)
	}
	u, err := b.store.User(t.Context(), "binh@monre.gov.vn")
	if err != nil || u.Role != store.Sender || u.Address != "an@monre.gov.vn" {
		t.Errorf("the account is %+v, %v", u, err)
	}
	if got := w.get("/sent"); !strings.Contains(got.text, "01HOLD") {
		t.Errorf("what is held of an@monre.gov.vn: %d\n%s", got.status, got.text)
	}
	if acts := b.did(evidence.People); len(acts) != 2 || acts[0].Details["address"] != "An@monre.gov.vn" || acts[1].Details["address"] != "an@monre.gov.vn" {
		t.Errorf("on record: %+v", acts)
	}
}

// TestPeopleFormsKeepWhatWasTyped comes back with everything but passwords.
func TestPeopleFormsKeepWhatWasTyped(t *testing.T) {
	b := newBench(t)
	admin := b.as(store.Administrator)
	name := b.account(store.Auditor)
	for what, c := range map[string]struct {
		path string
		form url.Values
		says string
		kept []string
	}{
		"an invitation without an address": {"/people", url.Values{"role": {"sender"}}, "cần địa chỉ thư", []string{`<option value="sender" selected>`}},
		"an invitation with a bad one":     {"/people", url.Values{"role": {"sender"}, "address": {"an@"}}, "Địa chỉ thư không hợp lệ", []string{`value="an@"`}},
		"an invitation to no role":         {"/people", url.Values{"role": {"king"}, "address": {"an@monre.gov.vn"}}, "Hãy chọn một vai trò", []string{`value="an@monre.gov.vn"`}},
		"a change": {"/people/" + name, url.Values{"do": {"change"}, "role": {"sender"}, "display": {"Nguyễn Văn Mới"}}, "cần địa chỉ thư",
			[]string{`value="Nguyễn Văn Mới"`, `<option value="sender" selected>`}},
		"a bad name":      {"/people/" + name, url.Values{"do": {"change"}, "role": {"auditor"}, "display": {"a\tb"}}, "Họ tên hoặc khóa không hợp lệ", []string{"value=\"a\tb\""}},
		"a weak password": {"/people/" + name, url.Values{"do": {"password"}, "password": {"yeu-qua-di"}}, "Mật khẩu", []string{"<details open>"}},
	} {
		got := admin.post(c.path, c.form)
		if got.status != http.StatusBadRequest || !strings.Contains(got.text, `role="alert"`) || !strings.Contains(got.text, c.says) || strings.Contains(got.text, "yeu-qua-di") {
			t.Errorf("%s: %d\n%s", what, got.status, got.text)
		}
		for _, k := range c.kept {
			if !strings.Contains(got.text, k) {
				t.Errorf("%s: %s is lost\n%s", what, k, got.text)
			}
		}
	}
	if u, err := b.store.User(t.Context(), name); err != nil || u.Role != store.Auditor || u.Display != "Nguyễn Văn An" {
		t.Errorf("the person is %+v, %v", u, err)
	}
	if got := admin.post("/people/"+name, url.Values{"do": {"change"}, "role": {"sender"}, "display": {"An"}, "address": {"an@monre.gov.vn"}}); got.status != http.StatusSeeOther {
		t.Errorf("a right change: %d\n%s", got.status, got.text)
	}
}

// TestTokensAreForStaff makes none for a sender: a program is nobody's sender.
func TestTokensAreForStaff(t *testing.T) {
	b := newBench(t)
	if got := b.as(store.Administrator).post("/tokens", url.Values{"label": {"x"}, "role": {"sender"}, "days": {"30"}}); got.status != http.StatusBadRequest {
		t.Errorf("%d, want 400", got.status)
	}
	if _, err := b.store.AddToken(t.Context(), "s", store.Token{Label: "x", Role: store.Sender, AddedBy: "a", Expires: b.Now().AddDate(0, 0, 1)}); err == nil {
		t.Error("the store keeps one")
	}
}
