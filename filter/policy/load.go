package policy

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"congthu/filter"
	"congthu/filter/message"
)

// maxFile is the largest configuration file in octets.
const maxFile = 1 << 20

// Load reads a configuration file. settings are the rules that exist with their defaults.
// The error joins one *Error for each thing that is wrong.
func Load(path string, settings map[string]filter.Setting) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	c, err := Parse(filepath.Base(path), data, settings)
	if err != nil {
		return nil, err
	}
	c.dir = filepath.Dir(path)
	return c, nil
}

func cause(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Parse reads a configuration; name stands for the file in errors.
func Parse(name string, data []byte, settings map[string]filter.Setting) (*Config, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // Windows editors write one
	c := Default(settings)
	c.file, c.data = name, data
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(name, err)
	}
	if len(f.Docs) > 1 {
		return nil, &Error{File: name, Problem: "holds several YAML documents (a line ---); write one"}
	}
	d := &decoder{file: name, origins: c.origins}
	if len(f.Docs) == 1 && f.Docs[0].Body != nil {
		d.value(f.Docs[0].Body, "", reflect.ValueOf(c).Elem())
	}
	if len(d.errs) == 0 {
		c.check(d)
	}
	if len(d.errs) > 0 {
		return nil, d.joined()
	}
	c.fill()
	return c, nil
}

// joined are the errors in the order in which they stand in the file.
func (d *decoder) joined() error {
	slices.SortStableFunc(d.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	all := make([]error, len(d.errs))
	for i, e := range d.errs {
		all[i] = e
	}
	return errors.Join(all...)
}

func syntaxError(name string, err error) error {
	e := &Error{File: name, Problem: err.Error()}
	var y yaml.Error
	if errors.As(err, &y) {
		e.Problem = "no valid YAML: " + y.GetMessage() + "; " + wayOut(y.GetMessage())
		if t := y.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
		}
	}
	return e
}

// wayOut says what is most often wrong where the YAML parser gives up.
func wayOut(message string) string {
	switch {
	case strings.Contains(message, "cannot start any token"):
		return "indent with spaces, not with a tab"
	case strings.Contains(message, "must be specified"):
		return "a bracket or brace that was opened is not closed, here or in the lines above"
	case strings.Contains(message, "already defined"):
		return "keep one of the two"
	}
	return "look at the indentation and the quotes; an expression that begins with ! or a quote, or holds \": \" or \" #\", goes below a |"
}

// fill sets what is worked out from other values.
func (c *Config) fill() {
	if c.Organisation.AuthservID == "" && len(c.Organisation.Domains) > 0 {
		c.Organisation.AuthservID = string(c.Organisation.Domains[0])
	}
	for i := range c.Milter {
		if c.Milter[i].Name == "" {
			c.Milter[i].Name = fmt.Sprintf("milter%d", i+1)
		}
	}
	for i := range c.Relay {
		if c.Relay[i].Name == "" {
			c.Relay[i].Name = fmt.Sprintf("relay%d", i+1)
		}
	}
	if c.Notices.From == "" && len(c.Organisation.Domains) > 0 {
		c.Notices.From = "congthu@" + string(c.Organisation.Domains[0])
	}
	c.fillVirus()
	if c.Log.Level == "" {
		c.Log.Level = "info"
	}
}

// check finds what is wrong although every single value reads well.
func (c *Config) check(d *decoder) {
	bad := func(path, format string, args ...any) {
		p := c.origins[path]
		d.errs = append(d.errs, &Error{File: c.file, Line: p.line, Column: p.column, Key: path, Problem: fmt.Sprintf(format, args...)})
	}
	names := map[string]string{}
	name := func(path, n string) {
		if n != "" && names[n] != "" {
			bad(path+".name", "%q is taken by %s; names must differ", n, names[n])
		}
		names[n] = path
	}
	for i, m := range c.Milter {
		path := fmt.Sprintf("milter[%d]", i)
		name(path, m.Name)
		switch {
		case m.Listen == "":
			bad(path, "needs listen: unix:/run/congthu/milter.sock or tcp:127.0.0.1:8890")
		case strings.HasPrefix(m.Listen, "unix:/"):
		case strings.HasPrefix(m.Listen, "tcp:"):
			if err := hostPort(strings.TrimPrefix(m.Listen, "tcp:")); err != nil {
				bad(path+".listen", "%v", err)
			}
		default:
			bad(path+".listen", "%q is no milter address: write unix:/run/congthu/milter.sock or tcp:127.0.0.1:8890", m.Listen)
		}
	}
	for i, r := range c.Relay {
		path := fmt.Sprintf("relay[%d]", i)
		name(path, r.Name)
		if err := hostPort(r.Listen); err != nil {
			bad(path+".listen", "%v", err)
		}
		if len(r.NextHops) == 0 {
			bad(path, "needs next_hops: the server that takes the mail, for example [\"127.0.0.1:10026\"]")
		}
		r.checkTLS(path, bad)
		r.checkTimeouts(path, bad)
		for k, h := range r.NextHops {
			if err := hostPort(h); err != nil {
				bad(fmt.Sprintf("%s.next_hops[%d]", path, k), "%v", err)
			} else if h == r.Listen {
				bad(fmt.Sprintf("%s.next_hops[%d]", path, k), "is this listener itself: mail would go round in a circle")
			}
		}
	}
	if c.Admin.Listen != "" {
		if err := hostPort(c.Admin.Listen); err != nil {
			bad("admin.listen", "%v", err)
		}
	}
	c.checkLimits(bad)
	c.checkSense(bad)
	c.checkConsole(bad)
	c.checkKeeping(bad)
	c.checkVirus(bad)
	c.checkSigning(bad)
	c.checkDKIM(bad)
	c.checkAuthentication(bad)
	c.checkRules(bad)
}

func hostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || port == "" || (host != "" && strings.ContainsAny(host, " /")) {
		return fmt.Errorf("%q is no address: write host:port, for example 127.0.0.1:10025", s)
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n == 0 {
		return fmt.Errorf("%q: %q is no port", s, port)
	}
	return nil
}

func (c *Config) checkLimits(bad func(path, format string, args ...any)) {
	l := c.Limits
	within(bad, "message_size", l.MessageSize, 64<<10, 1<<30)
	within(bad, "memory", l.Memory, 4<<10, 64<<20)
	within(bad, "spool", l.Spool, l.MessageSize, 1<<40)
	within(bad, "header", l.Header, 16<<10, 16<<20)
	within(bad, "header_fields", l.HeaderFields, 100, 100_000)
	within(bad, "line", l.Line, 1<<10, 1<<20)
	within(bad, "depth", l.Depth, 2, 100)
	within(bad, "parts", l.Parts, 10, 100_000)
	within(bad, "recipients", l.Recipients, 100, 100_000) // RFC 5321 section 4.5.3.1.8 asks for 100
	within(bad, "judging", l.Judging, 1, 10_000)
	within(bad, "deadline", l.Deadline, Duration(time.Second), Duration(90*time.Second)) // an MTA waits 100 s for a proxy unless told otherwise
}

// within reports a limit that is out of its bounds.
func within[T ~int | ~int64](bad func(path, format string, args ...any), key string, v, least, most T) {
	if v < least || v > most {
		bad("limits."+key, "%s is out of bounds: write %s to %s", shown(v), shown(least), shown(most))
	}
}

func shown(v any) string {
	if m, ok := v.(encoding.TextMarshaler); ok {
		if b, err := m.MarshalText(); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(v)
}

const mailboxName = "mailbox-name"

// hasColumns tells a rule with one disposition for each direction.
func hasColumns(rule string) bool {
	return rule != filter.RuleUninspected && rule != mailboxName && rule != spamName
}

// ruleKeys are all keys of a rule.
func ruleKeys(rule string) []string {
	if !hasColumns(rule) {
		return append([]string{"mode"}, ownKeys(rule)...)
	}
	return append([]string{"mode", "outbound", "inbound"}, ownKeys(rule)...)
}

// ownKeys are the keys of a rule beside mode, outbound and inbound.
func ownKeys(rule string) []string {
	switch rule {
	case "attachment-size":
		return []string{"limit", "inline_floor"}
	case "free-mail":
		return []string{"add", "except", "forwarded"}
	case mailboxName:
		return []string{"exempt"}
	case contentName:
		return contentKeys()
	case impersonationName:
		return impersonationKeys()
	case rateName:
		return rateKeys()
	case spamName:
		return spamKeys()
	case attachmentTypeName:
		return attachmentTypeKeys()
	case filter.RuleUninspected:
		return []string{"reasons"}
	}
	if isCustom(rule) {
		return customKeys()
	}
	return nil
}

func (c *Config) checkRules(bad func(path, format string, args ...any)) {
	c.checkContent(bad)
	c.checkImpersonation(bad)
	c.checkRate(bad)
	c.checkSpam(bad)
	custom := 0
	for rule, r := range c.Rules {
		if isCustom(rule) {
			custom++
			c.checkCustom(rule, r, bad)
		}
		c.checkEntries(rule, r, bad)
		right := ruleKeys(rule)
		if rule == mailboxName && r.Mode == Mode(filter.Enforce) {
			bad("rules.mailbox-name.mode", "this rule only reports, for mailboxes are older than the naming rule (clause 4): write off or monitor")
		}
		for path := range c.origins {
			key, ok := strings.CutPrefix(path, "rules."+rule+".")
			if !ok || strings.ContainsAny(key, ".[") {
				continue
			}
			if !slices.Contains(right, key) {
				bad(path, "is no key of this rule; its keys are %s", strings.Join(right, ", "))
			}
		}
		// The reply names 15 MB, so the limit must be one of the two ways to read the regulation.
		if rule == "attachment-size" && r.Limit != 15<<20 && r.Limit != 15e6 {
			bad("rules.attachment-size.limit", "write 15MiB or 15MB, the two ways to read the regulation's 15 Megabyte (clause 4.4); to switch the rule off write mode: off")
		}
	}
	if custom > maxCustomRules {
		bad("rules", "%d rules named %s…; at most %d", custom, CustomPrefix, maxCustomRules)
	}
}

// Settings are the rules' settings for a filter.Policy.
func (c *Config) Settings() map[string]filter.Setting {
	out := map[string]filter.Setting{}
	for name, r := range c.Rules {
		out[name] = filter.Setting{Mode: filter.Mode(r.Mode), Outbound: filter.Disposition(r.Outbound), Inbound: filter.Disposition(r.Inbound)}
	}
	return out
}

// Reasons are the dispositions for what was not inspected.
func (c *Config) Reasons() map[message.Reason]filter.Disposition {
	out := map[message.Reason]filter.Disposition{}
	for reason, d := range c.Rules[filter.RuleUninspected].Reasons {
		out[message.Reason(reason)] = filter.Disposition(d)
	}
	return out
}
