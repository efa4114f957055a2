package content

import (
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// yaml reads a mapping with the keys dictionary, category, weight, max, accents and word (what entries say that do not
// say it themselves) and entries: a list of mappings, or of words alone.
func (r *reader) yaml(data []byte) {
	tokens := lexer.Tokenize(string(data))
	if line, column, deep := nested(tokens); deep {
		r.bad(line, column, "has lists or mappings in each other, deeper than %d: an entry is a word or phrase, or one mapping", maxNesting)
		return
	}
	f, err := parser.Parse(tokens, 0)
	if err != nil {
		line, column, problem := 0, 0, err.Error()
		var y yaml.Error
		if errors.As(err, &y) {
			problem = y.GetMessage()
			if t := y.GetToken(); t != nil && t.Position != nil {
				line, column = t.Position.Line, t.Position.Column
			}
		}
		r.bad(line, column, "no valid YAML: %s; look at the indentation and the quotes: a pattern goes between '…'", problem)
		return
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		r.bad(0, 0, "must hold one YAML document with entries")
		return
	}
	pairs, ok := pairsOf(f.Docs[0].Body)
	if !ok {
		r.badAt(f.Docs[0].Body, "must be a mapping with entries, and what holds for all of them")
		return
	}
	base := defaults()
	var list *ast.SequenceNode
	seen := map[string]bool{}
	for _, p := range pairs {
		key := p.Key.GetToken().Value
		switch {
		case seen[key]:
			r.badAt(p.Key, key+" is given twice: keep one")
		case key == "entries":
			if list, ok = p.Value.(*ast.SequenceNode); !ok {
				r.badAt(p.Key, "entries must be a list, with \"- \" before each")
			}
		case key == "dictionary":
			if f, ok := r.scalar(p); ok {
				r.d.Name = f.value
			}
		case key == "text", key == "pattern":
			r.badAt(p.Key, key+" belongs to an entry: write it below entries")
		default:
			if f, ok := r.scalar(p); ok {
				r.set(&base, f)
			}
		}
		seen[key] = true
	}
	if list == nil {
		if len(r.errs) == 0 {
			r.bad(0, 0, "has no entries: write entries: and a list below it")
		}
		return
	}
	for _, n := range list.Values {
		r.yamlEntry(base, n)
	}
}

// nested finds where brackets stand deeper in each other than maxNesting, or so many signs behind each other in one line:
// the parser takes the square of their number.
func nested(tokens token.Tokens) (line, column int, deep bool) {
	open, signs := 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, signs = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open = max(open-1, 0)
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType, token.AliasType:
			signs++
		}
		if open > maxNesting || signs > maxNesting {
			return line, t.Position.Column, true
		}
	}
	return 0, 0, false
}

func (r *reader) yamlEntry(e Entry, n ast.Node) {
	line, column := place(n)
	if s, ok := scalar(n); ok {
		e.Text = s
		r.add(e, line, column)
		return
	}
	pairs, ok := pairsOf(n)
	if !ok {
		r.badAt(n, "an entry is a word or phrase, or a mapping with the keys "+keys)
		return
	}
	right := true
	seen := map[string]bool{}
	for _, p := range pairs {
		f, ok := r.scalar(p)
		if ok && seen[f.key] {
			r.badAt(p.Key, f.key+" is given twice: keep one")
			ok = false
		}
		seen[f.key] = true
		right = ok && r.set(&e, f) && right
	}
	if right {
		r.add(e, line, column)
	}
}

// scalar is a key with its one value.
func (r *reader) scalar(p *ast.MappingValueNode) (field, bool) {
	f := field{key: p.Key.GetToken().Value}
	f.line, f.column = place(p.Key)
	v, ok := scalar(p.Value)
	if !ok {
		r.badAt(p.Key, f.key+" must be one value; text that begins with a sign goes between '…'")
	}
	f.value = v
	return f, ok
}

func scalar(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func pairsOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch x := n.(type) {
	case *ast.MappingNode:
		return x.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{x}, true
	}
	return nil, false
}

func place(n ast.Node) (line, column int) {
	if pairs, ok := pairsOf(n); ok && len(pairs) > 0 {
		n = pairs[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}

func (r *reader) badAt(n ast.Node, problem string) {
	line, column := place(n)
	r.bad(line, column, "%s", problem)
}
