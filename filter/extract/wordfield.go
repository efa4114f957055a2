package extract

import "strings"

// maxFieldTexts is how many texts in the code of one field are read.
const maxFieldTexts = 100

// fieldTexts are the texts that a field shows out of its own code (ECMA-376 part 1, 17.16.5): those of QUOTE and FILLIN, the
// face of a MACROBUTTON or GOTOBUTTON, what EQ draws. Programs that read the document show them without a result.
func fieldTexts(code string) []string {
	code = strings.TrimSpace(code)
	name, rest, _ := strings.Cut(code, " ")
	switch strings.ToUpper(name) {
	case "QUOTE", "FILLIN":
		return quotedTexts(rest)
	case "MACROBUTTON", "GOTOBUTTON":
		_, face, _ := strings.Cut(strings.TrimSpace(rest), " ")
		return []string{strings.Trim(face, ` "`)}
	case "EQ":
		return []string{equation(rest)}
	}
	return nil
}

// quotedTexts are the texts in quotes, or the words without them.
func quotedTexts(code string) []string {
	code = strings.NewReplacer("\u201c", `"`, "\u201d", `"`).Replace(code)
	var out []string
	rest := code
	for len(out) < maxFieldTexts {
		_, after, ok := strings.Cut(rest, `"`)
		if !ok {
			break
		}
		text, behind, _ := strings.Cut(after, `"`)
		out, rest = append(out, text), behind
	}
	if len(out) == 0 {
		words, _, _ := strings.Cut(code, `\*`)
		out = append(out, words)
	}
	return out
}

// equation is the text in what EQ draws: boxes, brackets, fractions, one part a line. A backslash begins the name of a switch or
// stands before a sign that is meant.
func equation(code string) string {
	var b strings.Builder
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '\\':
			i++
			if i < len(code) && !isAlphanumeric(code[i]) {
				b.WriteByte(code[i])
				continue
			}
			for i+1 < len(code) && isAlphanumeric(code[i+1]) {
				i++
			}
		case '(', ')', ',', ';':
			b.WriteByte('\n')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
