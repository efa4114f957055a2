package mailauth

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Resolver is what is asked of the DNS; *net.Resolver is one. A name or a record that is not there is a *net.DNSError
// with IsNotFound; every other error is a temporary one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// How long answers are remembered. The Resolver tells no time to live: a key or policy that is changed is seen after
// keepAnswer, one that is new after keepAbsent.
const (
	keepAnswer  = 5 * time.Minute
	keepAbsent  = time.Minute
	keepTrouble = 10 * time.Second // as long as one message's signatures ask for the same name
	maxKept     = 4096             // octets of an answer that is remembered
	maxKeptList = 64               // records of an answer that is remembered
)

type question struct{ kind, name string }

type answer struct {
	txt   []string
	mx    []*net.MX
	ip    []net.IPAddr
	names []string
	err   error
	until time.Time
}

// small tells an answer that may be remembered: what is remembered has a bound in octets.
func (a answer) small() bool {
	octets := 0
	for _, t := range a.txt {
		octets += len(t)
	}
	return octets <= maxKept && len(a.txt)+len(a.mx)+len(a.ip)+len(a.names) <= maxKeptList
}

// cachedResolver remembers answers for all messages.
type cachedResolver struct {
	resolver Resolver
	now      func() time.Time
	cache    *lru.Cache[question, answer]
}

func newCachedResolver(r Resolver, l Limits, now func() time.Time) *cachedResolver {
	cache, err := lru.New[question, answer](max(l.Cache, 1))
	if err != nil {
		panic(err) // only a size below 1 is one
	}
	return &cachedResolver{resolver: r, now: now, cache: cache}
}

// lookup asks for one message: within its time, and no more often than Limits.Lookups. It is a Resolver whose errors
// are all *net.DNSError.
type lookup struct {
	*cachedResolver
	ctx     context.Context
	timeout time.Duration
	left    atomic.Int64

	mu      sync.Mutex
	waiting map[question]chan struct{}
}

func (c *cachedResolver) forMessage(ctx context.Context, l Limits) *lookup {
	out := &lookup{cachedResolver: c, ctx: ctx, timeout: l.Lookup, waiting: map[question]chan struct{}{}}
	out.left.Store(int64(l.Lookups))
	return out
}

var errLookupLimit = errors.New("more questions than one message may cause")

// ask answers from memory, else asks; of those who ask the same at once only one does.
func (l *lookup) ask(kind, name string, f func(ctx context.Context, name string) answer) answer {
	q := question{kind, strings.ToLower(strings.TrimSuffix(name, "."))}
	for {
		if a, ok := l.cache.Get(q); ok && l.now().Before(a.until) {
			return a
		}
		l.mu.Lock()
		wait, others := l.waiting[q]
		if !others {
			wait = make(chan struct{})
			l.waiting[q] = wait
		}
		l.mu.Unlock()
		if others {
			<-wait // it ends: f has a timeout
			if a, ok := l.cache.Get(q); ok && l.now().Before(a.until) {
				return a
			}
			continue // an answer too big to be remembered
		}
		defer func() {
			l.mu.Lock()
			delete(l.waiting, q)
			l.mu.Unlock()
			close(wait)
		}()
		return l.fetch(q, f)
	}
}

func (l *lookup) fetch(q question, f func(ctx context.Context, name string) answer) answer {
	if l.left.Add(-1) < 0 {
		return answer{err: &net.DNSError{UnwrapErr: errLookupLimit, Err: errLookupLimit.Error(), Name: q.name}}
	}
	if !askable(q) {
		return answer{err: &net.DNSError{Err: "no such host", Name: q.name, IsNotFound: true}}
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.timeout)
	defer cancel()
	name := q.name
	if q.kind != "ptr" {
		name += "." // absolute: no search list is tried
	}
	a := f(ctx, name)
	keep := keepAnswer
	var dns *net.DNSError
	switch {
	case a.err == nil && a.size() == 0:
		a.err, keep = &net.DNSError{Err: "no such host", Name: q.name, IsNotFound: true}, keepAbsent
	case a.err == nil:
	case errors.As(a.err, &dns) && dns.IsNotFound:
		a.err, keep = &net.DNSError{Err: "no such host", Name: q.name, IsNotFound: true}, keepAbsent
	default:
		a.err, keep = &net.DNSError{Err: "temporary failure", Name: q.name, IsTemporary: true}, keepTrouble
	}
	if l.ctx.Err() == nil && a.small() { // the end of this message's time says nothing of the name
		a.until = l.now().Add(keep)
		l.cache.Add(q, a)
	}
	return a
}

func (a answer) size() int { return len(a.txt) + len(a.mx) + len(a.ip) + len(a.names) }

// askable tells a name that can be in the DNS; an address (kind "ptr") is always one.
func askable(q question) bool {
	if q.kind == "ptr" {
		return true
	}
	if q.name == "" || len(q.name) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(q.name, ".") {
		if label == "" || len(label) > maxLabel || strings.ContainsFunc(label, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return false
		}
	}
	return true
}

// LookupTXT and the others make it a Resolver for SPF. The context given is not used: the message's is.
func (l *lookup) LookupTXT(_ context.Context, name string) ([]string, error) {
	a := l.ask("txt", name, func(ctx context.Context, n string) (a answer) {
		a.txt, a.err = l.resolver.LookupTXT(ctx, n)
		return a
	})
	return a.txt, a.err
}

func (l *lookup) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	a := l.ask("mx", name, func(ctx context.Context, n string) (a answer) {
		a.mx, a.err = l.resolver.LookupMX(ctx, n)
		if len(a.mx) > 0 {
			a.err = nil // some records are not as Go wants them: the others count
		}
		return a
	})
	return a.mx, a.err
}

func (l *lookup) LookupIPAddr(_ context.Context, host string) ([]net.IPAddr, error) {
	a := l.ask("ip", host, func(ctx context.Context, n string) (a answer) {
		a.ip, a.err = l.resolver.LookupIPAddr(ctx, n)
		return a
	})
	return a.ip, a.err
}

func (l *lookup) LookupAddr(_ context.Context, addr string) ([]string, error) {
	a := l.ask("ptr", addr, func(ctx context.Context, n string) (a answer) {
		a.names, a.err = l.resolver.LookupAddr(ctx, n)
		return a
	})
	return a.names, a.err
}

// exists tells that a name has an address, a mail server or a text (RFC 9989 appendix A.4: any record makes a domain
// exist; these are those that mail has).
func (l *lookup) exists(name string) (bool, error) {
	for _, f := range []func() error{
		func() error { _, err := l.LookupMX(l.ctx, name); return err },
		func() error { _, err := l.LookupIPAddr(l.ctx, name); return err },
		func() error { _, err := l.LookupTXT(l.ctx, name); return err },
	} {
		if err := f(); err == nil || !notFound(err) {
			return err == nil, err
		}
	}
	return false, nil
}

func notFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// faultOf names an error of a lookup that is not notFound.
func faultOf(err error) fault {
	if errors.Is(err, errLookupLimit) {
		return fault{PermError, "too-many-lookups"}
	}
	return fault{TempError, "dns"}
}

const keysAtOnce = 8

// fetchKeys asks for the keys of all signatures, a few at once.
func (v *verifier) fetchKeys(g *group, signatures []*signature, c *chain) {
	all := append([]*signature{}, signatures...)
	if s := c.messageSignature(); s != nil {
		all = append(all, s)
		for _, set := range c.sets {
			all = append(all, set.seal)
		}
	}
	work := make(chan *signature, len(all))
	for _, s := range all {
		if s.fault.result == "" {
			work <- s
		}
	}
	close(work)
	for range min(keysAtOnce, len(work)) {
		g.run(func() {
			for s := range work {
				var err error
				if s.records, err = v.look.LookupTXT(v.look.ctx, s.keyName()); err != nil && !notFound(err) {
					s.keyFault = faultOf(err)
				}
			}
		})
	}
}
