package notice

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"congthu/filter"
)

// AlertKind is what an alert is about.
type AlertKind string

// The kinds of alerts.
const (
	MarkingRefused  AlertKind = "marking-refused"  // mail with a secrecy marking was refused (clause 10.1)
	VirusBurst      AlertKind = "virus-burst"      // many messages with a virus from one sender
	RefusalBurst    AlertKind = "refusal-burst"    // many refused messages from one sender
	RateExceeded    AlertKind = "rate-exceeded"    // a sender sends more than the rate rule allows
	EvidenceTrouble AlertKind = "evidence-trouble" // the evidence log cannot be written: mail is deferred
	StoreTrouble    AlertKind = "store-trouble"    // the store does not answer: nothing can be held
)

// Limits of an alert.
const (
	// MaxIDs is how many transaction ids one alert lists.
	MaxIDs = 20
	// MaxReason is the longest reason of an alert, in octets.
	MaxReason = 200
)

// Alert is something that those who run the gate are to know at once. It has no field for content.
type Alert struct {
	Kind      AlertKind
	Time      time.Time
	Direction filter.Direction
	Unit      string
	Sender    string // login, else reverse-path
	Client    string // address of the SMTP client
	Rule      string
	Clause    string
	Level     string // of a marking
	ID        string // of the transaction, "" when it is not about one
	Seen      int    // messages that made up a burst
	Reason    string // our own error text, of evidence log or store; never anything of a message
}

// clean makes what comes from outside visible and short.
func (a Alert) clean() Alert {
	a.Direction = filter.Direction(Visible(string(a.Direction), MaxWord))
	a.Unit, a.Level, a.Clause, a.ID = Visible(a.Unit, MaxWord), Visible(a.Level, MaxWord), Visible(a.Clause, MaxWord), Visible(a.ID, MaxWord)
	a.Sender, a.Rule = Visible(a.Sender, MaxAddress), ruleName(a.Rule)
	a.Client = strings.Map(func(r rune) rune {
		if r == ':' || strings.ContainsRune(Visible(string(r), 4), r) {
			return r
		}
		return '?'
	}, cut(a.Client, MaxWord))
	a.Reason = cut(a.Reason, MaxReason)
	return a
}

// key is what makes two alerts one within the interval.
func (a Alert) key() string {
	return strings.Join([]string{string(a.Kind), string(a.Direction), a.Unit, a.Sender, a.Client, a.Level, a.Rule}, "\x00")
}

// text is what people read.
func (a Alert) text() filter.Text {
	switch a.Kind {
	case MarkingRefused:
		return filter.Text{Vietnamese: "Cổng thư đã từ chối thư có dấu hiệu chứa bí mật nhà nước", English: "Mail with a secrecy marking was refused"}
	case VirusBurst:
		return filter.Text{Vietnamese: "Nhiều thư chứa mã độc từ cùng một nguồn gửi", English: "Many messages with malware from one sender"}
	case RefusalBurst:
		return filter.Text{Vietnamese: "Nhiều thư bị từ chối từ cùng một nguồn gửi", English: "Many refused messages from one sender"}
	case RateExceeded:
		return exceeded()
	case EvidenceTrouble:
		return filter.Text{Vietnamese: "Không ghi được nhật ký bằng chứng; thư đang bị hoãn", English: "The evidence log cannot be written; mail is deferred"}
	case StoreTrouble:
		return filter.Text{Vietnamese: "Kho lưu trữ không hoạt động; không tạm giữ được thư", English: "The store does not answer; no mail can be held"}
	}
	return filter.Text{Vietnamese: "Cảnh báo của cổng thư", English: "An alert of the mail gate"}
}

func (a Alert) severity() string {
	if a.Kind == VirusBurst || a.Kind == RefusalBurst || a.Kind == RateExceeded {
		return "warning"
	}
	return "critical"
}

// name is the alert's name in Alertmanager: "CongthuMarkingRefused".
func (a Alert) name() string {
	var b strings.Builder
	b.WriteString("Congthu")
	for word := range strings.SplitSeq(string(a.Kind), "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// report is one alert as it is sent: what happened under its key since the one before.
type report struct {
	Alert
	gate        string
	first, last time.Time
	count       int // times that it was raised
	ids         []string
	lasts       time.Duration // for how long it counts as firing after the last time
}

// plainReport is the plain JSON form. Keys do not change.
type plainReport struct {
	Alert     AlertKind         `json:"alert"`
	Severity  string            `json:"severity"`
	Gate      string            `json:"gate"`
	First     time.Time         `json:"first"`
	Last      time.Time         `json:"last"`
	Count     int               `json:"count"`
	Messages  int               `json:"messages,omitempty"`
	Direction filter.Direction  `json:"direction,omitempty"`
	Unit      string            `json:"unit,omitempty"`
	Sender    string            `json:"sender,omitempty"`
	Client    string            `json:"client,omitempty"`
	Rule      string            `json:"rule,omitempty"`
	Clause    string            `json:"clause,omitempty"`
	Level     string            `json:"level,omitempty"`
	IDs       []string          `json:"ids"`
	Reason    string            `json:"reason,omitempty"`
	Text      map[string]string `json:"text"`
}

func (r report) plain() ([]byte, error) {
	t := r.text()
	return json.Marshal(plainReport{Alert: r.Kind, Severity: r.severity(), Gate: r.gate, First: r.first.UTC(), Last: r.last.UTC(), Count: r.count,
		Messages: r.Seen, Direction: r.Direction, Unit: r.Unit, Sender: r.Sender, Client: r.Client, Rule: r.Rule, Clause: r.Clause,
		Level: r.Level, IDs: r.ids, Reason: r.Reason, Text: map[string]string{"vi": t.Vietnamese, "en": t.English}})
}

// managed is Alertmanager's v2 form (POST /api/v2/alerts): labels say which alert it is, annotations what is new.
type managed struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

func (r report) alertmanager() ([]byte, error) {
	t := r.text()
	m := managed{
		Labels: nonEmpty(map[string]string{"alertname": r.name(), "severity": r.severity(), "gate": r.gate, "direction": string(r.Direction),
			"unit": r.Unit, "sender": r.Sender, "client": r.Client, "rule": r.Rule, "level": r.Level}),
		Annotations: nonEmpty(map[string]string{"summary": t.English, "summary_vi": t.Vietnamese, "count": strconv.Itoa(r.count),
			"clause": r.Clause, "ids": strings.Join(r.ids, " "), "reason": r.Reason}),
		StartsAt: r.first.UTC(), EndsAt: r.last.Add(r.lasts).UTC(),
	}
	if r.Seen > 0 {
		m.Annotations["messages"] = strconv.Itoa(r.Seen)
	}
	b, err := json.Marshal([]managed{m})
	if err != nil {
		return nil, fmt.Errorf("writing an alert: %w", err)
	}
	return b, nil
}

func nonEmpty(m map[string]string) map[string]string {
	for k, v := range m {
		if v == "" {
			delete(m, k)
		}
	}
	return m
}
