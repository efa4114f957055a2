package signing

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// maxSources is how many addresses of one certificate are asked.
const maxSources = 2

// RevocationConfig says where to look whether a certificate was withdrawn. Without Transport and Hosts nothing is fetched, and
// only Lists and what is in Dir count.
type RevocationConfig struct {
	Lists []string // files with revocation lists, PEM or DER, read once

	// Hosts are the only ones that are asked: "ocsp.example.vn", on the usual port of http or https, or "host:port". A
	// certificate names addresses as it likes; who sends one must not choose where the gate connects to.
	Hosts     []string
	Transport http.RoundTripper // follows no redirection: a RoundTripper never does
	Dir       string            // where answers are kept over a restart; "": in memory alone

	// Hard makes RevocationUnknown of a signature for which there is no answer; otherwise it is Valid with a note.
	Hard bool

	Fetch     time.Duration // for one answer; 5 s
	Message   time.Duration // for all answers of one signature; 10 s
	OCSPBytes int64         // octets of an OCSP answer; 64 KiB
	ListBytes int64         // octets of a revocation list; 16 MiB
	OCSPAge   time.Duration // an OCSP answer older than this is Stale, whatever it says; 10 days
	ListAge   time.Duration // the same of a list; 0: what the list says
	Retry     time.Duration // for how long an address that did not answer is not asked again; 1 minute

	Clock func() time.Time // nil: time.Now
	Rand  io.Reader        // of nonces; nil: crypto/rand
}

// Revocation looks up whether certificates were withdrawn. Several goroutines may use one.
type Revocation struct {
	RevocationConfig
	lists []*list
	cache *cache
}

// NewRevocation reads the lists that are files.
func NewRevocation(c RevocationConfig) (*Revocation, error) {
	set(&c.Fetch, 5*time.Second)
	set(&c.Message, 10*time.Second)
	set(&c.OCSPBytes, 64<<10)
	set(&c.ListBytes, 16<<20)
	set(&c.OCSPAge, 10*24*time.Hour)
	set(&c.Retry, time.Minute)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	r := &Revocation{RevocationConfig: c, cache: newCache(c.Dir, c.Retry, c.Clock)}
	var errs []error
	for _, name := range c.Lists {
		l, err := readList(name, c.ListBytes)
		errs = append(errs, err)
		r.lists = append(r.lists, l)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

func readList(name string, limit int64) (*list, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening a revocation list: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading a revocation list: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: a revocation list over %d octets", name, limit)
	}
	l, ok := parseList(data)
	if !ok {
		return nil, fmt.Errorf("%s: no revocation list, neither PEM nor DER", name)
	}
	return l, nil
}

// answer is what is known of one certificate.
type answer struct {
	good    bool
	revoked bool
	at      time.Time // of revocation
}

// withdrawn is what is known of a chain. Neither revoked nor with a reason: all its certificates are good.
type withdrawn struct {
	revoked bool
	at      time.Time
	reason  Reason
}

// check looks up every certificate of a chain but the anchor, which nobody can withdraw. What was withdrawn after the time of
// receipt was good at that time. asking is how long others may be asked, below ctx. An error is ctx's; who does not answer is a
// result.
func (r *Revocation) check(ctx, asking context.Context, chain []*x509.Certificate, received time.Time) (withdrawn, error) {
	var out withdrawn
	for i := range len(chain) - 1 {
		a, reason := r.one(asking, chain[i], chain[i+1])
		if err := ctx.Err(); err != nil {
			return withdrawn{}, fmt.Errorf("asking whether a certificate is revoked: %w", err)
		}
		switch {
		case a.revoked && !a.at.After(received):
			if reason = KeyRevoked; i > 0 {
				reason = IssuerRevoked
			}
			return withdrawn{revoked: true, at: a.at, reason: reason}, nil
		case !a.good && !a.revoked && out.reason == "":
			out.reason = reason
		}
	}
	return out, nil
}

// one looks up one certificate: in the files, with the responders that it names, in the lists that it names.
func (r *Revocation) one(ctx context.Context, c, issuer *x509.Certificate) (answer, Reason) {
	why := NoSource
	failed := func(reason Reason) { why = graver(why, reason) }
	for _, l := range r.lists {
		if !l.by(issuer) {
			continue
		}
		a, reason := r.judgeList(l, c, issuer)
		if reason == "" {
			return a, ""
		}
		failed(reason)
	}
	for _, address := range limit(c.OCSPServer) {
		a, reason := r.ocsp(ctx, address, c, issuer)
		if reason == "" {
			return a, ""
		}
		failed(reason)
	}
	for _, address := range limit(c.CRLDistributionPoints) {
		a, reason := r.fetchedList(ctx, address, c, issuer)
		if reason == "" {
			return a, ""
		}
		failed(reason)
	}
	return answer{}, why
}

func limit(addresses []string) []string { return addresses[:min(len(addresses), maxSources)] }

// graver is the reason that tells an operator more.
func graver(a, b Reason) Reason {
	rank := func(r Reason) int {
		for i, other := range []Reason{NoSource, HostNotAllowed, Unreachable, AnswerUnusable, Stale, UnknownToIssuer, WrongResponder} {
			if r == other {
				return i
			}
		}
		return -1
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// fetchedList looks into a list that a certificate names.
func (r *Revocation) fetchedList(ctx context.Context, address string, c, issuer *x509.Certificate) (answer, Reason) {
	u, reason := r.allowed(address)
	if reason != "" {
		return answer{}, reason
	}
	return r.cache.get(ctx, "list "+u.String(), source{
		fetch: func(ctx context.Context) ([]byte, bool) { return r.fetch(ctx, http.MethodGet, u, nil, r.ListBytes) },
		judge: func(data []byte) (answer, Reason) {
			l, ok := parseList(data)
			if !ok {
				return answer{}, AnswerUnusable
			}
			return r.judgeList(l, c, issuer)
		},
	})
}

// judgeList says what a list says of a certificate, when it may say anything.
func (r *Revocation) judgeList(l *list, c, issuer *x509.Certificate) (answer, Reason) {
	now := r.Clock()
	switch {
	case !l.by(issuer) || !l.verify(issuer) || !l.covers(c):
		return answer{}, AnswerUnusable
	case l.next.IsZero(), now.After(l.next), l.this.After(now.Add(clockSkew)), r.ListAge > 0 && now.Sub(l.this) > r.ListAge:
		return answer{}, Stale
	}
	at, listed, ok := l.find(c.SerialNumber)
	switch {
	case !ok:
		return answer{}, AnswerUnusable
	case listed:
		return answer{revoked: true, at: at}, ""
	}
	return answer{good: true}, ""
}

// allowed reads an address out of a certificate, and tells whether its host may be asked.
func (r *Revocation) allowed(address string) (*url.URL, Reason) {
	u, err := url.Parse(address)
	if err != nil || len(address) > 2<<10 || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
		return nil, HostNotAllowed // LDAP and others are not asked
	}
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	for _, host := range r.Hosts {
		plain := (u.Port() == "" || u.Port() == usual) && strings.EqualFold(host, u.Hostname())
		if plain || u.Port() != "" && strings.EqualFold(host, u.Host) {
			if r.Transport == nil {
				return nil, Unreachable
			}
			return u, ""
		}
	}
	return nil, HostNotAllowed
}

// fetch asks an allowed host. ok is false when there is no answer; one that is too big is empty, which nothing can read.
func (r *Revocation) fetch(ctx context.Context, method string, u *url.URL, body []byte, limit int64) ([]byte, bool) {
	ctx, cancel := context.WithTimeout(ctx, r.Fetch)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bodyOf(body))
	if err != nil {
		return nil, false
	}
	request.Header.Set("Accept-Encoding", "identity")
	if body != nil {
		request.Header.Set("Content-Type", "application/ocsp-request") // RFC 6960 appendix A.1
	}
	response, err := r.Transport.RoundTrip(request)
	if err != nil {
		return nil, false
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, false
	}
	if response.ContentLength > limit {
		return nil, true
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, false
	}
	if int64(len(data)) > limit {
		return nil, true
	}
	return data, true
}
