package rules_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/internal/samples"
	"congthu/rules"
	"congthu/rules/content"
)

// wordsConfig is config with a dictionary of a YAML list of entries.
func wordsConfig(t testing.TB, c rules.Content, entries ...string) rules.Config {
	t.Helper()
	d, err := content.Parse("noi-bo.yml", []byte("entries:\n  - "+strings.Join(entries, "\n  - ")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	conf := config(t)
	conf.Content = c
	if conf.Content.Lexicon, err = content.New([]*content.Dictionary{d}); err != nil {
		t.Fatal(err)
	}
	if conf.Inspector, err = rules.NewInspector(conf, extract.Options{CacheSize: 100}); err != nil {
		t.Fatal(err)
	}
	return conf
}

// contentFindings judges a mail and lists what the content rule found: "disposition score part detail".
func contentFindings(t testing.TB, conf rules.Config, d filter.Direction, mail string) []string {
	t.Helper()
	mail = strings.ReplaceAll(mail, "\n", "\r\n")
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	settings := rules.Defaults()
	settings[rules.NameContent] = filter.Setting{Mode: filter.Enforce, Outbound: filter.Hold, Inbound: filter.Tag}
	v := judge(t, conf, settings).Judge(context.Background(), &filter.Transaction{ID: "X", Message: m, Session: filter.Session{Direction: d},
		ReversePath: filter.ParsePath("nvan@monre.gov.vn", ""), Recipients: []filter.Path{filter.ParsePath("a@example.com", "")}})
	if v.Err != nil {
		t.Fatal(v.Err)
	}
	var out []string
	for _, f := range v.Findings {
		if f.Rule == rules.NameContent {
			out = append(out, fmt.Sprintf("%s %.2f %q %s", f.Disposition, f.Score, f.Part, f.Detail))
		}
	}
	if text := samples.Describe(v) + fmt.Sprintf("%+v", v.Findings); strings.Contains(text, "dự thầu") || strings.Contains(text, "du thau") {
		t.Errorf("content in the verdict:\n%s", text)
	}
	return out
}

const plainHead = "Subject: Thu\nFrom: <nvan@monre.gov.vn>\nMIME-Version: 1.0\n"

func TestContentFindings(t *testing.T) {
	letter := func(subject, body string) string {
		return "Subject: =?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(subject)) + "?=\nFrom: <nvan@monre.gov.vn>\nMIME-Version: 1.0\n" +
			"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(body)) + "\n"
	}
	both := plainHead + "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\ngiá dự thầu\n" +
		"--b\nContent-Type: text/html; charset=utf-8\n\n<p>giá <b>dự</b><br>thầu</p>\n--b--\n"
	attached := plainHead + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nKinh gui\n" +
		"--b\nContent-Type: text/csv; charset=utf-8; name*=utf-8''gi%C3%A1-d%E1%BB%B1-th%E1%BA%A7u.csv\nContent-Disposition: attachment\n\nmột;hai\nba;giá dự thầu\n--b--\n"
	inside := plainHead + "Content-Type: message/rfc822\n\nSubject: =?utf-8?Q?gi=C3=A1_d=E1=BB=B1_th=E1=BA=A7u?=\nFrom: <x@example.com>\n\nx\n"
	tcvn := plainHead + "Content-Type: text/html; charset=us-ascii\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString([]byte("<font face=\".VnTime\">Cung cÊp gi\xb8 dù thÇu cña c¬ quan, ®Ò nghÞ gi÷ kÝn</font>")) + "\n"
	steps := []rules.ContentStep{{From: 30, Disposition: filter.Refuse}, {Inbound: true, From: 5, Disposition: filter.Hold}}
	for _, tc := range []struct {
		name, mail string
		direction  filter.Direction
		content    rules.Content
		entries    []string
		want       []string
	}{
		{"subject", letter("Giá dự thầu", "x"), filter.Outbound, rules.Content{}, []string{"giá dự thầu"}, []string{`hold 0.10 "" noi-bo`}},
		{"body", letter("x", "Giá dự\nthầu"), filter.Outbound, rules.Content{}, []string{"{text: giá dự thầu, category: gia}"}, []string{`hold 0.10 "1" noi-bo/gia`}},
		{"inbound", letter("Giá dự thầu", "x"), filter.Inbound, rules.Content{}, []string{"giá dự thầu"}, []string{`tag 0.10 "" noi-bo`}},
		{"too few points", letter("Giá dự thầu", "x"), filter.Outbound, rules.Content{}, []string{"{text: giá dự thầu, weight: 9}"}, nil},
		{"fewer are asked for", letter("Giá dự thầu", "x"), filter.Outbound, rules.Content{From: 9}, []string{"{text: giá dự thầu, weight: 9}"}, []string{`hold 0.09 "" noi-bo`}},
		{"a higher step", letter("Giá dự thầu", "x"), filter.Outbound, rules.Content{Steps: steps}, []string{"{text: giá dự thầu, weight: 30}"}, []string{`refuse 0.30 "" noi-bo`}},
		{"below it", letter("Giá dự thầu", "x"), filter.Outbound, rules.Content{Steps: steps}, []string{"{text: giá dự thầu, weight: 29}"}, []string{`hold 0.29 "" noi-bo`}},
		{"a lower step of the other direction", letter("Giá dự thầu", "x"), filter.Outbound, rules.Content{Steps: steps}, []string{"{text: giá dự thầu, weight: 5}"}, nil},
		{"a lower step", letter("Giá dự thầu", "x"), filter.Inbound, rules.Content{Steps: steps}, []string{"{text: giá dự thầu, weight: 5}"}, []string{`hold 0.05 "" noi-bo`}},
		{"above it the policy speaks", letter("Giá dự thầu", "x"), filter.Inbound, rules.Content{Steps: steps}, []string{"giá dự thầu"}, []string{`tag 0.10 "" noi-bo`}},
		{"text and HTML count once", both, filter.Outbound, rules.Content{}, []string{"{text: giá dự thầu, max: 9}"}, []string{`hold 0.10 "1" noi-bo`}},
		{"subject and body count once", letter("Giá dự thầu", "Giá dự thầu"), filter.Outbound, rules.Content{}, []string{"{text: giá dự thầu, max: 9}"}, []string{`hold 0.10 "" noi-bo`}},
		{"as often as it says", letter("x", "Giá dự thầu, giá dự thầu; giá dự thầu"), filter.Outbound, rules.Content{}, []string{"{text: giá dự thầu, max: 2}"}, []string{`hold 0.20 "1" noi-bo`}},
		{"categories add up", letter("Giá dự thầu", "bảng giá"), filter.Outbound, rules.Content{},
			[]string{"{text: giá dự thầu, weight: 4, category: a}", "{text: bảng giá, weight: 6, category: b}"}, []string{`hold 0.06 "1" noi-bo/b`, `hold 0.04 "" noi-bo/a`}},
		{"attachment and its name", attached, filter.Outbound, rules.Content{}, []string{"giá dự thầu"}, []string{`hold 0.10 "2" noi-bo`}},
		{"subject of a forwarded mail", inside, filter.Outbound, rules.Content{}, []string{"giá dự thầu"}, []string{`hold 0.10 "1.1" noi-bo`}},
		{"an old charset", tcvn, filter.Outbound, rules.Content{}, []string{"giá dự thầu"}, []string{`hold 0.10 "1" noi-bo`}},
		{"innocent", letter("Đánh giá", "Dự thầu và giá"), filter.Outbound, rules.Content{}, []string{"giá dự thầu"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conf := wordsConfig(t, tc.content, tc.entries...)
			for range 2 { // the second time out of the cache
				if d := cmp.Diff(tc.want, contentFindings(t, conf, tc.direction, tc.mail)); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// However many categories a mail breaks, its findings stay few.
func TestContentFindingsAreFew(t *testing.T) {
	var entries []string
	body := ""
	for i := range 60 {
		entries = append(entries, fmt.Sprintf("{text: tu%02d, category: c%02d, weight: 1}", i, i))
		body += fmt.Sprintf("tu%02d ", i)
	}
	got := contentFindings(t, wordsConfig(t, rules.Content{}, entries...), filter.Outbound, plainHead+"\n"+body+"\n")
	if len(got) != 21 || got[20] != `hold 0.01 "" 40 more` {
		t.Errorf("%d findings: %v", len(got), got)
	}
}
