package notice

import (
	"bytes"
	"flag"
	stdhtml "html"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	gomail "github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"

	_ "github.com/emersion/go-message/charset"
)

var update = flag.Bool("update", false, "write the notices of testdata anew")

// read takes a notice apart with another reader than the one that wrote it.
func read(t testing.TB, msg []byte) (h gomail.Header, parts map[string]string) {
	t.Helper()
	r, err := gomail.CreateReader(bytes.NewReader(msg))
	if err != nil {
		t.Fatal(err)
	}
	parts = map[string]string{}
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return r.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		parts[p.Header.Get("Content-Type")] = strings.ReplaceAll(string(b), "\r\n", "\n")
	}
}

func compose(t testing.TB, all *Templates, n Notice) []byte {
	t.Helper()
	r, err := all.Render(n)
	if err != nil || r.Failed != nil {
		t.Fatal(err, r.Failed)
	}
	msg, err := identity().Compose(n, r, all)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// Every kind of notice, as a mail program shows it, is a file in testdata for people to read.
func TestNotices(t *testing.T) {
	all := builtinTemplates(t)
	for _, k := range Kinds() {
		t.Run(string(k), func(t *testing.T) {
			msg := compose(t, all, samples(k)[0])
			h, parts := read(t, msg)
			subject, err := h.Subject()
			if err != nil {
				t.Fatal(err)
			}
			text, html := parts["text/plain; charset=utf-8"], parts["text/html; charset=utf-8"]
			got := "Subject: " + subject + "\n\n" + text + "\n=====\n\n" + html
			file := filepath.Join("testdata", "notices", string(k)+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
			for _, must := range []string{"Kính gửi", "Trân trọng", "Dear colleague", "01JDEXAMPLE000000000000000", "09:15 ngày 24/11/2026",
				"2026-11-24 09:15 +07:00", "khoản 3 Điều 9", "khoản 5 Điều 11, khoản 3 Điều 8", "clause 9.3", "custom:phong-ban", "Bộ Tài nguyên và Môi trường"} {
				if !strings.Contains(text, must) || !strings.Contains(stdhtml.UnescapeString(html), must) {
					t.Errorf("%q is not in text and HTML", must)
				}
			}
			if strings.Contains(got, "<no value>") || strings.Contains(got, "{{") || strings.Contains(got, "\n\n\n") || !utf8.ValidString(got) {
				t.Errorf("the text is not fit to be sent:\n%s", got)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	all := builtinTemplates(t)
	n := samples(HeldSender)[0]
	msg := compose(t, all, n)
	h, _ := read(t, msg)
	for name, want := range map[string]string{
		"To": "<nvan@monre.gov.vn>", "Date": "Tue, 24 Nov 2026 09:15:00 +0700", "Auto-Submitted": "auto-generated",
		"X-Auto-Response-Suppress": "All", "Mime-Version": "1.0", "Content-Language": "vi, en",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	from, err := h.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != "Cổng thư điện tử" || from[0].Address != "congthu@monre.gov.vn" {
		t.Errorf("From: %v %v", from, err)
	}
	if subject, _ := h.Subject(); !strings.HasPrefix(subject, "Thư của ông/bà đang được tạm giữ tại cổng thư / ") {
		t.Errorf("Subject: %q", subject)
	}
	if id := h.Get("Message-Id"); !strings.HasSuffix(id, "@monre.gov.vn>") || !identity().Own(id) {
		t.Errorf("Message-ID: %q", id)
	}
	for line := range strings.SplitSeq(string(msg), "\r\n") {
		if len(line) > 78 && !strings.HasPrefix(line, "Message-ID: ") || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' }) {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
	if !bytes.Equal(msg, compose(t, all, n)) {
		t.Error("the same notice twice is two messages")
	}
}

func TestOwn(t *testing.T) {
	w, other := identity(), identity()
	other.Secret = []byte("another secret of any sort")
	id := w.messageID("01JDEXAMPLE000000000000000")
	for _, tc := range []struct {
		id   string
		want bool
	}{
		{id, true},
		{" " + id + "\r\n", true},
		{strings.Replace(id, "monre.gov.vn", "relay.example", 1), true}, // rewritten on the way
		{strings.Replace(id, "01JD", "01JE", 1), false},
		{other.messageID("01JDEXAMPLE000000000000000"), false},
		{"<congthu-notice.01JDEXAMPLE000000000000000@monre.gov.vn>", false},
		{"<congthu-notice.." + w.mark("") + "@x>", true}, // nobody else can make the mark
		{"<congthu-notice.01JDEXAMPLE000000000000000.@x>", false},
		{"", false}, {"<", false}, {"<congthu-notice." + strings.Repeat("a", 1<<20) + ">", false},
	} {
		if got := w.Own(tc.id); got != tc.want {
			t.Errorf("Own(%.80q) = %v", tc.id, got)
		}
	}
}

func TestIdentityCheck(t *testing.T) {
	short, outside, comma := identity(), identity(), identity()
	short.Secret = short.Secret[:15]
	outside.From.Address = "congthu"
	comma.From.Address = "a@b.vn>\r\nBcc: <c@d.vn"
	if identity().Check() != nil || short.Check() == nil || outside.Check() == nil || comma.Check() == nil {
		t.Error("a secret of 16 octets and an address are needed")
	}
}

func TestSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notice.secret")
	a, err := LoadSecret(path)
	if err != nil || len(a) != 32 {
		t.Fatal(len(a), err)
	}
	b, err := LoadSecret(path)
	if err != nil || !bytes.Equal(a, b) {
		t.Fatal("the secret changed", err)
	}
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
		t.Error(i.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Error("something else was left beside the secret")
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSecret(path); err == nil {
		t.Error("a short secret was taken")
	}
}

func TestASCIIMailbox(t *testing.T) {
	for s, want := range map[string]bool{
		"nvan@monre.gov.vn": true, "n.van+a/b=c@monre.gov.vn": true,
		"": false, "@monre.gov.vn": false, "nvan@": false, ".a@b.vn": false, "a.@b.vn": false, "a..b@c.vn": false, `"a b"@c.vn`: false,
		"văn@c.vn": false, "a@b@c.vn": false, "a@b.vn\r\nDATA": false, "a,b@c.vn": false, "a@[10.0.0.1]": false, "a b@c.vn": false,
		strings.Repeat("a", MaxAddress-4) + "@b.v": true, strings.Repeat("a", MaxAddress-3) + "@b.v": false,
	} {
		if got := asciiMailbox(s); got != want {
			t.Errorf("asciiMailbox(%.60q) = %v", s, got)
		}
	}
}
