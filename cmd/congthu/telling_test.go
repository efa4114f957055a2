package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/filter/policy"
	"congthu/internal/peer"
	"congthu/rules"
	"congthu/store"
)

// ahead is the time of day, moved on by a test.
type ahead struct {
	mu sync.Mutex
	by time.Duration
}

func (a *ahead) now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Add(a.by)
}

func (a *ahead) move(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by += d
}

// remembered is the memory of a gate without doors, with a server that takes its notices.
type remembered struct {
	*memory
	clock   ahead
	sink    peer.Sink
	officer *age.X25519Identity
	conf    string // file
	seen    int    // notices looked at
	shut    func() // ends it, once
}

// remember opens a memory; more are sections of its configuration, evidence further keys of that section.
func remember(t *testing.T, more string, evidence ...string) *remembered {
	t.Helper()
	r := &remembered{}
	if err := r.sink.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.sink.Close() })
	dir := t.TempDir()
	r.conf = filepath.Join(dir, "congthu.yml")
	text := fmt.Sprintf("organisation: {domains: [monre.gov.vn]}\nevidence: {dir: %q%s}\nstore: {dsn: %q}\n%s\n",
		filepath.Join(dir, "evidence"), strings.Join(append([]string{""}, evidence...), ", "), "sqlite:"+filepath.Join(dir, "congthu.db"), strings.ReplaceAll(more, "SINK", r.sink.Addr))
	if err := os.WriteFile(r.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := policy.Load(r.conf, rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	org := filter.Organisation{Domains: []string{"monre.gov.vn"}}
	if r.memory, err = openMemory(c, org.Ours, prometheus.NewRegistry(), slog.New(slog.DiscardHandler), r.clock.now); err != nil {
		t.Fatal(err)
	}
	r.shut = sync.OnceFunc(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.shut)
	if r.officer, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Load().AddOfficer(t.Context(), store.Officer{Address: "lan@monre.gov.vn", Name: "Lan", Recipient: r.officer.Recipient().String()}, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// keep has a message from outside held, with a marking or without.
func (r *remembered) keep(t *testing.T, id, rule string) {
	t.Helper()
	if err := r.decide(t, id, rule, filter.Hold); err != nil {
		t.Fatal(err)
	}
}

// decide has a message from outside held or refused.
func (r *remembered) decide(t *testing.T, id, rule string, d filter.Disposition) error {
	t.Helper()
	l := message.DefaultLimits()
	spool := message.NewSpool(l, nil)
	t.Cleanup(func() { spool.Close() })
	if _, err := io.WriteString(spool, "From: a@khach.example\r\nSubject: Noi dung rieng "+id+"\r\n\r\nx\r\n"); err != nil {
		t.Fatal(err)
	}
	m, err := message.Read(spool, spool.Size(), l)
	if err != nil {
		t.Fatal(err)
	}
	tx := &filter.Transaction{ID: id, Received: r.clock.now(), Session: filter.Session{Door: "relay"}, Direction: filter.Inbound, Message: m, Content: spool,
		ReversePath: filter.ParsePath("a@khach.example", ""), Recipients: []filter.Path{filter.ParsePath("van.thu@monre.gov.vn", ""), filter.ParsePath("x@khac.example", "")}}
	v := filter.Verdict{ID: id, Direction: filter.Inbound, Disposition: d, Held: d == filter.Hold,
		Findings: []filter.Finding{{Rule: rule, Clause: "10.1", Mode: filter.Enforce, Disposition: d, Score: 1}}}
	_, err = r.Keep(t.Context(), tx, v)
	return err
}

// state is where a held message stands.
func (r *remembered) state(t *testing.T, id string) store.State {
	t.Helper()
	h, err := r.store.Load().Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h.State
}

// becomes waits for the state of a held message.
func (r *remembered) becomes(t *testing.T, id string, want store.State) {
	t.Helper()
	if err := peer.Wait(time.Minute, "state "+string(want), func() bool { return r.state(t, id) == want }); err != nil {
		t.Fatalf("%v: it is %s", err, r.state(t, id))
	}
}

// told waits for so many notices more and returns "to: what is in the subject" of each.
func (r *remembered) told(t *testing.T, n int) (all map[string]string) {
	t.Helper()
	err := peer.Wait(time.Minute, fmt.Sprintf("%d notices more", n), func() bool { return r.sink.Count() >= r.seen+n })
	if err != nil {
		t.Fatalf("%v: %d came", err, r.sink.Count()-r.seen)
	}
	all = map[string]string{}
	for _, d := range r.sink.Deliveries()[r.seen:] {
		if d.From != "" || peer.Field(d.Bytes, "Auto-Submitted") != "auto-generated" {
			t.Errorf("a notice is from %q, Auto-Submitted %q", d.From, peer.Field(d.Bytes, "Auto-Submitted"))
		}
		if len(d.To) != 1 || strings.HasSuffix(d.To[0], ".example") {
			t.Errorf("a notice went to %q", d.To)
		}
		m, err := message.Read(bytes.NewReader(d.Bytes), int64(len(d.Bytes)), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for p := range m.Leaves() {
			b, err := io.ReadAll(p.Text())
			if err != nil {
				t.Fatal(err)
			}
			text.Write(b)
		}
		if strings.Contains(text.String(), "Noi dung rieng") {
			t.Errorf("a notice tells the subject:\n%s", text.String())
		}
		all[d.To[0]] += m.Header.Text("Subject")[0] + "\n" + text.String()
	}
	r.seen = r.sink.Count()
	return all
}

// Nobody forgets a held message silently: officers hear of it at once, at half time and at the end, the recipient
// inside at once and at the end. A week later it is deleted, on record.
func TestHeldMailExpires(t *testing.T) {
	t.Parallel()
	r := remember(t, "notices: {submit: \"SINK\", organisation: Bộ Thử nghiệm, contact: phòng an toàn thông tin}")
	const id = "01KB7W0QJ5R3M9V2C8XZ4T6N1D"
	r.keep(t, id, "custom:x")
	r.clock.move(2 * time.Minute)
	all := r.told(t, 2)
	for _, to := range []string{"van.thu@monre.gov.vn", "lan@monre.gov.vn"} {
		if !strings.Contains(all[to], id) || !strings.Contains(all[to], "Bộ Thử nghiệm") {
			t.Errorf("%s was told %q", to, all[to])
		}
	}
	if !strings.Contains(all["van.thu@monre.gov.vn"], "phòng an toàn thông tin") {
		t.Errorf("the recipient is not told whom to ask: %q", all["van.thu@monre.gov.vn"])
	}
	r.clock.move(15 * 24 * time.Hour)
	if all := r.told(t, 1); !strings.Contains(all["lan@monre.gov.vn"], id) {
		t.Errorf("at half time: %q", all)
	}
	if got := r.state(t, id); got != store.StateHeld {
		t.Errorf("at half time it is %s", got)
	}
	r.clock.move(15 * 24 * time.Hour)
	gone := r.clock.now().Add(store.GraceAfterNotice).In(time.FixedZone("ICT", 7*60*60)).Format("2006-01-02")
	all = r.told(t, 2)
	for _, to := range []string{"lan@monre.gov.vn", "van.thu@monre.gov.vn"} {
		if !strings.Contains(all[to], id) || !strings.Contains(all[to], "Deleted at: "+gone) {
			t.Errorf("at the end: %q, want that it is deleted at %s", all[to], gone)
		}
	}
	r.becomes(t, id, store.StateExpired)
	r.clock.move(6 * 24 * time.Hour) // an officer may still release it
	r.clock.move(2 * time.Hour)
	time.Sleep(1100 * time.Millisecond) // longer than the look of each second
	if got := r.state(t, id); got != store.StateExpired {
		t.Errorf("six days later it is %s", got)
	}
	r.clock.move(24 * time.Hour)
	r.becomes(t, id, store.StateDeleted)
	r.deletedOnRecord(t, id)
	if n := r.sink.Count(); n != r.seen {
		t.Errorf("%d notices more than wanted", n-r.seen)
	}
}

func (r *remembered) deletedOnRecord(t *testing.T, id string) {
	t.Helper()
	p, stdout, stderr := newProgram(t, "")
	if code := p.run([]string{"log", "export", filepath.Join(filepath.Dir(r.conf), "evidence")}); code != exitFine {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for line := range strings.Lines(stdout.String()) {
		var l struct {
			Act *struct{ Who, What, Object string }
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Act != nil && l.Act.What == "delete" && l.Act.Object == id && l.Act.Who == "congthu" {
			return
		}
	}
	t.Errorf("no record of the deletion in\n%s", stdout)
}

// Marked mail stays no longer than its day, told or untold; other mail stays for ever when nobody can be told.
func TestHeldMailWithoutNotices(t *testing.T) {
	t.Parallel()
	const marked, plain = "01KB7W0QJ5R3M9V2C8XZ4T6N1E", "01KB7W0QJ5R3M9V2C8XZ4T6N1F"
	for name, c := range map[string]struct {
		more string
		kept store.State
	}{
		"no notices":                  {"marking: {keep_content: true}", store.StateExpired},
		"a server that takes nothing": {"marking: {keep_content: true}\nnotices: {submit: \"127.0.0.1:1\"}", store.StateExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := remember(t, c.more)
			r.keep(t, marked, filter.RuleMarking)
			r.keep(t, plain, "custom:x")
			h, err := r.store.Load().Show(t.Context(), marked)
			if err != nil || !h.Marking || h.Expires.Sub(h.Time) > 24*time.Hour {
				t.Fatalf("%+v, %v", h, err)
			}
			if s, err := r.store.Load().Subject(t.Context(), marked, r.officer); err != nil || s != "" {
				t.Errorf("the subject of marked mail is kept: %q, %v", s, err)
			}
			r.clock.move(24*time.Hour + 2*time.Minute)
			r.becomes(t, marked, store.StateExpired)
			r.clock.move(2 * time.Minute)
			r.becomes(t, marked, store.StateDeleted)
			r.deletedOnRecord(t, marked)
			r.clock.move(400 * 24 * time.Hour)
			r.becomes(t, plain, c.kept)
			if name != "no notices" {
				return // those are queued, which is telling
			}
			r.clock.move(30 * 24 * time.Hour)
			time.Sleep(1100 * time.Millisecond)
			if got := r.state(t, plain); got != c.kept {
				t.Errorf("it is %s", got)
			}
		})
	}
}

// What was decided on is known for as long as the evidence is kept, and no longer.
func TestDecidedMailIsForgotten(t *testing.T) {
	t.Parallel()
	r := remember(t, "", "retention: 100d")
	const id = "01KB7W0QJ5R3M9V2C8XZ4T6N1L"
	r.keep(t, id, "custom:x")
	if err := r.store.Load().Delete(t.Context(), id, "lan@monre.gov.vn", "x"); err != nil {
		t.Fatal(err)
	}
	r.clock.move(99 * 24 * time.Hour)
	time.Sleep(1100 * time.Millisecond) // longer than the look of each second
	r.becomes(t, id, store.StateDeleted)
	r.clock.move(25 * time.Hour)
	err := peer.Wait(time.Minute, "the message to be forgotten", func() bool {
		_, err := r.store.Load().Show(t.Context(), id)
		return errors.Is(err, store.ErrNotFound)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A gate that stops has nothing to complain of.
func TestStoppingIsNoError(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	c, err := policy.Load(remember(t, "").conf, rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c.Evidence.Dir, c.Store.DSN = filepath.Join(dir, "evidence"), "sqlite:"+filepath.Join(dir, "congthu.db")
	m, err := openMemory(c, func(string) bool { return true }, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn})), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	err = peer.Wait(time.Minute, "the index to follow", func() bool {
		seq, _, err := m.store.Load().Position(t.Context(), gateName(c))
		return err == nil && seq > 0
	})
	if err := errors.Join(err, m.close()); err != nil {
		t.Fatal(err)
	}
	if said.Len() > 0 {
		t.Errorf("at its end the gate says\n%s", &said)
	}
}

// Of marked mail whose day is over people are told that it goes now: there is no later time to ask for it.
func TestMarkedMailGoes(t *testing.T) {
	t.Parallel()
	r := remember(t, "marking: {keep_content: true}\nnotices: {submit: \"SINK\"}")
	const id = "01KB7W0QJ5R3M9V2C8XZ4T6N1E"
	r.keep(t, id, filter.RuleMarking)
	r.told(t, 1)
	r.clock.move(24*time.Hour + 2*time.Minute)
	all := r.told(t, 2)
	for _, to := range []string{"lan@monre.gov.vn", "van.thu@monre.gov.vn"} {
		if !strings.Contains(all[to], id) || !strings.Contains(all[to], "Deleted:    now") || strings.Contains(all[to], "Deleted at:") {
			t.Errorf("%s was told %q", to, all[to])
		}
	}
}

// Officers whose hours do not begin together keep no mail waiting, nor does one whom notices cannot reach.
func TestOfficersOutOfStep(t *testing.T) {
	t.Parallel()
	r := remember(t, "notices: {submit: \"127.0.0.1:1\", from: congthu@monre.gov.vn}")
	const first, second = "01KB7W0QJ5R3M9V2C8XZ4T6N1J", "01KB7W0QJ5R3M9V2C8XZ4T6N1K"
	r.keep(t, first, "custom:x")
	r.clock.move(31 * 24 * time.Hour)
	if err := peer.Wait(time.Minute, "Lan to be told of the first", func() bool { return r.queued(t)["lan@monre.gov.vn"] > 0 }); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"binh@monre.gov.vn", "congthu@monre.gov.vn"} {
		key, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.store.Load().AddOfficer(t.Context(), store.Officer{Address: address, Name: "B", Recipient: key.Recipient().String()}, nil); err != nil {
			t.Fatal(err)
		}
	}
	r.clock.move(-31 * 24 * time.Hour)
	r.keep(t, second, "custom:x")
	r.clock.move(31*24*time.Hour + 30*time.Minute)
	err := peer.Wait(time.Minute, "everybody to be told of both", func() bool {
		r.clock.move(10 * time.Minute)
		due, err := r.store.Load().Expiry(t.Context(), r.clock.now())
		return err == nil && len(due.Ended) == 0 && r.state(t, second) == store.StateExpired
	})
	if err != nil {
		t.Fatal(err)
	}
	if all := r.queued(t); all["binh@monre.gov.vn"] == 0 || all["congthu@monre.gov.vn"] != 0 {
		t.Errorf("told are %v", all)
	}
	r.clock.move(8 * 24 * time.Hour)
	r.becomes(t, second, store.StateDeleted)
}

// An officer whose mailbox is elsewhere is told nothing, and when nobody else is there no mail is deleted.
func TestOfficerElsewhere(t *testing.T) {
	t.Parallel()
	r := remember(t, "notices: {submit: \"SINK\"}")
	ctx := context.Background()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Load().AddOfficer(ctx, store.Officer{Address: "ngoai@khac.example", Name: "Ngoai", Recipient: key.Recipient().String()}, nil); err != nil {
		t.Fatal(err)
	}
	const id = "01KB7W0QJ5R3M9V2C8XZ4T6N1G"
	r.keep(t, id, "custom:x")
	r.clock.move(31 * 24 * time.Hour)
	all := r.told(t, 3) // to the recipient at once and at the end, to the officer at the end
	if len(all) != 2 || all["lan@monre.gov.vn"] == "" {
		t.Errorf("told were %v", all)
	}
	r.becomes(t, id, store.StateExpired)
	r.clock.move(8 * 24 * time.Hour)
	r.becomes(t, id, store.StateDeleted)
	if err := r.store.Load().RemoveOfficer(ctx, "lan@monre.gov.vn", true); err != nil {
		t.Fatal(err)
	}
	const second = "01KB7W0QJ5R3M9V2C8XZ4T6N1H"
	r.keep(t, second, "custom:x")
	r.clock.move(31 * 24 * time.Hour)
	r.becomes(t, second, store.StateExpired)
	r.clock.move(60 * 24 * time.Hour)
	time.Sleep(1100 * time.Millisecond)
	if got := r.state(t, second); got != store.StateExpired {
		t.Errorf("nobody was told, and it is %s", got)
	}
}
