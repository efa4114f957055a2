package policy

import (
	"errors"
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"congthu/filter"
)

// None is a folder or a database that is not wanted.
const None = "none"

// Evidence is the log of what was decided and done.
type Evidence struct {
	// Dir is the gate's own folder for it. "none" keeps no evidence, and then nothing can be held.
	Dir           string     `yaml:"dir"`
	Gate          string     `yaml:"gate"`           // the gate's name in each record; default: the machine's
	Retention     Duration   `yaml:"retention"`      // older files are removed, and a signed record says so
	FileSize      Size       `yaml:"file_size"`      // of one file; beyond, a new one
	Verify        Duration   `yaml:"verify"`         // how often the gate checks the whole log; 0s for never
	Stream        Stream     `yaml:"stream"`         // each record goes there too
	CheckpointURL WebAddress `yaml:"checkpoint_url"` // signed checkpoints are POSTed there; "" for nowhere
}

// Stream is a syslog server (RFC 5424) that gets each record.
type Stream struct {
	Address string       `yaml:"address"` // "tls:log.monre.gov.vn:6514" or "tcp:127.0.0.1:601"; "" for none
	CA      string       `yaml:"ca"`      // PEM file with the roots for tls; "" for the system's
	Format  StreamFormat `yaml:"format"`
}

// StreamFormat is how a record is written for a syslog server.
type StreamFormat string

// The formats.
const (
	StreamJSON StreamFormat = "json"
	StreamCEF  StreamFormat = "cef"
)

// UnmarshalText reads a format.
func (f *StreamFormat) UnmarshalText(b []byte) error {
	return choose(f, b, "format", string(StreamJSON), string(StreamCEF))
}

// Store is the database of what is held, and the index of the evidence.
type Store struct {
	DSN        string   `yaml:"dsn"`         // "sqlite:/var/lib/congthu/congthu.db", by default beside evidence.dir; "none" for no quarantine
	Keep       Duration `yaml:"keep"`        // how long held mail waits for an officer
	KeepMarked Duration `yaml:"keep_marked"` // the same with a secrecy marking, where marking.keep_content is true
	Release    string   `yaml:"release"`     // host:port that takes released mail, with no gate behind it
	TwoPersons []string `yaml:"two_persons"` // rules whose holds two officers must release
}

// Marking is what is done with marked mail beside the rule marking.
type Marking struct {
	// KeepContent holds marked mail encrypted, for a day. Without it marked mail is refused and nothing is kept.
	KeepContent Switch `yaml:"keep_content"`
	// Pack is the words of secrecy: the name of a pack of the program, or a file of your own.
	Pack        string         `yaml:"pack"`
	EnforceFrom Score          `yaml:"enforce_from"` // markings that are less sure are found and not acted on
	Names       []MarkingName  `yaml:"names"`        // markings of your own beside the pack's
	Labels      []MarkingLabel `yaml:"labels"`       // what sensitivity labels of your own stand for
}

// MarkingName is a marking of the organisation's own.
type MarkingName struct {
	Name  string       `yaml:"name"` // "hạn chế"
	Level MarkingLevel `yaml:"level"`
}

// MarkingLabel says which level a sensitivity label stands for.
type MarkingLabel struct {
	Label string       `yaml:"label"` // its name or its GUID, as the header field or the document has it
	Level MarkingLevel `yaml:"level"`
}

// MarkingLevel is a level of secrecy.
type MarkingLevel string

// LevelNone is the level of a label that says that there is none.
const LevelNone MarkingLevel = "none"

// UnmarshalText reads a level.
func (l *MarkingLevel) UnmarshalText(b []byte) error {
	return choose(l, b, "level", "MAT", "TOI_MAT", "TUYET_MAT", "OTHER", string(LevelNone))
}

// Score is how sure a finding is, in hundredths.
type Score int

// UnmarshalText reads a score: "0.85".
func (s *Score) UnmarshalText(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f < 0.3 || f > 1 {
		return fmt.Errorf("%q is no score: write 0.30 to 1.00", b)
	}
	*s = Score(math.Round(f * 100))
	return nil
}

// MarshalText writes the score with two digits.
func (s Score) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d.%02d", s/100, s%100), nil }

// maxMarkingNames is how many markings and labels of its own an organisation may have.
const maxMarkingNames = 200

// checkMarking finds what is wrong in the section marking.
func (c *Config) checkMarking(bad func(path, format string, args ...any)) {
	m := c.Marking
	if len(m.Names) > maxMarkingNames || len(m.Labels) > maxMarkingNames {
		bad("marking", "has more than %d names or labels", maxMarkingNames)
	}
	for i, n := range m.Names {
		switch path := fmt.Sprintf("marking.names[%d]", i); {
		case strings.TrimSpace(n.Name) == "":
			bad(path, "needs name, for example \"hạn chế\"")
		case n.Level == "" || n.Level == LevelNone:
			bad(path, "needs level: MAT, TOI_MAT, TUYET_MAT or OTHER")
		}
	}
	for i, l := range m.Labels {
		switch path := fmt.Sprintf("marking.labels[%d]", i); {
		case len(strings.TrimSpace(l.Label)) < 3:
			bad(path, "needs label: its name or GUID, 3 letters or more")
		case l.Level == "":
			bad(path, "needs level: MAT, TOI_MAT, TUYET_MAT, OTHER or none")
		}
	}
}

// Notices are mails to people inside about what was held.
type Notices struct {
	Submit    string `yaml:"submit"`    // host:port of a server that takes them; "" for no notices
	From      string `yaml:"from"`      // address in their From field; default: congthu@ the first domain
	Templates string `yaml:"templates"` // folder with templates of your own; "" for the built-in ones

	Organisation string `yaml:"organisation"` // who signs; "" for the gate itself
	Contact      string `yaml:"contact"`      // whom to ask: a name, a telephone number, a mailbox

	Confirm Switch `yaml:"confirm"` // senders get a link to console.url, if there is one, to confirm that a held message is not classified
}

// Alerts wake the security team, by a way that is not mail.
type Alerts struct {
	Alertmanager WebAddress `yaml:"alertmanager"` // its address, http://127.0.0.1:9093; "" for none
	Webhook      WebAddress `yaml:"webhook"`      // gets each alert as JSON; "" for none
	Burst        int        `yaml:"burst"`        // refusals or viruses of one sender within BurstWindow that are an alert
	BurstWindow  Duration   `yaml:"burst_window"`
}

// WebAddress is an http or https address.
type WebAddress string

// UnmarshalText reads an address.
func (w *WebAddress) UnmarshalText(b []byte) error {
	u, err := url.Parse(string(b))
	if err == nil && u.User != nil { // the password would be in the log with this error
		return errors.New("holds a user and a password: write the address without them")
	}
	if len(b) > 0 && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Fragment != "") {
		return fmt.Errorf("%q is no web address: write for example https://alerts.monre.gov.vn/congthu", b)
	}
	*w = WebAddress(b)
	return nil
}

const day = 24 * time.Hour

// maxNoticeWord is how long what notices say of the organisation may be, in octets.
const maxNoticeWord = 500

// keepingDefaults sets what the sections of this file are without a word in the file. state is the folder
// that the service manager gives the gate, "" for the usual one.
func (c *Config) keepingDefaults(state string) {
	if state == "" {
		state = "/var/lib/congthu"
	}
	c.Evidence = Evidence{Dir: filepath.Join(state, "evidence"), Retention: Duration(5 * 366 * day), FileSize: 64 << 20, Verify: Duration(day), Stream: Stream{Format: StreamJSON}}
	c.Store = Store{DSN: "sqlite:" + filepath.Join(state, "congthu.db"), Keep: Duration(30 * day), KeepMarked: Duration(day)}
	c.Marking = Marking{Pack: "secrecy-2026", EnforceFrom: 85}
	c.Notices.Confirm = true
	c.Alerts = Alerts{Burst: 20, BurstWindow: Duration(10 * time.Minute)}
}

// KeepsEvidence tells whether there is an evidence log.
func (c *Config) KeepsEvidence() bool { return c.Evidence.Dir != None }

// HasStore tells whether there is a database.
func (c *Config) HasStore() bool { return c.Store.DSN != None }

// checkKeeping finds what is wrong in the sections of this file.
func (c *Config) checkKeeping(bad func(path, format string, args ...any)) {
	if e := c.Evidence; e.Dir != None && !filepath.IsAbs(e.Dir) {
		bad("evidence.dir", "%q is no folder: write a path from the root such as /var/lib/congthu/evidence, or none", e.Dir)
	}
	if e := c.Evidence; e.FileSize < 64<<10 || e.FileSize > 1<<30 {
		bad("evidence.file_size", "%s is out of bounds: write 64KiB to 1GiB", shown(e.FileSize))
	}
	if c.Evidence.Retention < Duration(day) {
		bad("evidence.retention", "%s is out of bounds: write 1d or more", shown(c.Evidence.Retention))
	}
	if v := c.Evidence.Verify; v != 0 && v < Duration(10*time.Second) {
		bad("evidence.verify", "%s is out of bounds: write 10s or more, or 0s for never", shown(v))
	}
	if s := c.Evidence.Stream; s.Address != "" {
		rest, tls := strings.CutPrefix(s.Address, "tls:")
		plain, tcp := strings.CutPrefix(s.Address, "tcp:")
		switch {
		case tls && hostPort(rest) == nil:
		case tcp && hostPort(plain) == nil:
		default:
			bad("evidence.stream.address", "%q is no syslog server: write tls:log.monre.gov.vn:6514 or tcp:127.0.0.1:601", s.Address)
		}
	}
	c.checkStore(bad)
	c.checkMarking(bad)
	for path, a := range map[string]string{"store.release": c.Store.Release, "notices.submit": c.Notices.Submit} {
		if a == "" {
			continue
		}
		if err := hostPort(a); err != nil {
			bad(path, "%v", err)
		}
	}
	if f := c.Notices.From; f != "" {
		if a, err := mail.ParseAddress(f); err != nil || a.Address != f {
			bad("notices.from", "%q is no address: write for example congthu@monre.gov.vn", f)
		}
	}
	for path, text := range map[string]string{"notices.organisation": c.Notices.Organisation, "notices.contact": c.Notices.Contact} {
		if len(text) > maxNoticeWord || strings.ContainsFunc(text, unicode.IsControl) {
			bad(path, "is one line of at most %d octets", maxNoticeWord)
		}
	}
	if c.Notices.Submit != "" && !c.HasStore() {
		bad("notices.submit", "notices wait in the database until they are sent: write store.dsn too")
	}
	if a := c.Alerts; a.Burst > 100_000 || a.BurstWindow > Duration(day) {
		bad("alerts", "a burst is at most 100000 in at most 1d")
	}
}

func (c *Config) checkStore(bad func(path, format string, args ...any)) {
	_, here := c.origins["store.dsn"]
	switch _, there := c.origins["evidence.dir"]; {
	case here:
	case c.Evidence.Dir == None:
		c.Store.DSN = None
	case there: // beside the evidence: two gates of one machine never meet in one database by default
		c.Store.DSN = "sqlite:" + filepath.Join(filepath.Dir(filepath.Clean(c.Evidence.Dir)), "congthu.db")
	}
	s := c.Store
	if s.DSN != None {
		file, ok := strings.CutPrefix(s.DSN, "sqlite:")
		switch {
		case !ok || !filepath.IsAbs(file):
			bad("store.dsn", "%q is no database: write sqlite:/var/lib/congthu/congthu.db, or none", s.DSN)
		case c.Evidence.Dir == None:
			bad("store.dsn", "needs the evidence that it indexes: write evidence.dir, or none here too")
		}
	}
	within := func(key string, v, most Duration) {
		if v < Duration(time.Hour) || v > most {
			bad("store."+key, "%s is out of bounds: write 1h to %s", shown(v), shown(most))
		}
	}
	within("keep", s.Keep, Duration(365*day))
	within("keep_marked", s.KeepMarked, Duration(day)) // clause 10.1: no longer than an officer needs
	for i, rule := range s.TwoPersons {
		if _, ok := c.Rules[rule]; !ok {
			bad(fmt.Sprintf("store.two_persons[%d]", i), "%q is no rule", rule)
		}
	}
	if slices.Contains(s.TwoPersons, filter.RuleMarking) && !bool(c.Marking.KeepContent) {
		bad("store.two_persons", "marked mail is not kept, so nobody releases it: write marking: {keep_content: true} too, or leave the rule out")
	}
}
