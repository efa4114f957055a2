package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Load reads a dictionary: YAML (.yml, .yaml) or CSV (.csv). The error joins an *Error for each thing that is wrong.
func Load(path string) (*Dictionary, error) {
	name := filepath.Base(path)
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: name, Problem: "cannot be read: " + cause(err)}
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, &Error{File: name, Problem: "is no file (a folder, a device or a pipe)"}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Error{File: name, Problem: "cannot be read: " + cause(err)}
	}
	return Parse(name, data)
}

func cause(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Parse reads a dictionary; file is its name.
func Parse(file string, data []byte) (*Dictionary, error) {
	if len(data) > maxFile {
		return nil, &Error{File: file, Problem: fmt.Sprintf("is longer than %d octets: divide it", maxFile)}
	}
	sum := sha256.Sum256(data)
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // Windows programs write one
	if !utf8.Valid(data) {
		line := 1 + bytes.Count(data[:invalid(data)], []byte("\n"))
		return nil, &Error{File: file, Line: line, Column: 1, Problem: "is not in UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)"}
	}
	ext := filepath.Ext(file)
	d := &Dictionary{Name: strings.TrimSuffix(file, ext), SHA256: hex.EncodeToString(sum[:]), file: file}
	r := &reader{d: d}
	switch strings.ToLower(ext) {
	case ".yml", ".yaml":
		r.yaml(data)
	case ".csv":
		r.csv(data)
	default:
		return nil, &Error{File: file, Problem: "is no dictionary: its name must end in .yml, .yaml or .csv"}
	}
	if !rightName(d.Name) {
		r.bad(0, 0, "%q is no name for a dictionary: give the file a name of a-z, 0-9 and -, or write dictionary: NAME into it", d.Name)
	}
	if len(d.Entries) == 0 && len(r.errs) == 0 {
		r.bad(0, 0, "has no entries: write some, or take it out of the configuration")
	}
	return d, errors.Join(r.errs...)
}

func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}

func rightName(s string) bool {
	return len(s) >= 1 && len(s) <= maxName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// reader collects what is wrong, so that an administrator mends a file once.
type reader struct {
	d    *Dictionary
	errs []error
}

func (r *reader) bad(line, column int, format string, args ...any) {
	switch {
	case len(r.errs) < maxErrors:
		r.errs = append(r.errs, &Error{File: r.d.file, Line: line, Column: column, Problem: fmt.Sprintf(format, args...)})
	case len(r.errs) == maxErrors:
		r.errs = append(r.errs, &Error{File: r.d.file, Line: line, Column: column, Problem: "and more from here on"})
	}
}

// field is one value of an entry and where it stands.
type field struct {
	key, value   string
	line, column int
}

// defaultWeight is the points of an entry that says nothing of them: what a threshold is by default.
const defaultWeight = 10

// keys are what an entry may say.
const keys = "text, pattern, category, weight, max, accents, word"

// set takes one value over. It tells whether the value is right.
func (r *reader) set(e *Entry, f field) bool {
	number := func(to *int) bool {
		n, err := strconv.Atoi(f.value)
		if err != nil || n < 1 || n > MaxPoints {
			r.bad(f.line, f.column, "%s: %q is no number of points or times: write 1 to %d", f.key, f.value, MaxPoints)
			return false
		}
		*to = n
		return true
	}
	switch f.key {
	case "text":
		e.Text = f.value
	case "pattern":
		e.Pattern = f.value
	case "weight":
		return number(&e.Weight)
	case "max":
		return number(&e.Max)
	case "category":
		if f.value != "" && !rightName(f.value) {
			r.bad(f.line, f.column, "category: %q is no name: write up to %d of a-z, 0-9 and -", f.value, maxName)
			return false
		}
		e.Category = f.value
	case "accents":
		switch a := Accents(f.value); a {
		case Exact, Folded, Ignored:
			e.Accents = a
		default:
			r.bad(f.line, f.column, "accents: %q is no way to compare diacritics: write exact, folded or ignored", f.value)
			return false
		}
	case "word":
		if f.value != "true" && f.value != "false" {
			r.bad(f.line, f.column, "word: %q is neither true nor false", f.value)
			return false
		}
		e.Word = f.value == "true"
	default:
		r.bad(f.line, f.column, "unknown key %q; the keys of an entry are %s", f.key, keys)
		return false
	}
	return true
}

// add takes an entry over once all of it is known.
func (r *reader) add(e Entry, line, column int) {
	e.line, e.column = line, column
	switch {
	case e.Text == "" && e.Pattern == "":
		r.bad(line, column, "says nothing to look for: write text or pattern")
	case e.Text != "" && e.Pattern != "":
		r.bad(line, column, "has text and pattern: make two entries of it")
	case e.Pattern != "" && e.Accents == Folded:
		r.bad(line, column, "accents: folded is for words and phrases: for a pattern write exact or ignored")
	default:
		r.d.Entries = append(r.d.Entries, e)
	}
}

// defaults is an entry before its keys are read.
func defaults() Entry { return Entry{Weight: defaultWeight, Max: 1, Accents: Exact, Word: true} }
