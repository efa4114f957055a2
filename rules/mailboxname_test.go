package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/rules"
)

func TestMailboxName(t *testing.T) {
	c := config(t)
	c.MailboxExempt = []string{"Ban.Tin"}
	for _, tc := range []struct{ display, local, want string }{
		// Every address that the naming rule allows to somebody.
		{"Nguyễn Văn An", "nvan", ""},
		{"Trần Thị Hồng Hà", "tthha", ""},
		{"Đỗ Đình Đức", "ddduc", ""},
		{"Lê Hà", "lha", ""},
		{"H'Hen Niê", "hnie", ""},
		{"Nguyễn Thị Minh Khai", "ntmkhai", ""},
		{"Nguyễn Thị Minh Khai", "nkhai", ""},
		{"Nguyễn Văn An", "nvan_cntt", ""},
		{"Nguyễn Văn An", "nvan2", ""},
		{"Nguyễn Văn An", "nvan_cntt2", ""},
		{"", "cntt", ""},
		{"Cục Công nghệ thông tin", "cntt", ""},
		{"", "ttcshtcntt_cntt", ""},
		// What may be a unit's, whoever writes from it.
		{"Nguyễn Văn An", "cntt", ""},
		{"Văn thư Bộ", "vanthubo", ""},
		{"Hỗ trợ kỹ thuật", "hotrokythuat", ""},
		{"Dang uy Bo", "danguybo", ""},
		{"Nguyễn Văn An (CNTT)", "nguyenvanan", ""},
		{"", "nguyenvanan", ""},
		{"Lê Hà", "leha", ""},
		// What standards and software give.
		{"", "postmaster", ""}, {"", "Support", ""}, {"", "no-reply", ""}, {"", "MAILER-DAEMON", ""}, {"", "ban.tin", ""},
		{"", "nvan+viec", ""},
		// What is right for nobody.
		{"", "NVAn", "shape: upper case"},
		{"", "an.nguyen", "shape: dot"},
		{"", "An.Nguyen", "shape: dot"},
		{"", "phong-ban", "shape: hyphen"},
		{"", "an'x", "shape: other character"},
		{"", "ủyban", "shape: letters beyond ASCII"},
		{"", "1cua", "shape: begins with a digit"},
		{"", "a_b_c", "shape: more than one _"},
		{"", "_cntt", "shape: nothing before or after _"},
		{"", "cntt_", "shape: nothing before or after _"},
		{"Nguyễn Văn An", "nguyenvanan", "shape: no hodemten"},
		{"Nguyen Van An", "nguyenvanan2", "shape: no hodemten"},
		{"Nguyễn Văn An", "annv", "shape: no hodemten"},
		{"Đặng Thị Thùy Trâm", "tramdangthithuy_cntt", "shape: no hodemten"},
	} {
		from := fmt.Sprintf("From: %q <%s@monre.gov.vn>\n", tc.display, tc.local)
		var got []string
		for _, f := range check(t, c, rules.NameMailboxName, transaction(t, filter.Outbound, tc.local+"@monre.gov.vn", "a@b.example", from)) {
			got = append(got, f.Detail)
			if f.Mode != filter.Monitor || f.Disposition != filter.Accept {
				t.Errorf("%s: acted on: %+v", tc.local, f)
			}
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%q <%s@>: got %q, want %q", tc.display, tc.local, got, tc.want)
		}
	}
}

// Only senders of ours are looked at, and no reverse-path that was made for one message or one list.
func TestMailboxNameOfWhom(t *testing.T) {
	for _, tc := range []struct {
		d            filter.Direction
		from, fields string
		want         int
	}{
		{filter.Outbound, "a.b@monre.gov.vn", "From: <a.b@monre.gov.vn>, <C@mae.gov.vn>\n", 2},
		{filter.Internal, "a.b@monre.gov.vn", "From: <c@monre.gov.vn>\n", 1},
		{filter.Inbound, "a.b@monre.gov.vn", "From: <a.b@monre.gov.vn>\n", 0},
		{filter.Outbound, "a.b@example.com", "From: <a.b@example.com>\nSender: <a.b@monre.gov.vn>\n", 0},
		{filter.Outbound, "", "From: <nvan@monre.gov.vn>\n", 0},
		{filter.Outbound, "prvs=123-x.y=nvan@monre.gov.vn", "", 0},
		{filter.Outbound, "SRS0=a.b=c=d=e@monre.gov.vn", "", 0},
		{filter.Outbound, "ban.tin-bounces+x=b.example@monre.gov.vn", "", 0},
		{filter.Outbound, "owner-tin@monre.gov.vn", "", 0},
		{filter.Outbound, "tin-request@monre.gov.vn", "", 0},
		{filter.Outbound, "", "From: <@monre.gov.vn>, <>\n", 0},
	} {
		found := check(t, config(t), rules.NameMailboxName, transaction(t, tc.d, tc.from, "a@b.example", tc.fields))
		if len(found) != tc.want {
			t.Errorf("%s <%s> %q: %+v", tc.d, tc.from, tc.fields, found)
		}
	}
}
