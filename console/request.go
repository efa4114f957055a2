package console

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
	"congthu/store/review"
)

// request is what a page gets of whoever asks for it.
type request struct {
	*http.Request
	store   *store.Store  // nil only for routes that need no sign-in
	session store.Session // the zero value when nobody is signed in
	secret  string        // of the session; "" for a program with a token
	token   bool          // a program with a token asks
	lang    language
	theme   string // light, dark; "" is the system's
	now     time.Time
}

// The cookies.
const (
	sessionCookie  = "congthu_session"
	languageCookie = "congthu_language"
	themeCookie    = "congthu_theme"
)

// api tells the addresses of the JSON API.
func (r *request) api() bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// guarded serves a route to whoever may.
func (c *Console) guarded(rt route) http.Handler {
	return c.safe(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr, store: c.options.Gate.Store(), lang: languageOf(hr), theme: themeOf(hr), now: c.options.Now()}
		err := c.admit(r, rt)
		if err == nil {
			err = rt.serve(c, w, r)
		}
		if err != nil {
			c.fail(w, r, rt, err)
		}
	}))
}

// admit finds out who asks, and whether that person may.
func (c *Console) admit(r *request, rt route) error {
	if err := c.identify(r); err != nil && rt.act != anybody {
		return err
	}
	if r.Method == http.MethodPost && !r.token {
		if err := c.ownForm(r, rt); err != nil {
			return err
		}
	}
	switch {
	case rt.act == anybody:
		return nil
	case r.session.User == "":
		return errSignIn
	case r.session.MustChange && rt.act != ownAccount:
		return errMustChange
	case !may(r.session.Role, rt.act) && rt.pattern == "/{$}":
		return errElsewhere
	case !may(r.session.Role, rt.act):
		return errForbidden
	}
	return nil
}

var (
	errSignIn     = errors.New("nobody is signed in")
	errEnded      = fmt.Errorf("%w: the session is over", errSignIn)
	errMustChange = errors.New("the password must be changed first")
)

// identify reads the session, or the token of a program.
func (c *Console) identify(r *request) error {
	if r.store == nil {
		return errNoStore
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && r.api() {
		t, err := r.store.Token(r.Context(), bearer)
		if errors.Is(err, store.ErrNotFound) {
			return errSignIn
		}
		if err != nil {
			return err
		}
		r.token = true
		r.session = store.Session{User: "token " + t.Label, Display: t.Label, Role: t.Role, Created: t.Added, Expires: t.Expires}
		return nil
	}
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || cookie.Value == "" {
		return errSignIn
	}
	look := r.store.Session
	if r.URL.Path == livePath {
		look = r.store.PeekSession
	}
	ss, err := look(r.Context(), cookie.Value, c.options.Idle)
	if errors.Is(err, store.ErrNotFound) {
		return errEnded
	}
	if err != nil {
		return err
	}
	r.session, r.secret = ss, cookie.Value
	return nil
}

// ownForm refuses what another site makes a browser send (cross-site request forgery): the form must carry the
// session's own token, or, before there is a session, come from these pages.
func (c *Console) ownForm(r *request, rt route) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return errReplayed
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "null" {
		_, host, _ := strings.Cut(origin, "://")
		if host != r.Host {
			return errReplayed
		}
	}
	if rt.act == anybody {
		return nil
	}
	given := r.Header.Get("X-CSRF-Token")
	if given == "" {
		given = r.form("csrf")
	}
	if r.session.CSRF == "" || subtle.ConstantTimeCompare([]byte(given), []byte(r.session.CSRF)) != 1 {
		return errReplayed
	}
	return nil
}

// form is a value of a form, or of the query for a page.
func (r *request) form(name string) string {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") && r.MultipartForm == nil {
		// What is longer is not a value that a page asks for; FormValue has nothing then.
		if err := r.ParseMultipartForm(formMemory); err != nil {
			return ""
		}
	}
	return strings.TrimSpace(r.FormValue(name))
}

// formMemory is how much of a form with files is kept in memory, in octets: all of it, for no file may be written.
const formMemory = maxBody

// client is the address that asks, without its port.
func (r *request) client() string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// record puts an act of whoever asks on record.
func (c *Console) record(r *request, what evidence.What, object, reason string, details map[string]string) error {
	return c.options.Record(r.Context(), c.actOf(r, what, object, reason, details))
}

// recorded is a recorder whose trouble, whatever it is, is known as such: what is not on record is not done.
func recorded(by review.Recorder) review.Recorder {
	return func(ctx context.Context, a evidence.Act) error {
		if err := by(ctx, a); err != nil {
			return fmt.Errorf("%w: %w", errRecord, err)
		}
		return nil
	}
}

// desk is where officers decide.
func (c *Console) desk(r *request) *review.Desk {
	d := c.options.Gate.Desk(r.store)
	d.Record = recorded(d.Record)
	return d
}

func (c *Console) actOf(r *request, what evidence.What, object, reason string, details map[string]string) evidence.Act {
	all := map[string]string{"from": r.client()}
	for k, v := range details {
		all[k] = v
	}
	return evidence.Act{Who: r.session.User, What: what, Object: object, Reason: reason, Details: all}
}

// setCookie sets a cookie that scripts and other sites do not see.
func (c *Console) setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	k := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: c.options.Secure, SameSite: http.SameSiteStrictMode, MaxAge: int(age.Seconds())}
	if value == "" {
		k.MaxAge = -1
	}
	http.SetCookie(w, k)
}

// rowOf is the row that a list begins with: from the query, within the list.
func rowOf(r *request, rows int) int {
	n, err := strconv.Atoi(r.form("from"))
	if err != nil || n < 0 || n > rows {
		return 0
	}
	return n
}
