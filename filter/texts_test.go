package filter

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// textKeys are the keys that the catalogue's files declare, read from the source so that none can be forgotten.
func textKeys(t *testing.T) []TextKey {
	t.Helper()
	var keys []TextKey
	for _, name := range []string{"texts.go", "attachmenttexts.go"} {
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, keysIn(t, file)...)
	}
	if len(keys) < 30 {
		t.Fatalf("only %d keys found in the catalogue", len(keys))
	}
	return keys
}

func keysIn(t *testing.T, file ast.Node) []TextKey {
	t.Helper()
	var keys []TextKey
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "TextKey" {
			return true
		}
		for _, v := range spec.Values {
			s, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if s != string(TextNone) {
				keys = append(keys, TextKey(s))
			}
		}
		return true
	})
	return keys
}

func TestTextsBothLanguages(t *testing.T) {
	for _, k := range textKeys(t) {
		text, ok := TextOf(k)
		if !ok {
			t.Errorf("%s: not in the catalogue", k)
			continue
		}
		if ascii := plainASCII(text.Vietnamese); ascii == text.Vietnamese || strings.Contains(ascii, "?") {
			t.Errorf("%s: Vietnamese %q has no diacritics, or signs that SMTP cannot carry: %q", k, text.Vietnamese, ascii)
		}
		if len(text.English) != utf8.RuneCountInString(text.English) || text.English == "" {
			t.Errorf("%s: English %q is empty or not ASCII", k, text.English)
		}
		for _, s := range []string{text.Vietnamese, text.English} {
			if !strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q is no whole sentence", k, s)
			}
			if strings.ContainsAny(s, "%\r\n") {
				t.Errorf("%s: %q holds a character that a reply may not hold", k, s)
			}
		}
	}
}

func TestTextOfUnknownKey(t *testing.T) {
	if text, ok := TextOf("no-such-text"); ok || text != (Text{}) {
		t.Errorf("TextOf of an unknown key = %v, %v", text, ok)
	}
}

// Even a message that breaks every clause at once gets its answer in one line.
func TestTextsFitAReplyLine(t *testing.T) {
	others := []string{"10.1", "10.2", "11.5", "8.3", "9.1", "9.2", "4.4", "10.5"}
	id := NewID(time.Unix(1_800_000_000, 0))
	for _, k := range textKeys(t) {
		text, _ := TextOf(k)
		r := buildReply(550, "7.1", "9.3", text, others, id)
		line := r.String()
		if len(line)+len("\r\n") > 512 {
			t.Errorf("%s: reply of %d octets: %s", k, len(line)+2, line)
		}
		for _, must := range append([]string{"550 5.7.1 [9.3] ", "(id " + id + ")", plainASCII(text.Vietnamese)}, others...) {
			if !strings.Contains(line, must) {
				t.Errorf("%s: reply lost %q: %s", k, must, line)
			}
		}
	}
}
