package mailauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A DNS that never answers makes every method a temporary error, in time, and asks no name twice.
func TestSilentDNS(t *testing.T) {
	k, _ := newKeys(t)
	z := &zone{txt: map[string][]string{}}
	raw := letter
	for i := range 8 {
		d := fmt.Sprintf("d%d.example", i)
		raw = forge(t, k, "DKIM-Signature", with(good, "d=sender.example", "d="+d), letter) + raw
		z.txt["r._domainkey."+d] = []string{"?"}
	}
	raw = strings.Join(strings.SplitAfter(raw, crlf), "")
	for _, n := range []string{"sender.example", "mx.sender.example", "_dmarc.sender.example", "r._domainkey.sealer.example"} {
		z.txt[n] = []string{"?"}
	}
	sealed := seal(t, k, 1, "none", letter, "", "", "")
	raw = sealed[:len(sealed)-len(letter)] + raw
	m := split(raw)
	m.Client, m.Helo, m.ReverseLocal, m.ReverseDomain, m.Authors = addr("192.0.2.1"), "mx.sender.example", "an", "sender.example", []string{"sender.example"}
	start := time.Now()
	r, err := New(z, Limits{Time: 300 * time.Millisecond, Lookup: 100 * time.Millisecond}, testNow).Check(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	for _, d := range r.DKIM {
		if d.Result != TempError || d.Reason != "dns" {
			t.Errorf("%+v", d)
		}
	}
	if len(r.DKIM) != 8 || r.ARC.Result != TempError || r.SPF[0].Result != TempError || r.SPF[1].Result != TempError || r.DMARC[0].Result != TempError {
		t.Errorf("%+v", r)
	}
	seen := map[string]bool{}
	for _, q := range z.asked {
		if seen[q] {
			t.Errorf("%s was asked twice", q)
		}
		seen[q] = true
	}
}

// One message cannot make the gate ask the DNS more than Limits.Lookups questions.
func TestLookupLimit(t *testing.T) {
	z := spfZone()
	z.txt["many.example"] = []string{"v=spf1" + strings.Repeat(" mx:m%{l}.example", 3) + " -all"}
	m := Message{Client: addr("192.0.2.1"), ReverseLocal: "an", ReverseDomain: "ten10.example", Helo: "loop.example"}
	r, err := New(z, Limits{Lookups: 5}, testNow).Check(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if z.questions() > 5 || r.SPF[0].Result != PermError || r.SPF[0].Reason != "too-many-lookups" {
		t.Errorf("%d questions, %+v", z.questions(), r.SPF)
	}
}

// Records of the greatest size that the DNS has: a result, and no memory that stays.
func TestGiantRecords(t *testing.T) {
	k, z := newKeys(t)
	big := strings.Repeat("x", 60_000)
	z.txt["big._domainkey.sender.example"] = []string{"v=DKIM1; n=" + big + "; " + record(t, k.rsa)[len("v=DKIM1; k=rsa; "):]}
	z.txt["sender.example"] = []string{"v=spf1" + strings.Repeat(" ip4:198.51.100.1", 3500) + " ip4:192.0.2.1 -all"}
	z.txt["_dmarc.sender.example"] = []string{"v=DMARC1; p=reject; rua=" + strings.Repeat("mailto:,", 7000)}
	m := split(forge(t, k, "DKIM-Signature", with(good, "s=r", "s=big"), letter) + letter)
	m.Client, m.ReverseLocal, m.ReverseDomain, m.Authors = addr("192.0.2.1"), "an", "sender.example", []string{"sender.example"}
	c := New(z, Limits{}, testNow)
	r, err := c.Check(t.Context(), m)
	if err != nil || r.DKIM[0].Result != Pass || r.SPF[0].Result != Pass || r.DMARC[0].Result != Pass {
		t.Errorf("%+v, %v", r, err)
	}
	for _, key := range c.dns.cache.Keys() {
		if a, _ := c.dns.cache.Peek(key); !a.small() {
			t.Errorf("%v is remembered", key)
		}
	}
}

func TestCache(t *testing.T) {
	now := testNow()
	z := spfZone()
	c := New(z, Limits{Cache: 4}, func() time.Time { return now })
	ask := func(name string) int {
		before := z.questions()
		look := c.dns.forMessage(t.Context(), c.limits)
		_, _ = look.LookupTXT(t.Context(), name)
		return z.questions() - before
	}
	for _, step := range []struct {
		name string
		wait time.Duration
		want int
	}{
		{"plain.example", 0, 1}, {"PLAIN.example.", keepAnswer - 1, 0}, {"plain.example", 1, 1},
		{"nothing.example", 0, 1}, {"nothing.example", keepAbsent - 1, 0}, {"nothing.example", 1, 1},
		{"fails.example", 0, 1}, {"fails.example", keepTrouble - 1, 0}, {"fails.example", 1, 1},
	} {
		now = now.Add(step.wait)
		if got := ask(step.name); got != step.want {
			t.Errorf("%s after %v: %d questions, want %d", step.name, step.wait, got, step.want)
		}
	}
	for i := range 20 {
		ask(fmt.Sprintf("n%d.example", i))
	}
	if n := c.dns.cache.Len(); n != 4 {
		t.Errorf("%d answers are remembered", n)
	}
	for _, name := range []string{"", "a..b", strings.Repeat("x", 64) + ".example", strings.Repeat("x.", 130), "a b.example", "a\x00.example"} {
		if n := ask(name); n != 0 {
			t.Errorf("%q is asked for", name)
		}
	}
}

// The end of one message's time says nothing of a name to the next message.
func TestDeadlineIsNotRemembered(t *testing.T) {
	z := spfZone()
	c := New(z, Limits{}, testNow)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	z.txt["slow.example"] = []string{"?"}
	if _, err := c.dns.forMessage(ctx, c.limits).LookupTXT(ctx, "slow.example"); err == nil || notFound(err) {
		t.Errorf("%v", err)
	}
	z.txt["slow.example"] = []string{"v=spf1 -all"}
	if _, err := c.dns.forMessage(t.Context(), c.limits).LookupTXT(ctx, "slow.example"); err != nil {
		t.Error(err)
	}
}

// A body that is all empty lines takes time in proportion and no memory, whatever the number of signatures.
func TestEmptyLines(t *testing.T) {
	k, z := newKeys(t)
	var fields strings.Builder
	for i := range 8 {
		form := []string{"simple/simple", "relaxed/relaxed"}[i%2]
		fields.WriteString(forge(t, k, "DKIM-Signature", with(good, "relaxed/relaxed", form, "; s=r", fmt.Sprintf("; s=r; l=%d", i)), letter))
	}
	head, _, _ := strings.Cut(letter, "\r\n\r\n")
	body := io.MultiReader(io.LimitReader(lineEnds{}, 8<<20), strings.NewReader("x"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := New(z, Limits{}, testNow).Check(t.Context(), Message{Header: strings.NewReader(fields.String() + head + crlf), Body: body})
	runtime.ReadMemStats(&after)
	if err != nil || len(r.DKIM) != 8 {
		t.Fatalf("%+v, %v", r, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d octets of memory", used)
	}
}

type lineEnds struct{}

func (lineEnds) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = crlf[i%2]
	}
	return len(p) &^ 1, nil
}

// An error of the spool is an error of ours, and leaves nothing running.
func TestReadErrors(t *testing.T) {
	k, z := newKeys(t)
	trouble := errors.New("disk")
	m := split(forge(t, k, "DKIM-Signature", good, letter) + letter)
	m.Body = io.MultiReader(m.Body, iotest.ErrReader(trouble))
	if _, err := New(z, Limits{}, testNow).Check(t.Context(), m); !errors.Is(err, trouble) {
		t.Errorf("%v", err)
	}
	if _, err := New(z, Limits{}, testNow).Check(t.Context(), Message{Header: iotest.ErrReader(trouble)}); !errors.Is(err, trouble) {
		t.Errorf("%v", err)
	}
}

// A panic in what runs at once is the caller's, who knows what to do with it.
func TestPanicIsTheCallers(t *testing.T) {
	defer func() {
		if p := recover(); p != "resolver" {
			t.Errorf("%v", p)
		}
	}()
	m := Message{Client: addr("192.0.2.1"), ReverseLocal: "an", ReverseDomain: "sender.example"}
	_, _ = New(panicking{&zone{}}, Limits{}, testNow).Check(t.Context(), m)
	t.Error("no panic")
}

type panicking struct{ *zone }

func (panicking) LookupTXT(context.Context, string) ([]string, error) { panic("resolver") }

func TestNothing(t *testing.T) {
	r := check(t, &zone{}, Message{})
	if len(r.DKIM) != 0 || r.ARC.Result != None || r.SPF[0].Result != None || r.DMARC[0].Result != PermError || r.Passed() {
		t.Errorf("%+v", r)
	}
}
