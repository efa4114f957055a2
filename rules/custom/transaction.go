package custom

import (
	"context"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
	"golang.org/x/text/unicode/norm"

	"congthu/filter"
	"congthu/filter/message"
)

// Facts are what an expression may ask that the organisation or the other rules know. One that is
// missing is never true.
type Facts struct {
	Ours            func(domain string) bool
	FreeMail        func(domain string) bool
	Automatic       func(*filter.Transaction) bool
	Forwarded       func(*filter.Transaction) bool
	Encrypted       func(*message.Message) (bool, error)
	Signed          func(*message.Message) (bool, error)
	AttachmentBytes func(context.Context, *filter.Transaction) (int64, error) // as the rule attachment-size counts
	Letter          func(*message.Part) bool                                  // the part is text to be read, not an attachment
}

func (f *Facts) complete() {
	no := func(string) bool { return false }
	if f.Ours == nil {
		f.Ours = no
	}
	if f.FreeMail == nil {
		f.FreeMail = no
	}
	if f.Automatic == nil {
		f.Automatic = func(*filter.Transaction) bool { return false }
	}
	if f.Forwarded == nil {
		f.Forwarded = func(*filter.Transaction) bool { return false }
	}
	if f.Encrypted == nil {
		f.Encrypted = func(*message.Message) (bool, error) { return false, nil }
	}
	if f.Signed == nil {
		f.Signed = func(*message.Message) (bool, error) { return false, nil }
	}
	if f.AttachmentBytes == nil {
		f.AttachmentBytes = func(context.Context, *filter.Transaction) (int64, error) { return 0, nil }
	}
	if f.Letter == nil {
		f.Letter = func(*message.Part) bool { return false }
	}
}

// transaction is what one evaluation sees: each variable is made when it is first asked for.
type transaction struct {
	ctx   context.Context
	tx    *filter.Transaction
	env   *Environment
	known map[string]ref.Val // by variable; "header " and a name in lower case for a header field
	err   error              // of ours: the message could not be read
}

func newTransaction(ctx context.Context, tx *filter.Transaction, e *Environment) *transaction {
	return &transaction{ctx: ctx, tx: tx, env: e, known: map[string]ref.Val{}}
}

// ResolveName gives a variable's value.
func (t *transaction) ResolveName(name string) (any, bool) {
	if v, ok := t.known[name]; ok {
		return v, true
	}
	v, err := t.variable(name)
	if err != nil {
		t.err = err
		return types.NewErr("the message could not be read"), true
	}
	if v == nil {
		return nil, false
	}
	value := t.env.env.CELTypeAdapter().NativeToValue(v)
	t.known[name] = value
	return value, true
}

// Parent is none.
func (t *transaction) Parent() interpreter.Activation { return nil }

// ResolveFunction gives the functions that look at the message.
func (t *transaction) ResolveFunction(name string) (functions.LateBoundOp, bool) {
	return t.header, name == "header"
}

// header gives the decoded values of a header field.
func (t *transaction) header(_ string, args ...ref.Val) ref.Val {
	key := "header " + strings.ToLower(string(args[0].(types.String)))
	if v, ok := t.known[key]; ok {
		return v
	}
	v := t.env.env.CELTypeAdapter().NativeToValue(t.tx.Message.Header.Text(strings.TrimPrefix(key, "header ")))
	t.known[key] = v
	return v
}

func (t *transaction) variable(name string) (any, error) {
	tx, s, h := t.tx, t.tx.Session, t.tx.Message.Header
	switch name {
	case "direction":
		return string(tx.Direction), nil
	case "unit":
		return tx.Unit, nil
	case "door":
		return s.Door, nil
	case "listener":
		return s.Listener, nil
	case "client":
		if !s.Client.IsValid() {
			return "", nil
		}
		return s.Client.Unmap().String(), nil
	case "client_name":
		return s.ClientName, nil
	case "helo":
		return s.Helo, nil
	case "login":
		return s.Login, nil
	case "protocol":
		return s.Protocol, nil
	case "tls":
		return s.TLS, nil
	case "received":
		return tx.Received, nil
	case "reverse_path":
		return t.path(tx.ReversePath), nil
	case "recipients":
		out := make([]Address, len(tx.Recipients))
		for i, r := range tx.Recipients {
			out[i] = t.path(r)
		}
		return out, nil
	case "from", "sender", "to", "cc":
		return t.addresses(name), nil
	case "reply_to":
		return t.addresses("Reply-To"), nil
	case "subject":
		for _, text := range h.Text("Subject") {
			return text, nil
		}
		return "", nil
	case "subjects":
		return h.Text("Subject"), nil
	}
	return t.content(name)
}

// content gives the variables that look into the message.
func (t *transaction) content(name string) (any, error) {
	m, f := t.tx.Message, t.env.facts
	switch name {
	case "size":
		return m.Size, nil
	case "parts":
		n := 0
		for range m.Parts() {
			n++
		}
		return n, nil
	case "attachments":
		return t.attachments()
	case "attachments_bytes":
		return f.AttachmentBytes(t.ctx, t.tx)
	case "anomalies":
		return t.anomalies()
	case "not_inspected":
		out := []string{}
		for _, n := range m.NotInspected {
			out = append(out, string(n.Reason))
		}
		return out, nil
	case "automatic":
		return f.Automatic(t.tx), nil
	case "forwarded":
		return f.Forwarded(t.tx), nil
	case "encrypted":
		return f.Encrypted(m)
	case "signed":
		return f.Signed(m)
	}
	return nil, nil
}

func (t *transaction) path(p filter.Path) Address { return t.address("", p.Local, p.Domain) }

func (t *transaction) address(name, local, domain string) Address {
	d := filter.NormalDomain(domain)
	a := Address{Name: name, Local: local, Domain: d, Address: local, Ours: d != "" && t.env.facts.Ours(d), FreeMail: t.env.facts.FreeMail(d)}
	if d != "" {
		a.Address += "@" + d
	}
	return a
}

func (t *transaction) addresses(field string) []Address {
	list, _ := t.tx.Message.Header.Addresses(field)
	out := make([]Address, len(list))
	for i, a := range list {
		out[i] = t.address(a.Name, a.Local, a.Domain)
	}
	return out
}

// attachments are the leaves that are no letter, of every reading, and nested messages; what is attached
// to a nested message is here too.
func (t *transaction) attachments() ([]Attachment, error) {
	out := []Attachment{}
	for p := range t.tx.Message.Parts() {
		nested := p.MediaType == "message/rfc822" || p.MediaType == "message/global"
		if p.Outside || !nested && !p.Leaf() || p.Leaf() && t.env.facts.Letter(p) {
			continue
		}
		if err := t.ctx.Err(); err != nil {
			return nil, context.Cause(t.ctx)
		}
		a := Attachment{Name: p.Name, Names: p.Names, Type: p.MediaType, Bytes: p.Body.Len(), Part: p.ID,
			Inline: p.Disposition != "attachment" && (p.ContentID != "" || p.Disposition == "inline")}
		if p.Encoding != message.Identity {
			m, err := p.Measure()
			if err != nil {
				return nil, err
			}
			a.Bytes = m.Bytes
		}
		out = append(out, a)
	}
	return out, nil
}

func (t *transaction) anomalies() ([]string, error) {
	all, err := t.tx.Message.Measured()
	if err != nil {
		return nil, err
	}
	out, seen := []string{}, map[message.AnomalyKind]bool{}
	for _, a := range all {
		if !seen[a.Kind] {
			seen[a.Kind] = true
			out = append(out, string(a.Kind))
		}
	}
	return out, nil
}

func (t *transaction) hasPart(id string) bool {
	for p := range t.tx.Message.Parts() {
		if p.ID == id {
			return true
		}
	}
	return false
}

// plain is a text as it compares whatever way it is written: lower case, without diacritics, đ as d, each
// run of blanks one space, none at the ends.
func plain(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == 'đ' || r == 'Đ':
			r = 'd'
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
