package extract

import (
	"strconv"
	"strings"
)

// isDDE tells the code of a field that starts a program: DDE and DDEAUTO, also when the letters are given by number, as
// a field QUOTE inside of the field does (ECMA-376 part 1, 17.16.5).
func isDDE(code string) bool {
	var words []string
	quote := false
	for word := range strings.FieldsSeq(strings.NewReplacer(`"`, " ", "{", " ", "}", " ", "\u201c", " ", "\u201d", " ").Replace(code)) {
		upper := strings.ToUpper(word)
		n, err := strconv.Atoi(word)
		switch {
		case upper == "QUOTE":
			quote = true
		case quote && err == nil && n > 0 && n < 0x110000:
			if len(words) == 0 || words[len(words)-1] == "" {
				words = append(words, "")
			}
			words[len(words)-1] += strings.ToUpper(string(rune(n)))
		default:
			words = append(words, upper)
		}
	}
	for i, w := range words {
		if w == "DDE" || strings.HasPrefix(w, "DDEAUTO") || i+1 < len(words) && w == "DDE" && words[i+1] == "AUTO" {
			return true
		}
	}
	return false
}

// csvOut looks for such formulas in text that a sheet is made of.
type csvOut struct{ out }

func (c csvOut) text(t Text) error {
	for line := range strings.Lines(t.Value) {
		if strings.Contains(line, "|'") && lineDDE(line) {
			c.fact(DDE)
			break
		}
	}
	return c.out.text(t)
}

// lineDDE tells a line with a cell that asks a program. Bars part cells too, so the form is asked for: =cmd|'/c calc'!A0.
func lineDDE(line string) bool {
	for rest := line; ; {
		bar := strings.Index(rest, "|'")
		if bar < 0 {
			return false
		}
		service := strings.TrimRight(rest[:bar], " ")
		start := len(strings.TrimRightFunc(service, func(r rune) bool {
			return r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		}))
		rest = rest[bar+2:]
		if start > 0 && start < len(service) && strings.IndexByte("=+-@(", service[start-1]) >= 0 && strings.Contains(rest, "'!") {
			return true
		}
	}
}

// ofSheet tells text that programs make a sheet of.
func ofSheet(f *File) bool {
	return f.Type == "text/csv" || f.Type == "text/tab-separated-values" || hasEnding(f.Names, ".csv") || hasEnding(f.Names, ".tsv") || hasEnding(f.Names, ".xls")
}

// formulaDDE tells a formula of a sheet that asks a program: service|topic!item.
func formulaDDE(formula string) bool {
	formula = strings.ToUpper(strings.TrimLeft(formula, "=+-@ \t"))
	if strings.HasPrefix(formula, "DDE(") || strings.HasPrefix(formula, "OF:=DDE(") || strings.HasPrefix(formula, "OOOC:=DDE(") {
		return true
	}
	quoted, bar := false, false
	for i := 0; i < len(formula); i++ {
		switch c := formula[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '|' && i > 0:
			bar = true
		case c == '!' && bar:
			return true
		}
	}
	return false
}
