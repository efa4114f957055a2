// Package policy reads the configuration: strict YAML in, one validated Config out, with the
// place that each value came from. A value that is not understood is an error that names file, line,
// column, key and the way out; nothing is ignored.
package policy

import (
	"net/netip"
	"os"
	"time"

	"congthu/filter"
	"congthu/filter/message"
)

// Config is the whole configuration. Every field has a default (Default); the yaml tags are the keys.
type Config struct {
	Organisation   Organisation    `yaml:"organisation"`
	Milter         []Milter        `yaml:"milter"`
	Relay          []Relay         `yaml:"relay"`
	Admin          Admin           `yaml:"admin"`
	Console        Console         `yaml:"console"`
	Evidence       Evidence        `yaml:"evidence"`
	Store          Store           `yaml:"store"`
	Marking        Marking         `yaml:"marking"`
	Virus          Virus           `yaml:"virus"`
	Signing        Signing         `yaml:"signing"`
	Authentication Authentication  `yaml:"authentication"`
	Notices        Notices         `yaml:"notices"`
	Alerts         Alerts          `yaml:"alerts"`
	Limits         Limits          `yaml:"limits"`
	Log            Log             `yaml:"log"`
	Rules          map[string]Rule `yaml:"rules"`

	file    string
	dir     string              // of the file, "" when there is none
	data    []byte              // the file as it was read
	origins map[string]position // by path: "relay[0].listen"
}

// Organisation is what is ours.
type Organisation struct {
	Domains         []Domain  `yaml:"domains"`          // each with its subdomains
	TrustedNetworks []Network `yaml:"trusted_networks"` // clients that may send as ours; none by default
	AuthservID      string    `yaml:"authserv_id"`      // default: the first domain
}

// Milter is a listener that an MTA asks over the milter protocol.
type Milter struct {
	Name        string    `yaml:"name"`
	Listen      string    `yaml:"listen"` // "unix:/run/congthu/milter.sock" or "tcp:127.0.0.1:8890"
	Mode        FileMode  `yaml:"mode"`   // of the unix socket
	Direction   Direction `yaml:"direction"`
	Connections int       `yaml:"connections"` // at once; beyond, a new one waits, and the MTA defers when it waits too long
}

// Relay is a listener that speaks SMTP and hands on to a next hop.
type Relay struct {
	Name         string     `yaml:"name"`
	Listen       string     `yaml:"listen"`
	NextHops     []string   `yaml:"next_hops"` // tried in this order
	Hostname     string     `yaml:"hostname"`  // in our greeting; default: the machine's
	Direction    Direction  `yaml:"direction"`
	Queue        Queue      `yaml:"queue"`
	TrustedPeers []Network  `yaml:"trusted_peers"` // mail servers whose XFORWARD is believed
	Connections  int        `yaml:"connections"`   // at once; beyond: 421
	TLS          RelayTLS   `yaml:"tls"`
	NextHopTLS   NextHopTLS `yaml:"next_hop_tls"`
	Received     Switch     `yaml:"received"` // add the Received field of a hop of its own
	Auth         Auth       `yaml:"auth"`     // pass: AUTH goes through to the next hop, under TLS
	// ClientFacts is how next hops are told who the client is.
	ClientFacts ClientFacts `yaml:"client_facts"`
	Timeouts    Timeouts    `yaml:"timeouts"`
	Keep        Keep        `yaml:"keep"`
	// ClientConnections are those of one client address at once; beyond: 421. 0 for as many as there are.
	ClientConnections Count `yaml:"client_connections"`
}

// Admin is the listener for metrics and health.
type Admin struct {
	Listen string    `yaml:"listen"` // "" for none
	Allow  []Network `yaml:"allow"`  // clients that may read /metrics, /healthz and /readyz; none named: everybody who reaches the address
}

// Limits bound what comes from outside. See message.Limits for those of a message.
type Limits struct {
	MessageSize  Size     `yaml:"message_size"`  // on the wire; beyond: 552 5.3.4
	Memory       Size     `yaml:"memory"`        // of a message kept in memory; beyond: an anonymous memory file
	Spool        Size     `yaml:"spool"`         // of all messages in the gate together, three quarters of it for one client's; beyond: 451 4.3.0
	Header       Size     `yaml:"header"`        // of one header block
	HeaderFields int      `yaml:"header_fields"` // in one header block
	Line         Size     `yaml:"line"`          // of one header field
	Depth        int      `yaml:"depth"`         // of nesting
	Parts        int      `yaml:"parts"`         // of one message
	Recipients   int      `yaml:"recipients"`    // of one transaction; beyond: 452 4.5.3 (relay), 550 5.5.3 (milter)
	Judging      int      `yaml:"judging"`       // messages judged at once
	Deadline     Duration `yaml:"deadline"`      // for judging one message; beyond: 451 4.3.0
}

// Log is where the gate says what it does: JSON lines on standard error.
type Log struct {
	Level Level `yaml:"level"`
}

// Rule is what the configuration says of one rule. Fields that only some rules have are refused for
// the others by Load.
type Rule struct {
	Mode        Mode        `yaml:"mode"`
	Outbound    Disposition `yaml:"outbound"`     // asked of outbound and internal mail
	Inbound     Disposition `yaml:"inbound"`      // asked of inbound mail
	Limit       Size        `yaml:"limit"`        // attachment-size: 15MiB or 15MB
	InlineFloor Size        `yaml:"inline_floor"` // attachment-size: smaller inline pictures do not count
	Add         []Entry     `yaml:"add"`          // free-mail: further domains; attachment-type: further extensions
	Except      []Entry     `yaml:"except"`       // free-mail: domains that are not free-mail; attachment-type: extensions that pass
	Forwarded   Disposition `yaml:"forwarded"`    // free-mail: asked of automatic forwarding there, in every direction
	Exempt      []string    `yaml:"exempt"`       // mailbox-name: further local parts that it does not bind; rate: mailboxes and logins
	// The keys of attachment-type: what is asked of macros that do not run by themselves.
	MacrosOutbound Disposition `yaml:"macros_outbound"`
	MacrosInbound  Disposition `yaml:"macros_inbound"`
	// The keys of impersonation; it has exempt too: mailboxes and domains that are not compared.
	Officials string   `yaml:"officials"` // file of their names, addresses and units; "" for none
	Names     []string `yaml:"names"`     // of the organisation, as people write them
	// The keys of rate; it has exempt too.
	Messages   int `yaml:"messages"`   // of one sender in an hour
	Recipients int `yaml:"recipients"` // of one sender in an hour
	// The keys of spam: an rspamd, and what is asked by its action.
	Address         string                 `yaml:"address"`
	Password        string                 `yaml:"password"` // file:/path of it; "" for none
	Timeout         Duration               `yaml:"timeout"`
	Concurrent      int                    `yaml:"concurrent"` // messages at once
	ActionsOutbound map[string]Disposition `yaml:"actions_outbound"`
	ActionsInbound  map[string]Disposition `yaml:"actions_inbound"`
	// The keys of content.
	Dictionaries []string               `yaml:"dictionaries"` // files of words, phrases and patterns
	From         int                    `yaml:"from"`         // points from which a message is found
	Thresholds   []ContentStep          `yaml:"thresholds"`   // other dispositions from other points on
	Reasons      map[string]Disposition `yaml:"reasons"`      // uninspected
	// The keys of the administrator's own rules, named CustomPrefix and what isCustom allows.
	Clause     string      `yaml:"clause"`  // of the regulation, "10.2"
	When       string      `yaml:"when"`    // CEL expression, bool
	Part       string      `yaml:"part"`    // CEL expression, string: the part that the finding names; "" for none
	Failed     Disposition `yaml:"failed"`  // asked when the expression fails; accept only counts
	Vietnamese string      `yaml:"text_vi"` // what the sender is told, with diacritics
	English    string      `yaml:"text_en"`
}

// Default is the configuration of an empty file. settings are the rules that exist, with their defaults.
func Default(settings map[string]filter.Setting) *Config {
	m := message.DefaultLimits()
	c := &Config{
		Admin: Admin{Listen: "127.0.0.1:8025"},
		Limits: Limits{MessageSize: Size(m.WireBytes), Memory: Size(m.MemoryBytes), Spool: 1 << 30, Header: Size(m.HeaderBytes),
			HeaderFields: m.HeaderFields, Line: Size(m.LineBytes), Depth: m.Depth, Parts: m.Parts,
			Recipients: 1000, Judging: 64, Deadline: Duration(60 * time.Second)},
		Virus:          defaultVirus(),
		Signing:        defaultSigning(),
		Authentication: defaultAuthentication(),
		Rules:          map[string]Rule{},
		origins:        map[string]position{},
	}
	c.keepingDefaults(os.Getenv("STATE_DIRECTORY")) // systemd.exec(5): StateDirectory=
	for name, s := range settings {
		r := Rule{Mode: Mode(s.Mode), Outbound: Disposition(s.Outbound), Inbound: Disposition(s.Inbound)}
		switch name {
		case "attachment-size":
			r.Limit, r.InlineFloor = 15<<20, 32<<10
		case "free-mail":
			r.Forwarded = Disposition(filter.Hold)
		case contentName:
			contentDefaults(&r)
		case rateName:
			rateDefaults(&r)
		case spamName:
			spamDefaults(&r)
		case attachmentTypeName:
			attachmentTypeDefaults(&r)
		case filter.RuleUninspected:
			r.Reasons = map[string]Disposition{}
			for reason, d := range defaultReasons() {
				r.Reasons[string(reason)] = Disposition(d)
			}
		}
		c.Rules[name] = r
	}
	return c
}

// defaultReasons is what is asked, by reason, of what was not inspected.
func defaultReasons() map[message.Reason]filter.Disposition {
	return map[message.Reason]filter.Disposition{
		message.TooDeep: filter.Hold, message.TooMany: filter.Hold, message.TooBig: filter.Hold,
		message.Damaged: filter.Hold, filter.RuleFailed: filter.Hold,
		message.PartialMessage: filter.Hold, message.ExternalBody: filter.Hold,
		message.Encrypted: filter.Hold, message.WorkerFailed: filter.Hold, message.EncryptedMail: filter.Accept,
		message.NotAsked: filter.Hold, message.UnknownType: filter.Tag, message.NoText: filter.Tag,
	}
}

// setDefaults fills a new list element before its keys are read.
func (m *Milter) setDefaults() { *m = Milter{Mode: 0o660, Direction: Auto, Connections: 2000} }
func (r *Relay) setDefaults() {
	*r = Relay{Direction: Auto, Queue: QueueBefore, Connections: 500, ClientConnections: 50, Auth: AuthOff, ClientFacts: FactsXforward, Timeouts: defaultTimeouts(), Keep: defaultKeep(), NextHopTLS: NextHopTLS{Mode: TLSOff},
		TrustedPeers: []Network{Network(netip.MustParsePrefix("127.0.0.1/32")), Network(netip.MustParsePrefix("::1/128"))}}
}

// Message are the limits of one message.
func (l Limits) Message() message.Limits {
	m := message.DefaultLimits()
	m.WireBytes, m.MemoryBytes, m.HeaderBytes, m.HeaderFields = int64(l.MessageSize), int64(l.Memory), int(l.Header), l.HeaderFields
	m.LineBytes, m.Depth, m.Parts = int(l.Line), l.Depth, l.Parts
	m.HeadersBytes = max(m.HeadersBytes, m.HeaderBytes)
	return m
}
