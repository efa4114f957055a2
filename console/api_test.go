package console_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"congthu/store"
)

// program asks the API with a token.
func (b *bench) program(token, method, path, body string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	w := b.browser()
	resp, err := w.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text strings.Builder
	if _, err := io.Copy(&text, resp.Body); err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, text.String()}
}

// newToken makes a token at the page for it.
func newToken(t *testing.T, admin *browser, role store.Role) string {
	t.Helper()
	got := admin.post("/tokens", url.Values{"label": {"siem"}, "role": {string(role)}, "days": {"30"}})
	m := regexp.MustCompile(`<code class="wrap">(congthu_[A-Z2-7]+)</code>`).FindStringSubmatch(got.text)
	if m == nil {
		t.Fatalf("making a token: %d\n%s", got.status, got.text)
	}
	return m[1]
}

func TestTokens(t *testing.T) {
	b := newBench(t)
	b.officer()
	admin := b.as(store.Administrator)
	b.held("01HOLD", mail, false)
	reads, acts := newToken(t, admin, store.Auditor), newToken(t, admin, store.Reviewer)
	if got := b.program("", "GET", "/api/v1/held", ""); got.status != http.StatusUnauthorized {
		t.Errorf("without a token: %d, want 401", got.status)
	}
	if got := b.program(reads+"A", "GET", "/api/v1/held", ""); got.status != http.StatusUnauthorized {
		t.Errorf("with a wrong token: %d, want 401", got.status)
	}
	got := b.program(reads, "GET", "/api/v1/held", "")
	var list struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(got.text), &list); err != nil || got.status != http.StatusOK || len(list.Items) != 1 || list.Items[0].ID != "01HOLD" {
		t.Errorf("what is held: %d %v %s", got.status, err, got.text)
	}
	exception := `{"part_sha256": "` + strings.Repeat("ab", 32) + `", "rule": "marking", "reason": "họp báo", "until": "` + b.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`
	if got := b.program(reads, "POST", "/api/v1/exceptions", exception); got.status != http.StatusForbidden {
		t.Errorf("a token that only reads grants an exception: %d, want 403", got.status)
	}
	if got := b.program(acts, "POST", "/api/v1/exceptions", exception); got.status != http.StatusCreated {
		t.Errorf("granting an exception: %d %s", got.status, got.text)
	}
	if got := b.program(acts, "POST", "/api/v1/exceptions", `{"rule": 3}`); got.status != http.StatusBadRequest {
		t.Errorf("a broken body: %d, want 400", got.status)
	}
	for _, page := range []string{"/", "/held", "/people"} { // a token is for the API alone
		if got := b.program(acts, "GET", page, ""); got.status != http.StatusSeeOther {
			t.Errorf("%s with a token: %d, want 303 to the sign-in", page, got.status)
		}
	}
	b.wait(31 * 24 * time.Hour)
	if got := b.program(reads, "GET", "/api/v1/system", ""); got.status != http.StatusUnauthorized {
		t.Errorf("a token after its end: %d, want 401", got.status)
	}
}

// TestDescriptionOfTheAPI holds assets/openapi.json to the addresses that there are, and their answers to its words.
func TestDescriptionOfTheAPI(t *testing.T) {
	text, err := os.ReadFile("assets/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	routes, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	there := regexp.MustCompile(`\{"(GET|POST)", "(/api/[^"]+)"`).FindAllStringSubmatch(string(routes), -1)
	for _, r := range there {
		if doc.Paths[r[2]][strings.ToLower(r[1])] == nil {
			t.Errorf("%s %s is not described", r[1], r[2])
		}
		delete(doc.Paths[r[2]], strings.ToLower(r[1]))
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			t.Errorf("%s %s is described and not there", method, path)
		}
	}
}
