package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/rules/marking"
)

// maxMarked is how many parts of one message get a finding of their own; the last finding says how many more there are.
const maxMarked = 20

// markingRule obeys Điều 10 khoản 1: no secret documents through the mail system, sent or received. What looks like a
// formal marking is asked for as the policy says; what a person should see first is found and not acted on:
//
//   - from Config.MarkingEnforced on the policy's disposition in its mode
//   - below it, from marking.Medium on, the same in monitor mode
//   - below that, from marking.Low on, a tag in monitor mode
//   - stamps of declassified papers and banners of other states are held at most
//   - where so much looks like a marking that not all of it was looked at, and none was found, the mail is held in the
//     rule's mode
//
// The parts are told apart; what all of them say together is in the first finding.
func markingRule(c Config) filter.Rule {
	return filter.Rule{Name: filter.RuleMarking, Clause: "10.1", Code: 550, Status: "7.1",
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if c.Marking == nil {
				return nil, nil
			}
			found := markedParts{evidence: map[string][]marking.Evidence{}, sha256: map[string]string{}}
			work := marking.NewWork()
			err := markingTexts(ctx, tx.Message, func(part string, t marking.Text) {
				found.add(part, c.Marking.FindWithin(ctx, work, t))
				found.addCut(part, work.TakeCut())
			})
			if err == nil {
				err = markingLabels(ctx, c, tx, found.add)
			}
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return nil, fmt.Errorf("looking for markings: %w", err)
			}
			if c.Inspector == nil {
				return found.findings(c), nil
			}
			files, err := c.Inspector.Inspect(ctx, tx.Message)
			if err != nil {
				return nil, fmt.Errorf("looking for markings in files: %w", err)
			}
			found.addFiles(files)
			return found.findings(c), nil
		}}
}

// detailCut is the detail of the finding that not all that may be a marking was looked at.
const detailCut = "too many"

// markedParts is the evidence of a message by part.
type markedParts struct {
	order    []string
	evidence map[string][]marking.Evidence
	sha256   map[string]string // of files inside of parts
	cut      bool              // something was not looked at, first in cutPart
	cutPart  string
}

func (m *markedParts) addCut(part string, cut bool) {
	if cut && !m.cut {
		m.cut, m.cutPart = true, part
	}
}

// addFiles adds what was found in the leaves and the files in them. A file inside is named by its leaf and its place
// in there: "2/1".
func (m *markedParts) addFiles(found *extract.Inspection) {
	for _, l := range found.Leaves {
		files, _ := l.Outcomes[filter.RuleMarking].([]markedFile)
		for _, f := range files {
			part := l.Part.ID + f.path
			if f.path != "" {
				m.sha256[part] = f.sha256
			}
			m.add(part, slices.Clone(f.evidence)) // outcomes are shared between messages
			m.addCut(part, f.cut)
		}
	}
}

func (m *markedParts) add(part string, e []marking.Evidence) {
	if len(e) == 0 {
		return
	}
	if _, known := m.evidence[part]; !known {
		m.order = append(m.order, part)
	}
	m.evidence[part] = marking.Merge(m.evidence[part], e)
}

// findings are the parts that are marked, the surest first.
func (m *markedParts) findings(c Config) []filter.Finding {
	type part struct {
		id string
		marking.Conclusion
	}
	var marked []part
	var all []marking.Evidence
	for _, id := range m.order {
		all = marking.Merge(all, m.evidence[id])
		if said := marking.Conclude(m.evidence[id]); said.Score >= marking.Low {
			marked = append(marked, part{id, said})
		}
	}
	var out []filter.Finding
	if m.cut && marking.Conclude(all).Score < c.MarkingEnforced {
		out = append(out, filter.Finding{Part: m.cutPart, PartSHA256: m.sha256[m.cutPart], Level: string(marking.Other), Disposition: filter.Hold,
			Score: marking.Medium, Detail: detailCut})
	}
	if len(marked) == 0 {
		return out
	}
	slices.SortStableFunc(marked, func(a, b part) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Class, b.Class))
	})
	marked[0].Conclusion = marking.Conclude(all)
	for i, p := range marked {
		if i == maxMarked {
			out = append(out, filter.Finding{Mode: filter.Monitor, Disposition: filter.Tag, Score: p.Score, Detail: fmt.Sprintf("%d more", len(marked)-i)})
			break
		}
		f := markingFinding(c, p.id, p.Conclusion)
		f.PartSHA256 = m.sha256[p.id]
		out = append(out, f)
	}
	return out
}

func markingFinding(c Config, part string, said marking.Conclusion) filter.Finding {
	f := filter.Finding{Part: part, Level: string(said.Level), Score: said.Score, Detail: string(said.Class)}
	if said.Score < c.MarkingEnforced {
		f.Mode = filter.Monitor
	}
	switch {
	case said.Score < marking.Medium:
		f.Disposition = filter.Tag
	case said.Hold:
		f.Disposition = filter.Hold
	}
	return f
}

// NewInspector makes what looks into the files of messages for the rules of c, with the rest of the options as they
// are. It belongs into Config.Inspector, and Coverage of it into the policy.
func NewInspector(c Config, o extract.Options) (*extract.Inspector, error) {
	o.Consumers = map[string]extract.NewConsumers{}
	if c.Marking != nil {
		o.Consumers[filter.RuleMarking] = newFilesMarks(c.Marking)
	}
	if c.AttachmentTypes != nil {
		o.Consumers[NameAttachmentType] = newFilesRisks(c.AttachmentTypes)
	}
	if len(c.Virus.Engines) > 0 {
		o.Consumers[filter.RuleVirus] = newFilesInside
	}
	if c.Content.Lexicon != nil {
		o.Consumers[NameContent] = newFilesWords(c.Content.Lexicon)
	}
	if o.Limits == (extract.Limits{}) {
		o.Limits = extract.DefaultLimits()
	}
	if o.Budget == nil {
		o.Budget = c.Budget
	}
	return extract.New(o)
}
