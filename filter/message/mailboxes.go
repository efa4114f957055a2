package message

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxLenient bounds the addresses taken from one field that is not well-formed: as many as stand in a
	// field of maxAddressField octets. Beyond it the field is not read (TooManyAddresses).
	maxLenient = maxAddressField / len("a@b,")
	// maxDomainText is how long a domain may be, in octets, before IDNA makes its labels 255 (RFC 5321 section 4.5.3.1.2).
	maxDomainText = 1024
	// maxMailbox is how long a mailbox may be, in octets with its name and comments, to arrive whole: Sendmail cuts
	// it at 256, and counts a little differently.
	maxMailbox = 200
	// maxWhole is how long a field may be, in octets, to arrive whole: Postfix cuts it at 102400
	// (header_size_limit).
	maxWhole = 100_000
	// maxCut is how long a domain that was cut may be, in octets (RFC 5321 section 4.5.3.1.2).
	maxCut = 255
	// maxRouted is how many addresses without an @ are taken from one mailbox.
	maxRouted = 16
)

// mailboxList gathers addresses, each once.
type mailboxList struct {
	list  []Address
	seen  map[[2]string]bool // by local part and domain
	taken int                // addresses found, those that came again too
	full  bool               // there were more than maxLenient
	cuts  []Address          // of addresses that a server may cut: what may be left of them
}

func (l *mailboxList) add(list []Address) {
	for _, a := range list {
		key := [2]string{a.Local, a.Domain}
		l.taken++
		switch {
		case l.seen[key]:
		case len(l.list) == maxLenient:
			l.full = true
			return
		default:
			if l.seen == nil {
				l.seen = map[[2]string]bool{}
			}
			l.seen[key] = true
			l.list = append(l.list, a)
		}
	}
}

// mailboxScanner reads a list of mailboxes that is not as RFC 5322 section 3.4 writes it, once, forward, as
// mail programs do: comments are nothing, blanks beside an @ or a dot are nothing, a comma or semicolon ends
// a mailbox. Of a mailbox with an address in angle brackets what stands before them is its name.
type mailboxScanner struct {
	src      string
	out      *mailboxList
	comments comments
	words    *wordDecoder // encoded-words are words, whatever is in them; nil: they are ordinary text
	inner    int          // how often src was decoded or unquoted
	noQuote  bool         // no quote closes any more
	box      mailbox
	run      run
}

// mailbox is what was seen of one mailbox.
type mailbox struct {
	start   int       // where it begins
	named   int       // where the name of an address without angle brackets begins
	phrase  int       // where the name of one in angle brackets begins
	angle   int       // where the last angle bracket opened
	inAngle bool      // it is open
	opened  bool      // there was one
	before  []Address // those before the first angle bracket
	after   []Address // those after it
	inside  bool      // one of them was in angle brackets
	routed  []Address // "domain!user" and "user%domain", which are addresses when there is no @
	quoted  bool      // there was a quoted-string
	encoded bool      // there may be an encoded-word
	hidden  bool      // one in an address
}

// run are words that dots join.
type run struct {
	text    []byte
	start   int    // where it begins
	local   string // what stood before the @ that the run follows
	localAt int    // where that began
	domain  bool   // the run follows an @
	cuts    []int  // lengths at which some readers end the domain
	junk    bool   // it has octets that no dot-atom has
	literal bool   // it has a quoted-string
	gap     bool   // a blank came after its last word
	joins   bool   // its last was a dot, or the @ before it
}

func scanMailboxes(v string, out *mailboxList, inner int, words bool) {
	s := mailboxScanner{src: v, out: out, comments: findComments(v), inner: inner}
	if words {
		s.words = &wordDecoder{src: v, end: -1}
	}
	for i := 0; i < len(v) && !out.full; {
		i = s.step(i)
	}
	s.endMailbox(len(v))
}

// step takes in what begins at i and returns where it ends.
func (s *mailboxScanner) step(i int) int {
	switch c := s.src[i]; c {
	case ' ', '\t', '\r', '\n':
		s.run.gap = true
	case '(':
		if end := s.comments.end(i); end > 0 {
			return end
		}
		s.letter(i, i+1)
	case '"':
		return s.quotedString(i)
	case ',', ';':
		if s.endRun(i); !s.box.inAngle { // in one it may stand in a source route
			s.endMailbox(i)
		}
	case ':':
		s.endRun(i)
	case '<':
		s.endRun(i)
		s.box.inAngle, s.box.opened, s.box.angle = true, true, i
	case '>':
		s.endRun(i)
		s.box.inAngle = false
	case '@':
		s.at(i)
	case '.':
		s.dot(i)
	default:
		return s.other(i)
	}
	return i + 1
}

// other takes in a domain literal, an encoded-word or a letter.
func (s *mailboxScanner) other(i int) int {
	switch c := s.src[i]; {
	case c == '[' && s.run.domain && len(s.run.text) == 0:
		if n := strings.IndexByte(s.src[i:min(len(s.src), i+maxDomainText)], ']'); n >= 0 {
			s.word(i)
			s.run.text = append(s.run.text, s.src[i:i+n+1]...)
			s.endRun(i + n + 1)
			return i + n + 1
		}
	case c == '=' && strings.HasPrefix(s.src[i:], "=?"):
		s.box.encoded, s.box.hidden = true, s.box.hidden || s.run.domain
		if s.words == nil {
			break
		}
		if _, _, stop, ok := s.words.word(i); ok {
			s.word(i)
			s.run.text = append(s.run.text, s.src[i:stop]...)
			s.run.literal = true
			return stop
		}
	}
	_, n := utf8.DecodeRuneInString(s.src[i:])
	s.letter(i, i+n)
	return i + n
}

// letter takes in one letter. One that nobody sees is none, but some programs end a domain there.
func (s *mailboxScanner) letter(i, end int) {
	if r, _ := utf8.DecodeRuneInString(s.src[i:end]); Unseen(r) {
		s.run.cut()
		return
	}
	atom := isAtomOctet(s.src[i], !s.run.domain)
	if s.run.domain && !atom {
		if len(s.run.text) == 0 {
			return
		}
		s.endRun(i) // a domain has no such octet
	}
	s.word(i)
	s.run.junk = s.run.junk || !atom
	s.run.text = append(s.run.text, s.src[i:end]...)
}

// Unseen tells control and format characters and blanks other than the space: they are in no domain and in
// no address that a person reads.
func Unseen(r rune) bool {
	switch {
	case r == ' ':
		return false
	case r < 0x80:
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Z, unicode.Variation_Selector)
}

// word makes the run ready for a word at i: a blank ends a run, but not beside a dot or @.
func (s *mailboxScanner) word(i int) {
	if s.run.gap && len(s.run.text) > 0 {
		if s.run.joins {
			s.run.cut()
		} else {
			s.endRun(i)
		}
	}
	if len(s.run.text) == 0 {
		s.run.start = i
	}
	s.run.gap, s.run.joins = false, false
}

func (s *mailboxScanner) dot(i int) {
	if len(s.run.text) == 0 {
		s.run.start = i
	} else if s.run.gap {
		s.run.cut()
	}
	s.run.text, s.run.gap, s.run.joins = append(s.run.text, '.'), false, true
}

// cut notes that some readers end the domain here.
func (r *run) cut() {
	if n := len(r.text); r.domain && n > 0 && n <= maxDomainText && (len(r.cuts) == 0 || r.cuts[len(r.cuts)-1] < n) {
		r.cuts = append(r.cuts, n)
	}
}

// at takes in an @ at i: the run is the local part of what follows, also when it is a domain.
func (s *mailboxScanner) at(i int) {
	local, start := s.run.localPart(), s.run.start
	s.box.hidden = s.box.hidden || s.box.encoded && strings.Contains(local, "=?")
	s.endRun(i)
	s.run.domain, s.run.joins, s.run.local, s.run.localAt = true, true, local, start
}

// localPart is the run as a local part: of what has octets that are in none, the last word.
func (r *run) localPart() string {
	text := string(r.text)
	if !r.junk || r.literal {
		return text
	}
	if words := strings.FieldsFunc(text, isJunk); len(words) > 0 {
		return words[len(words)-1]
	}
	return ""
}

func isJunk(r rune) bool { return r < utf8.RuneSelf && !isAtomOctet(byte(r), true) }

// quotedString takes in what is quoted at i; a quote that nothing closes is a letter like any other.
func (s *mailboxScanner) quotedString(i int) int {
	end := -1
	if !s.noQuote {
		end = closingQuote(s.src, i+1)
	}
	if end < 0 {
		s.noQuote = true
		s.letter(i, i+1)
		return i + 1
	}
	s.word(i)
	s.run.text = append(s.run.text, unescape(s.src[i+1:end])...)
	s.box.quoted, s.run.literal = true, true
	return end + 1
}

// closingQuote is the index of the quote that ends the quoted-string whose content begins at i, -1 for none.
// When there is none for one quote there is none for any quote after it.
func closingQuote(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// endRun ends the run at i. A run after an @ is a domain.
func (s *mailboxScanner) endRun(i int) {
	r := &s.run
	switch {
	case r.domain && r.local != "":
		text := string(r.text[:min(len(r.text), maxDomainText)])
		for _, n := range r.cuts {
			s.found(Address{Local: r.local, Domain: text[:n]}, i)
		}
		s.found(Address{Local: r.local, Domain: text}, i)
	case !r.domain:
		s.routed()
	}
	*r = run{text: r.text[:0], cuts: r.cuts[:0]}
}

// routed reads the run as the address of a site (RFC 976 section 2.3), "domain!user", or of one that another
// relays to, "user%domain". The order is Postfix's.
func (s *mailboxScanner) routed() {
	local, domain := "", ""
	if i := bytes.IndexByte(s.run.text, '!'); i > 0 {
		domain, local = string(s.run.text[:i]), string(s.run.text[i+1:])
	} else if i := bytes.LastIndexByte(s.run.text, '%'); i > 0 {
		local, domain = string(s.run.text[:i]), string(s.run.text[i+1:])
	}
	domain = strings.Trim(domain, ".")
	if local == "" || !strings.Contains(domain, ".") || strings.IndexFunc(domain, isNoDomain) >= 0 || len(s.box.routed) == maxRouted {
		return
	}
	s.box.routed = append(s.box.routed, Address{Local: local, Domain: domain})
}

func isNoDomain(r rune) bool { return r < utf8.RuneSelf && !isAtomOctet(byte(r), false) }

// found takes in an address that ends at end.
func (s *mailboxScanner) found(a Address, end int) {
	if a.Domain = strings.Trim(a.Domain, "."); a.Domain == "" {
		return
	}
	b := &s.box
	list := &b.before
	switch {
	case b.inAngle:
		a.Name = phrase(s.src[min(b.phrase, b.angle):b.angle])
		b.inside, b.phrase, list = true, end, &b.after
	case b.opened:
		list = &b.after
		fallthrough
	default:
		a.Name = phrase(s.src[b.named:max(b.named, s.run.localAt)])
	}
	b.named = end
	if *list = append(*list, a); len(*list) > maxLenient {
		s.out.full = true
	}
}

// phrase is a display name as it is shown.
func phrase(raw string) string {
	if strings.Contains(raw, "=?") {
		raw = DecodeText(raw)
	} else {
		raw = readable(raw)
	}
	return strings.Trim(raw, " \t\"'<>,;:()")
}

// endMailbox ends the mailbox at end and takes its addresses.
func (s *mailboxScanner) endMailbox(end int) {
	s.endRun(end)
	b := s.box
	taken := s.out.taken
	if !b.inside {
		s.out.add(b.before)
	}
	s.out.add(b.after)
	if s.out.taken == taken {
		s.out.add(b.routed)
	}
	text := s.src[b.start:end]
	if len(text) > maxMailbox || end > maxWhole {
		s.out.cut(b.before)
		s.out.cut(b.after)
	}
	// An address that holds an encoded-word is another to programs that decode all of a field first.
	if (s.out.taken == taken && b.encoded || b.hidden) && s.inner == 0 {
		scanMailboxes(DecodeText(text), s.out, 1, false)
	}
	// A whole address in quotes is one to programs that take the quotes away.
	if s.out.taken == taken && b.quoted && s.inner < 2 && strings.IndexByte(text, '@') >= 0 {
		scanMailboxes(unescape(strings.ReplaceAll(text, `"`, " ")), s.out, 2, false)
	}
	s.box = mailbox{start: end + 1, named: end + 1, phrase: end + 1}
}
