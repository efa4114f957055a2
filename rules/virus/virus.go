// Package virus asks virus scanners: clamd over its own protocol, commercial engines over ICAP. An Engine bounds how
// many questions are under way, remembers answers by content and by the state of the engine's signatures, and stops
// asking an engine that does not answer until it does again. What an answer means for a message is the caller's matter.
package virus

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Object is what an engine is to look at: octets that can be read again.
type Object struct {
	SHA256 string // of the octets, hex
	Size   int64  // octets
	Open   func() io.Reader
}

// Kind is what an engine says of an object.
type Kind uint8

// The kinds. The zero value is no answer.
const (
	Clean      Kind = iota + 1
	Infected        // a virus, by its signature or name
	Suspicious      // an engine's guess: its names begin with "Heuristics."
	TooBig          // over a limit of the engine, which did not look at all of it
	Encrypted       // the engine cannot look into it, and says so
)

// Answer is what an engine says of an object.
type Answer struct {
	Kind Kind
	Name string // of what was found: printable ASCII without blanks, at most maxName octets; "" for Clean
}

// Database is the state of an engine's signatures.
type Database struct {
	Version string    // the whole text by which the engine tells one state from another
	Made    time.Time // zero when the engine does not say
	Most    int       // connections that the engine wants at once; 0 when it does not say
}

// maxName is how many octets of a virus's name are kept.
const maxName = 100

// unnamed is the name of what an engine found and did not name.
const unnamed = "unnamed"

// Errors of an engine. All but ErrObject and ErrContent are trouble of ours.
var (
	// ErrDown says that the engine was not asked, for it did not answer the last time.
	ErrDown = errors.New("the engine does not answer")
	// ErrObject says that the engine failed on this very object again and again while it answered for others.
	ErrObject = errors.New("the engine fails on this content again")
	// ErrContent says that the object could not be read: the engine has no part in it.
	ErrContent = errors.New("the content cannot be read")

	errEarly    = errors.New("the engine answered before it had seen everything")
	errNoReply  = errors.New("the engine closed the connection without an answer")
	errNonsense = errors.New("the engine's answer is not understood")
)

// named is the answer of an engine that found something. ClamAV tells with the names of its own guesses also that it
// did not look at everything: those are no finds.
func named(name string) Answer {
	a := Answer{Kind: Infected, Name: cleanName(name)}
	lower := strings.ToLower(a.Name)
	switch {
	case strings.HasPrefix(lower, "heuristics.limits.exceeded"):
		a.Kind = TooBig
	case strings.HasPrefix(lower, "heuristics.encrypted."):
		a.Kind = Encrypted
	case strings.HasPrefix(lower, "heuristics."):
		a.Kind = Suspicious
	}
	return a
}

// cleanName makes of what an engine sent a name that can stand in a reply line, a log and a header.
func cleanName(s string) string {
	s = strings.TrimSpace(s)
	out := make([]byte, 0, min(len(s), maxName))
	for i := 0; i < len(s) && len(out) < maxName; i++ {
		c := s[i]
		if c <= ' ' || c > '~' || c == '%' {
			c = '_'
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return unnamed
	}
	return string(out)
}

// said is an engine's own words in an error, cut and without what a terminal acts on.
func said(b []byte) string { return fmt.Sprintf("%.100q", b) }
