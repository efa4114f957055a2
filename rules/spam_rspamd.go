package rules

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"congthu/filter"
)

// Limits of what an rspamd is told and tells.
const (
	maxSpamReply   = 1 << 20  // octets
	maxSpamHead    = 64 << 10 // octets of the header of an answer
	maxSpamHeader  = 512      // octets of one fact of the envelope
	maxSpamRcpts   = 100      // recipients that are told
	maxSpamSymbols = 20       // in a finding
	maxSpamSymbol  = 64       // octets of a symbol's name

	// spamFailures in a row open the breaker: for spamPause nobody waits for an rspamd that does not answer, then one
	// message tries again.
	spamFailures = 3
	spamPause    = 10 * time.Second
)

// RspamdOptions are where an rspamd is and how it is asked.
type RspamdOptions struct {
	Address    string // "http://127.0.0.1:11333" or "unix:/run/rspamd/normal.sock"
	Password   string // "" for none
	Timeout    time.Duration
	Concurrent int // messages at once; others wait for as long as Timeout
	Now        func() time.Time
}

// Rspamd is an rspamd that looks at mail. It is safe for concurrent use.
type Rspamd struct {
	options RspamdOptions
	url     string
	local   bool
	client  *http.Client
	slots   chan struct{}

	mu     sync.Mutex
	failed int       // in a row
	closed time.Time // until then nobody asks
}

// NewRspamd makes one. Nothing is asked yet.
func NewRspamd(o RspamdOptions) (*Rspamd, error) {
	r := &Rspamd{options: o, slots: make(chan struct{}, max(1, o.Concurrent))}
	transport := &http.Transport{MaxIdleConns: o.Concurrent, MaxIdleConnsPerHost: o.Concurrent, IdleConnTimeout: time.Minute, DisableCompression: true,
		MaxResponseHeaderBytes: maxSpamHead}
	if socket, ok := strings.CutPrefix(o.Address, "unix:"); ok {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
		r.url, r.local = "http://rspamd/checkv2", true
	} else {
		u, err := url.Parse(o.Address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("%q is no address of an rspamd: write http://127.0.0.1:11333 or unix:/run/rspamd/normal.sock", o.Address)
		}
		r.local = loopback(u.Hostname())
		r.url = u.Scheme + "://" + u.Host + "/checkv2"
	}
	r.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return r, nil
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || strings.EqualFold(host, "localhost")
}

// Local tells whether the rspamd is on this machine.
func (r *Rspamd) Local() bool { return r.local }

// Close lets go of the connections that wait.
func (r *Rspamd) Close() { r.client.CloseIdleConnections() }

// spamAnswer is what an rspamd says of a message.
type spamAnswer struct {
	action          string // "no action", "greylist", "add header", …
	score, required float64
	symbols         []string // names, what counts most first
}

var (
	errSpamBusy   = errors.New("too many messages are being asked about at once")
	errSpamPaused = errors.New("it did not answer the last times and is not asked for some seconds")
	errNoContent  = errors.New("the message is not kept")
)

// ask asks about a message. The error says why there is no answer.
func (r *Rspamd) ask(ctx context.Context, tx *filter.Transaction) (spamAnswer, error) {
	if tx.Content == nil {
		return spamAnswer{}, errNoContent
	}
	if !r.mayAsk() {
		return spamAnswer{}, errSpamPaused
	}
	own, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-own.Done():
		return spamAnswer{}, errSpamBusy
	}
	a, err := r.request(own, tx)
	if ctx.Err() == nil || err == nil { // else it had no time to answer
		r.learn(err)
	}
	return a, err
}

// mayAsk tells whether the breaker lets a message through. When its pause is over, one tries, and the others wait for what
// becomes of it.
func (r *Rspamd) mayAsk() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed < spamFailures {
		return true
	}
	now := r.options.Now()
	if now.Before(r.closed) {
		return false
	}
	r.closed = now.Add(spamPause)
	return true
}

func (r *Rspamd) learn(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.failed = 0
		return
	}
	if r.failed++; r.failed >= spamFailures {
		r.closed = r.options.Now().Add(spamPause)
	}
}

// request speaks rspamd's protocol: the message by POST, the envelope in header fields, the answer in JSON.
func (r *Rspamd) request(ctx context.Context, tx *filter.Transaction) (spamAnswer, error) {
	body := func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(tx.Content, 0, tx.Content.Size())), nil
	}
	first, _ := body()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, first)
	if err != nil {
		return spamAnswer{}, fmt.Errorf("asking rspamd: %w", err)
	}
	q.ContentLength, q.GetBody = tx.Content.Size(), body // asked anew when a kept connection was closed meanwhile
	r.envelope(q.Header, tx)
	reply, err := r.client.Do(q)
	if err != nil {
		return spamAnswer{}, fmt.Errorf("asking rspamd: %w", err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return spamAnswer{}, fmt.Errorf("asking rspamd: it answers %d", reply.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(reply.Body, maxSpamReply+1))
	switch {
	case err != nil:
		return spamAnswer{}, fmt.Errorf("reading rspamd's answer: %w", err)
	case len(data) > maxSpamReply:
		return spamAnswer{}, fmt.Errorf("reading rspamd's answer: it is longer than %d octets", maxSpamReply)
	}
	return readSpamAnswer(data)
}

// envelope tells what the message itself does not say.
func (r *Rspamd) envelope(h http.Header, tx *filter.Transaction) {
	say := func(name, value string) {
		if value = oneLine(value); value != "" {
			h.Add(name, value)
		}
	}
	if tx.Session.Client.IsValid() {
		say("IP", tx.Session.Client.Unmap().WithZone("").String())
	}
	say("Hostname", tx.Session.ClientName)
	say("Helo", tx.Session.Helo)
	say("User", tx.Session.Login)
	say("Queue-Id", cmp.Or(tx.QueueID, tx.ID))
	path := func(name string, p filter.Path) {
		if s := spamPath(p); len(s) <= maxSpamHeader { // half an address is another one
			say(name, s)
		}
	}
	path("From", tx.ReversePath)
	for _, to := range tx.Recipients[:min(len(tx.Recipients), maxSpamRcpts)] {
		path("Rcpt", to)
	}
	if r.options.Password != "" {
		h.Set("Password", r.options.Password)
	}
}

// spamPath is a path as SMTP writes it (RFC 5321 section 4.1.2): a local part that is no Dot-string is quoted, so that a
// blank, a ">" or an "@" in it does not end it.
func spamPath(p filter.Path) string {
	if !strings.ContainsFunc(p.Local, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`()<>[]:;@\,"`, r)
	}) {
		return "<" + p.String() + ">"
	}
	p.Local = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.Local) + `"`
	return "<" + p.String() + ">"
}

// oneLine makes a value of a header field out of what a client said: else it could keep the request from being sent.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s))
	if len(s) > maxSpamHeader {
		s = strings.ToValidUTF8(s[:maxSpamHeader], "")
	}
	return s
}

// readSpamAnswer reads rspamd's JSON. A message that it skipped may have an action all the same: what it knows without its
// rules, such as GTUBE. Of symbols only the names are taken: their options quote the message.
func readSpamAnswer(data []byte) (spamAnswer, error) {
	var said struct {
		Action   string  `json:"action"`
		Score    float64 `json:"score"`
		Required float64 `json:"required_score"`
		Symbols  map[string]struct {
			Score float64 `json:"score"`
		} `json:"symbols"`
	}
	if err := json.Unmarshal(data, &said); err != nil {
		return spamAnswer{}, errors.New("reading rspamd's answer: it is not the JSON of /checkv2")
	}
	a := spamAnswer{action: strings.ToLower(said.Action), score: said.Score, required: said.Required}
	if !slices.Contains(SpamActions(), a.action) {
		return spamAnswer{}, fmt.Errorf("reading rspamd's answer: an action that is not known: %q", oneLine(a.action[:min(len(a.action), maxSpamSymbol)]))
	}
	for name := range said.Symbols {
		if len(name) <= maxSpamSymbol && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == "" {
			a.symbols = append(a.symbols, name)
		}
	}
	slices.SortFunc(a.symbols, func(x, y string) int {
		return cmp.Or(cmp.Compare(math.Abs(said.Symbols[y].Score), math.Abs(said.Symbols[x].Score)), strings.Compare(x, y))
	})
	a.symbols = a.symbols[:min(len(a.symbols), maxSpamSymbols)]
	return a, nil
}

// detail is the answer for findings: "add header 7.5/15.0 SYMBOL …".
func (a spamAnswer) detail() string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
	return strings.Join(append([]string{a.action, number(a.score) + "/" + number(a.required)}, a.symbols...), " ")
}

// part is how much of the score for rejecting the message has, 0 to 1.
func (a spamAnswer) part() float64 {
	if a.required <= 0 || !(a.score > 0) {
		return 0.01 // 0 is read as 1
	}
	return min(1, max(0.01, a.score/a.required))
}
