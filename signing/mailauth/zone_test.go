package mailauth

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// zone is a Resolver with data of its own. A name's value "!" is a temporary failure, "?" no answer at all.
type zone struct {
	txt map[string][]string
	mx  map[string][]string
	ip  map[string][]string
	ptr map[string][]string

	mu    sync.Mutex
	asked []string
}

func (z *zone) find(ctx context.Context, kind string, from map[string][]string, name string) ([]string, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	z.mu.Lock()
	z.asked = append(z.asked, kind+" "+name)
	z.mu.Unlock()
	v, ok := from[name]
	switch {
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case len(v) == 1 && v[0] == "!":
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	case len(v) == 1 && v[0] == "?":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return v, nil
}

func (z *zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return z.find(ctx, "txt", z.txt, name)
}

func (z *zone) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	list, err := z.find(ctx, "mx", z.mx, name)
	var out []*net.MX
	for _, h := range list {
		out = append(out, &net.MX{Host: h})
	}
	return out, err
}

func (z *zone) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	list, err := z.find(ctx, "ip", z.ip, name)
	var out []net.IPAddr
	for _, a := range list {
		ip := net.ParseIP(a)
		if ip == nil {
			return nil, errors.New("zone has a bad address")
		}
		out = append(out, net.IPAddr{IP: ip})
	}
	return out, err
}

func (z *zone) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	return z.find(ctx, "ptr", z.ptr, addr)
}

func (z *zone) questions() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return len(z.asked)
}

// testNow is the time at which the tests judge: 2026-01-15T00:00:00Z.
func testNow() time.Time { return time.Unix(1768435200, 0).UTC() }

// split is a message as Check takes it, the header without the empty line.
func split(raw string) Message {
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	return Message{Header: strings.NewReader(head + "\r\n"), Body: strings.NewReader(body)}
}

func check(t *testing.T, z *zone, m Message) Results {
	t.Helper()
	out, err := New(z, Limits{}, testNow).Check(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
