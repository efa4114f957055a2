package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// csvColumns are the columns of the CSV export, in their order. New ones come at the end.
func csvColumns() []string {
	return []string{"seq", "time", "gate", "kind", "id", "door", "listener", "queue_id", "client", "client_name", "helo", "login",
		"reverse_path", "recipients", "direction", "unit", "disposition", "held", "reply", "findings", "not_inspected", "bytes",
		"sha256", "policy", "packs", "next_hop", "next_hop_queue_id", "error", "who", "what", "object", "reason", "details", "hash",
		"dropped", "released", "hold"}
}

// csvRow is a record as a row.
func csvRow(l *Line) []string {
	m := map[string]string{"seq": strconv.FormatUint(l.Seq, 10), "time": l.Time.Format(time.RFC3339Nano), "gate": l.Gate,
		"kind": string(l.Kind), "hash": l.Hash}
	switch {
	case l.Verdict != nil:
		v := l.Verdict
		for k, s := range map[string]string{"id": v.ID, "door": v.Door, "listener": v.Listener, "queue_id": v.QueueID, "client": v.Client,
			"client_name": v.ClientName, "helo": v.Helo, "login": v.Login, "reverse_path": v.ReversePath,
			"recipients": withMore(v.Recipients, v.MoreRecipients), "direction": v.Direction, "unit": v.Unit, "disposition": v.Disposition,
			"held": strconv.FormatBool(v.Held), "reply": v.Reply, "findings": withMore(findingTexts(v.Findings), v.MoreFindings),
			"bytes": strconv.FormatInt(v.Bytes, 10), "sha256": v.SHA256, "policy": v.Policy, "packs": strings.Join(v.Packs, "; "), "error": v.Error,
			"dropped": strconv.FormatBool(v.Dropped), "released": v.Released} {
			m[k] = s
		}
		var parts []string
		for _, n := range v.NotInspected {
			parts = append(parts, n.Part+": "+n.Reason)
		}
		m["not_inspected"] = withMore(parts, v.MoreUnseen)
	case l.Outcome != nil:
		o := l.Outcome
		m["id"], m["reply"], m["next_hop"], m["next_hop_queue_id"] = o.ID, o.Reply, o.NextHop, o.NextHopQueueID
		m["error"], m["held"], m["hold"] = o.Error, strconv.FormatBool(o.Held), o.Hold
	case l.Act != nil:
		a := l.Act
		m["who"], m["what"], m["object"], m["reason"], m["details"] = a.Who, string(a.What), a.Object, a.Reason, detailsText(a.Details)
	case l.Checkpoint != nil:
		m["object"] = strconv.FormatUint(l.Checkpoint.Seq, 10)
	case l.Root != nil:
		m["object"], m["details"] = strconv.FormatUint(l.Root.Seq, 10), fmt.Sprintf("%d records pruned", l.Root.Count)
	}
	var row []string
	for _, c := range csvColumns() {
		row = append(row, cell(m[c]))
	}
	return row
}

// cell makes a text one that a spreadsheet shows and does not compute or break into lines: what begins
// like a formula gets an apostrophe in front, control characters become blanks.
func cell(s string) string {
	formula := s != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(s[:min(len(s), 4)])[0])
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			return ' '
		}
		return r
	}, s)
	if formula {
		return "'" + s
	}
	return s
}

func withMore(list []string, more int) string {
	s := strings.Join(list, "; ")
	if more > 0 {
		s += fmt.Sprintf("; and %d more", more)
	}
	return s
}

// findingTexts are findings in a line of text each.
func findingTexts(all []Finding) []string {
	var out []string
	for _, f := range all {
		s := f.Rule + " [" + f.Clause + "] " + f.Mode + " " + f.Disposition
		for _, more := range []string{f.Level, f.Part, f.Detail} {
			if more != "" {
				s += " " + more
			}
		}
		out = append(out, s)
	}
	return out
}

func detailsText(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+": "+m[k])
	}
	return strings.Join(out, "; ")
}
