package notice

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"congthu/filter"
)

// Data is what a template sees.
type Data struct {
	To           string
	Organisation string // who signs
	Contact      string // whom to ask, "" when nobody is named
	Created      time.Time
	Items        []ItemData
	Advice       []filter.Text // what the sender is to change: the catalogue's texts of the rules, each once
	More         int           // messages that are not listed
	Count        int           // all messages
	Final        bool          // the deadline is the one of deletion
	Mine         string        // web address of the reader's own held mail, for HeldSender; "" without a console for it
}

// ItemData is one message as a template sees it.
type ItemData struct {
	ID             string
	Time           time.Time
	Deadline       time.Time // the zero time when there is none
	Going          bool      // it is being deleted now, without a deadline
	Direction      string
	Unit           string
	Sender         string // "" for the null reverse-path
	Recipients     []string
	MoreRecipients int
	Reasons        []ReasonData
	Confirm        string // web address where the sender confirms that it is not classified, for HeldSender; "" for none
}

// ReasonData is one rule as a template sees it.
type ReasonData struct {
	Rule               string
	ClauseVi, ClauseEn string // "khoản 3 Điều 9", "clause 9.3"; "" without a clause
}

// data cleans a notice for the templates: the queue is a file that others may have written.
func (t *Templates) data(n Notice) Data {
	d := Data{To: Visible(n.To, MaxAddress), Organisation: t.words.Organisation, Contact: t.words.Contact, Created: n.Created,
		More: n.More, Final: n.Kind == OfficerExpired || n.Kind == ExpiredRecipient}
	if n.Kind == HeldSender && t.words.Console != "" {
		d.Mine = t.words.Console + "/sent"
	}
	for _, i := range n.Items[:min(len(n.Items), MaxItems)] {
		d.Items = append(d.Items, itemData(i))
		if d.Mine != "" {
			d.Items[len(d.Items)-1].Confirm = d.Mine + "/" + url.PathEscape(d.Items[len(d.Items)-1].ID)
		}
		for _, r := range i.Rules[:min(len(i.Rules), MaxShown)] {
			if t, ok := advice(r); ok && len(d.Advice) < MaxShown && !slices.Contains(d.Advice, t) {
				d.Advice = append(d.Advice, t)
			}
		}
	}
	d.More += len(n.Items) - len(d.Items)
	d.Count = len(d.Items) + d.More
	return d
}

func itemData(i Item) ItemData {
	d := ItemData{ID: Visible(i.ID, MaxWord), Time: i.Time, Deadline: i.Expires, Going: i.Going, Direction: Visible(string(i.Direction), MaxWord),
		Unit: Visible(i.Unit, MaxWord), Sender: Visible(i.Sender, MaxAddress)}
	for _, r := range i.Recipients[:min(len(i.Recipients), MaxShown)] {
		d.Recipients = append(d.Recipients, Visible(r, MaxAddress))
	}
	d.MoreRecipients = i.More + len(i.Recipients) - len(d.Recipients)
	for _, r := range i.Rules[:min(len(i.Rules), MaxShown)] {
		d.Reasons = append(d.Reasons, reasonData(r))
	}
	return d
}

func reasonData(r Reason) ReasonData {
	d := ReasonData{Rule: ruleName(r.Rule)}
	var vi, en []string
	for c := range strings.SplitSeq(r.Clause, ",") {
		article, clause, two := strings.Cut(Visible(strings.TrimSpace(c), MaxWord), ".")
		switch {
		case article == "":
			continue
		case two:
			vi = append(vi, fmt.Sprintf("khoản %s Điều %s", clause, article))
			en = append(en, fmt.Sprintf("clause %s.%s", article, clause))
		default:
			vi, en = append(vi, "Điều "+article), append(en, "article "+article)
		}
	}
	d.ClauseVi, d.ClauseEn = strings.Join(vi, ", "), strings.Join(en, ", ")
	return d
}

// advice is the catalogue's text of a finding, else of its rule.
func advice(r Reason) (filter.Text, bool) {
	if t, ok := filter.TextOf(r.Text); ok {
		return t, true
	}
	return filter.TextOf(filter.TextKey(r.Rule))
}

// ruleName is a rule's name as it is shown; an administrator's own has a colon ("custom:name").
func ruleName(s string) string {
	kind, name, custom := strings.Cut(s, ":")
	if !custom {
		return Visible(s, MaxWord)
	}
	return Visible(kind, MaxWord) + ":" + Visible(name, MaxWord)
}

// samples are notices of a kind with which templates are tried: one message with everything, one with as
// little as there can be, and a list that is longer than is shown.
func samples(k Kind) []Notice {
	at := time.Date(2026, 11, 24, 2, 15, 0, 0, time.UTC)
	full := Item{ID: "01JDEXAMPLE0000000000000000"[:26], Time: at, Expires: at.AddDate(0, 0, 30), Direction: filter.Inbound, Unit: "vanphong",
		Sender: "tran.thi.b@example.com", Recipients: []string{"nvan@monre.gov.vn", "ltbinh@monre.gov.vn"},
		Rules: []Reason{{Rule: "subject", Clause: "9.3", Text: filter.TextSubjectMissing}, {Rule: "mailbox-name", Clause: "4"},
			{Rule: "custom:phong-ban", Clause: "11.5, 8.3"}}}
	bare := Item{ID: full.ID, Time: at, Direction: filter.Inbound}
	many := make([]Item, MaxItems)
	for i := range many {
		many[i] = full
	}
	for range MaxShown {
		many[0].Recipients = append(many[0].Recipients[:len(many[0].Recipients):len(many[0].Recipients)], "ltbinh@monre.gov.vn")
	}
	base := Notice{ID: full.ID, Kind: k, To: "nvan@monre.gov.vn", Rule: "subject", Created: at}
	one, little, list := base, base, base
	one.Items, little.Items, list.Items, list.More = []Item{full}, []Item{bare}, many, 3
	return []Notice{one, little, list}
}
