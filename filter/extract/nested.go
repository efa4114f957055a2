package extract

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"congthu/filter/message"
)

// readMessage reads a mail in a file: its subject, its labels' fields, and its leaves as files inside.
func readMessage(ctx context.Context, in *input, o out) error {
	l := message.DefaultLimits()
	m, err := message.Read(in.content, in.content.Size(), l)
	if err != nil {
		return fmt.Errorf("reading a message inside: %w", err)
	}
	seen := map[*message.Header]struct{}{} // readings of one part share its header, and may be thousands
	for p := range m.Parts() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, have := seen[p.Header]; have {
			continue
		}
		seen[p.Header] = struct{}{}
		if p.Parent == nil || p.Parent.MediaType == "message/rfc822" || p.Parent.MediaType == "message/global" {
			if err := headerTexts(p.Header, o); err != nil {
				return err
			}
		}
	}
	for p := range m.Contents() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := leafInside(p, o); err != nil {
			return err
		}
	}
	for _, n := range slices.Concat(m.NotInspected, m.Undecoded()) {
		o.miss(n.Reason)
	}
	return nil
}

// headerTexts passes on what a header says to readers.
func headerTexts(h *message.Header, o out) error {
	for _, name := range [...]string{"Subject", "Thread-Topic", "Keywords", "Comments", "Sensitivity", "X-Protective-Marking"} {
		for _, readings := range h.Readings(name) {
			for i, r := range readings {
				if err := o.text(Text{Kind: Property, Name: name, Reading: i, Value: r.Text}); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range [...]string{"SIO-Label", "SIO-Label-History", "msip_labels"} {
		for _, value := range h.Text(name) {
			if err := o.text(Text{Kind: Label, Name: name, Value: value}); err != nil {
				return err
			}
		}
	}
	return nil
}

// leafInside passes on one leaf. Its texts are read here, where its charset is known; the file inside is looked into
// as any other file.
func leafInside(p *message.Part, o out) error {
	if p.MediaType != "text/plain" && p.MediaType != "text/html" {
		return o.member(p.Names, p.Open())
	}
	texts, err := p.Texts()
	if err != nil {
		return err
	}
	if p.MediaType == "text/html" {
		err = htmlTexts(opened(texts), func() ([]io.Reader, error) { return opened(texts), nil }, o)
	} else {
		for i := 0; i < len(texts) && err == nil; i++ {
			err = stream(texts[i].Open(), Text{Kind: Body, Reading: i}, o)
		}
	}
	if err != nil {
		return err
	}
	if len(p.Names) == 0 {
		return nil
	}
	return o.member(p.Names, p.Open()) // what is called text may be anything
}

func opened(texts []message.TextReading) (readings []io.Reader) {
	for _, t := range texts {
		readings = append(readings, t.Open())
	}
	return readings
}

// looksLikeMail tells a mail by its first lines: fields of a header, two of them with names that mails have.
func looksLikeMail(head []byte) bool {
	known := 0
	for line := range strings.Lines(string(head)) {
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, _, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t") {
			return false
		}
		switch strings.ToLower(name) {
		case "received", "return-path", "delivered-to", "from", "to", "subject", "date", "message-id", "mime-version", "content-type", "x-mailer", "reply-to", "sender",
			"content-transfer-encoding", "thread-topic", "x-unsent", "dkim-signature":
			known++
		}
	}
	return known >= 2
}
