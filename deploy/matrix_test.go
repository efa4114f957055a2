package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/internal/peer"
	"congthu/internal/samples"
)

// unclosed is a multipart without its closing boundary. Sendmail writes one when it sends the message on.
const unclosed = "92-malformed-no-closing-boundary"

// dotted has an address that ends in a dot, which Postfix takes away before it shows a milter the message.
const dotted = "53-free-mail-reply-to-second-in-group"

// TestMatrix and TestLongMatrix send the same messages through every hook-up: everywhere the sender gets the same reply, the
// log says the same verdict, and what passes arrives octet for octet. They print a line for each.
func TestMatrix(t *testing.T) {
	matrix(t, slices.Concat(roads(), variants()), append(every(2, sampleMails(t)), identityMails()...))
}

// every leaves of the samples every n-th, and those that servers are known to change.
func every(n int, all []matrixMail) (out []matrixMail) {
	for i, m := range all {
		if i%n == 0 || m.name == unclosed || m.name == dotted {
			out = append(out, m)
		}
	}
	return out
}

func matrix(t *testing.T, all []hookup, mails []matrixMail) {
	t.Helper()
	check(t, mails)
	if len(mails) < 40 {
		t.Fatalf("only %d messages", len(mails))
	}
	rows := make([]string, len(all))
	t.Run("roads", func(t *testing.T) {
		for i, h := range all {
			rows[i] = h.name + " was not run"
			t.Run(h.name, func(t *testing.T) {
				t.Parallel()
				h.still = true
				c := &column{t: t, road: h.begin(t), mails: mails, ids: make([]string, len(mails))}
				c.send()
				c.arrivals()
				rows[i] = c.String()
			})
		}
	})
	fmt.Println(strings.Join(rows, "\n"))
}

// column is one hook-up's part of the matrix.
type column struct {
	*road
	t       *testing.T
	mails   []matrixMail
	ids     []string // by message: the transaction's
	held    int      // stay in the queue of the server before the gate
	bounced int      // are returned by it
	differ  []string // messages with which something differs
}

func (c *column) String() string {
	if len(c.differ) == 0 && !c.t.Failed() {
		return fmt.Sprintf("%-36s %d messages, all as wanted", c.name, len(c.mails))
	}
	return fmt.Sprintf("%-36s %d messages, these differ: %s", c.name, len(c.mails), strings.Join(slices.Compact(c.differ), ", "))
}

// differs notes what differs with a message.
func (c *column) differs(m matrixMail, format string, args ...any) {
	c.t.Helper()
	c.differ = append(c.differ, m.name)
	c.t.Errorf("%s: %s", m.name, fmt.Sprintf(format, args...))
}

// send sends every message and compares replies and log lines with what is wanted. The connections are used
// for many messages.
func (c *column) send() {
	clients := map[string]*peer.Client{}
	for i, m := range c.mails {
		client := clients[m.client]
		if client == nil {
			var err error
			client, err = c.dial(m.client)
			must(c.t, err)
			clients[m.client] = client
		}
		a := sendOn(c.t, client, m.mail)
		must(c.t, peer.Wait(patience, fmt.Sprintf("the log line of %s (answered %s)", m.name, a.Last()), func() bool { return len(c.gate.Messages()) > i }))
		c.ids[i] = c.judged(m, a.Last(), c.gate.Messages()[i])
	}
	for _, client := range clients {
		must(c.t, client.Quit())
	}
}

// judged compares reply and log line.
func (c *column) judged(m matrixMail, answer peer.Reply, line map[string]any) (id string) {
	v, reply := logged(c.t, line)
	switch {
	case c.after && !answer.OK():
		c.differs(m, "answered %s before it was queued", answer)
	case !c.after && v.Passes() != answer.OK():
		c.differs(m, "answered %s; the log says %s", answer, v.Disposition)
	case !c.after && !v.Passes():
		reply = answer.String()
	}
	want := c.wanted(m).text
	if m.name == dotted && (strings.HasPrefix(c.name, "postfix-milter") || strings.HasPrefix(c.name, "postfix-content-filter")) {
		want = regexp.MustCompile(`(?m)^malformed .* malformed-address\n`).ReplaceAllString(want, "")
	}
	got := described(v, reply)
	if strings.HasPrefix(c.name, "postfix-content-filter") { // Postfix's queue hands recipients on in an order of its own
		numbered := regexp.MustCompile(`recipient \d+ of`)
		got, want = numbered.ReplaceAllString(got, "recipient of"), numbered.ReplaceAllString(want, "recipient of")
	}
	if c.after && v.Disposition == filter.Hold {
		got = placed(got)
	}
	if got != want {
		c.differs(m, "got\n%swant\n%s", got, want)
	}
	return v.ID
}

// wanted is what is wanted of a message on this road.
func (c *column) wanted(m matrixMail) wanted {
	w := m.auto
	if c.split && m.client == inside {
		w = m.forced
	}
	switch {
	case !c.after || w.passes:
	case w.refused && w.direction == "inbound" && w.secret: // and secrets are dropped
		w.text, w.refused, w.dropped = dropped(w.text), false, true
	case w.refused && w.direction == "inbound": // behind the queue foreign mail is held where it would be refused
		w.text, w.refused = placed(strings.Replace(w.text, "refuse\n", "hold\n", 1)), false
	case !w.refused:
		w.text = placed(w.text)
	}
	return w
}

// placed is the description of a verdict whose reply is only what a held message's begins with.
func placed(text string) string {
	return regexp.MustCompile(`(?m)^[45]\d\d [45]\.\d\.\d (\[.*?\]).*$`).ReplaceAllString(text, "451 4.7.1 $1")
}

// dropped is the description of a verdict behind which nobody gets the message.
func dropped(text string) string {
	t, _ := filter.TextOf(filter.TextDropped)
	lines := strings.SplitAfterN(text, "\n", 3)
	lines[1] = filter.NewReply(250, "0.0", t, "ID").String() + "\n"
	return strings.Join(lines, "")
}

// arrivals compares what came with what passed; what did not pass stays in the sending server's queue, or was
// returned to its sender without its content, or was dropped.
func (c *column) arrivals() {
	wants := make([]wanted, len(c.mails))
	for i, m := range c.mails {
		switch wants[i] = c.wanted(m); {
		case !c.after || wants[i].passes || wants[i].dropped:
		case wants[i].refused:
			c.bounced++
		default:
			c.held++
		}
	}
	must(c.t, peer.Wait(patience, fmt.Sprintf("%d messages that stay in the queue", c.held), func() bool { return c.mta.Queued() == c.held }))
	arrived, returned := map[string]peer.Delivery{}, []peer.Delivery{}
	for _, d := range c.sink.Deliveries() {
		if id := peer.Field(d.Bytes, "Congthu-Id"); id != "" {
			arrived[id] = d
		} else {
			returned = append(returned, d)
		}
	}
	for i, m := range c.mails {
		switch d, ok := arrived[c.ids[i]]; {
		case ok != wants[i].passes:
			c.differs(m, "arrived: %v", ok)
		case ok:
			c.arrived(m, wants[i], d)
		case c.after && wants[i].refused:
			c.returned(m, returned)
		}
	}
	if n := c.sink.Count(); n != len(arrived)+c.bounced {
		c.t.Errorf("%d messages came, %d that passed and %d that were returned", n, len(arrived), len(returned))
	}
}

// returned checks that a refused message went back to its sender, once, and that its content did not. Some
// messages have the same Message-Id.
func (c *column) returned(m matrixMail, all []peer.Delivery) {
	id := []byte(peer.Field(m.mail.Bytes, "Message-Id"))
	var want, got []string
	for _, o := range c.mails {
		if c.wanted(o).refused && bytes.Contains(o.mail.Bytes, id) {
			want = append(want, o.mail.From)
		}
	}
	for _, d := range all {
		if !bytes.Contains(d.Bytes, id) {
			continue
		}
		got = append(got, d.To...)
		if d.From != "" {
			c.differs(m, "returned by %q", d.From)
		}
		head, body, _ := bytes.Cut(m.mail.Bytes, []byte("\r\n\r\n")) // the header fields do go back
		for line := range bytes.Lines(body[:min(len(body), 4<<10)]) {
			if line = bytes.TrimSpace(line); len(line) > 12 && !bytes.Contains(line, []byte(": ")) && !bytes.Contains(head, line) && bytes.Contains(d.Bytes, line) {
				c.differs(m, "its content was returned: %q", line)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		c.differs(m, "returned to %q, want %q", got, want)
	}
}

// logged is the verdict that a line of the log tells of.
func logged(t *testing.T, line map[string]any) (v filter.Verdict, reply string) {
	t.Helper()
	b, err := json.Marshal(line)
	must(t, err)
	var l struct {
		filter.Verdict
		Disposition string `json:"disposition"`
		Reply       string `json:"reply"`
	}
	must(t, json.Unmarshal(b, &l))
	must(t, l.Verdict.Disposition.UnmarshalText([]byte(l.Disposition)))
	return l.Verdict, l.Reply
}

// described writes a verdict without the words in which the next hop took a message that passes.
func described(v filter.Verdict, reply string) string {
	lines := strings.SplitAfterN(samples.Describe(v), "\n", 3)
	lines[1] = samples.MaskID(reply, v.ID) + "\n"
	if v.Passes() {
		lines[1] = ""
	}
	return strings.Join(lines, "")
}

// arrived compares what came with what was sent.
func (c *column) arrived(m matrixMail, w wanted, d peer.Delivery) {
	if m.name == unclosed && strings.Contains(c.name, "sendmail") {
		m.mail.Bytes = append(bytes.Clone(m.mail.Bytes), "--mot--\r\n"...)
	}
	top, ok := bytes.CutSuffix(d.Bytes, m.mail.Bytes)
	if !ok && strings.Contains(c.name, "sendmail") { // it folds address lists anew and quotes names
		top, ok = bytes.CutSuffix(unfolded(d.Bytes), unfolded(m.mail.Bytes))
	}
	if !ok {
		at := max(0, bytes.Index(d.Bytes, m.mail.Bytes[:min(20, len(m.mail.Bytes))]))
		c.differs(m, "changed on the way: %s", difference(d.Bytes[at:], m.mail.Bytes))
		return
	}
	for _, f := range peer.Fields(append(bytes.Clone(top), "\r\n"...)) {
		if name, _, _ := strings.Cut(f, ":"); !slices.Contains([]string{"", "Received", "Congthu-Id", "Congthu-Verdict"}, name) {
			c.differs(m, "a field was added: %q", f)
		}
	}
	if d.From != m.mail.From || !slices.Equal(slices.Sorted(slices.Values(d.To)), slices.Sorted(slices.Values(m.mail.To))) {
		c.differs(m, "from %q to %q became from %q to %q", m.mail.From, m.mail.To, d.From, d.To)
	}
	if got := peer.Field(d.Bytes, "Congthu-Verdict"); (got != "") != w.tagged {
		c.differs(m, "Congthu-Verdict is %q", got)
	}
}

// unfolded is a message whose header fields are a line each and have no quotation marks.
func unfolded(msg []byte) []byte {
	head, body, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	head = regexp.MustCompile(`\r\n[ \t]+`).ReplaceAll(head, []byte(" "))
	head = bytes.ReplaceAll(head, []byte(`"`), nil)
	return slices.Concat(head, []byte("\r\n\r\n"), body)
}
