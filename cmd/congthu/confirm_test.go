package main

import (
	"io"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/store"
)

// The notice of a held message leads its sender to the page of that message, where an invited sender gets in.
func TestSenderIsLedToTheConsole(t *testing.T) {
	t.Parallel()
	r := remember(t, "notices: {submit: \"SINK\"}\nconsole: {url: \"https://congthu.monre.gov.vn/\"}")
	const id = "01KB7W0QJ5R3M9V2C8XZ4T6N1F"
	l := message.DefaultLimits()
	spool := message.NewSpool(l, nil)
	defer spool.Close()
	if _, err := io.WriteString(spool, "From: an@monre.gov.vn\r\nSubject: Noi dung rieng\r\n\r\nx\r\n"); err != nil {
		t.Fatal(err)
	}
	m, err := message.Read(spool, spool.Size(), l)
	if err != nil {
		t.Fatal(err)
	}
	tx := &filter.Transaction{ID: id, Received: r.clock.now(), Session: filter.Session{Door: "relay"}, Direction: filter.Outbound, Message: m, Content: spool,
		ReversePath: filter.ParsePath("An@monre.gov.vn", ""), Recipients: []filter.Path{filter.ParsePath("x@khac.example", "")}}
	v := filter.Verdict{ID: id, Direction: filter.Outbound, Disposition: filter.Hold, Held: true,
		Findings: []filter.Finding{{Rule: "uninspected", Clause: "10.1", Mode: filter.Enforce, Disposition: filter.Hold, Score: 1}}}
	if _, err := r.Keep(t.Context(), tx, v); err != nil {
		t.Fatal(err)
	}
	told := r.told(t, 1)
	if link := "https://congthu.monre.gov.vn/sent/" + id; strings.Count(told["an@monre.gov.vn"], link) != 6 || !strings.Contains(told["an@monre.gov.vn"], "đăng nhập và xác nhận") {
		t.Errorf("the sender was told, without %s in text and HTML, in both languages:\n%s", link, told["an@monre.gov.vn"])
	}
	h, err := r.store.Load().Show(t.Context(), id)
	if err != nil || !h.SentBy("an@monre.gov.vn") {
		t.Errorf("the sender is not known again: %+v, %v", h, err)
	}
	invite := func(args ...string) (code int, said string) {
		p, stdout, stderr := newProgram(t, "")
		code = p.run(append([]string{"console", "invite", "--config", r.conf, "--role", "sender"}, args...))
		return code, stdout.String() + stderr.String()
	}
	for _, args := range [][]string{nil, {"--address", "an@"}} {
		if code, said := invite(args...); code != exitUsage {
			t.Errorf("invite %q: exit %d, want %d: %s", args, code, exitUsage, said)
		}
	}
	code, said := invite("--address", "an@monre.gov.vn")
	secret, ok := strings.CutPrefix(strings.TrimSpace(said), "https://congthu.monre.gov.vn/setup#")
	if code != exitFine || !ok {
		t.Fatalf("exit %d: %s", code, said)
	}
	if got, err := r.store.Load().Invited(t.Context(), secret); err != nil || got != (store.Invitation{Role: store.Sender, Address: "an@monre.gov.vn"}) {
		t.Errorf("the invitation is %+v, %v", got, err)
	}
}
