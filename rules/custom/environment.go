package custom

import (
	"net/netip"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"

	"congthu/filter"
)

// Address is an address of the envelope or of a header field.
type Address struct {
	Name     string `cel:"name"` // as shown beside the address, decoded; "" in the envelope
	Local    string `cel:"local"`
	Domain   string `cel:"domain"`  // lower case, ASCII
	Address  string `cel:"address"` // local@domain
	Ours     bool   `cel:"ours"`
	FreeMail bool   `cel:"free_mail"`
}

// Attachment is a part that is no letter.
type Attachment struct {
	Name   string   `cel:"name"`  // file name, decoded; "" without
	Names  []string `cel:"names"` // every file name that some mail program shows
	Type   string   `cel:"type"`  // media type, lower case
	Bytes  int64    `cel:"bytes"` // decoded
	Part   string   `cel:"part"`
	Inline bool     `cel:"inline"` // shown in the text, not offered as a file
}

// declare makes the environment: what stands here and nothing else can be named in an expression.
func declare(f Facts) (*cel.Env, error) {
	address, attachment := cel.ObjectType("custom.Address"), cel.ObjectType("custom.Attachment")
	options := []cel.EnvOption{
		ext.NativeTypes(ext.ParseStructTags(true), reflect.TypeFor[Address](), reflect.TypeFor[Attachment]()),
		cel.ParserExpressionSizeLimit(MaxCharacters), cel.ParserRecursionLimit(MaxNesting), cel.ExpressionNodeLimit(MaxNodes),
		cel.RegexProgramSizeLimit(MaxPattern),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(), literals{}),
		cel.DefaultUTCTimeZone(true), cel.EnableHiddenAccumulatorName(true),
	}
	for _, v := range []struct {
		typ   *cel.Type
		names string
	}{
		{cel.StringType, "direction unit door listener client client_name helo login protocol tls subject"},
		{cel.ListType(cel.StringType), "subjects anomalies not_inspected"},
		{address, "reverse_path"},
		{cel.ListType(address), "recipients from sender reply_to to cc"},
		{cel.ListType(attachment), "attachments"},
		{cel.IntType, "size attachments_bytes parts"},
		{cel.BoolType, "automatic forwarded encrypted signed"},
		{cel.TimestampType, "received"},
	} {
		for name := range strings.FieldsSeq(v.names) {
			options = append(options, cel.Variable(name, v.typ))
		}
	}
	return cel.NewEnv(append(options, ownFunctions(f)...)...)
}

func ownFunctions(f Facts) []cel.EnvOption {
	text, yes := cel.StringType, cel.BoolType
	predicate := func(name string, ask func(string) bool) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_string", []*cel.Type{text}, yes,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.Bool(ask(string(v.(types.String)))) })))
	}
	return []cel.EnvOption{
		cel.Function("header", cel.Overload("header_string", []*cel.Type{text}, cel.ListType(text), cel.LateFunctionBinding())),
		cel.Function("in_network", cel.Overload("in_network_string_string", []*cel.Type{text, text}, yes, cel.BinaryBinding(inNetwork))),
		cel.Function("in_domain", cel.Overload("in_domain_string_string", []*cel.Type{text, text}, yes, cel.BinaryBinding(inDomain))),
		cel.Function("plain", cel.Overload("plain_string", []*cel.Type{text}, text,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(plain(string(v.(types.String)))) }))),
		predicate("is_ours", f.Ours),
		predicate("is_free_mail", f.FreeMail),
	}
}

// costs prices our own functions, in the unit of CEL's own: one for a call and one for ten octets.
func costs() []cel.ProgramOption {
	perOctet := func(tenths int) cost.FunctionTracker {
		return func(args []ref.Val, result ref.Val) *uint64 {
			n := octets(result)
			for _, a := range args {
				n += octets(a)
			}
			c := uint64(10 + n*tenths/10)
			return &c
		}
	}
	headerCost := func(_ []ref.Val, result ref.Val) *uint64 {
		c := uint64(100 + octets(result)/10) // every field's name is looked at
		return &c
	}
	return []cel.ProgramOption{cel.CostTrackerOptions(
		cost.OverloadTracker("header_string", headerCost),
		cost.OverloadTracker("in_network_string_string", perOctet(1)),
		cost.OverloadTracker("in_domain_string_string", perOctet(2)),
		cost.OverloadTracker("plain_string", perOctet(2)),
		cost.OverloadTracker("is_ours_string", perOctet(2)),
		cost.OverloadTracker("is_free_mail_string", perOctet(2)),
	)}
}

// octets is the size of a text, or of a list's texts.
func octets(v ref.Val) int {
	switch x := v.(type) {
	case types.String:
		return len(x)
	case traits.Lister:
		n, size := 0, int(x.Size().(types.Int))
		for i := range size {
			n += octets(x.Get(types.Int(i)))
		}
		return n
	}
	return 0
}

func network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().Prefix(a.Unmap().BitLen())
	}
	return netip.ParsePrefix(s)
}

// inNetwork tells whether an address is in a network; one that is not known ("") is in none.
func inNetwork(address, net ref.Val) ref.Val {
	n, err := network(string(net.(types.String)))
	if err != nil {
		return types.NewErr("no network")
	}
	a, err := netip.ParseAddr(string(address.(types.String)))
	return types.Bool(err == nil && n.Contains(a.Unmap()))
}

// inDomain tells whether a domain is another one or below it.
func inDomain(domain, parent ref.Val) ref.Val {
	d, p := filter.NormalDomain(string(domain.(types.String))), filter.NormalDomain(string(parent.(types.String)))
	return types.Bool(p != "" && (d == p || strings.HasSuffix(d, "."+p)))
}
