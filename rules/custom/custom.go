// Package custom makes rules out of the administrator's own expressions, written in the Common
// Expression Language (CEL) over a typed transaction (docs/custom-rules.md). An expression is compiled
// once, when the configuration is loaded; one that does not compile keeps the configuration from loading.
// One that fails on a message, or costs too much, is a result and not an error: a finding says so.
package custom

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"

	"congthu/filter"
)

// Prefix begins the names of the administrator's rules.
const Prefix = "custom:"

// Limits of one expression.
const (
	MaxCharacters = 4000    // of its text
	MaxNesting    = 50      // of brackets and calls
	MaxNodes      = 4000    // of its tree, macros expanded
	MaxPattern    = 2000    // instructions of a compiled regular expression
	CostLimit     = 500_000 // CEL cost units for one message: about one for each comparison or ten octets of text
)

// interruptEvery is how many steps of a loop are made between two looks at the context.
const interruptEvery = 100

// Details of findings, beside the name of the rule. Never a word of the message or of CEL's own error,
// which may quote it.
const (
	DetailFailed = "expression failed"
	DetailCost   = "cost limit"
)

// Rule is a rule as the administrator writes it.
type Rule struct {
	Name   string             // with Prefix
	Clause string             // of the regulation
	When   string             // the expression, of type bool
	Part   string             // expression of type string that gives a part's number; "" for none
	Failed filter.Disposition // asked when the expression fails on a message; Accept or Unset only counts
	Text   filter.Text        // what the sender is told
}

// Error is something wrong with an expression.
type Error struct {
	Key          string // "when" or "part"
	Line, Column int    // in the expression, from 1; 0 for the expression as a whole
	Problem      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Key, e.Line, e.Column, e.Problem)
}

// Environment is what expressions can see. It is safe for concurrent use.
type Environment struct {
	env   *cel.Env
	facts Facts
}

// New makes an environment.
func New(f Facts) (*Environment, error) {
	f.complete()
	env, err := declare(f)
	if err != nil {
		return nil, fmt.Errorf("declaring what expressions can see: %w", err)
	}
	return &Environment{env, f}, nil
}

// Compile makes a rule. The error joins one *Error for each thing that is wrong.
func (e *Environment) Compile(r Rule) (filter.Rule, error) {
	when, err := e.program("when", r.When, cel.BoolType)
	var part cel.Program
	if r.Part != "" {
		var partErr error
		part, partErr = e.program("part", r.Part, cel.StringType)
		err = errors.Join(err, partErr)
	}
	if err != nil {
		return filter.Rule{}, err
	}
	c := &compiled{rule: r, env: e, when: when, part: part}
	return filter.Rule{Name: r.Name, Clause: r.Clause, Text: r.Text, Code: 550, Status: "7.1", Check: c.check}, nil
}

func (e *Environment) program(key, source string, want *cel.Type) (cel.Program, error) {
	tree, issues := e.env.Compile(source)
	if issues.Err() != nil {
		var errs []error
		for _, i := range issues.Errors() {
			problem := helped(strings.ReplaceAll(i.Message, " (in container '')", ""))
			errs = append(errs, &Error{key, max(i.Location.Line(), 0), max(i.Location.Column()+1, 1), problem})
		}
		return nil, errors.Join(errs...)
	}
	if !tree.OutputType().IsExactType(want) {
		return nil, &Error{key, 1, 1, fmt.Sprintf("is of type %s, must be of type %s", tree.OutputType(), want)}
	}
	p, err := e.env.Program(tree, append(costs(), cel.EvalOptions(cel.OptOptimize), cel.CostLimit(CostLimit),
		cel.InterruptCheckFrequency(interruptEvery))...)
	if err != nil {
		return nil, &Error{key, 1, 1, err.Error()}
	}
	return p, nil
}

// helped is an error of the compiler with the way out, for mistakes that administrators make often.
func helped(problem string) string {
	for _, h := range []struct{ sign, way string }{
		{"list(custom.Address)", "an address field is a list: write from.exists(a, a.address == \"x@example.com\")"},
		{"no matching overload for '_==_'", "both sides of == must be of one type"},
		{"invalid matches argument", "the regular expression is not valid (RE2 syntax; a backslash is doubled in a text)"},
		{"undeclared reference to 'and'", "write && for and"},
		{"undeclared reference to 'or'", "write || for or"},
		{"undeclared reference to 'not'", "write ! for not"},
	} {
		if strings.Contains(problem, h.sign) {
			return problem + "; " + h.way
		}
	}
	if strings.HasPrefix(problem, "Syntax error") && (strings.Contains(problem, "'and'") || strings.Contains(problem, "'or'")) {
		return problem + "; write && for and, || for or"
	}
	return problem
}

// compiled is a rule ready to run.
type compiled struct {
	rule       Rule
	env        *Environment
	when, part cel.Program
}

func (c *compiled) check(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
	t := newTransaction(ctx, tx, c.env)
	v, why, err := evaluate(ctx, c.when, t)
	switch {
	case err != nil:
		return nil, fmt.Errorf("evaluating when: %w", err)
	case why != "":
		return []filter.Finding{c.failed(why)}, nil
	case v != true:
		return nil, nil
	}
	found := filter.Finding{Detail: strings.TrimPrefix(c.rule.Name, Prefix)}
	if c.part == nil {
		return []filter.Finding{found}, nil
	}
	v, why, err = evaluate(ctx, c.part, t)
	if err != nil {
		return nil, fmt.Errorf("evaluating part: %w", err)
	}
	// What the expression gives could be a word of the message: only the number of a part that there is
	// stands in a finding.
	if id, ok := v.(string); ok && why == "" && t.hasPart(id) {
		found.Part = id
	}
	return []filter.Finding{found}, nil
}

func (c *compiled) failed(why string) filter.Finding {
	if c.rule.Failed > filter.Accept {
		return filter.Finding{Disposition: c.rule.Failed, Detail: why}
	}
	return filter.Finding{Mode: filter.Monitor, Disposition: filter.Accept, Detail: why}
}

// evaluate gives the value, or why there is none. The error is one of ours: the message could not be
// read, or there is no time left.
func evaluate(ctx context.Context, p cel.Program, t *transaction) (value any, why string, err error) {
	out, _, err := p.ContextEval(ctx, t)
	cancelled := interpreter.EvalCancelledError{}
	switch {
	case t.err != nil:
		return nil, "", t.err
	case ctx.Err() != nil:
		return nil, "", context.Cause(ctx)
	case errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded:
		return nil, DetailCost, nil
	case err != nil:
		return nil, DetailFailed, nil
	}
	return out.Value(), "", nil
}
