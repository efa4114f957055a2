// Package content looks for an administrator's words, phrases and patterns in texts (Điều 10 khoản 2, Điều 11 khoản 5),
// in one pass however many there are. Texts go in and points come out; what is kept names entries by number and holds
// no text.
package content

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"congthu/rules/marking"
)

// MaxPoints is what a message's points add up to at most. Every entry has at least one, so that what is kept of a text
// is never more than so many entries.
const MaxPoints = 100

// Limits of dictionaries.
const (
	maxFile         = 8 << 20 // octets of one
	maxDictionaries = 50
	maxEntries      = 50_000 // of all together
	maxPatterns     = 1000   // of these
	maxText         = 200    // octets of a word or phrase
	maxName         = 40     // octets of a dictionary's or a category's name
	maxErrors       = 20     // shown of one file
	maxNesting      = 20     // brackets in each other in a YAML file
)

// Accents is how the diacritics of an entry are compared.
type Accents string

// The ways. None of them makes "mật" of "mặt" but Ignored, which is asked for by name.
const (
	Exact   Accents = "exact"   // as written
	Folded  Accents = "folded"  // as written, or without any where the text around has none either
	Ignored Accents = "ignored" // not looked at
)

// Entry is one word, phrase or pattern of a dictionary.
type Entry struct {
	Text     string // a word or a phrase, "" for a pattern
	Pattern  string // RE2
	Category string
	Weight   int // points of each time, 1 to MaxPoints
	Max      int // times that count in one text, 1 to MaxPoints
	Accents  Accents
	Word     bool // whole words only

	line, column int
}

// Dictionary is a file of entries.
type Dictionary struct {
	Name    string // in findings
	SHA256  string // of the file, hex
	Entries []Entry
	file    string
}

// Error is one thing wrong with a dictionary.
type Error struct {
	File         string
	Line, Column int // 0 when the file as a whole is meant
	Problem      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Problem)
}

// entry is an entry ready to be found.
type entry struct {
	label       string // "dictionary/category", or the dictionary alone
	weight, max int
	word        bool
	pattern     *pattern // nil for words and phrases
}

// hit is what a string of an automaton stands for.
type hit struct {
	entry   int32
	literal bool // of a pattern, which is to be asked
	bare    bool // an entry with diacritics, written without
}

// Lexicon is all dictionaries of a policy. It does not change once made and may be used by several goroutines.
type Lexicon struct {
	entries []entry
	marked  *searcher // in texts as they are
	plain   *searcher // in texts without their diacritics; nil when no entry asks for it
}

// searcher finds strings in one form of a text.
type searcher struct {
	automaton *automaton
	list      []found
}

// New makes a lexicon. The error joins an *Error for each thing that is wrong.
func New(dictionaries []*Dictionary) (*Lexicon, error) {
	l := &Lexicon{}
	var errs []error
	var marked, plain []found
	names, patterns := map[string]string{}, 0
	for _, d := range dictionaries {
		if other, ok := names[d.Name]; ok {
			errs = append(errs, &Error{File: d.file, Problem: fmt.Sprintf("the name %s is that of %s too: give one of them another", d.Name, other)})
		}
		names[d.Name] = d.file
		seen := map[string]int{}
		wrong := 0
		for _, e := range d.Entries {
			m, p, err := l.add(d, e, seen)
			if err != nil {
				if wrong++; wrong <= maxErrors {
					errs = append(errs, err)
				}
				continue
			}
			marked, plain = append(marked, m...), append(plain, p...)
			if e.Pattern != "" {
				patterns++
			}
		}
		if wrong > maxErrors {
			errs = append(errs, &Error{File: d.file, Problem: fmt.Sprintf("%d more entries are wrong", wrong-maxErrors)})
		}
	}
	switch {
	case len(dictionaries) > maxDictionaries:
		errs = append(errs, fmt.Errorf("%d dictionaries are more than %d: put several into one", len(dictionaries), maxDictionaries))
	case len(l.entries) > maxEntries:
		errs = append(errs, fmt.Errorf("%d entries in all dictionaries are more than %d", len(l.entries), maxEntries))
	case patterns > maxPatterns:
		errs = append(errs, fmt.Errorf("%d patterns in all dictionaries are more than %d: words and phrases cost less", patterns, maxPatterns))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	l.marked = newSearcher(marked)
	if len(plain) > 0 {
		l.plain = newSearcher(plain)
	}
	return l, nil
}

func newSearcher(list []found) *searcher {
	a, list := newAutomaton(list)
	return &searcher{a, list}
}

// add takes an entry over and says which strings stand for it, in texts as they are and in those without diacritics.
func (l *Lexicon) add(d *Dictionary, e Entry, seen map[string]int) (marked, plain []found, err error) {
	bad := func(format string, args ...any) error {
		return &Error{File: d.file, Line: e.line, Column: e.column, Problem: fmt.Sprintf(format, args...)}
	}
	id := int32(len(l.entries))
	hyphens := strings.NewReplacer("-", " ", "_", " ") // as the automaton reads them
	made := entry{label: d.Name, weight: e.Weight, max: e.Max, word: e.Word}
	if e.Category != "" {
		made.label += "/" + e.Category
	}
	key := "pattern " + e.Pattern
	if e.Pattern != "" {
		if made.pattern, err = newPattern(e.Pattern, e.Word, e.Accents == Ignored); err != nil {
			return nil, nil, bad("%v", err)
		}
		for _, s := range made.pattern.literals {
			marked = append(marked, found{s, []hit{{entry: id, literal: true}}})
		}
	} else {
		text := comparable(e.Text)
		if problem := textProblem(text, e.Word); problem != "" {
			return nil, nil, bad("%s", problem)
		}
		bare := marking.Plain(text)
		key = "text " + hyphens.Replace(text)
		marked = append(marked, found{text, []hit{{entry: id}}})
		switch {
		case e.Accents == Ignored:
			key = "text " + hyphens.Replace(bare)
			marked[0].text = bare
		case e.Accents == Folded && bare != text:
			marked = append(marked, found{bare, []hit{{entry: id, bare: true}}})
		}
	}
	if line, twice := seen[key]; twice {
		return nil, nil, bad("is in line %d already: keep one of the two", line)
	}
	seen[key] = e.line
	l.entries = append(l.entries, made)
	if e.Accents == Ignored {
		return nil, marked, nil
	}
	return marked, nil, nil
}

// textProblem says why a word or phrase cannot be looked for, and what to do.
func textProblem(text string, word bool) string {
	least := 2
	if !word {
		least = minLiteral
	}
	switch {
	case !strings.ContainsFunc(text, marking.InWord):
		return "has no letter and no digit: write a word or a phrase"
	case utf8.RuneCountInString(text) < least:
		return fmt.Sprintf("is too short: write at least %d characters", least)
	case len(text) > maxText:
		return fmt.Sprintf("is longer than %d octets: a few words of it are enough", maxText)
	}
	return ""
}
