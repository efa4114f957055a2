package rules_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/rules"
	"congthu/rules/impersonation"
)

const officialsList = `name,addresses,unit
Nguyễn Văn Hùng,,Cục Công nghệ thông tin
Trần Hồng Hà,ha.rieng@outlook.com,Văn phòng Bộ
Đặng Quốc Khánh,dqkhanh@cabinet.example,Lãnh đạo Bộ
Lê Hà,,Vụ Pháp chế
Nguyễn Thị Phương Hoa,,Vụ Hợp tác quốc tế
Đỗ Đức Duy,,
Trần Quý Kiên,,
Nguyễn Minh Anh,,Vụ Tổ chức cán bộ
H'Hen Niê Hương,,
`

// impersonationConfig knows officials, names and domains; nothing else of it matters here.
func impersonationConfig(t testing.TB) rules.Config {
	t.Helper()
	c := config(t)
	list, err := impersonation.Parse("officials.csv", []byte(officialsList))
	if err != nil {
		t.Fatal(err)
	}
	c.Impersonation, err = impersonation.New(impersonation.Config{Domains: []string{"monre.gov.vn", "mae.gov.vn"}, Officials: list,
		Names:  []string{"Bộ Tài nguyên và Môi trường", "Bộ Nông nghiệp và Môi trường", "MONRE", "Ministry of Natural Resources and Environment"},
		Exempt: []string{"nv.hung@gmail.com", "survey.example", "monre.sharepoint.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func b64(s string) string { return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }

type impersonationCase struct{ fields, want string }

// pretended are senders that pretend, with what is found; every one asks for what the policy says.
func pretended() []impersonationCase {
	var out []impersonationCase
	add := func(want string, fields ...string) {
		for _, f := range fields {
			out = append(out, impersonationCase{f, want})
		}
	}
	const free = "official's name, free-mail"
	for _, name := range []string{"Nguyễn Văn Hùng", "Nguyen Van Hung", "NGUYỄN VĂN HÙNG", "nguyen van hung", "Hung Nguyen Van", "Hung Van Nguyen",
		"Van Hung Nguyen", "Hùng Nguyễn Văn", "Nguyễn Van Hùng", "PGS.TS. Nguyễn Văn Hùng", "TS Nguyễn Văn Hùng", "Ông Nguyễn Văn Hùng",
		"Đ/c Nguyễn Văn Hùng", "Mr. Nguyen Van Hung", "[Nguyễn Văn Hùng]", "Nguyễn Văn Hùng (Mobile)", "Nguyễn Văn Hùng 2", "NguyenVanHung",
		"Nguyen.Van.Hung", "Nguyen-Van-Hung", "N g u y e n V a n H u n g", "Giám đốc Nguyễn Văn Hùng", "Nguyễn Văn Hùng, ThS",
		"Nguyê\u0303n Va\u0306n Hu\u0300ng", "Đặng Quốc Khánh", "Dang Quoc Khanh", "Nguyễn Thị Phương Hoa", "Phuong Hoa Nguyen Thi",
		"Trần Quí Kiên", "H’Hen Niê Hương", "Đỗ Đức Duy", "Do Duc Duy"} {
		add(free, "From: "+b64(name)+" <x8@gmail.com>\n")
	}
	add(free,
		"From: \"Nguyen, Van Hung\" <a@yahoo.com.vn>\n",
		"From: \"'Nguyen Van Hung'\" <a@yahoo.com>\n",
		"From: \"\\\"Nguyen Van Hung\\\"\" <a@yahoo.com>\n",
		"From: \""+b64("Nguyễn Văn Hùng")+"\" <a@gmail.com>\n",
		"From: =?utf-8?Q?Nguy=E1=BB=85n_V=C4=83n?=\n =?utf-8?Q?_H=C3=B9ng?= <a@gmail.com>\n",
		"From: Nguyễn Văn Hùng <a@gmail.com>\n",
		"From: a@gmail.com (Nguyen Van Hung)\n",
		"From: x@good.example\nSender: Nguyen Van Hung <a@gmail.com>\n",
		"From: x@good.example\nFrom: Nguyen Van Hung <a@gmail.com>\n",
		"From: x@good.example, Nguyen Van Hung <a@gmail.com>\n",
		"From: x@good.example\nReply-To: Nguyen Van Hung <a@gmail.com>\n")

	const forged = "official's name, disguised"
	for _, name := range []string{"Nguyễn Vаn Hùng", "Νguyen Van Ηung", "Nguyễn Văn H\u200bùng", "Nguyen V\u00adan Hung", "Nguyen Van Hun\u2060g", "Nguyễn Vãn Hùng",
		"Nguyën Vān Hüng", "Nguy3n Van Hung", "Tran H0ng Ha", "Đỗ Đức Duy\u0308", "Dаng Quoc Khаnh", "Le Hа"} {
		add(forged, "From: "+b64(name)+" <a@firm.example>\n")
	}

	const claim = "official's name, our organisation"
	for _, name := range []string{"Nguyễn Văn Hùng - Bộ Tài nguyên và Môi trường", "Nguyen Van Hung (MONRE)", "Bộ trưởng Trần Hồng Hà, Bộ TÀI NGUYÊN và môi trường",
		"Nguyễn Văn Hùng - Cục Công nghệ thông tin", "Le Ha | MONRE", "Lê Hà - Vụ Pháp chế", "MAE - Le Ha", "Hung Nguyen (MONRE)", "Hung Nguyen, Ministry of Natural Resources and Environment"} {
		add(claim, "From: "+b64(name)+" <a@firm.example>\n", "From: "+b64(name)+" <a@gmail.com>\n")
	}
	const office = "official's name, office of state"
	for _, name := range []string{"Bộ trưởng Đặng Quốc Khánh", "BỘ TRƯỞNG ĐẶNG QUỐC KHÁNH", "Bo truong Dang Quoc Khanh", "(Bộ trưởng) Đặng Quốc Khánh", "Đặng Quốc Khánh - Bộ trưởng",
		"Minister Dang Quoc Khanh", "Thứ trưởng Lê Hà", "Cục trưởng - TS. Nguyễn Văn Hùng"} {
		add(office, "From: "+b64(name)+" <a@firm.example>\n")
	}
	add("official's name, answers elsewhere", "From: Nguyen Van Hung <a@firm.example>\nReply-To: <b@gmail.com>\n")
	add("organisation's name, free-mail", "From: "+b64("Bộ Tài nguyên và Môi trường")+" <a@gmail.com>\n", "From: MONRE <monre2026@gmail.com>\n")
	add("our address in the name", "From: \"nvhung@monre.gov.vn\" <a@firm.example>\n", "From: \"Van thu <vanthu@mae.gov.vn>\" <a@firm.example>\n",
		"From: \"monre.gov.vn\" <a@firm.example>\n", "From: "+b64("vanthu@mоnre.gov.vn")+" <a@firm.example>\n",
		"From: \"vanthu @ monre . gov . vn\" <a@firm.example>\n", "From: "+b64("van\u200bthu＠monre.gov.vn")+" <a@firm.example>\n")
	add("our domain before the @", "From: monre.gov.vn@firm.example\n", "From: \"vanthu@monre.gov.vn\"@firm.example\n")
	add("answers elsewhere", "From: vanthu@monre.gov.vn\nReply-To: vanthu@firm.example\n", "From: vanthu@monre.gov.vn\nReply-To: a@mae.gov.vn, b@firm.example\n",
		"From: vanthu@monre.gov.vn\nReply-To: a@firm.example\nTo: a@firm.example\n", // no list
		"From: vanthu@monre.gov.vn\nReply-To: a@firm.example\nList-Id: <x.example>\n")
	like := map[impersonation.Likeness]string{
		impersonation.Letters:  "rnonre.gov.vn m0nre.gov.vn mоnre.gov.vn mail.rnonre.gov.vn xn--mnre-55d.gov.vn mönre.gov.vn rnae.gov.vn",
		impersonation.Inside:   "monre.gov.vn.evil.example mail.monre.gov.vn.evil.example monre-gov-vn.com monre-gov.vn monre.gov-vn.com monregov.vn monregovvn.com mae-gov.vn mae.gov.vn.top maegov.com gov-monre.com monre.gov.com mail-monre.gov.vn monregovvn.onmicrosoft.com m0nre-gov.vn chinhphu.gov.vn.evil.example monre.gov.vm",
		impersonation.Spelling: "monrre.gov.vn monr.gov.vn mnore.gov.vn monte.gov.vn monrea.gov.vn omnre.gov.vn monree.com.vn mornre.gov.vn",
		impersonation.Our:      "monre.vn monre.com.vn monre.com monre-mail.com login-monre.example monre.evil.example monremail.com webmail.monrevn.net m0nre.com",
	}
	for l, domains := range like {
		for d := range strings.FieldsSeq(domains) {
			add("look-alike domain: "+string(l), "From: vanthu@"+d+"\n", "From: a@firm.example\nReply-To: vanthu@"+d+"\n")
		}
	}
	return out
}

// innocent are senders that pretend nothing, with what is only counted of them.
func innocent() []impersonationCase {
	var out []impersonationCase
	add := func(want string, fields ...string) {
		for _, f := range fields {
			out = append(out, impersonationCase{f, want})
		}
	}
	// Namesakes at addresses of their own.
	for _, name := range []string{"Nguyễn Văn Hùng", "Nguyen Van Hung", "Hung Van Nguyen", "PGS.TS. Nguyễn Văn Hùng", "Giám đốc Nguyễn Văn Hùng", "Nguyễn Văn Hùng - Phòng Kinh doanh",
		"Nguyễn Văn Hùng (Công ty Minh Phú)", "Trần Hồng Hà", "Le Ha", "Lê Hà"} {
		want := "official's name"
		if strings.Contains(name, "Phòng Kinh doanh") || strings.Contains(name, "Công ty") {
			want = "official's name" // the part beside it says where he is
		}
		add(want, "From: "+b64(name)+" <a@firm.example>\n")
	}
	add("official's name", "From: "+b64("Lê Hà")+" <leha@gmail.com>\n", "From: "+b64("Cục trưởng Nguyễn Văn Hùng")+" <nvhung@mof.gov.vn>\n",
		"From: "+b64("Lê Hà - Vụ Pháp chế")+" <lha@moj.gov.vn>\n", "From: "+b64("Nguyễn Văn Hùng (qua Google Docs)")+" <drive-shares@google.com>\n",
		"From: \"'Nguyen Van Hung' via Thao luan\" <list@lists.example>\n", "From: Nguyen Van Hung <a@firm.example>\nReply-To: b@firm.example\n")
	add("organisation's name", "From: MONRE <info@monre.gov.la>\n")
	add("", "From: MONRE Laos <info@monre.gov.la>\n", "From: "+b64("Thông tin Bộ Tài nguyên và Môi trường Lào")+" <info@news.example>\n")
	// Other people, whose names are near.
	for _, name := range []string{"Nguyễn Văn Hưng", "Nguyễn Văn Hừng", "Nguyễn Văn Hung", "Trần Hồng Hạ", "Trần Hồng Hải", "Lê Trần Hồng Hà", "Đặng Quốc Khanh", "Nguyễn Anh Minh", "Nguyễn Minh Ánh",
		"Nguyễn Văn Hùng Anh", "Phan Nguyễn Văn Hùng", "Nguyễn Thị Phương", "Phương Hoa", "Hùng Nguyễn", "An Nguyen", "Nguyễn Hùng", "Hung Nguyen", "Đỗ Đức", "Trần Kiên", "Khánh Đặng Thị Quốc",
		"Đỗ Đức Duyên", "Lê Thị Hà", "Hà Lê Na", "Нгуен Ван Хунг", "Maria Hung", "Mae West", "Minister", "Bộ trưởng", "Cục Công nghệ thông tin", "Văn phòng Bộ", "Phòng Hành chính", "Hùng", "", "阮文雄", "🙂",
		"Công ty Văn Hùng", "Nguyễn Văn Hùng và cộng sự", "info"} {
		add("", "From: "+b64(name)+" <a8@gmail.com>\n")
	}
	// Theirs, ours and what is excepted.
	add("", "From: "+b64("Trần Hồng Hà")+" <HA.rieng@Outlook.com>\n", "From: Nguyen Van Hung <nv.hung@gmail.com>\n", "From: Dang Quoc Khanh <dqkhanh@cabinet.example>\n",
		"From: Nguyen Van Hung <nvhung@monre.gov.vn>\n", "From: Nguyen Van Hung <nvhung@vpb.monre.gov.vn>\nReply-To: vanthu@mae.gov.vn\n", "From: \"MONRE\" <no-reply@survey.example>\nReply-To: a@mail.survey.example\n",
		"From: vanthu@monre.gov.vn\nReply-To: x@survey.example\n", "From: vanthu@monre.gov.vn\nReply-To: thaoluan@lists.example\nTo: thaoluan@lists.example\nList-Id: <thaoluan.lists.example>\n",
		"From: no-reply@monre.sharepoint.com\n", "From: van=monre.gov.vn@lists.example\n", "From: undisclosed:;\n", "From: Nguyen Van\n", "From:\n", "")
	// Domains that are others'.
	for d := range strings.FieldsSeq(`gmail.com monre.gov.la monre.gov.ws mae.ro mae.fr mae.com mae.vn fanniemae.com moore.com monte.com monroe.com moore.com.vn mof.gov.vn moit.gov.vn most.gov.vn
		mod.gov.vn mic.gov.vn moc.gov.vn moj.gov.vn molisa.gov.vn hanoi.gov.vn stnmt.hanoi.gov.vn monre.hanoi.gov.vn hunre.edu.vn hcmunre.edu.vn vea.gov.vn gdla.gov.vn dwrm.gov.vn nchmf.gov.vn imh.ac.vn
		environment.gov.au nature.org montre.com lemonre.com more.com.vn gov.uk vn.example chinhphu.vn baotainguyenmoitruong.vn xn--80ak6aa92e.com [192.0.2.1] localhost example.com vnpt.vn romae.com.vn`) {
		add("", "From: info@"+d+"\n")
	}
	return out
}

func impersonations(t *testing.T, c rules.Config, fields string) string {
	t.Helper()
	tx := transaction(t, filter.Inbound, "b@firm.example", "vanthu@monre.gov.vn", fields)
	var out []string
	for _, f := range check(t, c, rules.NameImpersonation, tx) {
		s := f.Detail
		if f.Mode == filter.Monitor && f.Disposition == filter.Accept {
			s = "(" + s + ")"
		} else if f.Disposition != filter.Unset || f.Mode != "" {
			t.Errorf("finding %+v", f)
		}
		if f.Text != filter.TextImpersonation || f.Part != "" {
			t.Errorf("finding %+v", f)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestImpersonation(t *testing.T) {
	c, cases := impersonationConfig(t), pretended()
	if len(cases) < 60 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, tc := range cases {
		if got := impersonations(t, c, tc.fields); got != tc.want {
			t.Errorf("%s%q, want %q", tc.fields, got, tc.want)
		}
	}
}

func TestImpersonationOfNobody(t *testing.T) {
	c, cases := impersonationConfig(t), innocent()
	if len(cases) < 60 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, tc := range cases {
		want := tc.want
		if want != "" {
			want = "(" + want + ")"
		}
		if got := impersonations(t, c, tc.fields); got != want {
			t.Errorf("%s%q, want %q", tc.fields, got, want)
		}
	}
}

// The rule looks at mail from outside only, and says nothing without a detector.
func TestImpersonationIsSilent(t *testing.T) {
	const fields = "From: Nguyen Van Hung <a@gmail.com>\n"
	c := impersonationConfig(t)
	for _, d := range []filter.Direction{filter.Outbound, filter.Internal} {
		if f := check(t, c, rules.NameImpersonation, transaction(t, d, "a@monre.gov.vn", "b@firm.example", fields)); len(f) > 0 {
			t.Errorf("%s: %+v", d, f)
		}
	}
	c.Impersonation = nil
	if got := impersonations(t, c, fields); got != "" {
		t.Error(got)
	}
}

// Each thing is said once, however many senders say it, and more senders than are looked at are said.
func TestImpersonationLimits(t *testing.T) {
	c := impersonationConfig(t)
	var from strings.Builder
	for i := range 250 {
		fmt.Fprintf(&from, "%s Nguyen Van Hung <a%d@gmail.com>", map[bool]string{true: "From:", false: ",\n"}[i == 0], i)
	}
	if got := impersonations(t, c, from.String()+"\n"); got != "more senders than are looked at official's name, free-mail" {
		t.Error(got)
	}
}

// Case 4 of free-mail: an official's name over a free-mail address is counted beside the correspondent.
func TestFreeMailOfOfficials(t *testing.T) {
	c := impersonationConfig(t)
	for fields, want := range map[string]string{
		"From: Nguyen Van Hung <a@gmail.com>\n":                                "(correspondent accept) (official accept)",
		"From: Le Ha <a@gmail.com>\n":                                          "(correspondent accept)",
		"From: Le Ha MONRE <a@gmail.com>\n":                                    "(correspondent accept) (official accept)",
		"From: " + b64("Thứ trưởng Lê Hà") + " <a@gmail.com>\n":                "(correspondent accept) (official accept)",
		"From: " + b64("Nguyễn Văn Hưng") + " <a@gmail.com>\n":                 "(correspondent accept)",
		"From: Nguyen Van Hung <nv.hung@gmail.com>\n":                          "(correspondent accept)",
		"From: Ha <ha.rieng@outlook.com>\n":                                    "(correspondent accept) (official accept)",
		"From: Nguyen Van Hung <a@firm.example>\n":                             "",
		"From: a@firm.example\nReply-To: Nguyen Van Hung <a@gmail.com>\n":      "",
		"From: x@firm.example, " + b64("Đỗ Đức Duy") + " <duy@yahoo.com.vn>\n": "(correspondent accept) (official accept)",
	} {
		if got := freeMail(t, c, filter.Inbound, "b@firm.example", "vanthu@monre.gov.vn", fields); got != want {
			t.Errorf("%s%q, want %q", fields, got, want)
		}
	}
}
