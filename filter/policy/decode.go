package policy

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// position is a place in the configuration file.
type position struct{ line, column int }

// decoder fills a value from a YAML tree and remembers where each value stood. It collects every
// error, so that an administrator mends the file once. Reflection keeps keys, defaults and the
// lists of right keys in one place: the structs of config.go.
type decoder struct {
	file    string
	origins map[string]position
	errs    []*Error
}

// Error is one thing wrong with a configuration file.
type Error struct {
	File         string
	Line, Column int // 0 when the file as a whole is meant
	Key          string
	Problem      string
}

func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	if e.Key != "" {
		s += ": " + e.Key
	}
	return s + ": " + e.Problem
}

func (d *decoder) fail(n ast.Node, key, format string, args ...any) {
	p := place(n)
	d.errs = append(d.errs, &Error{File: d.file, Line: p.line, Column: p.column, Key: key, Problem: fmt.Sprintf(format, args...)})
}

func place(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return position{t.Position.Line, t.Position.Column}
	}
	return position{}
}

func (d *decoder) value(n ast.Node, path string, v reflect.Value) {
	switch x := n.(type) {
	case *ast.AnchorNode:
		d.value(x.Value, path, v)
		return
	case *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.fail(n, path, "aliases, tags and merge keys are not used here: write the value out")
		return
	case *ast.NullNode:
		return // an empty value keeps the default
	}
	d.origins[path] = place(n)
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(n, path, u)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v)
	case reflect.Slice:
		d.list(n, path, v)
	case reflect.String:
		if s, ok := scalar(n); ok {
			v.SetString(s)
			return
		}
		d.fail(n, path, "must be one value")
	case reflect.Int:
		var i int
		if s, ok := scalar(n); ok {
			if _, err := fmt.Sscanf(s, "%d", &i); err == nil && fmt.Sprint(i) == s && i > 0 {
				v.SetInt(int64(i))
				return
			}
		}
		d.fail(n, path, "must be a whole number above 0")
	default:
		d.fail(n, path, "cannot be set (a %s)", v.Kind())
	}
}

func (d *decoder) text(n ast.Node, path string, u encoding.TextUnmarshaler) {
	s, ok := scalar(n)
	if !ok {
		d.fail(n, path, "must be one value")
		return
	}
	if err := u.UnmarshalText([]byte(s)); err != nil {
		d.fail(n, path, "%v", err)
	}
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

// pairs are the key-value pairs of a mapping; YAML has two node types for one pair and several.
func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch x := n.(type) {
	case *ast.MappingNode:
		return x.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{x}, true
	}
	return nil, false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) structure(n ast.Node, path string, v reflect.Value) {
	if s, ok := v.Addr().Interface().(interface{ setScalar(text string) }); ok {
		if text, ok := scalar(n); ok {
			s.setScalar(text)
			return
		}
	}
	ps, ok := pairs(n)
	if !ok {
		d.fail(n, path, "must be a mapping with the keys %s", strings.Join(keysOf(v.Type()), ", "))
		return
	}
	seen := map[string]bool{}
	for _, p := range ps {
		key := keyText(p)
		field, ok := fieldOf(v, key)
		switch {
		case !ok:
			d.fail(p.Key, join(path, key), "%s", unknown(key, keysAt(path, keysOf(v.Type()))))
		case seen[key]:
			d.fail(p.Key, join(path, key), "given twice; keep one")
		default:
			d.value(p.Value, join(path, key), field)
		}
		seen[key] = true
	}
}

func (d *decoder) mapping(n ast.Node, path string, v reflect.Value) {
	ps, ok := pairs(n)
	if !ok {
		d.fail(n, path, "must be a mapping")
		return
	}
	// The right keys are those of the defaults: rules that exist, reasons that exist.
	var right []string
	for _, k := range v.MapKeys() {
		right = append(right, k.String())
	}
	sort.Strings(right)
	// A copy, because an element's copy shares its maps with the defaults.
	out := reflect.MakeMap(v.Type())
	for _, k := range v.MapKeys() {
		out.SetMapIndex(k, v.MapIndex(k))
	}
	v.Set(out)
	seen := map[string]bool{}
	for _, p := range ps {
		key := keyText(p)
		custom := path == "rules" && isCustom(key)
		if !custom && !slices.Contains(right, key) {
			problem := unknown(key, right)
			if path == "rules" {
				problem += ", and " + CustomPrefix + "NAME with 1 to 40 of a-z, 0-9 and - for rules of your own"
			}
			d.fail(p.Key, join(path, key), "%s", problem)
			continue
		}
		if seen[key] {
			d.fail(p.Key, join(path, key), "given twice; keep one")
			continue
		}
		seen[key] = true
		elem := reflect.New(v.Type().Elem()).Elem()
		if custom {
			elem.Set(reflect.ValueOf(customDefaults()))
		} else {
			elem.Set(v.MapIndex(reflect.ValueOf(key)))
		}
		d.value(p.Value, join(path, key), elem)
		v.SetMapIndex(reflect.ValueOf(key), elem)
	}
}

func (d *decoder) list(n ast.Node, path string, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, path, "must be a list: [a, b], or a line with \"- \" for each")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(seq.Values))
	for i, e := range seq.Values {
		elem := reflect.New(v.Type().Elem())
		if s, ok := elem.Interface().(interface{ setDefaults() }); ok {
			s.setDefaults()
		}
		d.value(e, fmt.Sprintf("%s[%d]", path, i), elem.Elem())
		out = reflect.Append(out, elem.Elem())
	}
	v.Set(out)
}

func keyText(p *ast.MappingValueNode) string {
	if t := p.Key.GetToken(); t != nil {
		return t.Value
	}
	return p.Key.String()
}

func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == key && key != "" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func keysOf(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if k := t.Field(i).Tag.Get("yaml"); k != "" {
			out = append(out, k)
		}
	}
	return out
}
