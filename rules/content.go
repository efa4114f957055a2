package rules

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/rules/content"
	"congthu/rules/marking"
)

// NameContent is the rule of the administrator's dictionaries.
const NameContent = "content"

// DefaultContentFrom is how many points a message needs for the content rule to find it: one entry of ordinary weight.
const DefaultContentFrom = 10

// maxContentFindings is how many dictionaries and categories of one message get a finding of their own.
const maxContentFindings = 20

// Content is what the content rule needs to know.
type Content struct {
	Lexicon *content.Lexicon // nil finds nothing
	From    int              // points from which the policy's dispositions are asked; 0 means DefaultContentFrom
	Steps   []ContentStep    // other dispositions from other points on
}

// ContentStep is a disposition for messages of one direction from so many points on.
type ContentStep struct {
	Inbound     bool // else outbound and internal mail
	From        int
	Disposition filter.Disposition
}

// asks is what is asked of a message with so many points: what the highest step says that it reaches. Unset is what the
// policy says for its direction.
func (c Content) asks(points int, inbound bool) (d filter.Disposition, found bool) {
	from := cmp.Or(c.From, DefaultContentFrom)
	best := 0
	if points >= from {
		best, found = from, true
	}
	for _, s := range c.Steps {
		if s.Inbound == inbound && points >= s.From && s.From >= best {
			best, d, found = s.From, s.Disposition, true
		}
	}
	return d, found
}

// contentRule obeys Điều 10 khoản 2 with the administrator's own dictionaries. Subjects, file names, bodies and documents
// are looked at; each entry counts once in a message, or as often as it says in the text that has it most often. Text and
// HTML of one letter so count once. The findings are one for each dictionary and category, whose scores are their points
// in hundredths; what they say together decides what is asked.
func contentRule(c Config) filter.Rule {
	return filter.Rule{Name: NameContent, Clause: "10.2", Code: 550, Status: "7.1",
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if c.Content.Lexicon == nil {
				return nil, nil
			}
			found := foundContent{lexicon: c.Content.Lexicon, all: content.Counts{}, best: map[string]contentPart{}}
			work := content.NewWork()
			err := markingTexts(ctx, tx.Message, func(part string, t marking.Text) {
				if t.Kind == marking.Label {
					return
				}
				for _, reading := range t.Readings {
					found.add(part, "", c.Content.Lexicon.Find(ctx, work, reading))
				}
			})
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return nil, fmt.Errorf("looking for words: %w", err)
			}
			found.cut = work.Cut()
			if c.Inspector != nil {
				files, err := c.Inspector.Inspect(ctx, tx.Message)
				if err != nil {
					return nil, fmt.Errorf("looking for words in files: %w", err)
				}
				found.addFiles(files)
			}
			return found.findings(c.Content, tx.Direction == filter.Inbound), nil
		}}
}

// contentPart is the part of a message where a dictionary and category has its most points.
type contentPart struct {
	part, sha256 string
	points       int
}

// foundContent is what was found in a message.
type foundContent struct {
	lexicon *content.Lexicon
	all     content.Counts
	best    map[string]contentPart // by dictionary and category
	cut     bool                   // not everything was looked at
}

func (f *foundContent) add(part, sha256 string, counts content.Counts) {
	if len(counts) == 0 {
		return
	}
	f.all.Most(counts)
	for label, points := range f.lexicon.Labels(counts) {
		if points > f.best[label].points {
			f.best[label] = contentPart{part, sha256, points}
		}
	}
}

// addFiles adds what was found in the leaves and the files in them.
func (f *foundContent) addFiles(found *extract.Inspection) {
	for _, l := range found.Leaves {
		outcome, _ := l.Outcomes[NameContent].(wordsFound)
		f.cut = f.cut || outcome.cut
		for _, file := range outcome.files {
			f.add(l.Part.ID+file.path, file.sha256, file.counts)
		}
	}
}

func (f *foundContent) findings(c Content, inbound bool) []filter.Finding {
	asked, enough := c.asks(f.lexicon.Points(f.all), inbound)
	var out []filter.Finding
	if enough {
		labels := f.lexicon.Labels(f.all)
		names := slices.SortedFunc(maps.Keys(labels), func(a, b string) int {
			return cmp.Or(cmp.Compare(labels[b], labels[a]), strings.Compare(a, b))
		})
		for i, name := range names {
			if i == maxContentFindings {
				out = append(out, filter.Finding{Disposition: asked, Score: 1.0 / content.MaxPoints, Detail: fmt.Sprintf("%d more", len(names)-i)})
				break
			}
			at := f.best[name]
			out = append(out, filter.Finding{Disposition: asked, Score: float64(labels[name]) / content.MaxPoints, Detail: name, Part: at.part, PartSHA256: at.sha256})
		}
		return out
	}
	if f.cut {
		out = append(out, filter.Finding{Score: 1.0 / content.MaxPoints, Detail: detailCut})
	}
	return out
}
