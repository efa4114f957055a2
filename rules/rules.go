// Package rules holds the rules: one file enforces one clause of the regulation. A rule looks at a
// transaction and says what it found; what becomes of the message is the policy's and Judge's matter.
// Findings never carry content: no subject, no address, no file name.
package rules

import (
	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/attachmenttype"
	"congthu/rules/impersonation"
	"congthu/rules/marking"
	"congthu/rules/pack"
)

// The rules' names: configuration keys, metric labels, log fields.
const (
	NameMalformed      = "malformed"
	NameFreeMail       = "free-mail"
	NameAttachmentSize = "attachment-size"
	NameSubject        = "subject"
	NameMailboxName    = "mailbox-name"
)

// What the regulation calls 15 Megabyte (Điều 4 khoản 4), both ways to read it, in octets.
const (
	Limit15MiB int64 = 15 << 20
	Limit15MB  int64 = 15_000_000
)

// DefaultInlineFloor is the size in octets up to which a picture shown in the text is not counted as an
// attachment: logos and signature pictures are smaller, photographs and scans are bigger.
const DefaultInlineFloor int64 = 32 << 10

// Config is what the rules need to know. Values are plain; a policy fills it.
type Config struct {
	AttachmentLimit int64 // octets of a message's attachments together, decoded; 0 means Limit15MiB
	InlineFloor     int64 // octets; a picture in the text up to this size is not counted

	// What is signed inside of a part is spooled and read like a message: with these limits, in this budget.
	Limits message.Limits  // the zero value means the default limits
	Budget *message.Budget // of the process; nil: only Limits bound it

	FreeMail       *pack.FreeMail // nil knows no free-mail domain but FreeMailAdd's
	FreeMailAdd    []string       // further free-mail domains, each with its subdomains
	FreeMailExcept []string       // domains that are not free-mail, each with its subdomains

	// Forwarded is asked of mail that a mailbox of ours forwards to free-mail by itself; Unset means Hold.
	Forwarded filter.Disposition

	Marking         *marking.Detector  // nil finds no markings
	MarkingEnforced float64            // score from which markings are acted on; 0 means marking.High
	Inspector       *extract.Inspector // looks into bodies and files, see NewInspector; nil: only headers and names are read

	AttachmentTypes *attachmenttype.Judge // nil finds no dangerous attachments
	// MacrosOutbound and MacrosInbound are asked of macros that do not run by themselves; Unset means Tag and Hold.
	MacrosOutbound, MacrosInbound filter.Disposition

	Virus Viruses // the virus scanners

	Content Content // the administrator's dictionaries
	Rate    Rate    // what senders may send
	Spam    Spam    // the rspamd that is asked

	Signatures     Signatures    // what S/MIME signatures are judged by
	Authentication Authenticator // of senders; nil: rule sender-authentication has nothing to say
	AuthservID     string        // of our Authentication-Results; "": none is written
	TrustedSealers []string      // domains that are believed what they say in ARC, in lower case and as A-labels

	Impersonation *impersonation.Detector // nil: rule impersonation has nothing to say

	MailboxExempt []string // further local parts that the naming rule does not bind

	Ours       func(domain string) bool  // tells the organisation's own domains; nil: none
	ClientOurs func(filter.Session) bool // tells the organisation's own clients; nil: none
}

// complete fills what is left out.
func (c Config) complete() Config {
	if c.AttachmentLimit == 0 {
		c.AttachmentLimit = Limit15MiB
	}
	if c.Limits == (message.Limits{}) {
		c.Limits = message.DefaultLimits()
	}
	if c.Ours == nil {
		c.Ours = func(string) bool { return false }
	}
	if c.ClientOurs == nil {
		c.ClientOurs = func(filter.Session) bool { return false }
	}
	if c.MarkingEnforced == 0 {
		c.MarkingEnforced = marking.High
	}
	if c.Signatures.States == nil {
		c.Signatures.States = DefaultStates()
	}
	if c.Forwarded == filter.Unset {
		c.Forwarded = filter.Hold
	}
	if c.MacrosOutbound == filter.Unset {
		c.MacrosOutbound = filter.Tag
	}
	if c.MacrosInbound == filter.Unset {
		c.MacrosInbound = filter.Hold
	}
	return c
}

// All makes the rules, in the order in which they speak when several refuse.
func All(c Config) []filter.Rule {
	c = c.complete()
	c.Virus.Inspector = c.Inspector
	return []filter.Rule{virusRule(c.Virus), markingRule(c), attachmentTypeRule(c), signatureRule(c), senderAuthentication(c), impersonationRule(c), malformed(), freeMail(c), attachmentSize(c), contentRule(c), spamRule(c.Spam), rateRule(c.Rate, c.Ours), subject(), mailboxName(c)}
}

// Defaults are the settings that hold without a configuration, for every rule of All and for the findings
// that Judge makes itself.
func Defaults() map[string]filter.Setting {
	return map[string]filter.Setting{
		filter.RuleVirus:         {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse},
		filter.RuleMarking:       {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse},
		NameAttachmentType:       {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse},
		NameSignature:            {Mode: filter.Monitor, Outbound: filter.Refuse, Inbound: filter.Hold},
		NameSenderAuthentication: {Mode: filter.Monitor, Outbound: filter.Accept, Inbound: filter.Refuse},
		NameImpersonation:        {Mode: filter.Monitor, Outbound: filter.Accept, Inbound: filter.Tag},
		NameMalformed:            {Mode: filter.Monitor, Outbound: filter.Refuse, Inbound: filter.Tag},
		filter.RuleUninspected:   {Mode: filter.Monitor, Outbound: filter.Hold, Inbound: filter.Hold},
		NameFreeMail:             {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Accept},
		NameAttachmentSize:       {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse},
		NameContent:              {Mode: filter.Monitor, Outbound: filter.Hold, Inbound: filter.Tag},
		NameSpam:                 {Mode: filter.Off, Outbound: filter.Tag, Inbound: filter.Tag},
		NameRate:                 {Mode: filter.Monitor, Outbound: filter.Defer, Inbound: filter.Accept},
		NameSubject:              {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Tag},
		NameMailboxName:          {Mode: filter.Monitor, Outbound: filter.Accept, Inbound: filter.Accept},
	}
}
