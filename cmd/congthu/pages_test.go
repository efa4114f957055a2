package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/filter/policy"
	"congthu/rules"
)

// newLookingJudge judges mails as the gate does, workers included.
func newLookingJudge(t testing.TB) *filter.Judge {
	t.Helper()
	c, err := policy.Parse("pages.yml", []byte("organisation: {domains: [monre.gov.vn]}\n"), rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	look, err := newLooking(prometheus.NewRegistry(), slog.New(slog.DiscardHandler), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { look.close() })
	p, err := buildPolicy(c, nil, look)
	if err != nil {
		t.Fatal(err)
	}
	j, err := filter.NewJudge(p, 1, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func judged(t testing.TB, j *filter.Judge, mail []byte) filter.Verdict {
	t.Helper()
	m, err := message.Read(bytes.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return j.Judge(context.Background(), &filter.Transaction{ID: filter.NewID(time.Now()), Message: m, Session: filter.Session{Direction: filter.Outbound},
		ReversePath: filter.ParsePath("nvan@monre.gov.vn", ""), Recipients: []filter.Path{filter.ParsePath("vanthu@laocai.gov.vn", "")}})
}

// carrying is an ordinary letter with a file whose name says nothing.
func carrying(mediaType, name string, file []byte) []byte {
	var b bytes.Buffer
	boundary := fmt.Sprintf("=_p%d", len(file)) // a message inside has another
	b.WriteString("From: <nvan@monre.gov.vn>\r\nTo: <vanthu@laocai.gov.vn>\r\nSubject: Gui tai lieu hop\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n--" + boundary + "\r\nContent-Type: text/plain\r\n\r\nKinh gui anh chi.\r\n--" + boundary + "\r\n" +
		"Content-Type: " + mediaType + "; name=\"" + name + "\"\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\n")
	if mediaType == "message/rfc822" {
		b.WriteString("\r\n")
		b.Write(file)
	} else {
		b.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
		for s := base64.StdEncoding.EncodeToString(file); len(s) > 0; {
			n := min(76, len(s))
			b.WriteString(s[:n] + "\r\n")
			s = s[n:]
		}
	}
	b.WriteString("\r\n--" + boundary + "--\r\n")
	return b.Bytes()
}

// pageFiles are the documents of testdata/pages, by extension.
func pageFiles(t testing.TB, which string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, kind := range []string{"docx", "doc", "xlsx", "xls", "pptx", "odt", "ods", "odp", "rtf", "pdf", "html", "txt", "tcvn3.txt", "cp1258.txt"} {
		file, err := os.ReadFile(filepath.Join("testdata", "pages", which+"."+kind))
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = file
	}
	return out
}

// wrappers put a file into something, and say where the file is then.
func wrappers() map[string]func(t testing.TB, name string, file []byte) (mail []byte, part string) {
	return map[string]func(t testing.TB, name string, file []byte) ([]byte, string){
		"alone": func(_ testing.TB, name string, file []byte) ([]byte, string) {
			return carrying("application/octet-stream", name, file), "2"
		},
		"zip": func(t testing.TB, name string, file []byte) ([]byte, string) {
			return carrying("application/zip", "a.zip", zipped(t, name, file)), "2/1"
		},
		"zip in zip": func(t testing.TB, name string, file []byte) ([]byte, string) {
			return carrying("application/zip", "a.zip", zipped(t, "b.zip", zipped(t, name, file))), "2/1/1"
		},
		"tar.gz": func(t testing.TB, name string, file []byte) ([]byte, string) {
			return carrying("application/gzip", "a.tar.gz", tarred(t, name, file)), "2/1/1"
		},
		"nested message": func(_ testing.TB, name string, file []byte) ([]byte, string) {
			return carrying("message/rfc822", "", carrying("application/octet-stream", name, file)), "2.2"
		},
		"message as a file": func(_ testing.TB, name string, file []byte) ([]byte, string) {
			return carrying("application/octet-stream", "thu.eml", carrying("application/octet-stream", name, file)), "2/1"
		},
		"winmail.dat": func(_ testing.TB, name string, file []byte) ([]byte, string) {
			return carrying("application/ms-tnef", "winmail.dat", tnefOf(name, file)), "2/1"
		},
		"thu.msg": func(_ testing.TB, name string, file []byte) ([]byte, string) {
			return carrying("application/vnd.ms-outlook", "thu.msg", outlookOf(name, file)), "2/1"
		},
	}
}

func zipped(t testing.TB, name string, file []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err == nil {
		_, err = w.Write(file)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarred(t testing.TB, name string, file []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(file))})
	if err == nil {
		_, err = w.Write(file)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The same first page is found, at the same level and where it is, whatever file it is in and whatever that is in. Its
// clean twin passes, and was looked into.
func TestPages(t *testing.T) {
	j := newLookingJudge(t)
	marked, clean := pageFiles(t, "marked"), pageFiles(t, "clean")
	for _, kind := range slices.Sorted(maps.Keys(marked)) {
		for around, wrap := range wrappers() {
			t.Run(kind+" in "+around, func(t *testing.T) {
				mail, part := wrap(t, "tep."+kind, marked[kind])
				v := judged(t, j, mail)
				if v.Disposition != filter.Refuse || !strings.HasPrefix(v.Reply.String(), "550 5.7.1 [10.1]") || !isMarked(v, part) {
					t.Errorf("marked: %s, want part %s\n%s", v.Disposition, part, found(v))
				}
				mail, _ = wrap(t, "tep."+kind, clean[kind])
				if v = judged(t, j, mail); v.Disposition != filter.Accept || len(v.Findings) > 0 || len(v.NotInspected) > 0 {
					t.Errorf("clean: %s\n%s", v.Disposition, found(v))
				}
			})
		}
	}
}

// All pages in one archive that a real program packed.
func TestPagesIn7z(t *testing.T) {
	j := newLookingJudge(t)
	for _, which := range []string{"marked", "clean"} {
		file, err := os.ReadFile(filepath.Join("testdata", "pages", which+".7z"))
		if err != nil {
			t.Fatal(err)
		}
		v := judged(t, j, carrying("application/x-7z-compressed", "a.7z", file))
		if which == "clean" {
			if v.Disposition != filter.Accept || len(v.Findings) > 0 {
				t.Errorf("clean: %s\n%s", v.Disposition, found(v))
			}
			continue
		}
		parts := 0
		for i := 1; i <= 14; i++ {
			if isMarked(v, fmt.Sprintf("2/%d", i)) {
				parts++
			}
		}
		if v.Disposition != filter.Refuse || parts != 14 {
			t.Errorf("%s, %d parts of 14 are marked\n%s", v.Disposition, parts, found(v))
		}
	}
}

func isMarked(v filter.Verdict, part string) bool {
	return slices.ContainsFunc(v.Findings, func(f filter.Finding) bool {
		inside := strings.Contains(part, "/")
		return f.Rule == filter.RuleMarking && f.Part == part && f.Level == "TOI_MAT" && f.Score >= 0.85 && (f.PartSHA256 != "" || !inside)
	})
}

func found(v filter.Verdict) string {
	var b strings.Builder
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "  %s %s %s %s %.2f %s\n", f.Rule, f.Part, f.Level, f.Disposition, f.Score, f.Detail)
	}
	return b.String()
}
