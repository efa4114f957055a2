package console

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// language is one that the pages speak.
type language string

// The languages.
const (
	vietnamese language = "vi"
	english    language = "en"
)

//go:embed texts/*.yml
var textFiles embed.FS

// entry is a text in both languages.
type entry struct {
	VI string `yaml:"vi"`
	EN string `yaml:"en"`
}

// catalogue is everything that the pages say, by key.
type catalogue map[string]entry

// readCatalogue reads every file of texts: a key stands in one of them, in both languages.
func readCatalogue() (catalogue, error) {
	names, err := fs.Glob(textFiles, "texts/*.yml")
	if err != nil {
		return nil, err
	}
	all := catalogue{}
	for _, name := range names {
		b, err := fs.ReadFile(textFiles, name)
		if err != nil {
			return nil, err
		}
		var some map[string]entry
		if err := yaml.UnmarshalWithOptions(b, &some, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for key, e := range some {
			if _, known := all[key]; known || e.VI == "" || e.EN == "" {
				return nil, fmt.Errorf("%s: %s must stand in one file, in both languages", name, key)
			}
			all[key] = e
		}
	}
	return all, nil
}

// text is the text of a key; args fill its {1}, {2} and so on.
func (c catalogue) text(l language, key string, args ...any) string {
	e, ok := c[key]
	if !ok {
		return key
	}
	s := e.EN
	if l == vietnamese {
		s = e.VI
	}
	for i, a := range args {
		s = strings.ReplaceAll(s, "{"+strconv.Itoa(i+1)+"}", fmt.Sprint(a))
	}
	return s
}

// known is the text of a value that the gate has a word for, such as a disposition, or else the value.
func (c catalogue) known(l language, prefix, value string) string {
	if _, ok := c[prefix+"."+value]; ok {
		return c.text(l, prefix+"."+value)
	}
	return value
}

// notice is a key of what was done, when it is one: it comes from the address, where anything may stand.
func (c catalogue) notice(key string) string {
	if _, ok := c[key]; ok && strings.HasPrefix(key, "done.") {
		return key
	}
	return ""
}

// languageOf is what the cookie says, else the first of the browser's that the pages speak.
func languageOf(r *http.Request) language {
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == string(vietnamese) || c.Value == string(english)) {
		return language(c.Value)
	}
	for want := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(strings.ToLower(want)), ";")
		switch primary, _, _ := strings.Cut(tag, "-"); primary {
		case "vi":
			return vietnamese
		case "en":
			return english
		}
	}
	return vietnamese
}

// themeOf is what the cookie says; "" is the system's.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && slices.Contains([]string{"light", "dark"}, c.Value) {
		return c.Value
	}
	return ""
}

// local is a time on Vietnam's clocks, which have had no summer time since 1975.
func local(t time.Time) time.Time { return t.In(time.FixedZone("ICT", 7*60*60)) }

// stamp is a time as people read it.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return local(t).Format("02/01/2006 15:04:05")
}

// number writes a number with groups of three digits, as the language does.
func number(l language, n any) string {
	var s string
	switch v := n.(type) {
	case float64:
		s = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		s = fmt.Sprint(v)
	}
	whole, fraction, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	group, point := ",", "."
	if l == vietnamese {
		group, point = ".", ","
	}
	var b strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(group)
		}
		b.WriteRune(d)
	}
	if fraction != "" {
		b.WriteString(point + fraction)
	}
	return sign + b.String()
}

// size is a number of octets as people read it.
func size(l language, n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	digits := 0
	if unit != "B" && v < 100 {
		digits = 1
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if l == vietnamese {
		s = strings.ReplaceAll(s, ".", ",")
	}
	return s + " " + unit
}

// duration is a time span as people read it, in its two biggest units.
func (c *Console) duration(l language, d time.Duration) string {
	if d < time.Minute {
		return c.texts.text(l, "duration.seconds", int(d.Seconds()))
	}
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0:
		return c.texts.text(l, "duration.days", days, hours)
	case hours > 0:
		return c.texts.text(l, "duration.hours", hours, minutes)
	}
	return c.texts.text(l, "duration.minutes", minutes)
}
