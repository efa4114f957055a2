package rules_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules"
)

// transaction is a mail with these fields, from and to addresses with blanks between them.
func transaction(t *testing.T, d filter.Direction, from, to, fields string) *filter.Transaction {
	t.Helper()
	mail := strings.ReplaceAll(fields, "\n", "\r\n") + "Subject: So lieu\r\n\r\nKinh gui.\r\n"
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	tx := &filter.Transaction{ID: "X", Message: m, ReversePath: filter.ParsePath(from, ""), Direction: d}
	for r := range strings.FieldsSeq(to) {
		tx.Recipients = append(tx.Recipients, filter.ParsePath(r, ""))
	}
	return tx
}

// check runs one rule.
func check(t *testing.T, c rules.Config, name string, tx *filter.Transaction) []filter.Finding {
	t.Helper()
	for _, r := range rules.All(c) {
		if r.Name != name {
			continue
		}
		found, err := r.Check(context.Background(), tx)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	t.Fatalf("no rule %q", name)
	return nil
}

// freeMail runs the rule over a mail with these fields and gives its findings as text.
func freeMail(t *testing.T, c rules.Config, d filter.Direction, from, to, fields string) string {
	t.Helper()
	tx := transaction(t, d, from, to, fields)
	var out []string
	for _, f := range check(t, c, rules.NameFreeMail, tx) {
		s := f.Detail
		if f.Mode == filter.Monitor {
			s = fmt.Sprintf("(%s %s)", f.Detail, f.Disposition)
		}
		if f.Part != "" || f.Text == "" {
			t.Errorf("finding %+v", f)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestFreeMail(t *testing.T) {
	const us = "nvan@monre.gov.vn"
	for _, tc := range []struct {
		d                      filter.Direction
		from, to, fields, want string
	}{
		{filter.Outbound, us, "a@b.example", "From: <nvan@monre.gov.vn>\n", ""},
		{filter.Outbound, us, "a@b.example", "From: <nvan@gmail.com>\n", "from"},
		{filter.Outbound, us, "a@b.example", "From: =?utf-8?B?w4Fu?= <nvan@GMail.COM.>\n", "from"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>, <b@yahoo.com.vn>\n", "from"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nFrom: <b@yahoo.com.vn>\n", "from"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nSender: <b@gmail.com>\nReply-To: <c@gmail.com>\n", "sender reply-to"},
		{filter.Outbound, "x@gmail.com", "a@b.example", "From: <a@monre.gov.vn>\n", "reverse-path"},
		{filter.Outbound, us, "a@gmail.com b@yahoo.com", "From: <a@monre.gov.vn>\n", "(recipients 1 2 of 2 accept)"},
		{filter.Internal, us, "b@mae.gov.vn", "From: <a@monre.gov.vn>\nReply-To: <a@gmail.com>\n", "reply-to"},
		{filter.Inbound, "x@gmail.com", us, "From: <x@gmail.com>\nReply-To: <y@yahoo.com>\n", "(correspondent accept)"},
		{filter.Inbound, "x@b.example", us, "From: <x@b.example>\nReply-To: <y@yahoo.com>\n", ""},
		{filter.Outbound, "", "a@b.example", "From: <>\nReply-To:\nSender: undisclosed\n", ""},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@mail.yahoo.com.vn>\n", "reply-to"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@notgmail.com>\n", ""},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@gmail.com.b.example>\n", ""},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@hus.vnu.edu.vn>, <b@laocai.gov.vn>\n", ""},
		// Other fields that programs answer to.
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nMail-Reply-To: <a@gmail.com>\n", "mail-reply-to"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nMail-Followup-To: <a@monre.gov.vn>, <dan@gmail.com>\n", "(mail-followup-to accept)"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nResent-Reply-To: <a@gmail.com>\nResent-From: <a@gmail.com>\nResent-Sender: <a@gmail.com>\n",
			"(resent-from accept) (resent-sender accept) (resent-reply-to accept)"},
		{filter.Inbound, "x@b.example", us, "From: <x@b.example>\nMail-Reply-To: <y@gmail.com>\nMail-Followup-To: <y@gmail.com>\n", ""},
		// What programs make an address of.
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: nv@=?utf-8?q?gmail.com?=\n", "reply-to"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: nv@gmail.com?subject=x\n", "reply-to"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: nv@gmail.com/x\n", "reply-to"},
		// What a server leaves of an address that it cuts.
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: \"" + strings.Repeat("x", 240) + "\" <nv@gmail.com.monre.gov.vn>\n", "reply-to"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: \"" + strings.Repeat("x", 100) + "\" <nv@gmail.com.monre.gov.vn>\n", ""},
		// The administrator's lists.
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@mail.thu-rieng.vn>\n", "reply-to"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@vnn.vn>, <b@fpt.vn>\n", ""},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@hn.vnn.vn>\n", "reply-to"},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@truong.edu.vn>\n", ""},
		{filter.Outbound, us, "a@b.example", "From: <a@monre.gov.vn>\nReply-To: <a@thư.vn>\n", "reply-to"},
		{filter.Outbound, us, "a@b.example", "From: <a@dwrm.gmail.com>\n", ""}, // ours
	} {
		c := config(t)
		c.FreeMailAdd = []string{"Thu-Rieng.vn.", "hn.vnn.vn", "truong.edu.vn", "thư.vn"}
		c.FreeMailExcept = []string{"vnn.vn", "FPT.vn"}
		ours := c.Ours
		c.Ours = func(d string) bool { return ours(d) || d == "dwrm.gmail.com" }
		if got := freeMail(t, c, tc.d, tc.from, tc.to, tc.fields); got != tc.want {
			t.Errorf("%s from <%s> to %s\n%sgot  %q\nwant %q", tc.d, tc.from, tc.to, tc.fields, got, tc.want)
		}
	}
}

// Without a pack only the administrator's domains are free-mail.
func TestFreeMailWithoutPack(t *testing.T) {
	c := rules.Config{FreeMailAdd: []string{"thu.example"}}
	if got := freeMail(t, c, filter.Outbound, "a@thu.example", "", "From: <a@thu.example>\nReply-To: <a@gmail.com>\n"); got != "from reverse-path" {
		t.Errorf("got %q", got)
	}
}
