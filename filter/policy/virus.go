package policy

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"congthu/filter"
)

// Virus is the virus scanners, for rule virus.
type Virus struct {
	Clamd []Engine `yaml:"clamd"` // asked in this order, all of clamd before those of icap
	ICAP  []Engine `yaml:"icap"`
	Ask   Ask      `yaml:"ask"`
	// Remember is for how long an answer is good for the same content and the same signatures.
	Remember Duration `yaml:"remember"`
}

// Engine is a virus scanner. Its address alone may stand for it.
type Engine struct {
	Name       string      `yaml:"name"` // in metrics, findings and header fields
	Address    string      `yaml:"address"`
	Found      OnFound     `yaml:"found"`      // asked for a virus
	Heuristics Disposition `yaml:"heuristics"` // asked for an engine's guesses, named Heuristics.*
	Failed     OnFailed    `yaml:"failed"`     // when the engine does not answer
	TooBig     OnTooBig    `yaml:"too_big"`    // asked for what is over a limit of the engine
	MaxSize    Size        `yaml:"max_size"`   // bigger files are not sent
	Timeout    Duration    `yaml:"timeout"`    // for one file
	Concurrent int         `yaml:"concurrent"` // files at once
}

// setDefaults fills a new list element before its keys are read.
func (e *Engine) setDefaults() {
	*e = Engine{Heuristics: Disposition(filter.Hold), Failed: OnFailed(filter.Defer), MaxSize: 50 << 20, Timeout: Duration(30 * time.Second), Concurrent: 8}
}

// setScalar reads an address that stands alone.
func (e *Engine) setScalar(text string) { e.Address = text }

func defaultVirus() Virus { return Virus{Ask: AskTogether, Remember: Duration(15 * time.Minute)} }

// Ask says how several engines are asked.
type Ask string

// The ways. In turn, the next is asked only about files in which those before it found nothing.
const (
	AskTogether Ask = "together"
	AskInTurn   Ask = "in-turn"
)

// UnmarshalText reads a way.
func (a *Ask) UnmarshalText(b []byte) error {
	return choose(a, b, "way to ask", string(AskTogether), string(AskInTurn))
}

// OnFound is a disposition, or "rule": what rules.virus says for the direction.
type OnFound filter.Disposition

// UnmarshalText reads a disposition or "rule".
func (o *OnFound) UnmarshalText(b []byte) error {
	return dispositionOr(o, b, "rule", filter.Accept, filter.Tag, filter.Hold, filter.Defer, filter.Refuse)
}

// MarshalText writes it.
func (o OnFound) MarshalText() ([]byte, error) { return orWord(filter.Disposition(o), "rule"), nil }

// OnTooBig is a disposition, or "uninspected": what rules.uninspected says for "too big". Accept passes what the engine
// did not look at, and says so in the header.
type OnTooBig filter.Disposition

// UnmarshalText reads a disposition or "uninspected".
func (o *OnTooBig) UnmarshalText(b []byte) error {
	return dispositionOr(o, b, "uninspected", filter.Accept, filter.Hold, filter.Refuse)
}

// MarshalText writes it.
func (o OnTooBig) MarshalText() ([]byte, error) {
	return orWord(filter.Disposition(o), "uninspected"), nil
}

// OnFailed is what becomes of mail that an engine did not look at because it does not answer. Accept passes it, and
// says so in the header.
type OnFailed filter.Disposition

// UnmarshalText reads a disposition.
func (o *OnFailed) UnmarshalText(b []byte) error {
	return dispositionOr(o, b, "", filter.Defer, filter.Accept, filter.Hold, filter.Refuse)
}

// MarshalText writes it.
func (o OnFailed) MarshalText() ([]byte, error) { return orWord(filter.Disposition(o), ""), nil }

// dispositionOr reads one of some dispositions, or a word that stands for Unset.
func dispositionOr[T ~int](v *T, b []byte, word string, right ...filter.Disposition) error {
	if word != "" && string(b) == word {
		*v = T(filter.Unset)
		return nil
	}
	var names []string
	if word != "" {
		names = append(names, word)
	}
	for _, d := range right {
		if string(b) == d.String() {
			*v = T(d)
			return nil
		}
		names = append(names, d.String())
	}
	return fmt.Errorf("%q cannot be asked for here: write %s", b, strings.Join(names, ", "))
}

func orWord(d filter.Disposition, word string) []byte {
	if d == filter.Unset {
		return []byte(word)
	}
	return []byte(d.String())
}

// maxEngines is how many engines there may be of one kind.
const maxEngines = 8

// checkVirus finds what is wrong in the section virus.
func (c *Config) checkVirus(bad func(path, format string, args ...any)) {
	if r := c.Virus.Remember; r < Duration(time.Second) || r > Duration(day) {
		bad("virus.remember", "%s is out of bounds: write 1s to 1d", shown(r))
	}
	names := map[string]string{}
	for _, kind := range []struct {
		key     string
		engines []Engine
		address func(string) string
	}{{"clamd", c.Virus.Clamd, clamdAddress}, {"icap", c.Virus.ICAP, icapAddress}} {
		if len(kind.engines) > maxEngines {
			bad("virus."+kind.key, "%d engines; at most %d", len(kind.engines), maxEngines)
		}
		for i, e := range kind.engines {
			path := fmt.Sprintf("virus.%s[%d]", kind.key, i)
			at := path
			if _, ok := c.origins[path+".address"]; ok {
				at += ".address"
			}
			if problem := kind.address(e.Address); problem != "" {
				bad(at, "%s", problem)
			}
			name := engineName(kind.key, i, e)
			if other := names[name]; other != "" {
				bad(path, "%q is the name of %s too; names must differ", name, other)
			}
			names[name] = path
			c.checkEngine(path, e, bad)
		}
	}
}

func (c *Config) checkEngine(path string, e Engine, bad func(path, format string, args ...any)) {
	if e.Name != "" && (len(e.Name) > 40 || strings.Trim(e.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "") {
		bad(path+".name", "%q is no name: write up to 40 of a-z, 0-9 and -", e.Name)
	}
	if e.MaxSize < 64<<10 || e.MaxSize > 1<<30 {
		bad(path+".max_size", "%s is out of bounds: write 64KiB to 1GiB", shown(e.MaxSize))
	}
	if e.Timeout < Duration(time.Second) || e.Timeout > Duration(90*time.Second) {
		bad(path+".timeout", "%s is out of bounds: write 1s to 1m30s; limits.deadline, for all files of a message, ends it earlier", shown(e.Timeout))
	}
	if e.Concurrent > 1000 {
		bad(path+".concurrent", "%d is out of bounds: write 1 to 1000", e.Concurrent)
	}
}

func clamdAddress(address string) string {
	if strings.HasPrefix(address, "unix:/") {
		return ""
	}
	if to, ok := strings.CutPrefix(address, "tcp:"); ok && hostPort(to) == nil && !strings.HasPrefix(to, ":") {
		return ""
	}
	return fmt.Sprintf("%q is no address of clamd: write unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310", address)
}

func icapAddress(address string) string {
	u, err := url.Parse(address)
	if err == nil && u.Scheme == "icap" && u.Hostname() != "" && u.User == nil && u.Fragment == "" && strings.Trim(u.Path, "/") != "" &&
		!strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return fmt.Sprintf("%q is no address of an ICAP service: write icap://127.0.0.1:1344/avscan, with the service's name", address)
}

// engineName is the name of the engine that stands at a place in the list: its own, or its kind and, from the second on, a
// number.
func engineName(kind string, place int, e Engine) string {
	switch {
	case e.Name != "":
		return e.Name
	case place == 0:
		return kind
	}
	return fmt.Sprintf("%s%d", kind, place+1)
}

// fillVirus names the engines.
func (c *Config) fillVirus() {
	for i, e := range c.Virus.Clamd {
		c.Virus.Clamd[i].Name = engineName("clamd", i, e)
	}
	for i, e := range c.Virus.ICAP {
		c.Virus.ICAP[i].Name = engineName("icap", i, e)
	}
}

// Engines are all virus scanners, in the order in which they are asked.
func (c *Config) Engines() []Engine {
	return append(append([]Engine{}, c.Virus.Clamd...), c.Virus.ICAP...)
}
