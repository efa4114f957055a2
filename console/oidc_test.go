package console_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"congthu/console"
	"congthu/filter/evidence"
	"congthu/store"
)

// idp is a small OpenID provider, which says what a test wants it to say.
type idp struct {
	server *httptest.Server
	key    *rsa.PrivateKey
	now    func() time.Time
	nonce  string
	change func(claims map[string]any)
	forge  bool // signs with another key
	hashed string
}

func newIDP(t *testing.T, now func() time.Time) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key, now: now}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer := map[string]any{"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": p.server.URL + "/token",
			"jwks_uri": p.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		e := big.NewInt(int64(key.E)).Bytes()
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"k","n":%q,"e":%q}]}`, b64(key.N.Bytes()), b64(e))
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		// PKCE: the verifier must be the one whose hash came with the authorization (RFC 7636 section 4.6).
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if b64(sum[:]) != p.hashed || r.FormValue("code") != "the-code" {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"a","token_type":"Bearer","id_token":%q}`, p.token(t))
	})
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (p *idp) token(t *testing.T) string {
	t.Helper()
	claims := map[string]any{"iss": p.server.URL, "aud": "congthu", "sub": "u1", "name": "Trần Văn Bình", "email": "Binh@monre.gov.vn", "email_verified": true, "nonce": p.nonce,
		"iat": p.now().Unix(), "exp": p.now().Add(5 * time.Minute).Unix(), "groups": []string{"nhan-vien", "an-toan"}}
	if p.change != nil {
		p.change(claims)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed := b64([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + b64(body)
	key := p.key
	if p.forge {
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + b64(signature)
}

// with is the same bench with a console that knows a provider.
func (b *bench) with(p *idp) *bench {
	b.t.Helper()
	c, err := console.New(console.Options{PasswordMemory: 64, Gate: b, Record: b.record, Now: b.Now, OIDC: &console.OIDC{Issuer: p.server.URL, ClientID: "congthu",
		ClientSecret: func() (string, error) { return "secret", nil }, URL: "http://console.test", RolesClaim: "groups", Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Roles: map[store.Role][]string{store.Reviewer: {"an-toan"}, store.Auditor: {"kiem-tra"}, store.Sender: {"can-bo"}}}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.server.Config.Handler = c
	return b
}

// there goes to the provider and says where it would come back to, with which state.
func (w *browser) there(p *idp) (back string) {
	w.t.Helper()
	got := w.get("/signin/oidc?next=/held")
	to, err := url.Parse(got.header.Get("Location"))
	if err != nil || got.status != http.StatusSeeOther || !strings.HasPrefix(to.String(), p.server.URL+"/authorize?") {
		w.t.Fatalf("on the way to the provider: %d %q", got.status, got.header.Get("Location"))
	}
	q := to.Query()
	p.nonce, p.hashed = q.Get("nonce"), q.Get("code_challenge")
	if q.Get("redirect_uri") != "http://console.test/signin/oidc/back" || q.Get("code_challenge_method") != "S256" || p.nonce == "" {
		w.t.Fatalf("the provider is asked %v", q)
	}
	return "/signin/oidc/back?code=the-code&state=" + q.Get("state")
}

func TestOpenID(t *testing.T) {
	b := newBench(t)
	p := newIDP(t, b.Now)
	b.with(p)
	w := b.browser()
	back := w.there(p)
	got := w.get(back)
	if got.status != http.StatusOK || got.header.Get("Refresh") != "0; url=/held" {
		t.Fatalf("coming back: %d %v\n%s", got.status, got.header, got.text)
	}
	if got := w.get("/account"); !strings.Contains(got.text, "binh@monre.gov.vn") || !strings.Contains(got.text, "Trần Văn Bình") {
		t.Errorf("the account: %d\n%s", got.status, got.text)
	}
	if got := w.get("/people"); got.status != http.StatusForbidden {
		t.Errorf("an officer among the people: %d", got.status)
	}
	if got := w.get(back); got.status != http.StatusForbidden {
		t.Errorf("the same answer once more: %d, want 403", got.status)
	}
	if got := b.browser().get(w.there(p)); got.status != http.StatusForbidden {
		t.Errorf("the answer in another browser: %d, want 403", got.status)
	}
	if got := b.did(evidence.SignIn); len(got) != 1 || got[0].Who != "binh@monre.gov.vn" || got[0].Details["way"] != "openid" {
		t.Errorf("on record: %v", got)
	}
}

func TestOpenIDThatIsNotRight(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]any)
		forge  bool
		want   int
	}{
		"signature":   {nil, true, http.StatusBadGateway},
		"nonce":       {func(c map[string]any) { c["nonce"] = "another" }, false, http.StatusBadGateway},
		"no nonce":    {func(c map[string]any) { delete(c, "nonce") }, false, http.StatusBadGateway},
		"audience":    {func(c map[string]any) { c["aud"] = "another" }, false, http.StatusBadGateway},
		"issuer":      {func(c map[string]any) { c["iss"] = "https://evil.example" }, false, http.StatusBadGateway},
		"expired":     {func(c map[string]any) { c["exp"] = 1 }, false, http.StatusBadGateway},
		"no subject":  {func(c map[string]any) { c["sub"] = "" }, false, http.StatusBadGateway},
		"no role":     {func(c map[string]any) { c["groups"] = []string{"nhan-vien"} }, false, http.StatusBadRequest},
		"odd groups":  {func(c map[string]any) { c["groups"] = map[string]any{"an-toan": true} }, false, http.StatusBadRequest},
		"one group":   {func(c map[string]any) { c["groups"] = "kiem-tra" }, false, http.StatusOK},
		"sender":      {func(c map[string]any) { c["groups"] = "can-bo" }, false, http.StatusOK},
		"no address":  {func(c map[string]any) { c["groups"], c["email_verified"] = "can-bo", false }, false, http.StatusBadRequest},
		"unconfirmed": {func(c map[string]any) { c["email_verified"] = false }, false, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			p := newIDP(t, b.Now)
			p.change, p.forge = c.change, c.forge
			w := b.with(p).browser()
			if got := w.get(w.there(p)); got.status != c.want {
				t.Errorf("coming back: %d, want %d", got.status, c.want)
			}
			got := w.get("/account")
			if (got.status == http.StatusOK) != (c.want == http.StatusOK) {
				t.Errorf("then the account is %d", got.status)
			}
			if name == "unconfirmed" && strings.Contains(got.text, "binh@monre.gov.vn") {
				t.Error("an address that nobody confirmed is taken for the person's")
			}
		})
	}
}

func TestOpenIDProviderDown(t *testing.T) {
	b := newBench(t)
	p := newIDP(t, b.Now)
	b.with(p)
	p.server.Close()
	if got := b.browser().get("/signin/oidc"); got.status != http.StatusBadGateway || !strings.Contains(got.text, `name="password"`) {
		t.Errorf("without the provider: %d, and accounts of the gate must still be there\n%s", got.status, got.text)
	}
}

// TestOpenIDSender sees what is held of the address that the provider vouches for.
func TestOpenIDSender(t *testing.T) {
	b := newBench(t)
	b.officer()
	b.held("01HOLD", mail, false)
	p := newIDP(t, b.Now)
	p.change = func(c map[string]any) { c["groups"], c["email"] = "can-bo", "An@Monre.gov.vn" }
	w := b.with(p).browser()
	if got := w.get(w.there(p)); got.status != http.StatusOK {
		t.Fatalf("coming back: %d\n%s", got.status, got.text)
	}
	page := w.get("/sent/01HOLD")
	w.csrf = token(page.text)
	if got := w.post("/sent/01HOLD", url.Values{"reason": {"đã công bố"}}); got.status != http.StatusSeeOther {
		t.Fatalf("confirming: %d\n%s", got.status, got.text)
	}
	if got := b.did(evidence.Confirm); len(got) != 1 || got[0].Who != "an@monre.gov.vn" {
		t.Errorf("on record: %+v", got)
	}
	if got := w.get("/held"); got.status != http.StatusForbidden {
		t.Errorf("all held mail: %d, want 403", got.status)
	}
}
