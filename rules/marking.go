package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"congthu/filter"
	"congthu/filter/message"
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
//
// The parts are told apart; what all of them say together is in the first finding.
func markingRule(c Config) filter.Rule {
	return filter.Rule{Name: filter.RuleMarking, Clause: "10.1", Code: 550, Status: "7.1",
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if c.Marking == nil {
				return nil, nil
			}
			found := markedParts{evidence: map[string][]marking.Evidence{}}
			err := markingTexts(ctx, c, tx.Message, func(part string, t marking.Text) {
				found.add(part, c.Marking.Find(t))
			})
			if err != nil {
				return nil, fmt.Errorf("looking for markings: %w", err)
			}
			return found.findings(c), nil
		}}
}

// markedParts is the evidence of a message by part.
type markedParts struct {
	order    []string
	evidence map[string][]marking.Evidence
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
	if len(marked) == 0 {
		return nil
	}
	slices.SortStableFunc(marked, func(a, b part) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Class, b.Class))
	})
	marked[0].Conclusion = marking.Conclude(all)
	var out []filter.Finding
	for i, p := range marked {
		if i == maxMarked {
			out = append(out, filter.Finding{Mode: filter.Monitor, Disposition: filter.Tag, Score: p.Score, Detail: fmt.Sprintf("%d more", len(marked)-i)})
			break
		}
		out = append(out, markingFinding(c, p.id, p.Conclusion))
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

// Extractor gives the texts in a part that is no text itself: of documents, archives, pictures. What it cannot look
// into is its own matter to report.
type Extractor func(ctx context.Context, p *message.Part, yield func(marking.Text)) error
