package rules

import (
	"context"
	"fmt"

	"congthu/filter"
	"congthu/filter/message"
)

// maxMalformed is how many anomalies of one message become findings of their own. The last finding
// says how many more there are.
const maxMalformed = 20

// malformed obeys Điều 10 khoản 5: be wary of mail whose content is not what it seems. A message that two
// mail programs read differently can show the gate one thing and the recipient another. Departures
// that every program reads alike are not found.
func malformed() filter.Rule {
	return filter.Rule{Name: NameMalformed, Clause: "10.5", Code: 550, Status: "6.0",
		Check: func(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			all, err := tx.Message.Measured()
			if err != nil {
				return nil, fmt.Errorf("decoding the message: %w", err)
			}
			return malformedFindings(all), nil
		}}
}

func malformedFindings(all []message.Anomaly) []filter.Finding {
	var out []filter.Finding
	seen := map[message.Anomaly]bool{}
	for _, a := range all {
		if a.Kind.Ambiguous() && !seen[a] {
			seen[a] = true
			if len(seen) <= maxMalformed {
				out = append(out, filter.Finding{Part: a.Part, Detail: string(a.Kind)})
			}
		}
	}
	if more := len(seen) - maxMalformed; more > 0 {
		out = append(out, filter.Finding{Detail: fmt.Sprintf("%d more", more)})
	}
	return out
}
