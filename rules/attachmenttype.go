package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/attachmenttype"
)

// NameAttachmentType is the name of the rule about types of attachments.
const NameAttachmentType = "attachment-type"

// maxRisky is how many findings one message gets; the last one says how many more there are.
const maxRisky = 20

// attachmentTypeRule obeys Điều 10 khoản 2 and Điều 11 khoản 5: nothing dangerous travels by official mail. It asks of
// every file, whatever it is in, what it is called and what it is:
//
//   - what a double click runs, mounts or loads is refused, by name and by content, and so is what only looks like a document
//   - documents that act when they are opened are refused: macros that run by themselves, fields that start programs,
//     templates and objects from elsewhere, PDF files that start programs, pages that make files, pictures that run scripts
//   - other macros are ordinary work: a warning on mail of ours, and mail from outside waits for an officer
//   - a page whose script unpacks what it shows may be a bank's protected letter: it waits for an officer
//   - JavaScript in PDF files computes forms, and readers let it do little else: a warning
//
// A file packed into a document is asked the same as any other: a packed letter is none of the rule's business.
func attachmentTypeRule(c Config) filter.Rule {
	return filter.Rule{Name: NameAttachmentType, Clause: "10.2, 11.5", Code: 550, Status: "7.1",
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if c.AttachmentTypes == nil {
				return nil, nil
			}
			m := riskyMessage{judge: c.AttachmentTypes, leaves: map[*message.Part]extract.Leaf{}, had: map[risk]bool{}}
			if c.Inspector != nil {
				found, err := c.Inspector.Inspect(ctx, tx.Message)
				if err != nil {
					return nil, fmt.Errorf("looking for dangerous files: %w", err)
				}
				for _, l := range found.Leaves {
					m.leaves[l.Part] = l
				}
			}
			for p := range tx.Message.Leaves() {
				if err := ctx.Err(); err != nil {
					return nil, fmt.Errorf("looking for dangerous files: %w", context.Cause(ctx))
				}
				m.part(p)
			}
			return m.findings(c, tx.Direction), nil
		}}
}

// risk is one dangerous file.
type risk struct {
	part, sha256 string
	kind         attachmenttype.Kind
}

// riskyMessage is what is dangerous in one message.
type riskyMessage struct {
	judge  *attachmenttype.Judge
	leaves map[*message.Part]extract.Leaf
	risks  []risk
	had    map[risk]bool
}

func (m *riskyMessage) add(part, sha256 string, k attachmenttype.Kind) {
	r := risk{part, sha256, k}
	if k == attachmenttype.None || m.had[r] {
		return
	}
	m.had[r] = true
	m.risks = append(m.risks, r)
}

// part judges a leaf by its names, and takes over what was found in it.
func (m *riskyMessage) part(p *message.Part) {
	mediaType, inside := "", leafRisks{}
	if l, ok := m.leaves[p]; ok {
		if len(l.Files) > 0 {
			mediaType = l.Files[0].Type
		}
		inside, _ = l.Outcomes[NameAttachmentType].(leafRisks)
	}
	kind := attachmenttype.None
	for _, name := range p.Names {
		kind = m.judge.Worse(kind, m.judge.Name(name, mediaType))
	}
	if len(p.Names) == 0 {
		kind = m.judge.Label(p.MediaType, mediaType)
	}
	kind = m.judge.Worse(kind, contentKind(m.judge, p.Names, inside.content))
	if inside.archive && m.judge.NoArchive(p.Names) {
		kind = m.judge.Worse(kind, attachmenttype.Disguised)
	}
	m.add(p.ID, "", kind)
	allowed := m.judge.Excepted(p.Names, attachmenttype.Macro)
	autorun := slices.ContainsFunc(inside.files, func(f riskyFile) bool { return slices.Contains(f.kinds, attachmenttype.MacroAutorun) })
	for _, f := range inside.files {
		for _, k := range f.kinds {
			macro := k == attachmenttype.Macro || k == attachmenttype.MacroAutorun
			if macro && allowed || k == attachmenttype.Macro && (autorun || m.around(p.ID+f.path)) {
				continue
			}
			m.add(p.ID+f.path, f.sha256, k)
		}
	}
}

// around tells whether the document that a file is in is known for its macros: they are a file of their own in it.
func (m *riskyMessage) around(part string) bool {
	return slices.ContainsFunc(m.risks, func(r risk) bool { return r.kind == attachmenttype.Macro && strings.HasPrefix(part, r.part+"/") })
}

// findings are the dangerous files, the worst first.
func (m *riskyMessage) findings(c Config, d filter.Direction) []filter.Finding {
	slices.SortStableFunc(m.risks, func(a, b risk) int { return cmp.Compare(m.weight(a.kind), m.weight(b.kind)) })
	var out []filter.Finding
	for i, r := range m.risks {
		if i == maxRisky {
			return append(out, filter.Finding{Mode: filter.Monitor, Disposition: filter.Tag, Detail: fmt.Sprintf("%d more", len(m.risks)-i),
				Text: attachmentText(r.kind)})
		}
		out = append(out, filter.Finding{Part: r.part, PartSHA256: r.sha256, Detail: string(r.kind), Text: attachmentText(r.kind),
			Disposition: m.asked(c, r.kind, d)})
	}
	return out
}

// asked is what a kind asks for; Unset is what the policy says of the rule.
func (m *riskyMessage) asked(c Config, k attachmenttype.Kind, d filter.Direction) filter.Disposition {
	switch {
	case k == attachmenttype.Macro && d.FromOurs():
		return c.MacrosOutbound
	case k == attachmenttype.Macro:
		return c.MacrosInbound
	case k == attachmenttype.Obfuscated:
		return filter.Hold
	case m.judge.Mild(k):
		return filter.Tag
	}
	return filter.Unset
}

// weight orders kinds by what they ask for.
func (m *riskyMessage) weight(k attachmenttype.Kind) int {
	switch {
	case m.judge.Mild(k):
		return 3
	case k == attachmenttype.Macro:
		return 2
	case k == attachmenttype.Obfuscated:
		return 1
	}
	return 0
}

// attachmentText is what the sender is told of a kind.
func attachmentText(k attachmenttype.Kind) filter.TextKey {
	switch k {
	case attachmenttype.RightToLeft, attachmenttype.Invisible, attachmenttype.Padded, attachmenttype.Double, attachmenttype.DoublePage, attachmenttype.Stream,
		attachmenttype.ClassID:
		return filter.TextAttachmentName
	case attachmenttype.Disguised:
		return filter.TextAttachmentDisguised
	case attachmenttype.Macro, attachmenttype.MacroAutorun:
		return filter.TextAttachmentMacro
	case attachmenttype.DDE, attachmenttype.RemoteTemplate:
		return filter.TextAttachmentRemote
	case attachmenttype.Launch, attachmenttype.PDFScript:
		return filter.TextAttachmentPDF
	case attachmenttype.Smuggling, attachmenttype.Obfuscated, attachmenttype.SVGScript:
		return filter.TextAttachmentPage
	case attachmenttype.Embedded:
		return filter.TextAttachmentEmbedded
	case "shortcut":
		return filter.TextAttachmentShortcut
	case "disk-image":
		return filter.TextAttachmentDisk
	case attachmenttype.Script, "source":
		return filter.TextAttachmentScript
	case attachmenttype.Executable, "add-in":
		return filter.TextAttachmentProgram
	}
	return filter.TextAttachmentType
}
