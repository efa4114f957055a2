package policy

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// Show writes the configuration in force as YAML that Load reads again, each value with where it
// came from: "default", or file and line.
func (c *Config) Show(w io.Writer) error {
	s := &shower{c: c, origins: true}
	s.value("", "", 0, reflect.ValueOf(*c))
	_, err := io.WriteString(w, s.out.String())
	return err
}

// Hash is "sha256:" and the hash of the configuration in force: equal values, equal hash, wherever
// they came from. What is kept where and who is told changes no verdict and is left out. extra are versions of
// data that belongs to the policy.
func (c *Config) Hash(extra ...string) string {
	policy := *c
	policy.Admin, policy.Console = Admin{}, Console{}
	policy.Evidence, policy.Store, policy.Notices, policy.Alerts = Evidence{}, Store{}, Notices{}, Alerts{}
	s := &shower{c: c}
	s.value("", "", 0, reflect.ValueOf(policy))
	sum := sha256.Sum256([]byte(s.out.String() + strings.Join(extra, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

type shower struct {
	c       *Config
	origins bool
	out     strings.Builder
}

func (s *shower) line(depth int, text, path string) {
	line := strings.Repeat("  ", depth) + text
	if s.origins && path != "" {
		origin := "default"
		if p, ok := s.c.origins[path]; ok {
			origin = fmt.Sprintf("%s:%d", s.c.file, p.line)
		}
		line = fmt.Sprintf("%-60s # %s", line, origin)
	}
	s.out.WriteString(line + "\n")
}

// value writes one value below its key.
func (s *shower) value(key, path string, depth int, v reflect.Value) {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			b = []byte(err.Error())
		}
		s.line(depth, key+": "+quoted(string(b)), path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if key != "" {
			s.line(depth, key+":", "")
			depth++
		}
		for i := range v.NumField() {
			k := v.Type().Field(i).Tag.Get("yaml")
			if k == "" || s.skip(path, k) {
				continue
			}
			s.value(k, join(path, k), depth, v.Field(i))
		}
	case reflect.Map:
		s.line(depth, key+":", "")
		keys := make([]string, 0, v.Len())
		for _, k := range v.MapKeys() {
			keys = append(keys, k.String())
		}
		sort.Strings(keys)
		for _, k := range keys {
			s.value(quoted(k), join(path, k), depth+1, v.MapIndex(reflect.ValueOf(k)))
		}
	case reflect.Slice:
		s.list(key, path, depth, v)
	case reflect.String:
		s.line(depth, key+": "+quoted(v.String()), path)
	default:
		s.line(depth, fmt.Sprintf("%s: %v", key, v.Interface()), path)
	}
}

func (s *shower) list(key, path string, depth int, v reflect.Value) {
	if v.Len() == 0 {
		s.line(depth, key+": []", path)
		return
	}
	if v.Index(0).Kind() == reflect.Struct && !v.Index(0).Type().Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		s.line(depth, key+":", "")
		for i := range v.Len() {
			s.line(depth+1, "-", "")
			s.value("", fmt.Sprintf("%s[%d]", path, i), depth+2, v.Index(i))
		}
		return
	}
	var items []string
	for i := range v.Len() {
		item := v.Index(i).Interface()
		if m, ok := item.(encoding.TextMarshaler); ok {
			b, err := m.MarshalText()
			if err != nil {
				b = []byte(err.Error())
			}
			item = string(b)
		}
		items = append(items, quoted(fmt.Sprint(item)))
	}
	s.line(depth, key+": ["+strings.Join(items, ", ")+"]", path)
}

// skip leaves out the keys that a rule does not have.
func (s *shower) skip(path, key string) bool {
	rule, ok := strings.CutPrefix(path, "rules.")
	if !ok || strings.Contains(rule, ".") {
		return false
	}
	switch key {
	case "mode":
		return false
	case "outbound", "inbound":
		return !hasColumns(rule)
	}
	for _, k := range ownKeys(rule) {
		if k == key {
			return false
		}
	}
	return true
}

// plainScalar tells a text that reads back as it stands, without quotes.
func plainScalar(s string) bool {
	if s == "" || strings.ContainsAny(s, ":#{}[],&*!|>'\"%@`\\") || strings.TrimSpace(s) != s || strings.EqualFold(s, "null") {
		return false
	}
	first, _ := utf8.DecodeRuneInString(s)
	notPrinted := strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
	return !notPrinted && (unicode.IsLetter(first) || unicode.IsDigit(first) || first == '/')
}

// quoted is a scalar in YAML, in quotes where it needs them.
func quoted(s string) string {
	if !plainScalar(s) {
		b, err := yaml.MarshalWithOptions(s, yaml.JSON())
		if err == nil {
			return strings.TrimSuffix(string(b), "\n")
		}
	}
	return s
}
