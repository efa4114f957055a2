package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

// page is what every template gets.
type page struct {
	*request
	Name    string // of the page: a template, and its place in the menu
	Title   string // key of the catalogue
	Notice  string // key of what was just done
	Problem string // key of what is wrong with the form
	Menu    []menuItem
	Data    any
}

// Session is whoever is signed in.
func (p *page) Session() store.Session { return p.session }

// Lang is the language of the page: vi, en.
func (p *page) Lang() string { return string(p.lang) }

// Theme is light, dark, or "" for the system's.
func (p *page) Theme() string { return p.theme }

// Path is the address of the page, for forms that come back to it.
func (p *page) Path() string { return p.URL.RequestURI() }

// menuItem is a page in the menu.
type menuItem struct {
	Name, Path string
	Here       bool
}

// menu is what the person may see. One's own held mail is in it for those whose mail address is known.
func menu(who store.Session, here string) []menuItem {
	var out []menuItem
	for _, m := range []struct {
		name, path string
		act        act
	}{
		{"overview", "/", readMessages}, {"messages", "/messages", readMessages}, {"held", "/held", readHeld},
		{"exceptions", "/exceptions", readException}, {"statistics", "/statistics", readNumbers}, {"policy", "/policy", readPolicy},
		{"evidence", "/evidence", readEvidence}, {"system", "/system", readSystem}, {"people", "/people", managePeople},
		{"sent", "/sent", ownSent},
	} {
		if may(who.Role, m.act) && (m.act != ownSent || who.Address != "") {
			out = append(out, menuItem{m.name, m.path, m.name == here})
		}
	}
	return out
}

// readPages reads every template with the layout around it.
func (c *Console) readPages() (map[string]*template.Template, error) {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || strings.HasPrefix(name, "part-") {
			continue
		}
		t, err := template.New("layout.html").Funcs(c.functions("")).ParseFS(templateFiles, "templates/layout.html", "templates/part-*.html", file)
		if err != nil {
			return nil, err
		}
		pages[name] = t
	}
	return pages, nil
}

// functions are what templates can call, in a language.
func (c *Console) functions(l language) template.FuncMap {
	return template.FuncMap{
		"t":      func(key string, args ...any) string { return c.texts.text(l, key, args...) },
		"known":  func(prefix, value string) string { return c.texts.known(l, prefix, value) },
		"time":   func(t time.Time) string { return stamp(t) },
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"day":    func(t time.Time) string { return local(t).Format("02/01/2006") },
		"size":   func(n int64) string { return size(l, n) },
		"octets": func(n float64) string { return size(l, int64(n)) },
		"number": func(n any) string { return number(l, n) },
		"long":   func(d time.Duration) string { return c.duration(l, d) },
		"join":   strings.Join,
		"query":  query,
	}
}

// query makes the query of an address out of names and values; empty values are left out.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// render writes a page.
func (c *Console) render(w http.ResponseWriter, status int, p *page) error {
	t, ok := c.pages[p.Name]
	if !ok {
		return fmt.Errorf("rendering a page: there is no template %q", p.Name)
	}
	if p.session.User != "" {
		p.Menu = menu(p.session, p.Name)
	}
	if p.Notice == "" {
		p.Notice = c.texts.notice(p.URL.Query().Get("done"))
	}
	t, err := t.Clone()
	if err != nil {
		return fmt.Errorf("rendering page %s: %w", p.Name, err)
	}
	var b bytes.Buffer // a page that fails half-way is no page
	if err := t.Funcs(c.functions(p.lang)).Execute(&b, p); err != nil {
		return fmt.Errorf("rendering page %s: %w", p.Name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(p.lang))
	w.WriteHeader(status)
	_, err = w.Write(b.Bytes())
	return c.gone(err)
}

// gone drops the error of a browser that went away.
func (c *Console) gone(err error) error {
	if err != nil {
		c.options.Log.Debug("an answer was not taken", "error", err.Error())
	}
	return nil
}

// writeJSON writes an answer of the JSON API.
func (c *Console) writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(b, '\n'))
	return c.gone(err)
}

// done goes on to a page after a form did what it should, saying so there.
func (c *Console) done(w http.ResponseWriter, r *request, to, key string) error {
	u, err := url.Parse(to)
	if err != nil {
		return fmt.Errorf("going on: %w", err)
	}
	q := u.Query()
	q.Set("done", key)
	u.RawQuery = q.Encode()
	http.Redirect(w, r.Request, u.String(), http.StatusSeeOther)
	return nil
}

// failure is how an error is answered.
type failure struct {
	status int
	key    string // of the catalogue
}

func failureOf(err error) failure {
	var form errForm
	switch {
	case errors.As(err, &form):
		return failure{http.StatusBadRequest, form.key}
	case errors.Is(err, errForbidden):
		return failure{http.StatusForbidden, "error.forbidden"}
	case errors.Is(err, errReplayed):
		return failure{http.StatusForbidden, "error.replayed"}
	case errors.Is(err, errNotYours):
		return failure{http.StatusNotFound, "sent.not-yours"}
	case errors.Is(err, errNotFound), errors.Is(err, store.ErrNotFound):
		return failure{http.StatusNotFound, "error.not-found"}
	case errors.Is(err, store.ErrInvalid):
		return failure{http.StatusBadRequest, "error.invalid"}
	case errors.Is(err, errNoStore), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrLocked), errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrFull):
		return failure{http.StatusServiceUnavailable, "error.store"}
	case errors.Is(err, errBusy):
		return failure{http.StatusServiceUnavailable, "error.busy"}
	case errors.Is(err, errRecord), errors.Is(err, evidence.ErrUnavailable), errors.Is(err, evidence.ErrClosed):
		return failure{http.StatusServiceUnavailable, "error.evidence"}
	}
	return failure{http.StatusInternalServerError, "error.trouble"}
}

// fail answers with a page, or with JSON, that says what went wrong.
func (c *Console) fail(w http.ResponseWriter, r *request, rt route, err error) {
	switch {
	case errors.Is(err, errSignIn) && !r.api():
		next, why := "", ""
		if r.Method == http.MethodGet && r.URL.Path != "/" {
			next = r.URL.RequestURI()
		}
		switch {
		case !errors.Is(err, errEnded):
		case r.Method == http.MethodGet:
			why = "ended"
		default:
			why = "not-done"
		}
		http.Redirect(w, r.Request, "/signin"+query("next", next, "why", why), http.StatusSeeOther)
		return
	case errors.Is(err, errSignIn):
		w.Header().Set("WWW-Authenticate", `Bearer realm="congthu"`)
		c.gone(c.writeJSON(w, http.StatusUnauthorized, problem{"error.signin", c.texts.text(english, "error.signin")}))
		return
	case errors.Is(err, errMustChange) && !r.api():
		http.Redirect(w, r.Request, "/account", http.StatusSeeOther)
		return
	}
	if errors.Is(err, errElsewhere) {
		http.Redirect(w, r.Request, "/sent", http.StatusSeeOther)
		return
	}
	f := failureOf(err)
	if errors.Is(err, errForbidden) {
		c.denied(r, rt)
	}
	if f.status >= 500 {
		c.options.Log.Error("a page of the console failed", "path", rt.pattern, "error", err.Error())
	}
	if r.api() {
		c.gone(c.writeJSON(w, f.status, problem{f.key, c.texts.text(english, f.key)}))
		return
	}
	p := &page{request: r, Name: "error", Title: "error.title", Problem: f.key}
	if err := c.render(w, f.status, p); err != nil {
		c.options.Log.Error("the page of an error failed", "error", err.Error())
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	}
}

// problem is an error of the JSON API.
type problem struct {
	Error string `json:"error"`
	Text  string `json:"text"`
}

// denied records that somebody asked for what is not for that role.
func (c *Console) denied(r *request, rt route) {
	if err := c.record(r, evidence.Denied, rt.method+" "+rt.pattern, "", map[string]string{"role": string(r.session.Role)}); err != nil {
		c.options.Log.Error("a refused request was not recorded", "error", err.Error())
	}
}

// nowhere answers addresses that are not there.
func (c *Console) nowhere(w http.ResponseWriter, hr *http.Request) {
	r := &request{Request: hr, store: c.options.Gate.Store(), lang: languageOf(hr), theme: themeOf(hr), now: c.options.Now()}
	if err := c.identify(r); err != nil {
		r.session = store.Session{}
	}
	c.fail(w, r, route{pattern: "/"}, errNotFound)
}

// asset serves a style sheet, a script or a picture of our own.
func (c *Console) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	b, err := fs.ReadFile(assetFiles, "assets/"+name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	w.Header().Set("Content-Type", kinds[path.Ext(name)])
	w.Header().Set("Cache-Control", "max-age=300")
	_, err = w.Write(b)
	c.gone(err)
}
