package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules"
	"congthu/rules/marking"
	"congthu/rules/pack"
)

// maxItem is how many octets one line of a set may have.
const maxItem = 8 << 20

// Item is one labelled text.
type Item struct {
	ID    string `json:"id"`
	Label string `json:"label"` // "marked" or "clean"
	Level string `json:"level"` // MAT, TOI_MAT, TUYET_MAT, OTHER; "" when clean
	Where string `json:"where"` // subject, body, attachment, filename
	Text  string `json:"text"`
	Note  string `json:"note"` // "family=NAME; remark"
}

// Family is the item's.
func (i Item) Family() string {
	f, _, _ := strings.Cut(strings.TrimPrefix(i.Note, "family="), ";")
	return strings.TrimSpace(f)
}

// Read reads a set: one JSON object a line.
func Read(r io.Reader) ([]Item, error) {
	var out []Item
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxItem)
	for n := 1; s.Scan(); n++ {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		var i Item
		if err := json.Unmarshal(s.Bytes(), &i); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if i.Label != "marked" && i.Label != "clean" {
			return nil, fmt.Errorf("line %d: label %q is neither marked nor clean", n, i.Label)
		}
		if !slices.Contains([]string{"subject", "body", "attachment", "filename"}, i.Where) {
			return nil, fmt.Errorf("line %d: %q is no place (subject, body, attachment, filename)", n, i.Where)
		}
		out = append(out, i)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if len(out) == 0 {
		return nil, errors.New("holds no text")
	}
	return out, nil
}

// Got is what was said of one item.
type Got struct {
	Item
	Marked bool
	Score  float64
	Said   string // the level
	Class  string
	High   bool
}

// Result is what was said of a set.
type Result struct {
	All []Got
	// Marked items that were found, that were not; clean items that were; found ones with the right level.
	Found, Missed, False, Right int
	// FalseHigh are clean items that would be refused.
	FalseHigh int
}

// ratio is 1 where there is nothing to be right or wrong about.
func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

// Recall is the share of marked texts that were found.
func (r *Result) Recall() float64 { return ratio(r.Found, r.Found+r.Missed) }

// Precision is the share of the texts found that are marked.
func (r *Result) Precision() float64 { return ratio(r.Found, r.Found+r.False) }

// LevelAccuracy is the share of the marked texts found that got their level.
func (r *Result) LevelAccuracy() float64 { return ratio(r.Right, r.Found) }

// Evaluate makes a message of every item and judges it.
func Evaluate(items []Item) (*Result, error) {
	j, err := judge()
	if err != nil {
		return nil, err
	}
	r := new(Result)
	for _, i := range items {
		g, err := judged(j, i)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", i.ID, err)
		}
		switch {
		case g.Marked && i.Label == "marked":
			r.Found++
			if g.Said == i.Level {
				r.Right++
			}
		case g.Marked:
			r.False++
			if g.High {
				r.FalseHigh++
			}
		case i.Label == "marked":
			r.Missed++
		}
		r.All = append(r.All, g)
	}
	return r, nil
}

// judge makes a judge with the rules and settings that hold without a configuration.
func judge() (*filter.Judge, error) {
	words, err := pack.BuiltInSecrecy("")
	if err != nil {
		return nil, fmt.Errorf("reading the pack: %w", err)
	}
	d, err := marking.New(words, marking.Own{})
	if err != nil {
		return nil, fmt.Errorf("making the detector: %w", err)
	}
	c := rules.Config{Marking: d}
	if c.Inspector, err = rules.NewInspector(c, extract.Options{}); err != nil {
		return nil, fmt.Errorf("making what looks into files: %w", err)
	}
	p := &filter.Policy{Hash: "sha256:evaluation", Organisation: filter.Organisation{Domains: []string{"monre.gov.vn"}},
		Rules: rules.All(c), Settings: rules.Defaults(),
		Uninspected: map[message.Reason]filter.Disposition{}, Deadline: time.Minute}
	return filter.NewJudge(p, 1, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
}

func judged(j *filter.Judge, i Item) (Got, error) {
	g := Got{Item: i}
	data := []byte(mail(i))
	m, err := message.Read(bytes.NewReader(data), int64(len(data)), message.DefaultLimits())
	if err != nil {
		return g, fmt.Errorf("reading: %w", err)
	}
	v := j.Judge(context.Background(), &filter.Transaction{ID: "EVALUATION", Message: m, Session: filter.Session{Direction: filter.Outbound},
		ReversePath: filter.ParsePath("nvan@monre.gov.vn", ""), Recipients: []filter.Path{filter.ParsePath("vanthu@laocai.gov.vn", "")}})
	if v.Err != nil {
		return g, fmt.Errorf("judging: %w", v.Err)
	}
	for _, f := range v.Findings {
		if f.Rule == filter.RuleMarking && f.Score > g.Score {
			g.Score, g.Said, g.Class = f.Score, f.Level, f.Detail
			g.Marked = f.Score >= marking.Medium
			g.High = f.Mode == filter.Enforce
		}
	}
	return g, nil
}

// mail is the message that an item stands in: an ordinary letter but for the one place.
func mail(i Item) string {
	subject, body, attached := "Gửi tài liệu họp", "Kính gửi anh chị,\nXin gửi tài liệu để phục vụ cuộc họp.\nTrân trọng.", ""
	charset := "utf-8"
	switch i.Where {
	case "subject":
		subject = i.Text
	case "body":
		body, charset = octets(i)
	case "attachment":
		text, label := octets(i)
		attached = attachment("text/plain; charset="+label, "tep.txt", text)
	case "filename":
		attached = attachment("application/octet-stream", i.Text, "\x00\x01\x02")
	}
	if !strings.HasPrefix(subject, "=?") {
		subject = mime.BEncoding.Encode("utf-8", subject)
	}
	head := "From: <nvan@monre.gov.vn>\r\nTo: <vanthu@laocai.gov.vn>\r\nSubject: " + subject + "\r\nMIME-Version: 1.0\r\n"
	letter := "Content-Type: text/plain; charset=" + charset + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + inBase64(body)
	if attached == "" {
		return head + letter
	}
	return head + "Content-Type: multipart/mixed; boundary=evaluation\r\n\r\n--evaluation\r\n" + letter + "\r\n--evaluation\r\n" + attached + "\r\n--evaluation--\r\n"
}

// octets are an item's text as it travels. Texts in old charsets are given as the Latin-1 view of their octets.
func octets(i Item) (text, charset string) {
	if !strings.Contains(i.Note, "Latin-1") && !strings.Contains(i.Note, "windows-1252") || strings.Contains(i.Note, "mojibake") {
		return i.Text, "utf-8"
	}
	var b strings.Builder
	for _, r := range i.Text {
		if r > 0xFF {
			return i.Text, "utf-8"
		}
		b.WriteByte(byte(r))
	}
	return b.String(), "iso-8859-1"
}

func attachment(mediaType, name, content string) string {
	return "Content-Type: " + mediaType + "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename*=utf-8''" + percent(name) +
		"\r\n\r\n" + inBase64(content)
}

// percent encodes a parameter's value (RFC 2231 section 4).
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func inBase64(s string) string {
	e := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(e) > 76 {
		b.WriteString(e[:76] + "\r\n")
		e = e[76:]
	}
	return b.String() + e + "\r\n"
}

// print writes the figures, the table by family and the misses.
func (r *Result) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "recall %.3f (%d of %d), precision %.3f (%d false, %d of them refused), level %.3f (%d of %d)\n\n",
		r.Recall(), r.Found, r.Found+r.Missed, r.Precision(), r.False, r.FalseHigh, r.LevelAccuracy(), r.Right, r.Found)
	type row struct{ marked, found, right, clean, false int }
	rows := map[string]*row{}
	var names []string
	for _, g := range r.All {
		t := rows[g.Family()]
		if t == nil {
			t = new(row)
			rows[g.Family()] = t
			names = append(names, g.Family())
		}
		switch {
		case g.Label == "marked":
			t.marked++
			if g.Marked {
				t.found++
			}
			if g.Marked && g.Said == g.Level {
				t.right++
			}
		case g.Marked:
			t.false++
			fallthrough
		default:
			t.clean++
		}
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "%-44s %7s %7s %7s %7s %7s\n", "family", "marked", "found", "level", "clean", "false")
	for _, n := range names {
		t := rows[n]
		fmt.Fprintf(&b, "%s%s %7d %7d %7d %7d %7d\n", n, strings.Repeat(" ", max(0, 44-utf8.RuneCountInString(n))), t.marked, t.found, t.right, t.clean, t.false)
	}
	b.WriteString("\n")
	for _, g := range r.All {
		what := ""
		switch {
		case g.Label == "marked" && !g.Marked:
			what = "missed"
		case g.Label == "clean" && g.Marked:
			what = "false"
		case g.Marked && g.Said != g.Level:
			what = "level"
		default:
			continue
		}
		fmt.Fprintf(&b, "%-6s %s want %s, got %s %.2f %s: %s (%s)\n", what, g.ID, orNone(g.Level), orNone(g.Said), g.Score, g.Class, oneLine(g.Text), g.Note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return s
}
