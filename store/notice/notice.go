// Package notice tells people what the gate did: notices by mail to those inside the organisation, and
// alerts by webhook to those who run the gate. Planner decides who is told and puts notices into a Queue;
// Sender takes them out and submits them; Watcher sees verdicts and raises alerts, which Alerter sends.
//
// Nothing in here can carry a message's content: the types have no field for a subject, a text or a file
// name (invariant 5).
package notice

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"congthu/filter"
)

// Kind is what a notice is about, and to whom. Each kind has two templates: KIND.txt and KIND.html.
type Kind string

// The kinds.
const (
	HeldSender       Kind = "held-sender"       // to the internal sender of a held message
	HeldRecipient    Kind = "held-recipient"    // to an internal recipient of held inbound mail
	DroppedRecipient Kind = "dropped-recipient" // to an internal recipient of inbound mail that was taken and not delivered
	ExpiredRecipient Kind = "expired-recipient" // to an internal recipient: the time of a held message is over
	OfficerWaiting   Kind = "officer-waiting"   // to officers: messages wait for a decision
	OfficerHalf      Kind = "officer-half"      // to officers: half of the time of held messages is over
	OfficerExpired   Kind = "officer-expired"   // to officers: undecided messages will be deleted soon
	OfficerDropped   Kind = "officer-dropped"   // to officers: inbound mail was taken and not delivered
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{HeldSender, HeldRecipient, DroppedRecipient, ExpiredRecipient,
		OfficerWaiting, OfficerHalf, OfficerExpired, OfficerDropped}
}

// Officer tells the kinds that go to officers.
func (k Kind) Officer() bool { return strings.HasPrefix(string(k), "officer-") }

// Limits of what a notice says.
const (
	// MaxItems is how many messages one notice lists; those beyond are counted (Notice.More).
	MaxItems = 100
	// MaxNotice is the size of a notice in the queue, in octets of JSON; what would go over it is counted as well.
	MaxNotice = 200 << 10
	// MaxShown is how many recipients of a message a notice lists.
	MaxShown = 10
	// MaxAddress is the longest address that is shown or told, in octets: RFC 5321 section 4.5.3.1.3 has
	// 256 for a path with its angle brackets.
	MaxAddress = 254
	// MaxWord is the longest rule, clause, level or unit that is shown, in octets.
	MaxWord = 64
)

// Item is one message in a notice. What comes from outside in it is shown with characters of an address
// only (see Visible).
type Item struct {
	ID         string           `json:"id"` // of the transaction, which is the hold's too
	Time       time.Time        `json:"time"`
	Expires    time.Time        `json:"expires,omitzero"` // end of the time of a held message; for OfficerExpired and ExpiredRecipient when it is deleted
	Going      bool             `json:"going,omitempty"`  // it is being deleted now: nobody can release it any more
	Direction  filter.Direction `json:"direction"`
	Unit       string           `json:"unit,omitempty"`
	Sender     string           `json:"sender"` // reverse-path; "" for the null reverse-path
	Recipients []string         `json:"recipients,omitempty"`
	More       int              `json:"more,omitempty"` // recipients beyond MaxShown
	Rules      []Reason         `json:"rules"`
}

// short is an item as it goes into the queue: with MaxShown recipients and rules at most.
func (i Item) short() Item {
	i.Sender, i.Unit = Visible(i.Sender, MaxAddress), Visible(i.Unit, MaxWord)
	shown := make([]string, 0, min(len(i.Recipients), MaxShown))
	for _, r := range i.Recipients[:cap(shown)] {
		shown = append(shown, Visible(r, MaxAddress))
	}
	i.More += len(i.Recipients) - len(shown)
	i.Recipients, i.Rules = shown, i.Rules[:min(len(i.Rules), MaxShown)]
	return i
}

// Reason is a rule because of which the gate acted.
type Reason struct {
	Rule   string         `json:"rule"`
	Clause string         `json:"clause"`
	Text   filter.TextKey `json:"text,omitempty"` // of the finding; TextNone takes the rule's first text
}

// Has tells whether a rule is among the reasons.
func (i Item) Has(rule string) bool {
	return slices.ContainsFunc(i.Rules, func(r Reason) bool { return r.Rule == rule })
}

// Notice is one notice to one address, as it stands in the queue. It can be written as JSON.
type Notice struct {
	ID       string    `json:"id"` // filter.NewID; the Message-ID is made of it, so that a notice sent twice is seen to be one
	Kind     Kind      `json:"kind"`
	To       string    `json:"to"`   // mailbox of ours, ASCII in lower case
	Rule     string    `json:"rule"` // at most one notice an hour goes to To for each Rule
	Items    []Item    `json:"items"`
	More     int       `json:"more,omitempty"` // messages beyond MaxItems
	Created  time.Time `json:"created"`
	Attempts int       `json:"attempts"` // failed so far; the queue counts them
	// Hears are the ids of held messages that To hears of with it, those beyond Items too, when each is to hear of
	// each once (Queue.Heard).
	Hears []string `json:"-"`
}

// Queue keeps notices until they are sent. It is durable: what QueueNotices took is there after a crash.
type Queue interface {
	// QueueNotices takes notices, all in one transaction, and tells of each whether it was queued: one for whose To
	// and Rule another was taken less than Interval before its Created is not, and is not kept. With an error none is.
	QueueNotices(ctx context.Context, all []Notice) (queued []bool, err error)
	// Heard tells to which addresses notices of a kind were queued that had a message among their Hears, by its id.
	Heard(ctx context.Context, k Kind, ids []string) (map[string][]string, error)
	// NextNotices lists at most limit notices that are due at now, oldest first.
	NextNotices(ctx context.Context, now time.Time, limit int) ([]Notice, error)
	// MarkSent ends a notice. The hour of its To and Rule goes on.
	MarkSent(ctx context.Context, id string) error
	// MarkFailed puts a notice off until next and counts an attempt; with the zero next it was given up.
	// reason is for the log and has no content in it.
	MarkFailed(ctx context.Context, id, reason string, next time.Time) error
}

// Interval is how long nobody is told of the same rule again.
const Interval = time.Hour

// ErrOutside is the error for an address that is not the organisation's, or that no notice can go to.
var ErrOutside = errors.New("not an address of the organisation")

// Visible is a text from outside as a notice or alert shows it: letters, digits and what may stand in a plain
// address; anything else is "?", so that nothing can be made to look like a link, a second line or a text. It
// is cut to limit octets.
func Visible(s string, limit int) string {
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError || !unicode.In(r, unicode.L, unicode.M, unicode.Nd) &&
			(r >= utf8.RuneSelf || !strings.ContainsRune(`.!#$%&'*+-/=?^_{|}~@"`, r)) {
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
