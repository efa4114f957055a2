package marking

import (
	"strings"
	"unicode/utf8"
)

// tick is what a box beside a level says.
type tick uint8

const (
	noTick tick = iota
	unticked
	ticked
)

// box is a box to be ticked in a line.
type box struct {
	start, end int
	ticked     bool
}

// boxes finds the boxes of a line, drawn or written as brackets.
func boxes(s string) []box {
	var out []box
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch r {
		case '☒', '☑', '✓', '✔', '✗', '✘', '⊠', '⊗', '■', '▣', '◉', '🗹', '🗷', '🗸', '✅':
			out = append(out, box{i, i + n, true})
		case '●', '⦿':
			if strings.ContainsAny(s, "○◯") { // else it begins an item
				out = append(out, box{i, i + n, true})
			}
		case '☐', '□', '▢', '○', '◯', '❏', '❑', '⬜', '▫':
			out = append(out, box{i, i + n, false})
		case '[', '(':
			if b, ok := bracketBox(s, i); ok {
				out = append(out, b)
				n = b.end - i
			}
		}
		i += n
	}
	return out
}

// bracketBox reads "[x]", "(X)", "[ ]", "[]".
func bracketBox(s string, i int) (box, bool) {
	closer := byte(']')
	if s[i] == '(' {
		closer = ')'
	}
	stop := strings.IndexByte(s[i:min(len(s), i+6)], closer)
	if stop < 0 {
		return box{}, false
	}
	switch inside := strings.TrimSpace(s[i+1 : i+stop]); {
	case inside == "" && s[i] == '[', inside == "" && stop > 1:
		return box{i, i + stop + 1, false}, true
	case inside == "x", inside == "X", inside == "v", inside == "V", inside == "×", inside == "✓", inside == "*", inside == "•", inside == "●":
		return box{i, i + stop + 1, true}, true
	}
	return box{}, false
}

// ticks says of each level in a line what the box beside it says; nil when the line has no box. Boxes stand before
// their words, or all behind them.
func (u *unit) ticks(i int) []tick {
	l := u.line(i)
	all := boxes(l.text)
	if len(all) == 0 || len(l.marks) == 0 {
		return nil
	}
	out := make([]tick, len(l.marks))
	behind := u.boxesBehind(l, all)
	for k, c := range l.marks {
		for _, b := range all {
			gap := ""
			switch {
			case !behind && b.end <= c.start:
				gap = l.text[b.end:c.start]
			case behind && b.start >= c.end:
				gap = l.text[c.end:b.start]
			default:
				continue
			}
			if len(gap) > 12 || strings.Trim(gap, " \t|:-.") != "" {
				continue
			}
			out[k] = unticked
			if b.ticked {
				out[k] = ticked
			}
		}
	}
	return out
}

// boxesBehind tells which way a line with boxes reads: with the first word before the first box, behind; a label with
// its colon is no such word.
func (u *unit) boxesBehind(l *line, all []box) bool {
	before := l.text[:all[0].start]
	for _, m := range l.marks {
		if m.end <= len(before) && strings.Trim(before[m.end:], " :") == "" && !u.inLabel(l, m) {
			return true // "Mật: ☐"
		}
	}
	for _, f := range u.labelsOf(l) {
		if end := l.toks[f.last].end; f.full && end <= len(before) && strings.Trim(before[end:], " :") == "" {
			return false // "Cấp độ mật ☐ Mật"
		}
	}
	if i := strings.LastIndexByte(before, ':'); i >= 0 {
		before = before[i+1:]
	}
	return !decoration(before)
}

// inLabel tells a level's name that is a part of a label: "Độ mật".
func (u *unit) inLabel(l *line, m candidate) bool {
	for _, f := range u.labelsOf(l) {
		if f.first <= m.first && m.last <= f.last {
			return true
		}
	}
	return false
}
