package console_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"congthu/filter/evidence"
	"congthu/store"
)

const passphrase = "một cụm mật khẩu dài"

// officer is a browser of an officer whose identity the gate keeps.
func (b *bench) officer() *browser {
	b.t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		b.t.Fatal(err)
	}
	wrapped := lightlyWrapped(b.t, identity)
	o, err := b.store.AddOfficer(b.t.Context(), store.Officer{Address: "ha@monre.gov.vn", Name: "Nguyễn Thị Hà", Recipient: identity.Recipient().String()}, wrapped)
	if err != nil {
		b.t.Fatal(err)
	}
	w := b.as(store.Reviewer)
	all, err := b.store.Users(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	u := all[len(all)-1]
	u.Officer = o.Address
	if err := b.store.ChangeUser(b.t.Context(), u); err != nil {
		b.t.Fatal(err)
	}
	return w
}

// lightlyWrapped is store.WrapIdentity with little work: the real one takes seconds under the race detector.
func lightlyWrapped(t *testing.T, identity *age.X25519Identity) []byte {
	t.Helper()
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	to.SetWorkFactor(8)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, identity.String()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// held puts a message into the quarantine.
func (b *bench) held(id, mail string, marking bool) {
	b.t.Helper()
	_, err := b.store.Hold(b.t.Context(), store.Hold{ID: id, Time: b.Now(), Expires: b.Now().Add(30 * 24 * time.Hour), Door: "relay", Direction: "outbound",
		ReversePath: "an@monre.gov.vn", Recipients: []string{"citizen@example.com"}, Rules: []store.Rule{{Name: "content", Clause: "10.2"}}, Marking: marking, Subject: "Kế hoạch"},
		strings.NewReader(mail))
	if err != nil {
		b.t.Fatal(err)
	}
}

const mail = "From: an@monre.gov.vn\r\nSubject: =?utf-8?q?K=E1=BA=BF_ho=E1=BA=A1ch?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nXin gửi <b>kế hoạch</b>\r\n" +
	"--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQ=\r\n--b--\r\n"

func TestReviewOfHeldMail(t *testing.T) {
	b := newBench(t)
	w := b.officer()
	b.held("01HOLD", mail, false)
	if got := w.get("/held"); !strings.Contains(got.text, "01HOLD") || strings.Contains(got.text, "Kế hoạch") {
		t.Fatalf("the list: %d\n%s", got.status, got.text)
	}
	if got := w.post("/held/01HOLD/view", url.Values{}); got.status != http.StatusBadRequest {
		t.Errorf("looking at it while locked: %d, want 400", got.status)
	}
	if got := w.post("/held/unlock", url.Values{"passphrase": {"another long one"}}); got.status != http.StatusBadRequest {
		t.Errorf("a wrong passphrase: %d, want 400", got.status)
	}
	if got := w.post("/held/unlock", url.Values{"passphrase": {passphrase}, "next": {"/held/01HOLD"}}); got.status != http.StatusSeeOther || got.header.Get("Location") != "/held/01HOLD?done=done.unlocked" {
		t.Fatalf("unlocking: %d %q\n%s", got.status, got.header.Get("Location"), got.text)
	}
	got := w.post("/held/01HOLD/view", url.Values{})
	if got.status != http.StatusOK || !strings.Contains(got.text, "Xin gửi &lt;b&gt;kế hoạch&lt;/b&gt;") || !strings.Contains(got.text, "a.pdf") {
		t.Errorf("the content: %d\n%s", got.status, got.text)
	}
	if views := b.did(evidence.View); len(views) != 1 || views[0].Object != "01HOLD" || views[0].Who != "ha@monre.gov.vn" {
		t.Errorf("on record: %v", views)
	}
	part := w.post("/held/01HOLD/part", url.Values{"part": {"2"}})
	if part.text != "%PDF-1.4" || part.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(part.header.Get("Content-Disposition"), "attachment; filename=congthu-01HOLD-2.unsafe") {
		t.Errorf("the part: %d %v %q", part.status, part.header, part.text)
	}
	if got := w.post("/held", url.Values{"id": {"01HOLD"}, "do": {"delete"}, "reason": {""}}); got.status != http.StatusBadRequest {
		t.Errorf("deleting without a reason: %d, want 400", got.status)
	}
	if got := w.post("/held", url.Values{"id": {"01HOLD"}, "do": {"delete"}, "reason": {"trùng"}}); got.status != http.StatusSeeOther {
		t.Errorf("deleting: %d\n%s", got.status, got.text)
	}
	if h, err := b.store.Show(t.Context(), "01HOLD"); err != nil || h.State != store.StateDeleted || h.DecidedBy != "ha@monre.gov.vn" {
		t.Errorf("then it is %+v, %v", h, err)
	}
}

func TestUnlockingEnds(t *testing.T) {
	b := newBench(t)
	w := b.officer()
	b.held("01HOLD", mail, false)
	w.post("/held/unlock", url.Values{"passphrase": {passphrase}})
	b.wait(16 * time.Minute)
	if got := w.post("/held/01HOLD/view", url.Values{}); got.status != http.StatusBadRequest {
		t.Errorf("a quarter of an hour later: %d, want 400", got.status)
	}
}

func TestMarkedMailIsNeverShown(t *testing.T) {
	b := newBench(t)
	w := b.officer()
	b.held("01MARK", mail, true)
	w.post("/held/unlock", url.Values{"passphrase": {passphrase}})
	for _, path := range []string{"/held/01MARK/view", "/held/01MARK/part"} {
		if got := w.post(path, url.Values{"part": {"1"}}); got.status != http.StatusBadRequest || strings.Contains(got.text, "kế hoạch") {
			t.Errorf("%s: %d\n%s", path, got.status, got.text)
		}
	}
	if len(b.did(evidence.View))+len(b.did(evidence.ExportContent)) != 0 {
		t.Error("it was opened")
	}
}

func TestOthersCannotDecide(t *testing.T) {
	b := newBench(t)
	b.officer()
	b.held("01HOLD", mail, false)
	for _, role := range []store.Role{store.Administrator, store.Auditor} {
		w := b.as(role)
		for _, path := range []string{"/held", "/held/unlock", "/held/01HOLD/view", "/held/01HOLD/part", "/messages/01HOLD/judge"} {
			if got := w.post(path, url.Values{"id": {"01HOLD"}, "do": {"release"}, "reason": {"x"}, "passphrase": {passphrase}}); got.status != http.StatusForbidden {
				t.Errorf("%s as %s: %d, want 403", path, role, got.status)
			}
		}
	}
	if got := len(b.did(evidence.Denied)); got != 10 {
		t.Errorf("%d refusals on record, want 10", got)
	}
}
