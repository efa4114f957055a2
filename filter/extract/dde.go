package extract

import (
	"bytes"
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
		if strings.IndexByte(line, '|') >= 0 && lineDDE(line) || strings.Contains(strings.ToUpper(line), "=DDE(") {
			c.fact(DDE)
			break
		}
	}
	return c.out.text(t)
}

// lineDDE tells a line with a cell that asks a program. Bars part cells too, so the form is asked for, service|'topic'!item
// in a formula: =cmd|'/c calc'!A0.
func lineDDE(line string) bool {
	for at := 0; ; at++ {
		bar := strings.IndexByte(line[at:], '|')
		if bar < 0 {
			return false
		}
		if at += bar; hasTopic(line[at+1:min(len(line), at+maxFormula)]) && inFormula(line[max(0, at-maxFormula):at]) {
			return true
		}
	}
}

// hasTopic tells what begins with a topic in quotes, in which two stand for one, and the sign of an item.
func hasTopic(s string) bool {
	s = strings.TrimLeft(s, cellBlanks)
	for strings.HasPrefix(s, "'") {
		_, after, ok := strings.Cut(s[1:], "'")
		if !ok {
			return false
		}
		if s = after; strings.HasPrefix(strings.TrimLeft(s, cellBlanks), "!") {
			return true
		}
	}
	return false
}

// inFormula tells a line that ends in the name of a service, in quotes or without, behind the beginning of a formula.
func inFormula(line string) bool {
	line = strings.TrimRight(line, cellBlanks)
	before := strings.TrimRightFunc(line, func(r rune) bool {
		return r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	})
	if rest, ok := strings.CutSuffix(line, "'"); ok {
		before = rest[:max(0, strings.LastIndexByte(rest, '\''))]
	}
	named := len(before) < len(line)
	before = strings.TrimRight(before, cellBlanks)
	return named && before != "" && strings.IndexByte("=+-@(&*/^<>{,;:", before[len(before)-1]) >= 0 && strings.ContainsAny(before, "=+-@")
}

// maxFormula is how many octets of a formula are looked at on either side of a bar; a cell of Excel holds 8192 letters.
const maxFormula = 8 << 10

// cellBlanks may stand between the signs of a formula.
const cellBlanks = " \t"

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

// sylkBytes is how much of a sheet in the symbolic link format is searched for macros.
const sylkBytes = 1 << 20

// symbolicLink tells macros of Excel 4 in a sheet in the symbolic link format: Excel takes for one whatever begins so, under any
// name of a sheet. A table whose first column is called ID has no such records.
func symbolicLink(in *input, o out) {
	if !bytes.HasPrefix(in.head, []byte("ID;P")) {
		return
	}
	macros, runs := false, false
	for line := range bytes.Lines(bytes.ToUpper(octetsAt(in.content, 0, int(min(in.content.Size(), sylkBytes))))) {
		line = bytes.TrimSpace(line)
		macros = macros || bytes.Equal(line, []byte("O;E")) || bytes.HasPrefix(line, []byte("O;")) && bytes.Contains(line, []byte(";E"))
		runs = runs || bytes.HasPrefix(line, []byte("NN;NAUTO_"))
	}
	switch {
	case macros && runs:
		o.fact(MacroAutorun)
	case macros:
		o.fact(Macro)
	}
}
