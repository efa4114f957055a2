package rules_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/filter/policy"
	"congthu/internal/samples"
	"congthu/rules"
	"congthu/rules/attachmenttype"
	"congthu/rules/content"
	"congthu/rules/impersonation"
	"congthu/rules/marking"
	"congthu/rules/pack"
)

var update = flag.Bool("update", false, "write the verdicts got into the .want files")

// config is the rules' configuration without a configuration file.
func config(t testing.TB) rules.Config {
	t.Helper()
	p, err := pack.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	secrecy, err := pack.BuiltInSecrecy("")
	if err != nil {
		t.Fatal(err)
	}
	markings, err := marking.New(secrecy, marking.Own{})
	if err != nil {
		t.Fatal(err)
	}
	c := rules.Config{Marking: markings, InlineFloor: rules.DefaultInlineFloor, FreeMail: p, Ours: filter.Organisation{Domains: samples.Domains()}.Ours}
	types, err := pack.BuiltInAttachments()
	if err != nil {
		t.Fatal(err)
	}
	if c.AttachmentTypes, err = attachmenttype.New(types, attachmenttype.Own{}); err != nil {
		t.Fatal(err)
	}
	if c.Impersonation, err = impersonation.New(impersonation.Config{Domains: samples.Domains()}); err != nil {
		t.Fatal(err)
	}
	words, err := content.Load("../deploy/dictionaries/sample.yml")
	if err != nil {
		t.Fatal(err)
	}
	if c.Content.Lexicon, err = content.New([]*content.Dictionary{words}); err != nil {
		t.Fatal(err)
	}
	if c.Inspector, err = rules.NewInspector(c, extract.Options{}); err != nil {
		t.Fatal(err)
	}
	return c
}

func judge(t testing.TB, c rules.Config, settings map[string]filter.Setting) *filter.Judge {
	t.Helper()
	p := &filter.Policy{Hash: "sha256:test", Organisation: filter.Organisation{Domains: samples.Domains()}, Rules: rules.All(c), Settings: settings,
		Uninspected: policy.Default(rules.Defaults()).Reasons(), Deadline: 10 * time.Minute}
	if c.Inspector != nil {
		p.Coverage = rules.Coverage(c.Inspector)
	}
	j, err := filter.NewJudge(p, 4, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestSamples(t *testing.T) {
	all, err := samples.Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Fatalf("only %d samples", len(all))
	}
	j := judge(t, config(t), rules.Defaults())
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			tx, err := s.Transaction(filter.NewID(time.Now()))
			if err != nil {
				t.Fatal(err)
			}
			v := j.Judge(context.Background(), tx)
			got := samples.Describe(v)
			if v.Err != nil {
				t.Errorf("judging failed: %v", v.Err)
			}
			if *update {
				if err := s.Update(got); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(s.Want, got); diff != "" {
				t.Errorf("verdict differs (-want +got):\n%s", diff)
			}
		})
	}
}

// What is only monitored by default refuses, with its own code, once a policy enforces it.
func TestMalformedEnforced(t *testing.T) {
	all, err := samples.Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	settings := rules.Defaults()
	settings[rules.NameMalformed] = filter.Setting{Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Tag}
	j := judge(t, config(t), settings)
	want := map[string]string{
		"90-malformed-two-content-types":         "outbound refuse\n550 5.6.0 [10.5] ",
		"91-malformed-two-content-types-inbound": "inbound tag\n250 ",
		"94-malformed-not-ordinary-outlook":      "outbound accept\n250 ",
		"01-subject-utf8-base64":                 "outbound accept\n250 ",
	}
	for _, s := range all {
		if want[s.Name] == "" {
			continue
		}
		tx, err := s.Transaction("X")
		if err != nil {
			t.Fatal(err)
		}
		if got := samples.Describe(j.Judge(context.Background(), tx)); !strings.HasPrefix(got, want[s.Name]) {
			t.Errorf("%s: %s", s.Name, got)
		}
		delete(want, s.Name)
	}
	if len(want) > 0 {
		t.Errorf("samples missing: %v", want)
	}
}

// No rule says a word of the message: not in the findings, not in the reply.
func TestVerdictsHoldNoContent(t *testing.T) {
	const secret = "KhongDuocGhiLai"
	mail := "From: <" + secret + "@gmail.com>\r\nReply-To: " + secret + " <" + secret + "@yahoo.com>\r\nSubject: (no subject)\r\nSubject: =?utf-8?q?Re:?=\r\n" +
		"Content-Type: multipart/mixed; boundary=" + secret + "\r\n\r\n" + secret + "\r\n--" + secret + "\r\nContent-Type: application/x-" + secret + "; name=" + secret + ".exe\r\n\r\n" + secret
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	c := config(t)
	c.AttachmentLimit = 3
	settings := rules.Defaults()
	settings[rules.NameMalformed] = filter.Setting{Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Tag}
	v := judge(t, c, settings).Judge(context.Background(), &filter.Transaction{ID: "X", Message: m, Session: filter.Session{Direction: filter.Outbound},
		ReversePath: filter.ParsePath(secret+"@gmail.com", ""), Recipients: []filter.Path{filter.ParsePath(secret+"@hotmail.com", "")}})
	text := samples.Describe(v)
	for _, rule := range []string{rules.NameMalformed, rules.NameFreeMail, rules.NameAttachmentSize, rules.NameSubject} {
		if !strings.Contains(text, "\n"+rule+" [") {
			t.Errorf("%s found nothing:\n%s", rule, text)
		}
	}
	if strings.Contains(strings.ToLower(text+fmt.Sprintf("%+v", v)), strings.ToLower(secret)) {
		t.Errorf("content in the verdict:\n%+v", v)
	}
}

// BenchmarkRules is what all rules together cost for an ordinary mail and for one of 14 MiB, reading included.
func BenchmarkRules(b *testing.B) {
	all, err := samples.Load("testdata")
	if err != nil {
		b.Fatal(err)
	}
	list := rules.All(config(b))
	for _, s := range all {
		if s.Name != "94-malformed-not-ordinary-outlook" && s.Name != "83-attachment-encoded-bigger-than-decoded" {
			continue
		}
		data, err := s.Message()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.Name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				m, err := message.Read(bytes.NewReader(data), int64(len(data)), message.DefaultLimits())
				if err != nil {
					b.Fatal(err)
				}
				tx := &filter.Transaction{Message: m, Direction: filter.Outbound, ReversePath: filter.ParsePath(s.From, "")}
				for _, r := range list {
					if found, err := r.Check(context.Background(), tx); err != nil || len(found) > 0 {
						b.Fatal(found, err)
					}
				}
			}
		})
	}
}
