package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"congthu/console"
	"congthu/filter/evidence"
	"congthu/store"
)

func TestFirstAdministrator(t *testing.T) {
	b := newBench(t)
	code := b.firstCode()
	w := b.browser()
	form := url.Values{"code": {code}, "name": {"Quan.Tri"}, "display": {"Quản trị"}, "password": {password}, "again": {password}}
	for _, wrong := range []struct{ key, value string }{
		{"code", "ABC"}, {"password", "short1A"}, {"password", "onlylowercase"}, {"again", "Another.1"}, {"name", "có dấu"}, {"name", ""},
	} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		bad.Set(wrong.key, wrong.value)
		if wrong.key == "password" {
			bad.Set("again", wrong.value)
		}
		if got := w.post("/setup", bad); got.status != http.StatusBadRequest {
			t.Errorf("%s = %q: %d, want 400", wrong.key, wrong.value, got.status)
		}
	}
	if got := w.post("/setup", form); got.status != http.StatusSeeOther {
		t.Fatalf("setting up: %d\n%s", got.status, got.text)
	}
	if got := w.get("/people"); got.status != http.StatusOK || !strings.Contains(got.text, "quan.tri") {
		t.Errorf("people: %d\n%s", got.status, got.text)
	}
	if got := b.browser().post("/setup", form); got.status != http.StatusBadRequest {
		t.Errorf("the same code once more: %d, want 400", got.status)
	}
	if code, err := console.FirstCode(t.Context(), b.store, b.Now()); err != nil || code != "" {
		t.Errorf("a second first code %q, %v", code, err)
	}
}

func TestSignIn(t *testing.T) {
	b := newBench(t)
	name := b.account(store.Auditor)
	in := func(password string) answer {
		return b.browser().post("/signin", url.Values{"name": {strings.ToUpper(name)}, "password": {password}, "next": {"//evil.example/"}})
	}
	if got := in(password); got.status != http.StatusSeeOther || got.header.Get("Location") != "/" {
		t.Fatalf("signing in: %d to %q, want 303 to /", got.status, got.header.Get("Location"))
	}
	unknown := b.browser().post("/signin", url.Values{"name": {"nobody"}, "password": {password}})
	wrong := in("Wrong.Word-1")
	if unknown.status != http.StatusUnauthorized || wrong.status != http.StatusUnauthorized {
		t.Errorf("nobody %d, wrong %d, want 401 both", unknown.status, wrong.status)
	}
	for range 4 {
		in("Wrong.Word-1")
	}
	if got := in(password); got.status != http.StatusUnauthorized {
		t.Errorf("after five wrong passwords the right one gives %d, want 401", got.status)
	}
	b.wait(16 * time.Minute)
	if got := in(password); got.status != http.StatusSeeOther {
		t.Errorf("after the lock is over: %d, want 303", got.status)
	}
}

// firstCode is what the gate prints at its first start.
func (b *bench) firstCode() string {
	b.t.Helper()
	code, err := console.FirstCode(b.t.Context(), b.store, b.Now())
	if err != nil || code == "" {
		b.t.Fatalf("first code %q, %v", code, err)
	}
	return code
}

// account makes an account with password, by invitation.
func (b *bench) account(role store.Role) string {
	b.t.Helper()
	code, err := console.Invite(b.t.Context(), b.store, store.Invitation{Role: role}, b.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	name := "an." + string(role)
	got := b.browser().post("/setup", url.Values{"code": {code}, "name": {name}, "display": {"Nguyễn Văn An"}, "password": {password}, "again": {password}})
	if got.status != http.StatusSeeOther {
		b.t.Fatalf("making an account: %d\n%s", got.status, got.text)
	}
	return name
}

func TestTooManyAttemptsFromOneAddress(t *testing.T) {
	b := newBench(t)
	w := b.browser()
	for range 30 {
		w.post("/setup", url.Values{"code": {"GUESS"}})
	}
	if got := w.post("/signin", url.Values{"name": {"a"}, "password": {"b"}}); !strings.Contains(got.text, "Quá nhiều lần thử") {
		t.Errorf("the 31st attempt is answered %d\n%s", got.status, got.text)
	}
}

func TestSessionEnds(t *testing.T) {
	for name, end := range map[string]func(*bench, *browser){
		"idle":    func(b *bench, _ *browser) { b.wait(31 * time.Minute) },
		"removed": func(b *bench, w *browser) { removeAll(b) },
		"out":     func(_ *bench, w *browser) { w.post("/signout", url.Values{}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.as(store.Administrator)
			w := b.as(store.Auditor)
			if got := w.get("/"); got.status != http.StatusOK {
				t.Fatalf("signed in: %d", got.status)
			}
			end(b, w)
			if got := w.get("/account"); got.status != http.StatusSeeOther || strings.TrimSuffix(got.header.Get("Location"), "&why=ended") != "/signin?next=%2Faccount" ||
				strings.HasSuffix(got.header.Get("Location"), "ended") != (name != "out") {
				t.Errorf("after the end: %d to %q", got.status, got.header.Get("Location"))
			}
		})
	}
}

func removeAll(b *bench) {
	all, err := b.store.Users(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, u := range all {
		if u.Role != store.Administrator {
			if err := b.store.RemoveUser(b.t.Context(), u.Name); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

func TestForgedForms(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Administrator)
	for _, csrf := range []string{"", "other"} {
		w.csrf = ""
		if got := w.post("/people", url.Values{"role": {"officer"}, "csrf": {csrf}}); got.status != http.StatusForbidden {
			t.Errorf("a form with token %q: %d, want 403", csrf, got.status)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.URL+"/language", strings.NewReader("language=en"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "https://evil.example")
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %d, want 403", resp.StatusCode)
	}
}

func TestLastAdministratorStays(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Administrator)
	all, err := b.store.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []url.Values{{"do": {"remove"}}, {"do": {"change"}, "role": {"auditor"}}} {
		if got := w.post("/people/"+all[0].Name, form); got.status != http.StatusBadRequest {
			t.Errorf("%v: %d, want 400", form, got.status)
		}
	}
}

func TestPasswordGivenForOnce(t *testing.T) {
	b := newBench(t)
	admin, w, name := b.as(store.Administrator), b.browser(), b.account(store.Auditor)
	w.post("/signin", url.Values{"name": {name}, "password": {password}})
	if got := w.get("/"); got.status != http.StatusOK {
		t.Fatalf("signed in: %d", got.status)
	}
	if got := admin.post("/people/"+name, url.Values{"do": {"password"}, "password": {"Tam.Thoi-1"}}); got.status != http.StatusSeeOther {
		t.Fatalf("giving a password: %d", got.status)
	}
	if got := w.get("/"); got.status != http.StatusSeeOther {
		t.Errorf("the old session goes on: %d", got.status)
	}
	w.csrf = ""
	w.post("/signin", url.Values{"name": {name}, "password": {"Tam.Thoi-1"}})
	if got := w.get("/"); got.header.Get("Location") != "/account" {
		t.Errorf("a password for once leads to %q, want /account", got.header.Get("Location"))
	}
	w.csrf = token(w.get("/account").text)
	if got := w.post("/account/password", url.Values{"old": {"Tam.Thoi-1"}, "password": {password}, "again": {password}}); got.status != http.StatusSeeOther {
		t.Errorf("changing it: %d\n%s", got.status, got.text)
	}
	if got := w.get("/"); got.status != http.StatusOK {
		t.Errorf("after changing it: %d", got.status)
	}
	if len(b.did(evidence.People)) < 3 {
		t.Errorf("on record: %v", b.did(evidence.People))
	}
}

func TestStoreDown(t *testing.T) {
	b := newBench(t)
	w := b.as(store.Auditor)
	b.mu.Lock()
	b.down = true
	b.mu.Unlock()
	for _, path := range []string{"/", "/signin", "/setup", "/people"} {
		if got := w.get(path); got.status != http.StatusServiceUnavailable || !strings.Contains(got.text, "Cơ sở dữ liệu tạm thời không dùng được") {
			t.Errorf("%s without a database: %d", path, got.status)
		}
	}
}
