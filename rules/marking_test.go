package rules_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules"
	"congthu/rules/marking"
)

// marked is what the rule marking finds in a mail, in its own words.
func marked(t testing.TB, c rules.Config, mail string) []filter.Finding {
	t.Helper()
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	found, err := markingRule(t, c).Check(context.Background(), &filter.Transaction{Message: m, Direction: filter.Outbound})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func markingRule(t testing.TB, c rules.Config) filter.Rule {
	t.Helper()
	for _, r := range rules.All(c) {
		if r.Name == filter.RuleMarking {
			return r
		}
	}
	t.Fatal("there is no rule marking")
	return filter.Rule{}
}

func describe(found []filter.Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s %s %s %s %.2f %s", f.Part, f.Level, f.Mode, f.Disposition, f.Score, f.Detail))
	}
	return strings.Join(out, "; ")
}

func leaf(mediaType, text string) string {
	return "Subject: Gui\r\nContent-Type: " + mediaType + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(text))
}

func utf16(t testing.TB, s string) string {
	t.Helper()
	out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Where a marking may be: each way a mail carries text.
func TestMarkingPlaces(t *testing.T) {
	c := config(t)
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, test := range []struct{ name, mail, want string }{
		{"subject", "Subject: =?utf-8?b?" + b64("[MẬT] họp") + "?=\r\n\r\nthư", " MAT  unset 0.90 tag"},
		{"second subject", "Subject: thu\r\nSubject: =?utf-8?b?" + b64("[MẬT] họp") + "?=\r\n\r\nthư", " MAT  unset 0.90 tag"},
		{"plain text", leaf("text/plain; charset=utf-8", "Kính gửi\nTỐI MẬT\nthư"), "1 TOI_MAT  unset 0.90 own-cell"},
		{"HTML paragraph", leaf("text/html; charset=utf-8", "<p>Kính gửi</p><p><b>TỐI</b> <i>MẬT</i></p><p>thư</p>"), "1 TOI_MAT  unset 0.90 own-cell"},
		{"HTML entities", leaf("text/html", "<p>Kinh gui</p><div>M&#7852;T</div><p>thu</p>"), "1 MAT  unset 0.90 own-cell"},
		{"HTML in pieces", leaf("text/html; charset=utf-8", "<p>thư</p><p><span>M</span><span>Ậ</span><!-- x --><span>T</span></p>"), "1 MAT  unset 0.90 own-cell"},
		{"HTML table", leaf("text/html; charset=utf-8", "<table><tr><th>Số<th>Độ mật<tr><td>1<td>Tối mật</table>"), "1 TOI_MAT  unset 0.99 field"},
		{"HTML alternative text", leaf("text/html; charset=utf-8", `<p>thư</p><img alt="TUYỆT MẬT" src="x">`), "1 TUYET_MAT  unset 0.90 own-cell"},
		{"HTML hidden", leaf("text/html; charset=utf-8", `<p>thư</p><p style="display:none">MẬT</p>`), "1 MAT  unset 0.90 own-cell"},
		{"HTML noscript", leaf("text/html; charset=utf-8", `<p>thư</p><noscript><p>MẬT</p></noscript>`), "1 MAT  unset 0.90 own-cell"},
		{"HTML style is no text", leaf("text/html; charset=utf-8", "<style>\nMẬT\n</style><script>\nMẬT\n</script><!--\nMẬT\n--><p>thư</p>"), ""},
		{"HTML by content", leaf("application/octet-stream", "<html><body><p>thư</p><p>MẬT</p></body></html>"), "1 MAT  unset 0.90 own-cell"},
		{"UTF-16", leaf("text/plain", utf16(t, "Kính gửi\nMẬT\n")), "1 MAT  unset 0.90 own-cell"},
		{"text by content", leaf("application/octet-stream", "Kính gửi\nMẬT\n"), "1 MAT  unset 0.90 own-cell"},
		{"binary is no text", leaf("application/octet-stream", "\x00\x01Kính gửi\nMẬT\n"), ""},
		{"file name", "Subject: thu\r\nContent-Type: application/pdf; name=\"TOI MAT.pdf\"\r\n\r\nx", "1 TOI_MAT  unset 0.90 file-name"},
		{"description", "Subject: thu\r\nContent-Type: application/pdf\r\nContent-Description: =?utf-8?b?" + b64("MẬT: sơ đồ") + "?=\r\n\r\nx", "1 MAT  unset 0.90 tag"},
		{"label", "Subject: thu\r\nSIO-Label: marking=\"Mat\"\r\n\r\nthu", " MAT  unset 0.95 label"},
		{"below what is enforced", "Subject: thu\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nEm gửi kèm tờ trình mật cho anh.", "1 MAT monitor unset 0.65 prose"},
		{"counted only", "Subject: thu\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nAnh chị ơi\r\nMật\r\n", "1 MAT monitor tag 0.40 own-cell"},
		{"foreign", "Subject: TOP SECRET: track\r\n\r\nthu", " OTHER monitor hold 0.80 foreign"},
		{"nothing", "Subject: Mat khau\r\n\r\nMat khau moi.", ""},
	} {
		if got := describe(marked(t, c, test.mail)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// The surest part comes first and carries what all parts say together.
func TestMarkingOfSeveralParts(t *testing.T) {
	part := func(text string) string { return "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text + "\r\n" }
	mail := "Subject: thu\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + part("thư\r\nMẬT") + "--b\r\n" + part("thư\r\nĐộ mật: Mật") +
		"--b\r\n" + part("Gửi anh công văn tuyệt mật số 7") + "--b--\r\n"
	if got, want := describe(marked(t, config(t), mail)), "2 TUYET_MAT  unset 0.99 field; 1 MAT  unset 0.90 own-cell; 3 TUYET_MAT monitor unset 0.80 noun"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	many := "Subject: thu\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n"+part("thư\r\nMẬT"), 25) + "--b--\r\n"
	found := marked(t, config(t), many)
	if len(found) != 21 || found[20].Detail != "5 more" || found[20].Mode != filter.Monitor {
		t.Errorf("%d findings, the last %+v", len(found), found[len(found)-1])
	}
}

// The administrator may act on what is less sure.
func TestMarkingEnforcedFrom(t *testing.T) {
	c := config(t)
	c.MarkingEnforced = 0.50
	mail := "Subject: thu\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nEm gửi kèm tờ trình mật cho anh."
	if got, want := describe(marked(t, c, mail)), "1 MAT  unset 0.65 prose"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := describe(marked(t, c, "Subject: TOP SECRET: track\r\n\r\nthu")), " OTHER  hold 0.80 foreign"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A long text is read in windows: a marking is found wherever it stands, across their borders too.
func TestMarkingInLongTexts(t *testing.T) {
	c := config(t)
	line := "Kính gửi các đơn vị, đề nghị báo cáo số liệu.\n"
	for _, before := range []int{0, marking.MaxText - 7, marking.MaxText - 2, marking.MaxText + 3, 2*marking.MaxText - marking.Overlap - 3, 5 * marking.MaxText} {
		text := strings.Repeat(line, before/len(line)) + strings.Repeat("x", before%len(line)) + "\nTỐI MẬT\n" + strings.Repeat(line, 20)
		if got, want := describe(marked(t, c, leaf("text/plain; charset=utf-8", "thư\n"+text))), "1 TOI_MAT  unset 0.90 own-cell"; got != want {
			t.Errorf("after %d octets: %q, want %q", before, got, want)
		}
	}
	words := strings.Repeat("không có dòng mới ", 3*marking.MaxText/len("không có dòng mới "))
	if got, want := describe(marked(t, c, leaf("text/plain; charset=utf-8", words+"\nMẬT\n"))), "1 MAT  unset 0.90 own-cell"; got != want {
		t.Errorf("behind a line without end: %q", got)
	}
}

// Judging that has no time left is an error, not a verdict (invariant 2).
func TestMarkingOutOfTime(t *testing.T) {
	mail := leaf("text/plain", "thu")
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := markingRule(t, config(t)).Check(ctx, &filter.Transaction{Message: m}); err == nil {
		t.Error("judged although the time was over")
	}
}

// Nothing of a marked mail is in its findings (invariant 5).
func TestMarkingHoldsNoContent(t *testing.T) {
	const secret = "KhongDuocGhiLai"
	mail := "Subject: [MAT] " + secret + "\r\nmsip_labels: MSIP_Label_" + secret + "_Name=Mat " + secret + "\r\nContent-Type: application/octet-stream; name=\"[MAT] " + secret + ".txt\"\r\n\r\nMAT\r\n" + secret
	found := marked(t, config(t), mail)
	if len(found) == 0 || strings.Contains(fmt.Sprintf("%+v", found), secret) {
		t.Errorf("%+v", found)
	}
	if slices.ContainsFunc(found, func(f filter.Finding) bool { return f.Level == "" }) {
		t.Errorf("a finding without a level: %+v", found)
	}
}

// Where so much looks like a marking that not all of it is looked at, the mail does not pass for clean: it is held in
// the rule's mode, unless what was looked at is marked anyway.
func TestTooMany(t *testing.T) {
	many := strings.Repeat("mật, mật. Mật! ", 200_000)
	files := config(t)
	in, err := rules.NewInspector(files, extract.Options{CacheSize: 10})
	if err != nil {
		t.Fatal(err)
	}
	files.Inspector = in
	for name, tc := range map[string]struct{ mail, want string }{
		"stamp below": {leaf("text/plain; charset=utf-8", many+"\n\nTUYỆT MẬT\n"), "1 OTHER  hold 0.50 too many"},
		"nothing":     {leaf("text/plain; charset=utf-8", many), "1 OTHER  hold 0.50 too many"},
		"again":       {leaf("text/plain; charset=utf-8", many), "1 OTHER  hold 0.50 too many"},
		"stamp above": {leaf("text/plain; charset=utf-8", "TUYỆT MẬT\n\n"+many), "1 TUYET_MAT  unset 0.90 own-cell"},
		"subject":     {"Subject: " + strings.Repeat("mật, ", 100) + "\r\n\r\nx", " OTHER  hold 0.50 too many"},
	} {
		if got := describe(marked(t, files, tc.mail)); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// The rule ends with the message's time, and then it has not judged.
func TestMarkingStopsInTime(t *testing.T) {
	const mail = "Subject: MẬT\r\n\r\nx"
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := markingRule(t, config(t)).Check(ctx, &filter.Transaction{Message: m}); err == nil {
		t.Errorf("found %v and no error", found)
	}
}
