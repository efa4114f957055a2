package console

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"congthu/filter/evidence"
	"congthu/store"
)

// OIDC is a provider whose people may sign in (OpenID Connect Core 1.0, code flow with PKCE).
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret func() (string, error) // read each time: a secret may be changed
	URL          string                 // of this console, which people come back to
	RolesClaim   string                 // claim with a person's groups
	Roles        map[store.Role][]string
	Client       *http.Client // asks the provider; nil is the usual one
}

// Limits of signing in at a provider.
const (
	flowLife    = 10 * time.Minute
	maxFlows    = 1000
	askTimeout  = 20 * time.Second
	flowCookie  = "congthu_signin"
	callback    = "/signin/oidc/back"
	discoverAge = time.Hour
)

// provider is the OIDC provider, discovered when it is first needed: one that is down keeps nobody else out.
type provider struct {
	OIDC
	now func() time.Time

	mu    sync.Mutex
	found *oidc.Provider
	at    time.Time
	flows map[string]flow
}

// flow is somebody on the way to the provider and back.
type flow struct {
	nonce, verifier, next string
	until                 time.Time
}

func newProvider(o OIDC, now func() time.Time) *provider {
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	return &provider{OIDC: o, now: now, flows: map[string]flow{}}
}

var (
	errProvider = errors.New("the sign-in server does not answer as it should")
	errNoRole   = errors.New("the person has no role here")
	// errNoAddress says that the provider vouches for no address of somebody who is only a sender.
	errNoAddress = fmt.Errorf("%w: nobody vouches for a mail address", errNoRole)
)

// asking is a context in which the provider is asked.
func (p *provider) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(oidc.ClientContext(ctx, p.Client), askTimeout)
}

func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil && p.now().Sub(p.at) < discoverAge {
		return p.found, nil
	}
	// The provider asks for its keys later, in a context of its own: it must not end with this request.
	ctx, cancel := p.asking(context.WithoutCancel(ctx))
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProvider, err)
	}
	p.found, p.at = found, p.now()
	return found, nil
}

func (p *provider) config(found *oidc.Provider) (*oauth2.Config, error) {
	secret, err := p.ClientSecret()
	if err != nil {
		return nil, fmt.Errorf("reading the client secret: %w", err)
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: secret, Endpoint: found.Endpoint(), RedirectURL: strings.TrimSuffix(p.URL, "/") + callback,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}, nil
}

// begin keeps a flow and returns its state.
func (p *provider) begin(f flow) (state string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, v := range p.flows {
		if p.now().After(v.until) {
			delete(p.flows, k)
		}
	}
	if len(p.flows) >= maxFlows {
		return "", false
	}
	state = newSecret()
	p.flows[state] = f
	return state, true
}

// take ends a flow: each state counts once.
func (p *provider) take(state string) (flow, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, ok := p.flows[state]
	delete(p.flows, state)
	return f, ok && p.now().Before(f.until)
}

// toProvider sends somebody to the provider.
func (c *Console) toProvider(w http.ResponseWriter, r *request) error {
	if c.oidc == nil {
		return errNotFound
	}
	found, err := c.oidc.discover(r.Context())
	if err != nil {
		return c.noProvider(w, r, err)
	}
	conf, err := c.oidc.config(found)
	if err != nil {
		return c.noProvider(w, r, err)
	}
	f := flow{nonce: newSecret(), verifier: oauth2.GenerateVerifier(), next: ownPath(r.form("next")), until: r.now.Add(flowLife)}
	state, ok := c.oidc.begin(f)
	if !ok {
		return errForm{"signin.too-many"}
	}
	// The one cookie that comes along when another site, the provider, sends somebody here.
	http.SetCookie(w, &http.Cookie{Name: flowCookie, Value: state, Path: callback, HttpOnly: true, Secure: c.options.Secure, SameSite: http.SameSiteLaxMode, MaxAge: int(flowLife.Seconds())})
	http.Redirect(w, r.Request, conf.AuthCodeURL(state, oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)), http.StatusSeeOther)
	return nil
}

// noProvider says that nobody can sign in that way just now.
func (c *Console) noProvider(w http.ResponseWriter, r *request, err error) error {
	c.options.Log.Warn("signing in by the provider does not work", "error", err.Error())
	return c.render(w, http.StatusBadGateway, &page{request: r, Name: "signin", Title: "signin.title", Problem: "signin.no-provider", Data: c.signInData("/", "")})
}

// claims are what the id token must say of a person.
type claims struct {
	Subject  string `json:"sub"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
	Nonce    string `json:"nonce"`
}

// fromProvider takes somebody back from the provider.
func (c *Console) fromProvider(w http.ResponseWriter, r *request) error {
	if c.oidc == nil {
		return errNotFound
	}
	if r.store == nil {
		return errNoStore
	}
	state := r.URL.Query().Get("state")
	f, ok := c.oidc.take(state)
	cookie, err := r.Cookie(flowCookie)
	if !ok || err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(state)) != 1 {
		return errReplayed
	}
	who, groups, err := c.oidc.person(r.Context(), r.URL.Query(), f)
	if err != nil {
		return c.noProvider(w, r, err)
	}
	ss, err := c.sessionOf(r, who, groups)
	if errors.Is(err, errNoRole) {
		r.session.User = ss.User
		if err := c.record(r, evidence.Denied, ss.User, "", map[string]string{"way": "openid", "result": "no role"}); err != nil {
			return err
		}
		r.session.User = ""
		if errors.Is(err, errNoAddress) {
			return errForm{"signin.no-address"}
		}
		return errForm{"signin.no-role"}
	}
	if err != nil {
		return err
	}
	return c.enter(w, r, ss, f.next)
}

// person asks the provider who came back, and checks every word of it.
func (p *provider) person(ctx context.Context, q url.Values, f flow) (who claims, groups []string, err error) {
	if e := q.Get("error"); e != "" {
		return who, nil, fmt.Errorf("%w: it says %.100q", errProvider, e)
	}
	found, err := p.discover(ctx)
	if err != nil {
		return who, nil, err
	}
	conf, err := p.config(found)
	if err != nil {
		return who, nil, err
	}
	ctx, cancel := p.asking(ctx)
	defer cancel()
	token, err := conf.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(f.verifier))
	if err != nil {
		return who, nil, fmt.Errorf("%w: %w", errProvider, err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return who, nil, fmt.Errorf("%w: it gives no id token", errProvider)
	}
	id, err := found.Verifier(&oidc.Config{ClientID: p.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return who, nil, fmt.Errorf("%w: %w", errProvider, err)
	}
	all := map[string]any{}
	if err := errors.Join(id.Claims(&who), id.Claims(&all)); err != nil {
		return who, nil, fmt.Errorf("%w: %w", errProvider, err)
	}
	if subtle.ConstantTimeCompare([]byte(who.Nonce), []byte(f.nonce)) != 1 || who.Subject == "" {
		return who, nil, fmt.Errorf("%w: the id token is not for this sign-in", errProvider)
	}
	return who, groupsOf(all[p.RolesClaim]), nil
}

// groupsOf reads a claim that is one group or a list of them.
func groupsOf(claim any) (out []string) {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		for _, one := range v {
			if s, ok := one.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// sessionOf is the session of a provider's person. Only an address that the provider has verified is that person's, and
// makes an officer of somebody.
func (c *Console) sessionOf(r *request, who claims, groups []string) (store.Session, error) {
	ss := store.Session{User: "openid:" + shown(who.Subject, maxLabel), Display: shown(who.Name, maxLabel)}
	if who.Verified && who.Email != "" {
		ss.User = strings.ToLower(shown(who.Email, maxLabel))
		ss.Address = ss.User
		o, err := r.store.Officer(r.Context(), who.Email)
		if err == nil {
			ss.Officer = o.Address
		} else if !errors.Is(err, store.ErrNotOfficer) {
			return ss, err
		}
	}
	for _, role := range []store.Role{store.Administrator, store.Reviewer, store.Auditor, store.Sender} {
		if slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(c.oidc.Roles[role], g) }) {
			if ss.Role = role; role == store.Sender && ss.Address == "" {
				return ss, errNoAddress
			}
			return ss, nil
		}
	}
	return ss, errNoRole
}

// enter begins the session. The browser came from another site: it gives the session's cookie only to what a page of
// ours leads to, so a page of ours leads on.
func (c *Console) enter(w http.ResponseWriter, r *request, ss store.Session, next string) error {
	if err := c.begin(w, r, ss); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{Name: flowCookie, Path: callback, MaxAge: -1})
	w.Header().Set("Refresh", "0; url="+next)
	return c.render(w, http.StatusOK, &page{request: r, Name: "entered", Title: "signin.title", Data: next})
}
