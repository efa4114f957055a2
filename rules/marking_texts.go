package rules

import (
	"context"
	"strings"

	"congthu/filter/message"
	"congthu/rules/marking"
)

// markingTexts yields what the headers of a message say with the part that they are of: subjects and labels of it and
// of the messages in it, and file names. The error is one of ours.
func markingTexts(ctx context.Context, m *message.Message, yield func(part string, t marking.Text)) error {
	for _, h := range m.Headers() {
		headerTexts(h, "", yield)
	}
	seen := map[*message.Header]struct{}{} // readings of one part share its header, and may be thousands
	for p := range m.Parts() {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if _, have := seen[p.Header]; have {
			continue
		}
		seen[p.Header] = struct{}{}
		if p.Parent != nil {
			headerTexts(p.Header, p.ID, yield)
		}
		for _, name := range p.Names {
			yield(p.ID, marking.Text{Kind: marking.FileName, Readings: textsOf(message.Readings([]byte(name), ""))})
		}
		for _, d := range p.Header.Readings("Content-Description") {
			yield(p.ID, marking.Text{Kind: marking.Subject, Readings: textsOf(d)})
		}
	}
	return nil
}

func textsOf(list []message.Reading) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.Text
	}
	return out
}

// labelField tells the header fields that carry a label: RFC 7444 (SIO-Label), Microsoft's sensitivity labels, the
// protective marking of Australia's PSPF, RFC 4021's Sensitivity, RFC 6477 (MMHS), and the names in use beside them.
func labelField(name string) (kind marking.Kind, ok bool) {
	switch strings.ToLower(name) {
	case "sio-label", "sio-label-history", "msip_labels", "x-protective-marking", "sensitivity", "x-sensitivity", "classification",
		"x-classification", "security-classification", "x-security-label", "x-security-classification", "x-label", "x-sensitivity-label",
		"mmhs-security-label", "x-do-mat", "x-domat":
		return marking.Label, true
	case "keywords", "comments", "x-keywords", "x-categories", "categories":
		return marking.Property, true
	}
	return 0, false
}

// headerTexts yields what a header says to readers and what labels it carries.
func headerTexts(h *message.Header, part string, yield func(string, marking.Text)) {
	for _, name := range []string{"Subject", "Thread-Topic"} {
		for _, readings := range h.Readings(name) {
			yield(part, marking.Text{Kind: marking.Subject, Readings: textsOf(readings)})
		}
	}
	for _, f := range h.Fields {
		if kind, ok := labelField(f.Name); ok {
			yield(part, marking.Text{Kind: kind, Name: f.Name, Readings: textsOf(message.Readings([]byte(message.DecodeText(f.Value())), ""))})
		}
	}
}
