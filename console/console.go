// Package console is the security team's web pages and JSON API: what the gate decided, what it holds, and how it
// does. Pages are rendered here and need no script; nothing of a message stands in them but what the evidence has,
// and nothing from elsewhere is ever loaded.
package console

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"congthu/filter"
	"congthu/store"
	"congthu/store/review"
)

// Gate is what the console asks of the gate that it is in.
type Gate interface {
	// Store is the database, nil while it does not open.
	Store() *store.Store
	// Desk is where officers decide, over that database.
	Desk(*store.Store) *review.Desk
	// Policy is the policy in force, to be shown.
	Policy() Policy
	// Try judges a message under an edited configuration, or under the one in force when config is empty, and acts on
	// nothing. An ErrConfiguration says what is wrong with the configuration.
	Try(ctx context.Context, config []byte, message []byte, envelope Envelope) (filter.Verdict, error)
	// System is how the gate does.
	System() System
	// Evidence says where the evidence log is.
	Evidence() Evidence
}

// ErrConfiguration says what is wrong with a configuration that was to be tried: names of its keys, lines and columns.
type ErrConfiguration struct{ Err error }

func (e ErrConfiguration) Error() string { return e.Err.Error() }

func (e ErrConfiguration) Unwrap() error { return e.Err }

// Policy is a policy as a page shows it.
type Policy struct {
	Hash   string
	Packs  []string
	Loaded time.Time
	Lines  []PolicyLine // of the configuration in force, every value
	Source string       // the configuration file as it was read; "" when there is none
}

// PolicyLine is one line of a configuration, and where its value came from: "default", or file and line.
type PolicyLine struct{ Text, Origin string }

// Envelope is who sent a message that is tried.
type Envelope struct {
	Direction   string   // outbound, internal, inbound; "" decides by the addresses
	ReversePath string   // "" takes the message's own From
	Recipients  []string // none takes the message's own To and Cc
}

// System is how a gate does.
type System struct {
	Gate, Version string
	Started       time.Time
	Ready         bool
	Trouble       string // why no mail can be put on record, "" when it can
	Listeners     []Listener
	Metrics       []Metric // the gate's own
}

// Listener is a door, or the admin listener.
type Listener struct{ Name, Kind, Address string }

// Metric is one sample of a metric.
type Metric struct {
	Name   string
	Labels map[string]string
	Value  float64
}

// Evidence is the evidence log as the console sees it.
type Evidence struct {
	Dir     string
	Gate    string
	Seq     uint64 // of the last record
	Hash    string
	Trouble string // why it cannot be written, "" when it can
}

// Options are what a console needs. Gate and Record must be set.
type Options struct {
	Gate   Gate
	Record review.Recorder  // puts an act on record
	Now    func() time.Time // nil is time.Now
	Log    *slog.Logger     // nil is none
	Secure bool             // pages are only reached over TLS: cookies say so
	OIDC   *OIDC            // nil: people have accounts here only
	// Idle and Life are how long a session lasts without use and at all.
	Idle, Life time.Duration
	// PasswordMemory is what checking a password costs, in KiB; 0 is 64 MiB.
	PasswordMemory uint32
	Live           time.Duration // between looks for a page that is kept up to date; 0 is five seconds
}

// How long sessions last when nothing is said.
const (
	DefaultIdle = 30 * time.Minute
	DefaultLife = 10 * time.Hour
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// Console serves the pages. It is safe for concurrent use.
type Console struct {
	options Options
	mux     *http.ServeMux
	pages   map[string]*template.Template
	texts   catalogue
	unlocks unlocks   // identities of officers, by session
	tries   attempts  // to sign in, by address
	oidc    *provider // nil without one
	live    *streams

	verifying sync.Mutex // held while somebody verifies the evidence
}

// New makes a console.
func New(o Options) (*Console, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.PasswordMemory == 0 {
		o.PasswordMemory = argonMemory
	}
	if o.Life == 0 {
		o.Life = DefaultLife
	}
	if o.Live == 0 {
		o.Live = liveEvery
	}
	o.Record = recorded(o.Record)
	c := &Console{options: o, mux: http.NewServeMux(), live: newStreams()}
	var err error
	if c.texts, err = readCatalogue(); err != nil {
		return nil, fmt.Errorf("reading the console's texts: %w", err)
	}
	if c.pages, err = c.readPages(); err != nil {
		return nil, fmt.Errorf("reading the console's pages: %w", err)
	}
	if o.OIDC != nil {
		c.oidc = newProvider(*o.OIDC, o.Now)
	}
	for _, r := range c.routes() {
		c.mux.Handle(r.method+" "+r.pattern, c.guarded(r))
	}
	c.mux.Handle("GET /assets/{name}", c.safe(http.HandlerFunc(c.asset)))
	c.mux.Handle("/", c.safe(http.HandlerFunc(c.nowhere)))
	return c, nil
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// safe sets what every answer of the console says to browsers.
func (c *Console) safe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if c.options.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// maxBody is how much a form may hold, in octets: a message to try and a configuration.
const maxBody = 48 << 20
