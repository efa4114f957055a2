package content

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"congthu/rules/marking"
)

// Limits of patterns.
const (
	maxPattern   = 1000 // octets of a pattern
	minLiteral   = 3    // characters that every match must hold together, so that texts without them are passed over
	maxLiterals  = 64   // such pieces of one pattern
	reach        = 1024 // octets of text on either side of such a piece that a match may extend to
	maxRegion    = 8192 // octets that a pattern looks at in one go
	instsPerStep = 10   // a pattern takes time for each octet in proportion to its instructions
	notInAWord   = `[^\pL\pM\pN]`
)

// pattern is an administrator's regular expression. It is asked only where one of its literals stands.
type pattern struct {
	re       *regexp.Regexp // group 1 is the match
	literals []string       // one of them is in every match; in lower case
	cost     int            // steps of each octet that it looks at
}

// newPattern compiles an expression in RE2's syntax. word binds matches to whole words. The error says what to do.
func newPattern(source string, word, plain bool) (*pattern, error) {
	if len(source) > maxPattern {
		return nil, fmt.Errorf("the pattern is longer than %d octets: divide it into several entries", maxPattern)
	}
	source = respelled(norm.NFC.String(source))
	if plain {
		source = marking.Plain(source)
	}
	tree, err := syntax.Parse(source, syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, fmt.Errorf("%w: patterns are written in RE2's syntax, without look-ahead and back-references", err)
	}
	if err := anchors(tree); err != nil {
		return nil, err
	}
	p := &pattern{literals: required(tree.Simplify())}
	if len(p.literals) == 0 || len(p.literals) > maxLiterals {
		return nil, fmt.Errorf("no %d characters in a row stand in every match: write such characters out, or list the alternatives as words", minLiteral)
	}
	whole := "(?i)(" + source + ")"
	if word {
		whole = "(?i)(?:^|" + notInAWord + ")(" + source + ")(?:$|" + notInAWord + ")"
	}
	if p.re, err = regexp.Compile(whole); err != nil {
		return nil, fmt.Errorf("%w: make its repetitions smaller", err)
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("%w: make its repetitions smaller", err)
	}
	p.cost = 1 + len(program.Inst)/instsPerStep
	return p, nil
}

// anchors refuses what means something else here than its writer thinks.
func anchors(re *syntax.Regexp) error {
	switch re.Op {
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return fmt.Errorf(`\b and \B know the letters of ASCII only: leave them out, for whole words are matched anyway; word: false also matches inside of words`)
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText:
		return fmt.Errorf("^ and $ have no meaning here, for a pattern is looked for anywhere and lines are joined: leave them out")
	}
	for _, sub := range re.Sub {
		if err := anchors(sub); err != nil {
			return err
		}
	}
	return nil
}

// required are strings of which one is in every match, nil when there are none that are long enough.
func required(re *syntax.Regexp) []string {
	if all := long(exact(re)); all != nil {
		return all
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		return requiredOf(re.Sub)
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			s := required(sub)
			if s == nil {
				return nil
			}
			all = append(all, s...)
		}
		return all
	}
	return nil
}

// requiredOf are the best strings of parts that follow each other: few, and long.
func requiredOf(parts []*syntax.Regexp) []string {
	var best []string
	consider := func(s []string) {
		if s != nil && (best == nil || len(s) < len(best) || len(s) == len(best) && shortest(s) > shortest(best)) {
			best = s
		}
	}
	run := []string{""}
	for _, sub := range parts {
		all := exact(sub)
		if both := product(run, all); both != nil {
			run = both
			continue
		}
		consider(long(run))
		if run = all; all == nil {
			consider(required(sub))
			run = []string{""}
		}
	}
	consider(long(run))
	return best
}

// exact are all strings that an expression matches, in lower case, nil when they are too many.
func exact(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}
	case syntax.OpCapture:
		return exact(re.Sub[0])
	case syntax.OpCharClass:
		var all []string
		for i := 0; i < len(re.Rune); i += 2 {
			if re.Rune[i+1]-re.Rune[i] > maxLiterals {
				return nil
			}
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				all = append(all, strings.ToLower(string(r)))
			}
		}
		return few(all)
	case syntax.OpQuest:
		if all := exact(re.Sub[0]); all != nil {
			return few(append([]string{""}, all...))
		}
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			if all = product(all, exact(sub)); all == nil {
				return nil
			}
		}
		return all
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			s := exact(sub)
			if s == nil {
				return nil
			}
			all = append(all, s...)
		}
		return few(all)
	}
	return nil
}

// few takes out what is there twice; nil when they are too many.
func few(all []string) []string {
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > maxLiterals {
		return nil
	}
	return all
}

// product is each string of a before each of b, nil when there are none or too many.
func product(a, b []string) []string {
	if len(a)*len(b) == 0 || len(a)*len(b) > maxLiterals {
		return nil
	}
	var all []string
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

// long are strings that are all long enough to look for, cut where they are longer than that; else nil.
func long(all []string) []string {
	for i, s := range all {
		if utf8.RuneCountInString(s) < minLiteral {
			return nil
		}
		for len(s) > maxText {
			_, n := utf8.DecodeLastRuneInString(s)
			s = s[:len(s)-n]
		}
		all[i] = s
	}
	return all
}

func shortest(list []string) int {
	n := len(list[0])
	for _, s := range list {
		n = min(n, len(s))
	}
	return n
}

// respelled puts the tones of the words in an expression where the texts have them. The letter of an escape stays.
func respelled(source string) string {
	var b strings.Builder
	for len(source) > 0 {
		r, n := utf8.DecodeRuneInString(source)
		if r == '\\' && len(source) > 1 {
			_, m := utf8.DecodeRuneInString(source[1:])
			b.WriteString(source[:n+m])
			source = source[n+m:]
			continue
		}
		if !unicode.IsLetter(r) {
			b.WriteString(source[:n])
			source = source[n:]
			continue
		}
		end := strings.IndexFunc(source, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
		if end < 0 {
			end = len(source)
		}
		word := source[:end]
		if strings.ContainsFunc(word, func(r rune) bool { return r >= utf8.RuneSelf }) {
			word = marking.Normal(word)
		}
		b.WriteString(word)
		source = source[end:]
	}
	return b.String()
}
