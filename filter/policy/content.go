package policy

import (
	"fmt"
	"path/filepath"

	"congthu/filter"
)

const contentName = "content"

// maxPoints is what a message's points add up to at most.
const maxPoints = 100

// ContentStep is what the content rule asks for from so many points on.
type ContentStep struct {
	Direction   Direction   `yaml:"direction"` // outbound (also internal) or inbound
	From        int         `yaml:"from"`
	Disposition Disposition `yaml:"disposition"`
}

func contentKeys() []string { return []string{"dictionaries", "from", "thresholds"} }

// contentDefaults fills the keys of the content rule.
func contentDefaults(r *Rule) { r.From = 10 }

// checkContent finds what is wrong with the content rule, but for its dictionaries.
func (c *Config) checkContent(bad func(path, format string, args ...any)) {
	const path = "rules." + contentName
	r := c.Rules[contentName]
	if r.From > maxPoints {
		bad(path+".from", "is out of bounds: write 1 to %d points", maxPoints)
	}
	seen := map[string]int{}
	for i, s := range r.Thresholds {
		at := fmt.Sprintf("%s.thresholds[%d]", path, i)
		switch {
		case s.Direction != Direction(filter.Outbound) && s.Direction != Direction(filter.Inbound):
			bad(at, "needs direction: outbound (which is for internal mail too) or inbound")
		case s.From < 1 || s.From > maxPoints:
			bad(at, "needs from: the points from which it holds, 1 to %d", maxPoints)
		case s.Disposition == Disposition(filter.Unset):
			bad(at, "needs disposition: accept, tag, hold, defer or refuse")
		}
		key := fmt.Sprint(s.Direction, " ", s.From)
		if other, ok := seen[key]; ok {
			bad(at, "says the same direction and points as thresholds[%d]: keep one", other)
		}
		seen[key] = i
	}
	for i, d := range r.Dictionaries {
		if d == "" {
			bad(fmt.Sprintf("%s.dictionaries[%d]", path, i), "is empty: write the path of a dictionary")
		}
	}
}

// Beside is a path that the configuration names: one that is not absolute is beside the configuration file.
func (c *Config) Beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}
