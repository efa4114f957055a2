package notice

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"congthu/filter"
)

// folder writes files into a new folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// An administrator who gets a template wrong is told file, line and field.
func TestBrokenTemplates(t *testing.T) {
	const subject = `{{define "subject"}}S{{end}}`
	for _, tc := range []struct {
		name, file, text string
		want             []string
		is               error
	}{
		{"field", "held-sender.txt", subject + "\nKính gửi\n{{.Subject}}\n", []string{"held-sender.txt:3:", "Subject"}, nil},
		{"field in HTML", "officer-half.html", "<p>\n{{range .Items}}{{.FileName}}{{end}}</p>", []string{"officer-half.html:2:", "FileName"}, nil},
		{"field of the shared file", "common.txt", "{{define \"items.vi\"}}\n\n{{.Nothing}}{{end}}", []string{"common.txt:3:", "Nothing"}, nil},
		{"syntax", "held-sender.txt", subject + "\n{{if}}", []string{"held-sender.txt:2:", "missing value for if"}, nil},
		{"never closed", "held-recipient.html", "<p>\n{{range .Items}}", []string{"held-recipient.html:2:", "unexpected EOF"}, nil},
		{"function", "held-sender.txt", subject + "\n\n{{exec `ls`}}", []string{"held-sender.txt:3:", `"exec" not defined`}, nil},
		{"no subject", "held-sender.txt", "Kính gửi", []string{"subject", "held-sender.txt"}, nil},
		{"empty subject", "held-sender.txt", `{{define "subject"}} {{end}}Kính gửi`, []string{"held-sender.txt"}, ErrEmptySubject},
		{"no text", "held-sender.html", " \n", []string{"held-sender.html"}, ErrEmptyRendered},
		{"HTML context", "held-sender.html", "<p>\n<a href=\"{{if .To}}\">{{end}}", []string{"held-sender.html:2:"}, nil},
		{"one message only", "officer-waiting.txt", subject + "\n{{(index .Items 1).ID}}", []string{"officer-waiting.txt:2:", "index"}, nil},
		{"no such notice", "held-senders.txt", "x", []string{"held-senders.txt"}, ErrTemplateName},
		{"not UTF-8", "held-sender.txt", "Kính gửi\nK\xednh g\xfei", []string{"held-sender.txt:2:"}, ErrTemplateUTF8},
		{"too big", "held-sender.txt", strings.Repeat("a", MaxTemplate+1), []string{"held-sender.txt"}, ErrTemplateSize},
		{"makes too much", "held-sender.txt", subject + "\n{{range 100000}}Kính gửi ông/bà{{end}}", []string{"held-sender.txt: "}, ErrRenderedSize},
		{"calls itself", "held-sender.txt", subject + "\n{{define \"a\"}}x{{template \"a\"}}{{end}}{{template \"a\"}}", []string{"exceeded maximum template depth"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := folder(t, map[string]string{tc.file: tc.text})
			_, err := LoadTemplates(dir, nil, Words{})
			if err == nil {
				t.Fatal("loaded")
			}
			for _, want := range append(tc.want, dir) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%v is not %v", err, tc.is)
			}
		})
	}
	if _, err := LoadTemplates(filepath.Join(t.TempDir(), "none"), nil, Words{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestOwnTemplates(t *testing.T) {
	dir := folder(t, map[string]string{
		"held-sender.txt": "\ufeff{{define \"subject\"}}Thư\r\nbị\tgiữ {{(index .Items 0).ID}}{{end}}Thưa ông/bà {{.To}}\r\n{{template \"items.vi\" .}}",
		"README":          "{{ not a template",
		"held-sender.bak": "{{ nor this",
	})
	if err := os.Mkdir(filepath.Join(dir, "old.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	all, err := LoadTemplates(dir, time.UTC, Words{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := all.Render(samples(HeldSender)[0])
	if err != nil || r.Failed != nil {
		t.Fatal(err, r.Failed)
	}
	if r.Subject != "Thư bị giữ 01JDEXAMPLE000000000000000" || !strings.HasPrefix(r.Text, "Thưa ông/bà nvan@monre.gov.vn\n") {
		t.Errorf("subject %q, text %q", r.Subject, r.Text)
	}
	if !strings.Contains(r.Text, "02:15 ngày 24/11/2026") || !strings.Contains(r.HTML, "Kính gửi") {
		t.Error("the zone, and the built-in HTML beside the administrator's text")
	}
	if r, _ := all.Render(samples(HeldRecipient)[0]); !strings.Contains(r.Text, "Kính gửi") {
		t.Error("the other notices are the built-in ones")
	}
}

// A template that fails only with some message must not keep the notice from its reader.
func TestTemplateFailsAtRunTime(t *testing.T) {
	const fails = `{{define "subject"}}S{{end}}OWN{{range .Items}}{{if eq .Unit "vu-khac"}}{{index .Recipients 99}}{{end}}{{end}}`
	all, err := LoadTemplates(folder(t, map[string]string{"held-sender.txt": fails}), nil, Words{})
	if err != nil {
		t.Fatal(err)
	}
	n := samples(HeldSender)[0]
	if r, err := all.Render(n); err != nil || r.Failed != nil || r.Text != "OWN" {
		t.Fatalf("%q %v %v", r.Text, r.Failed, err)
	}
	n.Items[0].Unit = "vu-khac"
	r, err := all.Render(n)
	if err != nil || r.Failed == nil || !strings.Contains(r.Failed.Error(), "held-sender.txt:1:") || !strings.Contains(r.Text, "Kính gửi") {
		t.Errorf("text %.40q, failed %v, error %v", r.Text, r.Failed, err)
	}
	if _, err := all.Render(Notice{Kind: "nonsense"}); !errors.Is(err, ErrTemplateName) {
		t.Errorf("a kind that there is not: %v", err)
	}
}

func TestSubjectLimit(t *testing.T) {
	dir := folder(t, map[string]string{"held-sender.txt": `{{define "subject"}}` + strings.Repeat("ữ", MaxSubject+1) + `{{end}}x`})
	all, err := LoadTemplates(dir, nil, Words{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := all.Render(samples(HeldSender)[0])
	if want := strings.Repeat("ữ", MaxSubject-1) + "…"; err != nil || r.Failed != nil || r.Subject != want {
		t.Error(r.Subject, r.Failed, err)
	}
	h, _ := read(t, compose(t, all, samples(HeldSender)[0]))
	if s, err := h.Subject(); err != nil || s != r.Subject {
		t.Errorf("%q %v", s, err)
	}
}

// What comes from outside can be no link, no line and no markup.
func TestOutsideText(t *testing.T) {
	n := samples(HeldRecipient)[0]
	n.Items[0].Sender = "<script>alert(1)</script>\r\nhttps://evil.example/\u202e@x"
	n.Items[0].Rules = []Reason{{Rule: "custom:<b>\r\n", Clause: "<i>.3\n, 4"}}
	n.Items[0].Unit, n.Items[0].ID = "a\nb", "x\r\ny"
	_, parts := read(t, compose(t, builtinTemplates(t), n))
	for kind, text := range parts {
		for _, bad := range []string{"<script", "https://", "\u202e", "<i>", "<b>\r", "\r"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s contains %q", kind, bad)
			}
		}
		if !strings.Contains(text, "?script?alert?1??/script???https?//evil.example/?@x") {
			t.Errorf("%s does not show the sender", kind)
		}
	}
}

func TestLongList(t *testing.T) {
	n := samples(OfficerWaiting)[2]
	n.Items = append(n.Items, n.Items[0]) // beyond MaxItems, as a queue of another version might have it
	n.Items[0].Recipients = nil
	for range 2 * MaxShown {
		n.Items[0].Recipients = append(n.Items[0].Recipients, "a@monre.gov.vn")
	}
	r, err := builtinTemplates(t).Render(n)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(r.Text, "Mã thư: "); got != MaxItems || !strings.Contains(r.Text, "… và 4 thư khác.") ||
		!strings.HasPrefix(r.Subject, "104 thư tạm giữ") || !strings.Contains(r.Text, "và 10 địa chỉ khác") {
		t.Errorf("%d messages listed, subject %q", got, r.Subject)
	}
}

func TestVisible(t *testing.T) {
	for _, tc := range []struct {
		in    string
		limit int
		want  string
	}{
		{"nvan@monre.gov.vn", MaxAddress, "nvan@monre.gov.vn"},
		{"Nguyễn.Văn@thư.vn", MaxAddress, "Nguyễn.Văn@thư.vn"},
		{"a b\r\nc\x00d\te", MaxAddress, "a?b??c?d?e"},
		{"a\u202eb\u200bc\ufeffd", MaxAddress, "a?b?c?d"},
		{"http://x.vn", MaxAddress, "http?//x.vn"},
		{"\xff\xfe@x", MaxAddress, "??@x"},
		{"x@😀", MaxAddress, "x@?"},
		{"ăăă", 5, "ăă"},
		{"abc", 0, ""},
	} {
		if got := Visible(tc.in, tc.limit); got != tc.want {
			t.Errorf("Visible(%q, %d) = %q, want %q", tc.in, tc.limit, got, tc.want)
		}
	}
}

// The catalogue's words are not written a second time in the templates.
func TestAdviceIsTheCatalogues(t *testing.T) {
	n := samples(HeldSender)[0]
	n.Items[0].Rules = []Reason{{Rule: "subject", Text: filter.TextSubjectPrefix}, {Rule: "subject", Text: filter.TextSubjectPrefix}, {Rule: "attachment-size"}}
	r, err := builtinTemplates(t).Render(n)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []filter.TextKey{filter.TextSubjectPrefix, filter.TextAttachmentSize} {
		text, _ := filter.TextOf(k)
		if strings.Count(r.Text, text.Vietnamese) != 1 || strings.Count(r.Text, text.English) != 1 {
			t.Errorf("%s is not there once", k)
		}
	}
}

// Only senders get the link to where they confirm, only with a console, and whatever stands in the queue for an id leads
// nowhere else.
func TestLinkToConfirm(t *testing.T) {
	const at = "https://congthu.monre.gov.vn"
	for _, k := range Kinds() {
		for _, console := range []string{"", at} {
			all, err := LoadTemplates("", nil, Words{Console: console})
			if err != nil {
				t.Fatal(err)
			}
			r, err := all.Render(samples(k)[0])
			if err != nil {
				t.Fatal(err)
			}
			link := at + "/sent/01JDEXAMPLE000000000000000"
			want := k == HeldSender && console != ""
			if got := strings.Contains(r.Text, link+"\n"); got != want {
				t.Errorf("%s with console %q: a link in the text: %v", k, console, got)
			}
			if got := strings.Contains(r.HTML, `<a href="`+link+`">`); got != want {
				t.Errorf("%s with console %q: a link in the HTML: %v", k, console, got)
			}
			if !want && strings.Contains(r.Text+r.HTML, "/sent") {
				t.Errorf("%s with console %q leads to somewhere", k, console)
			}
		}
	}
	all, err := LoadTemplates("", nil, Words{Console: at})
	if err != nil {
		t.Fatal(err)
	}
	n := samples(HeldSender)[1]
	n.Items[0].ID = "../x?a=\"><script>#/ @evil.example"
	r, err := all.Render(n)
	if err != nil || strings.Contains(r.HTML, "<script") || !strings.Contains(r.Text, at+"/sent/..%2Fx%3Fa=%22%3F%3Fscript%3F%23%2F%3F@evil.example\n") {
		t.Errorf("%v\n%s", err, r.Text)
	}
}
