package review_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"congthu/filter/evidence"
	"congthu/internal/peer"
	"congthu/store"
	"congthu/store/review"
)

const held = "Congthu-Id: cua ke gian\r\nX-Peer-Key: mot\r\nAuthentication-Results: monre.gov.vn; spf=pass\r\nSubject: x\r\n\r\n.dau cham\r\n..\r\n"

// room is a desk with one held message, an officer, and a server for released mail that a hook may make misbehave.
type room struct {
	review.Desk
	sink    peer.Sink
	clock   time.Time
	officer review.Officer
	acts    []string
	id      string
}

func newRoom(t *testing.T, hook func(peer.Stage, string, *peer.Delivery) string) *room {
	t.Helper()
	r := &room{sink: peer.Sink{Hook: hook}, clock: time.Now(), id: "01KB7W0QJ5R3M9V2C8XZ4T6N1D"}
	must(t, r.sink.Start("127.0.0.1:0"))
	t.Cleanup(func() { r.sink.Close() })
	s, err := store.Open(t.Context(), store.Options{DSN: "sqlite:" + filepath.Join(t.TempDir(), "a.db"), Now: func() time.Time { return r.clock }})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	r.Desk = review.Desk{Store: s, Server: r.sink.Addr, Helo: "gate.example", AuthservID: "monre.gov.vn", Timeout: time.Minute,
		Record: func(_ context.Context, a evidence.Act) error {
			r.acts = append(r.acts, string(a.What))
			return nil
		}}
	key, err := age.GenerateX25519Identity()
	must(t, err)
	_, err = s.AddOfficer(t.Context(), store.Officer{Address: "lan@monre.gov.vn", Name: "Lan", Recipient: key.Recipient().String()}, nil)
	must(t, err)
	r.officer, err = r.SignIn(t.Context(), key)
	must(t, err)
	sum := sha256.Sum256([]byte(held))
	_, err = s.Hold(t.Context(), store.Hold{ID: r.id, Time: r.clock, Expires: r.clock.Add(24 * time.Hour), ReversePath: "a@khach.example",
		Recipients: []string{"b@monre.gov.vn", "c@monre.gov.vn"}, Rules: []store.Rule{{Name: "x", Clause: "10.2"}}, SHA256: hex.EncodeToString(sum[:]), BodySHA256: strings.Repeat("0", 64)},
		strings.NewReader(held))
	must(t, err)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *room) state(t *testing.T) store.State {
	t.Helper()
	h, err := r.Store.Show(t.Context(), r.id)
	must(t, err)
	return h.State
}

// What goes out is the message with the field of the release on top and without fields that only claim to be a gate's.
func TestReleaseSends(t *testing.T) {
	r := newRoom(t, nil)
	out, err := r.Release(t.Context(), r.officer, r.id, "x", false)
	if err != nil || !out.Done || out.Delivered || !strings.HasPrefix(out.Reply, "250 ") {
		t.Fatalf("%+v, %v", out, err)
	}
	d := r.sink.ByKey("mot")
	if len(d) != 1 || !strings.HasPrefix(peer.Field(d[0].Bytes, "Congthu-Release"), r.id+".") {
		t.Fatalf("%+v", d)
	}
	want := "Congthu-Release: " + peer.Field(d[0].Bytes, "Congthu-Release") + "\r\nX-Peer-Key: mot\r\nSubject: x\r\n\r\n.dau cham\r\n..\r\n"
	if string(d[0].Bytes) != want || d[0].From != "a@khach.example" || !slices.Equal(d[0].To, []string{"b@monre.gov.vn", "c@monre.gov.vn"}) || d[0].Helo != "gate.example" {
		t.Fatalf("%+v", d)
	}
	if _, err := r.Release(t.Context(), r.officer, r.id, "x", false); !errors.Is(err, store.ErrDecided) {
		t.Errorf("once more: %v", err)
	}
	if got := strings.Join(r.acts, " "); got != "release release" || r.sink.Count() != 1 {
		t.Errorf("on record: %s; %d came", got, r.sink.Count())
	}
}

// Nothing is done, or put on record, for a reason that cannot be kept. A release keeps the one that was given.
func TestReasons(t *testing.T) {
	r := newRoom(t, nil)
	for _, reason := range []string{"", " \t\u00a0", "hai\ndòng", "\xff", strings.Repeat("x", 1001)} {
		_, err := r.Release(t.Context(), r.officer, r.id, reason, false)
		if derr := r.Delete(t.Context(), r.officer, r.id, reason); !errors.Is(err, store.ErrInvalid) || !errors.Is(derr, store.ErrInvalid) {
			t.Errorf("%.20q: released: %v; deleted: %v", reason, err, derr)
		}
	}
	if r.sink.Count() != 0 || len(r.acts) != 0 || r.state(t) != store.StateHeld {
		t.Errorf("%d came, on record: %q, %s", r.sink.Count(), r.acts, r.state(t))
	}
	longest := strings.Repeat("x", 1000)
	if _, err := r.Release(t.Context(), r.officer, r.id, longest, false); err != nil {
		t.Fatal(err)
	}
	if h, err := r.Store.Show(t.Context(), r.id); err != nil || h.Reason != longest {
		t.Errorf("kept: %q, %v", h.Reason, err)
	}
}

// A server that surely took nothing leaves the message held, whatever it said and whenever.
func TestReleaseRefused(t *testing.T) {
	for stage, says := range map[peer.Stage]string{peer.Greeting: "554 5.7.1 no", peer.Ehlo: peer.Drop, peer.MailFrom: "451 4.3.0 later", peer.RcptTo: "550 5.1.1 nobody",
		peer.DataCmd: "452 4.3.1 full", peer.Dot: "554 5.6.0 no"} {
		t.Run(string(stage), func(t *testing.T) {
			refuse := true
			r := newRoom(t, func(s peer.Stage, line string, _ *peer.Delivery) string {
				if refuse && s == stage && !strings.Contains(line, "b@monre") { // of two recipients the second
					return says
				}
				return peer.Normal
			})
			if _, err := r.Release(t.Context(), r.officer, r.id, "x", false); err == nil || errors.Is(err, review.ErrUnsure) {
				t.Errorf("%v", err)
			}
			if got := r.state(t); got != store.StateHeld || r.sink.Count() != 0 {
				t.Errorf("it is %s, and %d came", got, r.sink.Count())
			}
			refuse = false
			if out, err := r.Release(t.Context(), r.officer, r.id, "x", false); err != nil || !out.Done {
				t.Errorf("then: %+v, %v", out, err)
			}
		})
	}
}

// When the server has the whole message and says nothing, nobody knows: nothing is sent again before the lease is over,
// and then only by somebody who was told that it may have come.
func TestReleaseUnsure(t *testing.T) {
	mute := true
	r := newRoom(t, func(s peer.Stage, _ string, _ *peer.Delivery) string {
		if s == peer.Dot && mute {
			return peer.Mute
		}
		return peer.Normal
	})
	if _, err := r.Release(t.Context(), r.officer, r.id, "x", false); !errors.Is(err, review.ErrUnsure) {
		t.Fatalf("%v", err)
	}
	h, err := r.Store.Show(t.Context(), r.id)
	if err != nil || h.State != store.StateReleasing || !h.Unsure || h.Attempts != 1 {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := r.Release(t.Context(), r.officer, r.id, "x", true); !errors.Is(err, store.ErrReleasing) {
		t.Errorf("at once: %v", err)
	}
	if err := r.Delete(t.Context(), r.officer, r.id, "x"); !errors.Is(err, store.ErrReleasing) {
		t.Errorf("deleting it: %v", err)
	}
	mute = false
	r.clock = r.clock.Add(store.ReleaseLease)
	if _, err := r.Release(t.Context(), r.officer, r.id, "x", false); !errors.Is(err, store.ErrUnsure) {
		t.Errorf("without being told: %v", err)
	}
	if _, err := r.Store.Expiry(t.Context(), r.clock); err != nil { // and when it is undecided again
		t.Fatal(err)
	}
	before := len(r.acts)
	if _, err := r.Release(t.Context(), r.officer, r.id, "x", false); !errors.Is(err, store.ErrUnsure) || len(r.acts) != before {
		t.Errorf("without being told: %v, on record %v", err, r.acts)
	}
	out, err := r.Release(t.Context(), r.officer, r.id, "x", true)
	if err != nil || !out.Done || !out.Delivered {
		t.Errorf("later: %+v, %v", out, err)
	}
	if h, err := r.Store.Show(t.Context(), r.id); err != nil || h.Unsure || h.Attempts != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

// Who interrupts a release while the server has it changes nothing: what came of it is written down.
func TestReleaseInterrupted(t *testing.T) {
	for stage, c := range map[string]struct {
		want store.State
		done bool
	}{"QUIT": {store.StateReleased, true}, "MAIL": {store.StateHeld, false}} { // the message is taken; nothing is
		t.Run(stage, func(t *testing.T) {
			r := newRoom(t, nil)
			ctx, interrupt := context.WithCancel(t.Context())
			r.Server = interrupting(t, stage, interrupt)
			record := r.Record
			r.Record = func(ctx context.Context, a evidence.Act) error {
				return errors.Join(ctx.Err(), record(ctx, a))
			}
			out, err := r.Release(ctx, r.officer, r.id, "x", false)
			if out.Done != c.done || (err == nil) != c.done || ctx.Err() == nil {
				t.Errorf("%+v, %v", out, err)
			}
			h, err := r.Store.Show(t.Context(), r.id)
			if err != nil || h.State != c.want || h.Unsure || h.Attempts != 1 {
				t.Errorf("%+v, %v", h, err)
			}
			if got := strings.Join(r.acts, " "); got != "release release" {
				t.Errorf("on record: %s", got)
			}
		})
	}
}

// interrupting is a server that takes everything, and interrupts its client before it answers a command.
func interrupting(t *testing.T, command string, interrupt func()) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "220 x\r\n")
		data := false
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			line := lines.Text()
			switch {
			case data && line != ".":
				continue
			case strings.HasPrefix(line, command):
				interrupt()
			}
			if data = line == "DATA"; data {
				io.WriteString(conn, "354 x\r\n")
			} else {
				io.WriteString(conn, "250 x\r\n")
			}
		}
	}()
	return l.Addr().String()
}

// Without a record nothing is done, and nobody decides who is no officer.
func TestNothingWithoutRecord(t *testing.T) {
	r := newRoom(t, nil)
	full := errors.New("disk full")
	r.Record = func(context.Context, evidence.Act) error { return full }
	_, released := r.Release(t.Context(), r.officer, r.id, "x", false)
	_, viewed := r.View(t.Context(), r.officer, r.id, evidence.View)
	for what, err := range map[string]error{"release": released, "view": viewed, "delete": r.Delete(t.Context(), r.officer, r.id, "x")} {
		if !errors.Is(err, full) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := r.state(t); got != store.StateHeld || r.sink.Count() != 0 {
		t.Errorf("it is %s, and %d came", got, r.sink.Count())
	}
	key, err := age.GenerateX25519Identity()
	must(t, err)
	if _, err := r.SignIn(t.Context(), key); !errors.Is(err, review.ErrNotOfficer) {
		t.Errorf("a stranger: %v", err)
	}
	wrong, err := age.NewScryptIdentity("x")
	must(t, err)
	if _, err := r.SignIn(t.Context(), wrong); !errors.Is(err, review.ErrNotOfficer) {
		t.Errorf("a passphrase: %v", err)
	}
	r.Server = ""
	if _, err := r.Release(t.Context(), r.officer, r.id, "x", false); !errors.Is(err, review.ErrNoServer) {
		t.Errorf("without a server: %v", err)
	}
	if slices.Contains(r.acts, "release") {
		t.Errorf("on record: %v", r.acts)
	}
}
