// Package mailauth says what a message's own evidence of where it comes from is worth: SPF (RFC 7208), DKIM (RFC 6376,
// 8301, 8463), ARC (RFC 8617) and DMARC (RFC 9989). Values go in, values come out: it knows no SMTP, decides nothing,
// and what a message or the DNS does to it is a result with a name, never an error. It also writes the
// Authentication-Results field (RFC 8601) and signs outgoing mail (RFC 6376).
//
// DKIM and ARC have one verifier, which reads a body once for all signatures and needs the same memory for every
// body. emersion/go-msgauth, which the tests judge it by, keeps all empty lines that may be the body's last: 8 MiB of
// them cost it 85 seconds and 18 GiB for one signature. It takes every "b=" for the signature's tag, knows no ARC, and
// its Authentication-Results pass line ends on.
package mailauth

import (
	"context"
	"io"
	"net/netip"
	"sync"
	"time"
)

// Value is the result of a method (RFC 8601 section 2.7).
type Value string

// The results. Policy is a signature that holds but that is not relied on, for the reason that is said.
const (
	None      Value = "none"
	Pass      Value = "pass"
	Fail      Value = "fail"
	SoftFail  Value = "softfail"
	Neutral   Value = "neutral"
	Policy    Value = "policy"
	TempError Value = "temperror"
	PermError Value = "permerror"
)

// Limits are of one message, but for the cache's.
type Limits struct {
	Header     int64         // octets of the header that are read
	Fields     int           // fields of the header
	Signatures int           // DKIM signatures that are verified; the rest is one result
	Instances  int           // ARC sets (RFC 8617 section 4.2.1: 50)
	Authors    int           // domains in From that DMARC is asked of
	RSABits    int           // bits of the largest RSA key that is used
	Lookups    int           // questions to the DNS
	Lookup     time.Duration // for one question
	Time       time.Duration // for all questions
	Cache      int           // answers that are remembered
}

// DefaultLimits are what a gate uses.
func DefaultLimits() Limits {
	return Limits{Header: 1 << 20, Fields: 4000, Signatures: 8, Instances: 50, Authors: 4, RSABits: 8192,
		Lookups: 150, Lookup: 5 * time.Second, Time: 20 * time.Second, Cache: 10_000}
}

// Message is what is to be judged.
type Message struct {
	Client        netip.Addr // the zero Addr: unknown, and SPF cannot be asked
	Helo          string
	ReverseLocal  string // the reverse-path's local part, unquoted
	ReverseDomain string // "" with ReverseLocal "" is the null reverse-path
	Authors       []string
	Header        io.Reader // the header as received, without or with the empty line after it
	Body          io.Reader // what follows that line; nil: nothing
}

// Results are what was found, one list a method.
type Results struct {
	SPF        []SPF   // of the reverse-path first, then of HELO; one for the null reverse-path
	DKIM       []DKIM  // those that may align with an author first
	DMARC      []DMARC // one for each author's domain
	ARC        ARC
	FromFields int
}

// Passed tells that every author's domain passed DMARC.
func (r Results) Passed() bool {
	for _, d := range r.DMARC {
		if d.Result != Pass {
			return false
		}
	}
	return len(r.DMARC) > 0
}

// Checker asks. It is safe for use by many goroutines at once.
type Checker struct {
	limits Limits
	now    func() time.Time
	dns    *cachedResolver
}

// New makes a Checker. Limits that are 0 are the default's.
func New(r Resolver, l Limits, now func() time.Time) *Checker {
	l = l.complete()
	return &Checker{limits: l, now: now, dns: newCachedResolver(r, l, now)}
}

func (l Limits) complete() Limits {
	d := DefaultLimits()
	l.Header, l.Fields = orDefault(l.Header, d.Header), orDefault(l.Fields, d.Fields)
	l.Signatures, l.Instances = orDefault(l.Signatures, d.Signatures), orDefault(l.Instances, d.Instances)
	l.Authors, l.RSABits = orDefault(l.Authors, d.Authors), orDefault(l.RSABits, d.RSABits)
	l.Lookups, l.Lookup = orDefault(l.Lookups, d.Lookups), orDefault(l.Lookup, d.Lookup)
	l.Time, l.Cache = orDefault(l.Time, d.Time), orDefault(l.Cache, d.Cache)
	return l
}

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

// Check judges a message. The error is of reading Header or Body, never of what they hold or of the DNS.
func (c *Checker) Check(ctx context.Context, m Message) (Results, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Time)
	defer cancel()
	var out Results
	h, err := readHeader(m.Header, c.limits)
	if err != nil {
		return out, err
	}
	out.FromFields = h.count("from")
	look := c.dns.forMessage(ctx, c.limits)
	authors, tooMany := authorDomains(m.Authors, c.limits.Authors)
	v := &verifier{header: h, limits: c.limits, now: c.now(), look: look}
	signatures := v.signatures(authors)
	chain := collectChain(h, c.limits)

	var tasks group
	tasks.run(func() { out.SPF = checkSPF(look, m) })
	v.fetchKeys(&tasks, signatures, chain)
	err = v.hashBodies(m.Body, signatures, chain)
	tasks.wait()
	if err != nil {
		return out, err
	}
	for _, s := range signatures {
		out.DKIM = append(out.DKIM, v.judge(s))
	}
	if n := h.count(dkimField) - len(signatures); n > 0 {
		out.DKIM = append(out.DKIM, DKIM{Result: Policy, Reason: "too-many-signatures"})
	}
	out.ARC = v.judgeChain(chain)
	e := evaluation{look: look, spf: out.SPF, dkim: out.DKIM}
	switch {
	case h.broken != "":
		out.DMARC = []DMARC{{Result: PermError, Reason: h.broken}}
	case out.FromFields > 1: // RFC 9989 section 4.4: there is no reliable way to tell whose policy applies
		out.DMARC = []DMARC{{Result: PermError, Reason: "several-from-fields"}}
	case tooMany:
		out.DMARC = []DMARC{{Result: PermError, Reason: "too-many-authors"}}
	case len(authors) == 0:
		out.DMARC = []DMARC{{Result: PermError, Reason: "no-author-domain"}}
	default:
		for _, a := range authors {
			out.DMARC = append(out.DMARC, e.author(a))
		}
	}
	return out, nil
}

// authorDomains are the domains as they compare, each once; the second result tells that there are too many.
func authorDomains(list []string, limit int) (out []string, tooMany bool) {
	seen := map[string]bool{}
	for _, d := range list {
		a, ok := asciiDomain(d)
		if !ok || seen[a] {
			continue
		}
		if len(out) == limit {
			return nil, true
		}
		seen[a] = true
		out = append(out, a)
	}
	return out, false
}

// group runs functions at once. A panic in one is the waiting goroutine's: whoever calls this package catches it
// there, and the process lives.
type group struct {
	wg     sync.WaitGroup
	mu     sync.Mutex
	failed any
}

func (g *group) run(f func()) {
	g.wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				g.mu.Lock()
				g.failed = p
				g.mu.Unlock()
			}
		}()
		f()
	})
}

func (g *group) wait() {
	g.wg.Wait()
	if g.failed != nil {
		panic(g.failed)
	}
}
