package deploy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// quarantineRoads are the doors and places at which mail is held.
func quarantineRoads() []hookup {
	return []hookup{
		{name: "milter", start: postfixRoad(milterTCP)},
		{name: "proxy-filter", start: postfixRoad(proxyFilter)},
		{name: "content-filter", start: contentFilterRoad, after: true},
	}
}

// TestQuarantine has officers decide about held mail of every hook-up, with the gate itself before the server that
// takes released mail.
func TestQuarantine(t *testing.T) {
	for _, h := range quarantineRoads() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			r := h.begin(t)
			_, addr := r.door(inside)
			q := &quarantine{road: r, office: newOffice(t, r.gate, addr, "", "lan", "minh")}
			q.release(t)
			q.stranger(t)
			q.twoPersons(t)
			q.again(t)
			q.deleted(t)
			q.inbound(t)
			q.whole(t)
		})
	}
}

// quarantine is a road with its officers.
type quarantine struct {
	*road
	*office
}

// give sends a letter, which is answered with 250, and waits until it has gone on or is held.
func (q *quarantine) give(t *testing.T, address string, m peer.Mail) {
	t.Helper()
	c, err := q.dial(address)
	must(t, err)
	if a := sendOn(t, c, m); !a.Last().OK() {
		t.Fatalf("answered %s", a.Last())
	}
	must(t, c.Quit())
	must(t, q.mta.WaitEmpty(patience))
}

// notYet says that a message went nowhere.
func (q *quarantine) notYet(t *testing.T, key string) {
	t.Helper()
	must(t, q.mta.WaitEmpty(patience))
	if n := len(q.sink.ByKey(key)); n != 0 {
		t.Fatalf("%s was delivered %d times", key, n)
	}
}

// once says that a message came, as it was, and once.
func (q *quarantine) once(t *testing.T, key string, m peer.Mail) peer.Delivery {
	t.Helper()
	must(t, peer.Wait(patience, "the delivery of "+key, func() bool { return len(q.sink.ByKey(key)) > 0 }))
	must(t, q.mta.WaitEmpty(patience))
	all := q.sink.ByKey(key)
	if len(all) != 1 {
		t.Fatalf("%s was delivered %d times", key, len(all))
	}
	samePassed(t, all[0], m.Bytes)
	if all[0].From != m.From || !slices.Equal(all[0].To, m.To) {
		t.Errorf("from %q to %q became from %q to %q", m.From, m.To, all[0].From, all[0].To)
	}
	return all[0]
}

// release: held, listed, shown, released, delivered once; a release once more does nothing.
func (q *quarantine) release(t *testing.T) {
	l := letter{key: "giu-1", subject: "Bao cao", fields: "X-Giu: 1\r\nCongthu-Verdict: cua ke gian\r\n"}
	m := l.mail()
	q.give(t, inside, m)
	q.notYet(t, l.key)
	h := q.held(t)
	if h.State != "held" || h.From != m.From || !slices.Equal(h.To, m.To) || !slices.Equal(h.Why, []string{"custom:giu [10.2]"}) || h.Direction != "internal" || h.Persons != 1 {
		t.Errorf("the list says %+v", h)
	}
	if out, _ := q.do(t, 0, "quarantine", "show", h.ID); !strings.Contains(out, m.From) || strings.Contains(out, l.subject) || strings.Contains(out, "Kinh gui") {
		t.Errorf("without an identity the message is shown as\n%s", out)
	}
	if out, _ := q.as(t, 0, "lan", "quarantine", "show", h.ID); !strings.Contains(out, "subject    "+l.subject+"\n") || !strings.Contains(out, "  | Kinh gui cac don vi,\n") {
		t.Errorf("with an identity the message is shown as\n%s", out)
	}
	copied := filepath.Join(q.folder, "giu-1.eml")
	q.as(t, 0, "lan", "quarantine", "export", "--output", copied, h.ID)
	b, err := os.ReadFile(copied)
	must(t, err)
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != h.SHA256 || !bytes.HasSuffix(b, m.Bytes) {
		t.Errorf("exported were %d octets that are not the message", len(b))
	}
	out, _ := q.as(t, 0, "lan", "quarantine", "release", "--reason", "Thu hop le", h.ID)
	if !strings.HasPrefix(out, h.ID+": released (250 ") {
		t.Errorf("the release says %s", out)
	}
	m.Bytes = bytes.Replace(m.Bytes, []byte("Congthu-Verdict: cua ke gian\r\n"), nil, 1)
	d := q.once(t, l.key, m)
	if f := peer.Field(d.Bytes, "Congthu-Release"); f != "" {
		t.Errorf("the field of the release was delivered: %s", f)
	}
	_, said := q.as(t, 2, "minh", "quarantine", "release", "--reason", "Lan nua", h.ID)
	if !strings.Contains(said, "nothing was done") {
		t.Errorf("a release once more says %s", said)
	}
	q.once(t, l.key, m)
	want := []string{"lan@" + ours + " view", "lan@" + ours + " export", "lan@" + ours + " release", "lan@" + ours + " release"}
	if got := q.acts(t, h.ID); !slices.Equal(got, want) {
		t.Errorf("on record are %q, want %q", got, want)
	}
	if left := q.list(t, "state=released"); len(left) != 1 || left[0].ID != h.ID {
		t.Errorf("released are %v", left)
	}
}

// stranger sends what was released before, with the field that names the release: it is held like any other.
func (q *quarantine) stranger(t *testing.T) {
	released := q.list(t, "state=released")[0]
	l := letter{key: "giu-1", subject: "Bao cao", fields: "X-Giu: 1\r\n"}
	m := l.mail()
	m.Bytes = append([]byte("Congthu-Release: "+released.ID+"\r\n"), m.Bytes...)
	q.give(t, outside, m)
	h := q.held(t)
	if n := len(q.sink.ByKey(l.key)); n != 1 {
		t.Fatalf("a stranger's copy of a released message passed: %d deliveries", n)
	}
	q.as(t, 0, "minh", "quarantine", "delete", "--reason", "Gia mao", h.ID)
}

// twoPersons: the release of some mail needs two officers.
func (q *quarantine) twoPersons(t *testing.T) {
	l := letter{key: "hai-1", subject: "Hai nguoi", fields: "X-Hai: 1\r\n"}
	q.give(t, inside, l.mail())
	h := q.held(t)
	if h.Persons != 2 {
		t.Errorf("the list says %+v", h)
	}
	for range 2 { // the same officer twice is one officer
		out, _ := q.as(t, 1, "lan", "quarantine", "release", "--reason", "Da xem", h.ID)
		if !strings.Contains(out, "another officer must release it too") {
			t.Errorf("the first approval says %s", out)
		}
	}
	q.notYet(t, l.key)
	q.as(t, 0, "minh", "quarantine", "release", "--reason", "Da xem", h.ID)
	q.once(t, l.key, l.mail())
}

// again: a sender that did not hear the 250 sends again. That is one hold.
func (q *quarantine) again(t *testing.T) {
	// The server before the gate adds a Received field to what it shows the gate, so that the copies differ where it
	// does not leave that to the end: only what is the same message is one hold.
	l := letter{key: "lai-1", subject: "Gui lai", fields: "X-Giu: 1\r\n"}
	for range 3 {
		q.give(t, inside, l.mail())
	}
	all := q.list(t)
	sums := map[string]bool{}
	for _, h := range all {
		if sums[h.SHA256] {
			t.Errorf("the same message is held twice: %v", all)
		}
		sums[h.SHA256] = true
	}
	if q.name == "milter" && len(all) != 1 { // the milter sees the message without that field
		t.Errorf("three times the same message are %d holds", len(all))
	}
	for _, h := range all {
		q.as(t, 0, "lan", "quarantine", "delete", "--reason", "Trung", h.ID)
	}
	q.notYet(t, l.key)
}

// deleted: what was deleted is gone, with who and why.
func (q *quarantine) deleted(t *testing.T) {
	l := letter{key: "xoa-1", subject: "Xoa di", fields: "X-Giu: 1\r\n"}
	q.give(t, inside, l.mail())
	h := q.held(t)
	q.as(t, 0, "lan", "quarantine", "delete", "--reason", "Thu rac", h.ID)
	if out, _ := q.do(t, 0, "quarantine", "show", h.ID); !strings.Contains(out, "decided    by lan@"+ours+": Thu rac\n") {
		t.Errorf("a deleted message is shown as\n%s", out)
	}
	q.as(t, 2, "lan", "quarantine", "show", h.ID)
	q.as(t, 2, "lan", "quarantine", "release", "--reason", "Hoi han", h.ID)
	q.as(t, 2, "lan", "quarantine", "delete", "--reason", "Nua", h.ID)
	q.notYet(t, l.key)
}

// inbound: what a stranger sent is held and released too, with the null reverse-path as well.
func (q *quarantine) inbound(t *testing.T) {
	l := letter{key: "den-1", from: "a@khach.example", subject: "Tu ngoai", fields: "X-Giu: 1\r\n"}
	m := l.mail()
	m.From = ""
	q.give(t, outside, m)
	h := q.held(t)
	if h.Direction != "inbound" || h.From != "" {
		t.Errorf("the list says %+v", h)
	}
	q.as(t, 0, "minh", "quarantine", "release", "--reason", "Thu hop le", h.ID)
	q.once(t, l.key, m)
}

// whole: the evidence is, and the gate needed no restart.
func (q *quarantine) whole(t *testing.T) {
	out := q.office.whole(t)
	if !strings.HasPrefix(out, "the chain is whole: ") {
		t.Error(out)
	}
}

// TestReleaseWithoutGate releases through a server that no gate stands before: the message arrives, and its field
// that names the release tells nobody anything.
func TestReleaseWithoutGate(t *testing.T) {
	t.Parallel()
	s := newStand(t, proxyFilter, "")
	o := newOffice(t, s.gate, s.mx.Listens[1], "", "lan")
	l := letter{key: "khong-cong", subject: "Bao cao", fields: "X-Giu: 1\r\n"}
	if a := s.send(t, inside, l.mail()); !a.Last().OK() {
		t.Fatal(a.Last())
	}
	s.notDelivered(t, l.key)
	h := o.held(t)
	// While that server refuses, the message stays held and nobody is told that it went out.
	must(t, s.gate.Stop())
	s.gate.Config = strings.Replace(s.gate.Config, "release: \""+s.mx.Listens[1], "release: \"127.0.0.1:1", 1)
	must(t, s.gate.Start())
	_, said := o.as(t, 2, "lan", "quarantine", "release", "--reason", "Thu hop le", h.ID)
	if !strings.Contains(said, "reaching the server for released mail") {
		t.Errorf("the release says %s", said)
	}
	if now := o.held(t); now.State != "held" {
		t.Errorf("after a release that failed the message is %s", now.State)
	}
	must(t, s.gate.Stop())
	s.gate.Config = strings.Replace(s.gate.Config, "release: \"127.0.0.1:1", "release: \""+s.mx.Listens[1], 1)
	must(t, s.gate.Start())
	o.as(t, 0, "lan", "quarantine", "release", "--reason", "Thu hop le", h.ID)
	d := s.delivered(t, l.key)
	if !bytes.HasSuffix(d.Bytes, l.bytes()) {
		t.Errorf("the message was changed: %s", difference(d.Bytes[max(0, len(d.Bytes)-len(l.bytes())):], l.bytes()))
	}
}

// TestNoOfficer: without an officer nobody could open a held message, so the sender keeps it.
func TestNoOfficer(t *testing.T) {
	t.Parallel()
	s := newStand(t, milterTCP, "")
	o := newOffice(t, s.gate, s.addr, "")
	l := letter{key: "khong-can-bo", subject: "Bao cao", fields: "X-Giu: 1\r\n"}
	if got := s.send(t, inside, l.mail()).Last(); got.Code != 451 || !strings.Contains(got.String(), "4.7.1 [10.2]") {
		t.Errorf("without an officer: %s", got)
	}
	o.do(t, 0, "officer", "add", "lan@"+ours, "--name", "Lan", "--new-key", o.identity("lan"))
	o.ready(t)
	if got := s.send(t, inside, l.mail()).Last(); !got.OK() {
		t.Errorf("with an officer: %s", got)
	}
	h := o.held(t)
	// A new officer opens what is held already when one who can gives access, and not before.
	o.do(t, 0, "officer", "add", "minh@"+ours, "--name", "Minh", "--new-key", o.identity("minh"))
	if _, said := o.as(t, 2, "minh", "quarantine", "show", h.ID); !strings.Contains(said, "congthu officer grant") {
		t.Errorf("without access: %s", said)
	}
	o.as(t, 0, "lan", "officer", "grant", "minh@"+ours)
	o.as(t, 0, "minh", "quarantine", "show", h.ID)
	// Nobody is removed who alone can open something; a removed officer opens nothing.
	o.do(t, 0, "officer", "remove", "lan@"+ours)
	if _, said := o.as(t, 2, "lan", "quarantine", "show", h.ID); !strings.Contains(said, "the identity is no officer's") {
		t.Errorf("a removed officer: %s", said)
	}
	if _, said := o.do(t, 2, "officer", "remove", "minh@"+ours); !strings.Contains(said, "--orphan") {
		t.Errorf("the last officer: %s", said)
	}
}
