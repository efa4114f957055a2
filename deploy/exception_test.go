package deploy

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// TestException: what was refused for its attachment passes once an officer has made an exception of that very
// attachment, on record and counted, and is refused again after the exception's date.
func TestException(t *testing.T) {
	t.Parallel()
	s := newStand(t, milterTCP, "")
	o := newOffice(t, s.gate, s.addr, "", "lan")
	send := func(key, fields string, seed uint64) peer.Answers {
		t.Helper()
		mime, body := attachment(seed, 3000)
		return s.send(t, inside, letter{key: key, subject: "Tep kem", fields: fields + mime, body: body}.mail())
	}
	refused := send("ngoai-le-1", "X-Cam: 1\r\n", 1).Last()
	if refused.Code != 550 || !strings.Contains(refused.String(), "[10.1]") {
		t.Fatalf("answered %s", refused)
	}
	hash := o.partHash(t, transactionID(refused), "custom:cam")
	until := time.Now().Add(time.Hour)
	out, _ := o.as(t, 0, "lan", "exception", "add", "--rule", "custom:cam", "--part-hash", strings.ToUpper(hash), "--reason", "Da giai mat", "--until", until.Format(time.RFC3339))
	id, _, _ := strings.Cut(out, ":")
	o.excepted(t, id, "in force", 0)
	must(t, peer.Wait(patience, "the exception to be seen", func() bool { return send("ngoai-le-2", "X-Cam: 1\r\n", 1).Last().OK() }))
	s.delivered(t, "ngoai-le-2")
	if again := send("ngoai-le-3", "X-Cam: 1\r\n", 2).Last(); again.Code != 550 {
		t.Errorf("another attachment under the same rule: %s", again)
	}
	uses := 0
	for _, r := range o.records(t) {
		if r.Verdict == nil {
			continue
		}
		for _, f := range r.Verdict.Findings {
			if f.Exception != id {
				continue
			}
			if uses++; r.Verdict.Disposition != "accept" {
				t.Errorf("with an exception: %s", r.Verdict.Disposition)
			}
		}
	}
	if uses == 0 {
		t.Error("the evidence does not name the exception")
	}
	o.excepted(t, id, "in force", uses)
	o.as(t, 0, "lan", "exception", "end", id)
	must(t, peer.Wait(patience, "the end of the exception to be seen", func() bool { return send("ngoai-le-4", "X-Cam: 1\r\n", 1).Last().Code == 550 }))

	// One that nobody ends, ends by itself.
	until = time.Now().Add(3 * time.Second)
	out, _ = o.as(t, 0, "lan", "exception", "add", "--rule", "custom:cam", "--part-hash", hash, "--reason", "Mot lan", "--until", until.Format(time.RFC3339Nano))
	id, _, _ = strings.Cut(out, ":")
	time.Sleep(time.Until(until.Add(10 * time.Millisecond)))
	if last := send("ngoai-le-5", "X-Cam: 1\r\n", 1).Last(); last.Code != 550 {
		t.Errorf("after its date: %s", last)
	}
	if out, _ := o.do(t, 0, "exception", "list"); !strings.Contains(out, id) || !strings.Contains(out, "over") || !strings.Contains(out, "ended") {
		t.Errorf("the list says\n%s", out)
	}
	o.whole(t)
}

// partHash is the hash of the part for which a message was refused, as the evidence has it.
func (o *office) partHash(t *testing.T, id, rule string) string {
	t.Helper()
	for _, r := range o.records(t) {
		if r.Verdict == nil || r.Verdict.ID != id {
			continue
		}
		for _, f := range r.Verdict.Findings {
			if f.Rule == rule && len(f.PartSHA256) == 64 {
				return f.PartSHA256
			}
		}
	}
	t.Fatalf("the evidence has no hash of a part of %s", id)
	return ""
}

// excepted checks the state and the uses of an exception in the list.
func (o *office) excepted(t *testing.T, id, state string, uses int) {
	t.Helper()
	out, _ := o.do(t, 0, "exception", "list")
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); f[0] == id {
			if !strings.Contains(line, "  "+state+"  ") || f[6] != strconv.Itoa(uses) {
				t.Errorf("want %s and %d uses: %s", state, uses, line)
			}
			return
		}
	}
	t.Errorf("no %s in\n%s", id, out)
}

// TestMarkingException: a marked file is refused and not kept; once an officer has looked at the paper and made an
// exception of it, the sender sends it again and it passes, in that file only.
func TestMarkingException(t *testing.T) {
	t.Parallel()
	s := newStand(t, proxyFilter, "")
	o := newOffice(t, s.gate, s.mx.Listens[1], "", "lan")
	send := func(key, subject, text string) peer.Reply {
		t.Helper()
		return s.send(t, inside, letter{key: key, subject: subject, fields: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_ranh\"\r\n",
			body: "--=_ranh\r\nContent-Type: text/plain\r\n\r\nXin gui tep kem.\r\n--=_ranh\r\nContent-Type: text/plain; charset=utf-8; name=\"van-ban.txt\"\r\n" +
				"Content-Disposition: attachment; filename=\"van-ban.txt\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text + "\r\n--=_ranh--\r\n"}.mail()).Last()
	}
	const paper = "BỘ TÀI NGUYÊN VÀ MÔI TRƯỜNG\r\n\r\nTUYỆT MẬT\r\n\r\nSố liệu đã công bố.\r\n"
	refused := send("van-ban-1", "Van ban", paper)
	if refused.Code != 550 || !strings.Contains(refused.String(), "[10.1]") {
		t.Fatalf("answered %s", refused)
	}
	if all := o.list(t, "state=undecided"); len(all) != 0 {
		t.Errorf("marked mail is kept: %v", all)
	}
	hash := o.partHash(t, transactionID(refused), "marking")
	o.as(t, 0, "lan", "exception", "add", "--rule", "marking", "--part-hash", hash, "--reason", "Da giai mat", "--until", "7d")
	must(t, peer.Wait(patience, "the exception to be seen", func() bool { return send("van-ban-2", "Van ban", paper).OK() }))
	s.delivered(t, "van-ban-2")
	if again := send("van-ban-3", "Van ban", paper+"Thêm một dòng.\r\n"); again.Code != 550 {
		t.Errorf("another file: %s", again)
	}
	if again := send("van-ban-4", "[TUYET MAT] Van ban", paper); again.Code != 550 {
		t.Errorf("the same file under a marked subject: %s", again)
	}
}
