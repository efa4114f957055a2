package rules

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules/virus"
)

// fakeEngine finds what is called VIRUS1, VIRUS2, … in what it is shown.
type fakeEngine struct {
	name   string
	remote bool
	err    error         // its only answer
	wait   bool          // it answers when the time is over
	answer *virus.Answer // its only answer

	mu    sync.Mutex
	shown []string
}

func (f *fakeEngine) Name() string { return f.name }
func (f *fakeEngine) Local() bool  { return !f.remote }

func (f *fakeEngine) Known(context.Context, virus.Object) (virus.Answer, bool) {
	return virus.Answer{}, false
}

func (f *fakeEngine) Scan(ctx context.Context, o virus.Object) (virus.Answer, error) {
	b, err := io.ReadAll(o.Open())
	if err != nil {
		return virus.Answer{}, err
	}
	if int64(len(b)) != o.Size {
		return virus.Answer{}, fmt.Errorf("%d octets, not %d", len(b), o.Size)
	}
	f.mu.Lock()
	f.shown = append(f.shown, string(b))
	f.mu.Unlock()
	switch i := bytes.Index(b, []byte("VIRUS")); {
	case f.wait:
		<-ctx.Done()
		return virus.Answer{}, context.Cause(ctx)
	case f.err != nil:
		return virus.Answer{}, f.err
	case f.answer != nil:
		return *f.answer, nil
	case i >= 0:
		return virus.Answer{Kind: virus.Infected, Name: string(b[i : i+6])}, nil
	}
	return virus.Answer{Kind: virus.Clean}, nil
}

// saw tells whether it was shown exactly this.
func (f *fakeEngine) saw(text string) bool { return slices.Contains(f.shown, text) }

type textContent struct{ *strings.Reader }

func (textContent) SHA256() string { return "hash of the message" }

func virusMail(t testing.TB, text string) *filter.Transaction {
	t.Helper()
	text = strings.ReplaceAll(text, "\n", "\r\n")
	m, err := message.Read(strings.NewReader(text), int64(len(text)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return &filter.Transaction{ID: "x", Message: m, Content: textContent{strings.NewReader(text)}}
}

func checkVirus(t testing.TB, tx *filter.Transaction, v Viruses, engines ...VirusEngine) ([]filter.Finding, error) {
	t.Helper()
	v.Engines = engines
	return virusRule(v).Check(t.Context(), tx)
}

const twoFiles = "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nletter\n" +
	"--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n%s\n--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n%s\n--b--\n"

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// Each leaf is shown decoded, the small message as it came too, and every infected part is named.
func TestVirusParts(t *testing.T) {
	e := &fakeEngine{name: "clamd"}
	tx := virusMail(t, fmt.Sprintf(twoFiles, encoded("one VIRUS1"), encoded("two VIRUS2")))
	found, err := checkVirus(t, tx, Viruses{}, VirusEngine{Scanner: e})
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for i, f := range found {
		if f.Part != fmt.Sprint(i+2) || f.Detail != fmt.Sprintf("clamd: VIRUS%d", i+1) || f.Told != fmt.Sprintf("VIRUS%d", i+1) || len(f.PartSHA256) != 64 || f.Disposition != filter.Unset {
			t.Errorf("%+v", f)
		}
	}
	for _, want := range []string{"letter", "one VIRUS1", "two VIRUS2"} {
		if !e.saw(want) {
			t.Errorf("it was not shown %q", want)
		}
	}
	if len(e.shown) != 4 || !strings.HasPrefix(e.shown[3], "Subject: x\r\n") {
		t.Errorf("%d objects", len(e.shown))
	}
}

// A big message is shown as it came only when it can be read in two ways.
func TestVirusRaw(t *testing.T) {
	big := strings.TrimRight(strings.Repeat(encoded(strings.Repeat("0123456789", 6)[:57])+"\n", 20_000), "\n")
	for name, tt := range map[string]struct {
		mail string
		raw  bool
	}{
		"small":                     {fmt.Sprintf(twoFiles, encoded("a"), encoded("b")), true},
		"big":                       {fmt.Sprintf(twoFiles, big, encoded("b")), false},
		"big, junk in the encoding": {fmt.Sprintf(twoFiles, big[:1000]+"*"+big[1000:], encoded("b")), true},
		"big, two types":            {"Content-Type: text/plain\n" + fmt.Sprintf(twoFiles, big, encoded("b")), true},
	} {
		t.Run(name, func(t *testing.T) {
			e := &fakeEngine{name: "clamd"}
			tx := virusMail(t, tt.mail)
			if _, err := checkVirus(t, tx, Viruses{}, VirusEngine{Scanner: e}); err != nil {
				t.Fatal(err)
			}
			if raw := e.saw(strings.ReplaceAll(tt.mail, "\n", "\r\n")); raw != tt.raw {
				t.Errorf("shown as it came: %v", raw)
			}
		})
	}
}

// What each answer of an engine is worth.
func TestVirusPolicies(t *testing.T) {
	down := &fakeEngine{name: "clamd", err: errors.New("connection refused")}
	big := &fakeEngine{name: "clamd", answer: &virus.Answer{Kind: virus.TooBig, Name: "StreamMaxLength"}}
	guess := &fakeEngine{name: "clamd", answer: &virus.Answer{Kind: virus.Suspicious, Name: "Heuristics.X"}}
	locked := &fakeEngine{name: "clamd", answer: &virus.Answer{Kind: virus.Encrypted, Name: "Heuristics.Encrypted.Zip"}}
	crash := &fakeEngine{name: "clamd", err: virus.ErrObject}
	tests := []struct {
		name   string
		engine VirusEngine
		want   filter.Finding
		err    bool
	}{
		{"does not answer", VirusEngine{Scanner: down}, filter.Finding{}, true},
		{"does not answer: defer", VirusEngine{Scanner: down, Failed: filter.Defer}, filter.Finding{}, true},
		{"does not answer: accept", VirusEngine{Scanner: down, Failed: filter.Accept}, filter.Finding{Disposition: filter.Accept, Detail: "clamd: failed", FailOpen: "clamd", Text: filter.TextVirusUnscanned}, false},
		{"does not answer: hold", VirusEngine{Scanner: down, Failed: filter.Hold}, filter.Finding{Disposition: filter.Hold, Detail: "clamd: failed", Text: filter.TextVirusUnscanned}, false},
		{"too big", VirusEngine{Scanner: big}, filter.Finding{Part: "1", NotInspected: message.TooBig, Detail: "too big: clamd"}, false},
		{"too big: accept", VirusEngine{Scanner: big, TooBig: filter.Accept}, filter.Finding{Part: "1", Disposition: filter.Accept, Detail: "clamd: too big", FailOpen: "clamd", Text: filter.TextVirusUnscanned}, false},
		{"too big: refuse", VirusEngine{Scanner: big, TooBig: filter.Refuse}, filter.Finding{Part: "1", Disposition: filter.Refuse, Detail: "clamd: too big", Text: filter.TextVirusUnscanned}, false},
		{"a guess", VirusEngine{Scanner: guess}, filter.Finding{Part: "1", Disposition: filter.Hold, Detail: "clamd: Heuristics.X", Told: "Heuristics.X", Text: filter.TextVirusSuspicious}, false},
		{"a guess: tag", VirusEngine{Scanner: guess, Suspicious: filter.Tag}, filter.Finding{Part: "1", Disposition: filter.Tag, Detail: "clamd: Heuristics.X", Told: "Heuristics.X", Text: filter.TextVirusSuspicious}, false},
		{"encrypted", VirusEngine{Scanner: locked}, filter.Finding{Part: "1", NotInspected: message.Encrypted, Detail: "encrypted: clamd", Mode: filter.Monitor}, false},
		{"the content ends the engine", VirusEngine{Scanner: crash, Failed: filter.Accept}, filter.Finding{Part: "1", NotInspected: filter.RuleFailed, Detail: "rule failed: clamd"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tx := virusMail(t, "Subject: x\n\nletter\n")
			found, err := checkVirus(t, tx, Viruses{}, tt.engine)
			if (err != nil) != tt.err {
				t.Fatalf("%v", err)
			}
			if tt.err {
				if len(found) != 0 {
					t.Errorf("%+v", found)
				}
				return
			}
			found[0].PartSHA256 = ""
			if len(found) == 0 || found[0] != tt.want {
				t.Errorf("%+v\nwant %+v", found, tt.want)
			}
		})
	}
}

// One engine finds what the other cannot say: the find counts beside the trouble.
func TestVirusBesideTrouble(t *testing.T) {
	tx := virusMail(t, "Subject: x\n\nVIRUS1\n")
	found, err := checkVirus(t, tx, Viruses{}, VirusEngine{Scanner: &fakeEngine{name: "a", err: errors.New("down")}}, VirusEngine{Scanner: &fakeEngine{name: "b"}, Found: filter.Hold})
	if err == nil || len(found) == 0 || found[0].Detail != "b: VIRUS1" || found[0].Disposition != filter.Hold {
		t.Errorf("%+v, %v", found, err)
	}
}

// In turn, the next engine is asked only about what those before it found nothing in.
func TestVirusInTurn(t *testing.T) {
	for _, inTurn := range []bool{false, true} {
		a, b := &fakeEngine{name: "a"}, &fakeEngine{name: "b"}
		tx := virusMail(t, fmt.Sprintf(twoFiles, encoded("one VIRUS1"), encoded("clean")))
		if _, err := checkVirus(t, tx, Viruses{InTurn: inTurn}, VirusEngine{Scanner: a}, VirusEngine{Scanner: b}); err != nil {
			t.Fatal(err)
		}
		if b.saw("one VIRUS1") == inTurn || !b.saw("clean") || !a.saw("one VIRUS1") {
			t.Errorf("in turn %v: %q", inTurn, b.shown)
		}
	}
}

// An engine on another machine is not shown what may be a secret.
func TestVirusElsewhere(t *testing.T) {
	mark := func(score float64, mode filter.Mode, d filter.Disposition) filter.Finding {
		return filter.Finding{Rule: filter.RuleMarking, Score: score, Mode: mode, Disposition: d}
	}
	tests := []struct {
		name string
		said filter.Said
		send bool
	}{
		{"nothing found", filter.NewSaid([]string{filter.RuleMarking}), true},
		{"a mere word", filter.NewSaid([]string{filter.RuleMarking}, mark(0.3, filter.Monitor, filter.Tag)), true},
		{"other rules' findings", filter.NewSaid([]string{filter.RuleMarking}, filter.Finding{Rule: "subject", Score: 1, Disposition: filter.Refuse}), true},
		{"a marking that is only monitored", filter.NewSaid([]string{filter.RuleMarking}, mark(0.5, filter.Monitor, filter.Refuse)), false},
		{"a marking that the policy accepts", filter.NewSaid([]string{filter.RuleMarking}, mark(1, filter.Enforce, filter.Accept)), false},
		{"a hold", filter.NewSaid([]string{filter.RuleMarking}, mark(0.4, filter.Enforce, filter.Hold)), false},
		{"the marking rule failed or is off", filter.NewSaid([]string{"subject"}), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &fakeEngine{name: "avira", remote: true}
			rule := virusRule(Viruses{Engines: []VirusEngine{{Scanner: e}}})
			tx := virusMail(t, "Subject: x\n\nletter VIRUS1\n")
			if found, err := rule.Check(t.Context(), tx); err != nil || len(found) != 0 || len(e.shown) != 0 {
				t.Errorf("before the others: %+v, %v, %d objects", found, err, len(e.shown))
			}
			found, err := rule.Later(t.Context(), tx, tt.said)
			if err != nil || len(found) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			if tt.send != (len(e.shown) > 0) || tt.send != (found[0].Detail == "avira: VIRUS1") || !tt.send && (found[0].NotInspected != message.NotAsked || found[0].Detail != "not asked: avira") {
				t.Errorf("%d objects, %+v", len(e.shown), found)
			}
		})
	}
	if virusRule(Viruses{Engines: []VirusEngine{{Scanner: &fakeEngine{}}}}).Later != nil {
		t.Error("engines on this machine do not wait for the others")
	}
}

// An engine that is slow is given up before the time of judging is over, so that its policy counts and not the content is
// to blame.
func TestVirusSlow(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 1200*time.Millisecond, errors.New("judging took too long"))
	defer cancel()
	v := Viruses{Engines: []VirusEngine{{Scanner: &fakeEngine{name: "clamd", wait: true}, Failed: filter.Hold}}}
	found, err := virusRule(v).Check(ctx, virusMail(t, "Subject: x\n\nletter\n"))
	if err != nil || len(found) != 1 || found[0].Detail != "clamd: failed" || ctx.Err() != nil {
		t.Errorf("%+v, %v, %v", found, err, ctx.Err())
	}
}

// More infected files than have a finding of their own are counted, each disposition by itself.
func TestManyViruses(t *testing.T) {
	var b strings.Builder
	b.WriteString("Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n")
	for n := range 30 {
		fmt.Fprintf(&b, "--b\nContent-Type: text/plain\n\n%d VIRUS%d\n", n, n%10)
	}
	b.WriteString("--b--\n")
	found, err := checkVirus(t, virusMail(t, b.String()), Viruses{}, VirusEngine{Scanner: &fakeEngine{name: "clamd"}})
	if err != nil || len(found) != maxViruses+1 || found[maxViruses].Detail != "10 more" || found[maxViruses].PartSHA256 != "" {
		t.Errorf("%d findings, %v", len(found), err)
	}
}

// Without an engine the rule has nothing to say.
func TestNoEngine(t *testing.T) {
	found, err := checkVirus(t, virusMail(t, "Subject: x\n\nVIRUS1\n"), Viruses{})
	if err != nil || found != nil {
		t.Errorf("%+v, %v", found, err)
	}
}
