package mailauth

import (
	"slices"
	"strconv"
	"strings"
)

// ARC is what came of a message's Authenticated Received Chain.
type ARC struct {
	// Result is None, Pass or Fail (RFC 8617 section 4.4), or TempError when a key could not be asked for.
	Result    Value
	Reason    string
	Instances int // sets in the chain
	Broken    int // the instance that Reason is about, 0 when it is about the chain
	Sealers   []Sealer
}

// Sealer is who sealed an instance; they stand in the order of their instances, and are verified when the chain passes.
type Sealer struct {
	Instance         int
	Domain, Selector string
	Results          string // the value of its ARC-Authentication-Results after i=, as written; "" when the chain fails
}

const (
	arcResults = "arc-authentication-results"
	arcMessage = "arc-message-signature"
	arcSeal    = "arc-seal"
)

// arcSet are the three fields of an instance.
type arcSet struct {
	results field
	aar     string // what follows "i=n;"
	message *signature
	seal    *signature
}

// chain is a message's sets in the order of their instances, or why it is none.
type chain struct {
	sets   []arcSet
	fault  fault
	broken int
}

// messageSignature is the one that is verified: the last (RFC 8617 section 5.2 step 4); nil in a chain that is none.
func (c *chain) messageSignature() *signature {
	if len(c.sets) == 0 || c.fault.result != "" {
		return nil
	}
	return c.sets[len(c.sets)-1].message
}

// collectChain reads the sets (RFC 8617 section 5.2 steps 1 to 3).
func collectChain(h header, l Limits) *chain {
	c := &chain{}
	parts := map[string]map[int]*signature{arcResults: {}, arcMessage: {}, arcSeal: {}}
	aar := map[int]string{}
	for i, f := range h.fields {
		of := parts[f.name]
		if of == nil {
			continue
		}
		n, rest, flt := instanceOf(f, l.Instances)
		if flt.result == "" && of[n] != nil {
			flt = fault{Fail, "duplicate-instance"}
		}
		if flt.result != "" {
			c.fault, c.broken = flt, n
			return c
		}
		of[n] = &signature{index: i, field: f}
		if f.name == arcResults {
			aar[n] = rest
		}
	}
	count := max(len(parts[arcResults]), len(parts[arcMessage]), len(parts[arcSeal]))
	for n := 1; n <= count; n++ {
		set := arcSet{message: parts[arcMessage][n], seal: parts[arcSeal][n], aar: aar[n]}
		results := parts[arcResults][n]
		if results == nil || set.message == nil || set.seal == nil {
			c.fault, c.broken = fault{Fail, "missing-field"}, n
			return c
		}
		set.results = results.field
		c.sets = append(c.sets, set)
	}
	c.readSets()
	return c
}

// instanceOf reads i= of a field; of ARC-Authentication-Results, which has it in front, also what follows
// (RFC 8617 section 4.1.1).
func instanceOf(f field, limit int) (n int, rest string, flt fault) {
	value := f.value()
	text, first := "", value
	if f.name == arcResults {
		first, rest, _ = strings.Cut(value, ";")
		name, number, found := strings.Cut(first, "=")
		if !found || trim(name) != "i" {
			return 0, "", fault{Fail, "bad-instance"}
		}
		text = trim(number)
	} else {
		t, ok := parseTags(value)
		if !ok {
			return 0, "", fault{Fail, "malformed"}
		}
		text = solid(t["i"])
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 1 || strings.Trim(text, "0123456789") != "":
		return 0, "", fault{Fail, "bad-instance"}
	case n > limit:
		return 0, "", fault{Fail, "too-many-instances"}
	}
	return n, trim(rest), fault{}
}

// readSets reads the tags of every seal and of the last message's signature.
func (c *chain) readSets() {
	for i := range c.sets {
		seal, want := c.sets[i].seal, "pass"
		if i == 0 {
			want = "none"
		}
		flt := seal.read()
		_, fields := seal.tags["h"]
		_, body := seal.tags["bh"]
		cv := seal.tags["cv"]
		switch {
		case flt.result != "":
		case fields || body: // RFC 8617 section 4.1.3: a seal signs no fields of the message
			flt = fault{Fail, "malformed"}
		case cv == "fail":
			flt = fault{Fail, "failed-before"}
		case cv != want:
			flt = fault{Fail, "bad-chain-value"}
		}
		if flt.result != "" {
			c.fault, c.broken = flt, i+1
			return
		}
	}
	if len(c.sets) == 0 {
		return
	}
	s := c.messageSignature()
	s.fault = s.read()
	if s.fault.result == "" {
		s.fault = s.readMessageTags()
	}
	if s.fault.result == "" && slices.Contains(s.names, arcSeal) { // RFC 8617 section 4.1.2
		s.fault = fault{Fail, "malformed"}
	}
	if s.fault.result != "" {
		c.fault, c.broken = s.fault, len(c.sets)
	}
}

// judgeChain verifies the last message's signature, then the seals from the last to the first
// (RFC 8617 section 5.2 steps 4 and 6).
func (v *verifier) judgeChain(c *chain) ARC {
	out := ARC{Result: None, Instances: len(c.sets)}
	fail := func(f fault, instance int) ARC {
		out.Result, out.Reason, out.Broken = Fail, f.reason, instance
		if f.result == TempError {
			out.Result = TempError
		}
		return out
	}
	for i, s := range c.sets {
		out.Sealers = append(out.Sealers, Sealer{Instance: i + 1, Domain: s.seal.domain, Selector: s.seal.selector})
	}
	switch {
	case c.fault.result != "":
		return fail(c.fault, c.broken)
	case len(c.sets) == 0:
		return out
	}
	s := c.messageSignature()
	k, f := s.key(v.limits)
	if f.result == "" {
		f = v.compare(s, k, false)
	}
	if f.result != Pass {
		return fail(f, len(c.sets))
	}
	for i := len(c.sets) - 1; i >= 0; i-- {
		seal := c.sets[i].seal
		k, f := seal.key(v.limits)
		if f.result == "" && !k.verify(c.sealedOctets(i), seal.value) {
			f = fault{Fail, "bad-signature"}
		}
		if f.result != "" {
			return fail(f, i+1)
		}
	}
	for i := range c.sets {
		out.Sealers[i].Results = c.sets[i].aar
	}
	out.Result = Pass
	return out
}

// sealedOctets are what the seal of the set at index last is over: all sets up to its own, the seal itself without b='s
// value (RFC 8617 section 5.1.1).
func (c *chain) sealedOctets(last int) []byte {
	var before []field
	for _, s := range c.sets[:last] {
		before = append(before, s.results, s.message.field, s.seal.field)
	}
	own := c.sets[last]
	return signedOctets(append(before, own.results, own.message.field), own.seal.field.raw, true)
}
