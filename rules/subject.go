package rules

import (
	"context"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
)

// Details of the subject rule's findings.
const (
	detailMissing     = "missing"
	detailBlank       = "blank"
	detailPrefix      = "prefix"
	detailPlaceholder = "placeholder"
)

// subject obeys Điều 9 khoản 3: no mail without a subject. Whether a subject fits the content is for
// people; that it says anything at all is judged here, in every reading of the header: a server that ends the
// header at a line that is no field delivers the mail without the subject behind it. Automatic mail is exempt,
// for nobody could put it right, and so is the stand-in subject outside of encrypted mail, whose real one is
// inside.
func subject() filter.Rule {
	return filter.Rule{Name: NameSubject, Clause: "9.3", Code: 550, Status: "7.1",
		Check: func(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			for _, h := range tx.Message.Headers() {
				subjects := h.Text("Subject")
				detail, text := judgeSubjects(subjects)
				if detail == "" {
					continue
				}
				if automatic(tx) {
					return nil, nil
				}
				if detail == detailBlank && standsIn(subjects) {
					hidden, err := encrypted(tx.Message)
					if err != nil {
						return nil, err
					}
					if hidden {
						continue
					}
				}
				return []filter.Finding{{Detail: detail, Text: text}}, nil
			}
			return nil, nil
		}}
}

// judgeSubjects says what is wrong with a message's subjects, "" when one of them says something:
// of several fields mail programs show now the first, now the last.
func judgeSubjects(subjects []string) (detail string, text filter.TextKey) {
	if len(subjects) == 0 {
		return detailMissing, filter.TextSubjectMissing
	}
	for i, s := range subjects {
		d, t := judgeSubject(s)
		if d == "" {
			return "", filter.TextNone
		}
		if i == 0 {
			detail, text = d, t
		}
	}
	return detail, text
}

// judgeSubject says what is wrong with one decoded subject.
func judgeSubject(subject string) (detail string, text filter.TextKey) {
	s := foldSubject(subject)
	if !saysSomething(s) {
		return detailBlank, filter.TextSubjectBlank
	}
	rest, cut := withoutPrefixes(s)
	switch {
	case !saysSomething(rest) && cut:
		return detailPrefix, filter.TextSubjectPrefix
	case placeholder(rest) && !strings.Contains(subject, "Null"):
		// Programs write null, (null) and NULL for a subject that they do not have; Null is a word.
		return detailPlaceholder, filter.TextSubjectPlaceholder
	}
	return "", filter.TextNone
}

// standsIn tells a subject that a mail program puts outside of encrypted mail: "[...]" (RFC 9788
// section 3.2.1) or "..." (its forerunners).
func standsIn(subjects []string) bool {
	for _, s := range subjects {
		switch strings.TrimSpace(s) {
		case "...", "…", "[...]", "[…]":
			return true
		}
	}
	return false
}

// automatic tells mail that a program sent without a person (RFC 3834): it says so in Auto-Submitted
// (section 5) or in the older Precedence: auto_reply, or it is a report on delivery (RFC 3464: from the null
// reverse-path) or on reading (RFC 8098: some programs send it from the reader's own address).
// X-Auto-Response-Suppress is not asked: it stands in ordinary mail whose sender wants no automatic answer.
func automatic(tx *filter.Transaction) bool {
	for _, v := range tx.Message.Header.Values("Auto-Submitted") {
		if k := filter.Keyword(v); k != "" && k != "no" {
			return true
		}
	}
	for _, v := range tx.Message.Header.Values("Precedence") {
		if k := filter.Keyword(v); k == "auto_reply" || k == "auto-reply" {
			return true
		}
	}
	switch reportOf(tx.Message) {
	case "message/delivery-status", "message/global-delivery-status":
		return tx.ReversePath.Null()
	case "message/disposition-notification", "message/global-disposition-notification":
		return true
	}
	return false
}

// reportOf is the media type of the machine-readable part of a report (RFC 6522: the second part), ""
// when the message is none.
func reportOf(m *message.Message) string {
	if m.Root.MediaType != "multipart/report" || len(m.Root.Children) < 2 {
		return ""
	}
	return m.Root.Children[1].MediaType
}
