package evidence

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxCEF is how long a value of a CEF event may be, in octets (ArcSight's dictionary bounds most strings
// by 1023 characters).
const maxCEF = 1023

// cefOf is a record as an event of ArcSight's Common Event Format, version 0, without a line break.
func cefOf(r *Record) string {
	c := cefEvent{}
	class, name, severity := cefHead(r)
	c.add("rt", strconv.FormatInt(r.Time.UnixMilli(), 10))
	c.add("dvchost", r.Gate)
	c.add("cn1", strconv.FormatUint(r.Seq, 10))
	c.add("cn1Label", "seq")
	c.add("cat", string(r.Kind))
	switch {
	case r.Verdict != nil:
		c.verdict(r.Verdict)
	case r.Outcome != nil:
		c.outcome(r.Outcome)
	case r.Act != nil:
		a := r.Act
		c.add("suser", a.Who)
		c.add("act", string(a.What))
		c.add("fname", a.Object)
		c.add("reason", a.Reason)
		c.add("msg", detailsText(a.Details))
	case r.Checkpoint != nil:
		c.add("fileHash", r.Checkpoint.Hash)
		c.labelled("cs6", "signature", r.Checkpoint.Signature)
	case r.Root != nil:
		c.add("fileHash", r.Root.Hash)
		c.labelled("cs6", "signature", r.Root.Signature)
	}
	return "CEF:0|Congthu|Congthu|1|" + cefHeader(class) + "|" + cefHeader(name) + "|" + strconv.Itoa(severity) + "|" + c.b.String()
}

// cefHead is an event's class, its name for people, and its severity from 0 to 10.
func cefHead(r *Record) (class, name string, severity int) {
	switch {
	case r.Verdict != nil:
		severity = map[string]int{"accept": 1, "tag": 3, "defer": 4, "hold": 6, "refuse": 6}[r.Verdict.Disposition]
		if slices.ContainsFunc(r.Verdict.Findings, func(f Finding) bool {
			return f.Disposition != "accept" && (f.Rule == "marking" || f.Rule == "virus")
		}) {
			severity = 9
		}
		return "verdict:" + r.Verdict.Disposition, "message: " + r.Verdict.Disposition, severity
	case r.Outcome != nil && r.Outcome.Error != "":
		return string(r.Kind), "outcome of a message: error", 4
	case r.Outcome != nil:
		return string(r.Kind), "outcome of a message", 1
	case r.Act != nil:
		return "act:" + string(r.Act.What), "act: " + string(r.Act.What), 3
	}
	return string(r.Kind), string(r.Kind), 1
}

// cefEvent is the extension of an event: key=value, a blank between.
type cefEvent struct{ b strings.Builder }

func (c *cefEvent) add(key, value string) {
	if value == "" {
		return
	}
	if c.b.Len() > 0 {
		c.b.WriteByte(' ')
	}
	c.b.WriteString(key)
	c.b.WriteByte('=')
	c.b.WriteString(cefValue(value))
}

func (c *cefEvent) labelled(key, label, value string) {
	if value != "" {
		c.add(key+"Label", label)
		c.add(key, value)
	}
}

func (c *cefEvent) verdict(v *Verdict) {
	c.add("externalId", v.ID)
	c.add("deviceFacility", v.Door)
	c.add("act", v.Disposition)
	if a, err := netip.ParseAddr(v.Client); err == nil && a.Unmap().Is4() {
		c.add("src", a.Unmap().String())
	} else {
		c.labelled("c6a2", "Source IPv6 Address", v.Client)
	}
	c.add("shost", v.ClientName)
	c.add("suser", v.ReversePath)
	c.add("duser", withMore(v.Recipients, v.MoreRecipients))
	c.add("deviceDirection", map[string]string{"inbound": "0", "outbound": "1", "internal": "1"}[v.Direction])
	c.add("in", strconv.FormatInt(v.Bytes, 10))
	c.add("fileHash", v.SHA256)
	c.add("msg", v.Reply)
	c.add("reason", v.Error)
	var rules, clauses []string
	for _, f := range v.Findings {
		if !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
		if !slices.Contains(clauses, f.Clause) {
			clauses = append(clauses, f.Clause)
		}
	}
	c.labelled("cs1", "rules", strings.Join(rules, ","))
	c.labelled("cs2", "clauses", strings.Join(clauses, ","))
	c.labelled("cs3", "unit", v.Unit)
	c.labelled("cs4", "policy", v.Policy)
	c.labelled("cs5", "queueId", v.QueueID)
	c.labelled("cs6", "releasedFrom", v.Released)
	switch {
	case v.Held:
		c.add("outcome", "held")
	case v.Dropped:
		c.add("outcome", "dropped")
	case v.Released != "":
		c.add("outcome", "released")
	}
}

func (c *cefEvent) outcome(o *Outcome) {
	c.add("externalId", o.ID)
	c.add("msg", o.Reply)
	c.add("dhost", o.NextHop)
	c.labelled("cs5", "nextHopQueueId", o.NextHopQueueID)
	c.labelled("cs6", "hold", o.Hold)
	c.add("reason", o.Error)
}

// cefHeader escapes a field before the extension: backslash and bar, all on one line.
func cefHeader(s string) string {
	return strings.NewReplacer(`\`, `\\`, `|`, `\|`).Replace(oneLine(cleanTo(s, maxCEF)))
}

// cefValue escapes a value of the extension: backslash and equals sign; line breaks are written as \n
// and \r, which only values may have, and other control characters become blanks.
func cefValue(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\n", `\n`, "\r", `\r`).Replace(cleanTo(s, maxCEF))
	return oneLine(s)
}

// oneLine turns control characters, line separators and characters that nobody sees into blanks.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}
