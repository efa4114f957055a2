package console_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"congthu/console"
	"congthu/filter"
	"congthu/filter/evidence"
	"congthu/store"
	"congthu/store/review"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a console with a real store and evidence log around it, and a gate that only answers.
type bench struct {
	t        *testing.T
	server   *httptest.Server
	console  *console.Console
	store    *store.Store
	log      *evidence.Log
	mu       sync.Mutex
	now      time.Time
	acts     []evidence.Act
	down     bool // the database is gone
	noRecord bool // nothing can be put on record
	trouble  string
	release  string // host:port that takes released mail
	verdict  filter.Verdict
	tryError error
}

func (b *bench) Now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) wait(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// Store implements console.Gate.
func (b *bench) Store() *store.Store {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return nil
	}
	return b.store
}

// Desk implements console.Gate.
func (b *bench) Desk(s *store.Store) *review.Desk {
	return &review.Desk{Store: s, Record: b.record, Server: b.release, Helo: "gate.test", AuthservID: "monre.gov.vn"}
}

// Policy implements console.Gate.
func (b *bench) Policy() console.Policy {
	return console.Policy{Hash: "sha256:00", Packs: []string{"secrecy 2026.1"}, Loaded: b.Now(), Source: "rules: {}\n",
		Lines: []console.PolicyLine{{Text: "rules:", Origin: ""}, {Text: "  subject: {mode: enforce}", Origin: "congthu.yml:3"}}}
}

// Try implements console.Gate.
func (b *bench) Try(context.Context, []byte, []byte, console.Envelope) (filter.Verdict, error) {
	return b.verdict, b.tryError
}

// System implements console.Gate.
func (b *bench) System() console.System {
	return console.System{Gate: "gate1", Version: "test", Started: b.Now().Add(-time.Hour), Ready: true, Trouble: b.trouble,
		Listeners: []console.Listener{{Name: "mx", Kind: "relay", Address: "127.0.0.1:10025"}},
		Metrics: []console.Metric{{Name: "congthu_panics_total", Value: 0}, {Name: "congthu_inspected_bytes_total", Value: 9 << 20},
			{Name: "congthu_not_inspected_bytes_total", Labels: map[string]string{"reason": "encrypted"}, Value: 1 << 20},
			{Name: "congthu_not_inspected_bytes_total", Labels: map[string]string{"reason": "damaged"}, Value: 0},
			{Name: "congthu_engine_up", Labels: map[string]string{"engine": "clamav"}, Value: 1}, {Name: "congthu_engine_up", Labels: map[string]string{"engine": "icap"}, Value: 0},
			{Name: "congthu_can_hold", Value: 1}, {Name: "congthu_evidence_intact", Value: 0},
			{Name: "congthu_workers", Labels: map[string]string{"state": "idle"}, Value: 0}, {Name: "congthu_workers", Labels: map[string]string{"state": "killed"}, Value: 3}}}
}

// Evidence implements console.Gate.
func (b *bench) Evidence() console.Evidence {
	seq, hash := b.log.Tail()
	return console.Evidence{Dir: b.log.Dir(), Gate: "gate1", Seq: seq, Hash: hash}
}

func (b *bench) record(ctx context.Context, a evidence.Act) error {
	b.mu.Lock()
	if b.noRecord {
		b.mu.Unlock()
		return errors.New("dial unix /var/lib/secret/evidence.sock: connection refused")
	}
	b.acts = append(b.acts, a)
	b.mu.Unlock()
	_, err := b.log.Append(ctx, evidence.Record{Kind: evidence.KindAct, Act: &a})
	return err
}

// did lists the acts of a kind that were put on record.
func (b *bench) did(what evidence.What) (all []evidence.Act) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.acts {
		if a.What == what {
			all = append(all, a)
		}
	}
	return all
}

// start is a morning in Vietnam.
func start() time.Time { return time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC) }

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: start()}
	dir := t.TempDir()
	var err error
	if b.store, err = store.Open(t.Context(), store.Options{DSN: "sqlite:" + filepath.Join(dir, "congthu.db"), Now: b.Now}); err != nil {
		t.Fatal(err)
	}
	if b.log, err = evidence.Open(evidence.Options{Dir: filepath.Join(dir, "evidence"), Gate: "gate1", Now: b.Now}); err != nil {
		t.Fatal(err)
	}
	c, err := console.New(console.Options{PasswordMemory: 64, Gate: b, Record: b.record, Now: b.Now, Live: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	b.console, b.server = c, httptest.NewServer(c)
	t.Cleanup(func() {
		c.Close()
		b.server.Close()
		if err := b.log.Close(); err != nil {
			t.Error(err)
		}
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// password is one that clause 10.4 allows.
const password = "Mat.Khau-2026"

// browser is somebody at a browser.
type browser struct {
	*bench
	client *http.Client
	csrf   string
}

func (b *bench) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return &browser{bench: b, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true}}}
}

// as is a browser of somebody with a new account of that role, who is signed in. The password is not made: its hash
// takes long.
func (b *bench) as(role store.Role) *browser {
	b.t.Helper()
	b.wait(time.Second)
	u := store.User{Name: fmt.Sprintf("%s-%d", role, b.Now().Unix()), Display: "Nguyễn Thị Hà", Role: role}
	if role == store.Sender {
		u.Address = "an@monre.gov.vn"
	}
	return b.person(u)
}

// person is a browser of somebody with that new account, who is signed in.
func (b *bench) person(u store.User) *browser {
	b.t.Helper()
	u.Password = "none"
	u, err := b.store.AddUser(b.t.Context(), u)
	if err != nil {
		b.t.Fatal(err)
	}
	secret := "secret-" + u.Name
	if err := b.store.StartSession(b.t.Context(), secret, store.Session{User: u.Name, CSRF: "token of " + u.Name, Expires: b.Now().Add(100 * 24 * time.Hour)}); err != nil {
		b.t.Fatal(err)
	}
	w := b.browser()
	home, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	w.client.Jar.SetCookies(home, []*http.Cookie{{Name: "congthu_session", Value: secret, Path: "/"}})
	w.csrf = "token of " + u.Name
	return w
}

// answer is what a browser got.
type answer struct {
	status int
	header http.Header
	text   string
}

func (w *browser) get(path string) answer { return w.do(http.MethodGet, path, nil) }

// post sends a form, with the session's own token.
func (w *browser) post(path string, form url.Values) answer {
	if w.csrf != "" && form.Get("csrf") == "" {
		form.Set("csrf", w.csrf)
	}
	return w.do(http.MethodPost, path, form)
}

func (w *browser) do(method, path string, form url.Values) answer {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// token is the one of the forms on a page.
func token(page string) string {
	m := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return m[1]
}
