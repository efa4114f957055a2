package custom

import (
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"congthu/filter"
)

// literals holds what is written out in an expression to what can ever be true: a misspelt direction
// would be no type error and never match.
type literals struct{}

// Name is the validator's.
func (literals) Name() string { return "congthu.literals" }

// Validate reports literals that make no sense where they stand.
func (literals) Validate(_ *cel.Env, _ cel.ValidatorConfig, a *ast.AST, issues *cel.Issues) {
	root := ast.NavigateAST(a)
	for _, call := range ast.MatchDescendants(root, ast.KindMatcher(ast.CallKind)) {
		args := call.AsCall().Args()
		switch name := call.AsCall().FunctionName(); {
		case name == "in_network" && len(args) == 2:
			if s, ok := literal(args[1]); ok {
				if _, err := network(s); err != nil {
					issues.ReportErrorAtID(args[1].ID(), "%q is no network: write for example 10.0.0.0/8", s)
				}
			}
		case name == "header" && len(args) == 1:
			if s, ok := literal(args[0]); ok && !regexp.MustCompile(`^[!-9;-~]+$`).MatchString(s) {
				issues.ReportErrorAtID(args[0].ID(), "%q is no name of a header field", s)
			}
		case (name == "_==_" || name == "_!=_" || name == "@in") && len(args) == 2:
			closedValues(args[0], args[1], issues)
			closedValues(args[1], args[0], issues)
			neverEqual(args[0], args[1], issues)
			neverEqual(args[1], args[0], issues)
		case (name == "contains" || name == "startsWith" || name == "endsWith") && len(args) == 1:
			neverEqual(call.AsCall().Target(), args[0], issues)
		}
	}
}

// neverEqual reports texts that can be no part of what stands before them: plain gives lower case without
// diacritics, and a domain is lower case and ASCII.
func neverEqual(value, text ast.Expr, issues *cel.Issues) {
	candidates := []ast.Expr{text}
	if text.Kind() == ast.ListKind {
		candidates = text.AsList().Elements()
	}
	for _, e := range candidates {
		s, ok := literal(e)
		switch {
		case !ok:
		case value.Kind() == ast.CallKind && value.AsCall().FunctionName() == "plain" && plain("x"+s+"x") != "x"+s+"x":
			issues.ReportErrorAtID(e.ID(), "plain(...) never holds %q: it is lower case without diacritics; write %q", s, plain(s))
		case value.Kind() == ast.SelectKind && value.AsSelect().FieldName() == "domain" && strings.ToLower(s) != s:
			issues.ReportErrorAtID(e.ID(), "a domain never holds %q: domains are lower case; write %q", s, strings.ToLower(s))
		}
	}
}

// closedValues reports texts that a variable with a closed list of values never has.
func closedValues(variable, value ast.Expr, issues *cel.Issues) {
	if variable.Kind() != ast.IdentKind {
		return
	}
	right := map[string]string{
		"direction": string(filter.Outbound) + " " + string(filter.Internal) + " " + string(filter.Inbound),
		"door":      "milter relay check",
	}[variable.AsIdent()]
	if right == "" {
		return
	}
	candidates := []ast.Expr{value}
	if value.Kind() == ast.ListKind {
		candidates = value.AsList().Elements()
	}
	for _, e := range candidates {
		s, ok := literal(e)
		if ok && !strings.Contains(" "+right+" ", " "+s+" ") {
			issues.ReportErrorAtID(e.ID(), "%s is never %q: it is one of %s", variable.AsIdent(), s, right)
		}
	}
}

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}
