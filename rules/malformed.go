package rules

import (
	"context"
	"fmt"

	"congthu/filter"
	"congthu/filter/message"
)

// maxMalformed is how many anomalies of one message become findings of their own, of those that are acted on and
// of those that are not. The last finding says how many more there are.
const maxMalformed = 20

// malformed obeys Điều 10 khoản 5: be wary of mail whose content is not what it seems. A message that two
// mail programs read differently can show the gate one thing and the recipient another. Departures
// that every program reads alike are recorded, never acted on; the line that a file of mails begins with is none.
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
	ambiguous := anomalyFindings(all, message.AnomalyKind.Ambiguous)
	recorded := anomalyFindings(all, func(k message.AnomalyKind) bool { return !k.Ambiguous() && k != message.MboxLine })
	for i := range recorded {
		recorded[i].Mode, recorded[i].Disposition = filter.Monitor, filter.Accept
	}
	return append(ambiguous, recorded...)
}

// anomalyFindings are the findings for the anomalies of some kinds, each once, at most maxMalformed and one more.
func anomalyFindings(all []message.Anomaly, of func(message.AnomalyKind) bool) []filter.Finding {
	var out []filter.Finding
	seen := map[message.Anomaly]bool{}
	for _, a := range all {
		if of(a.Kind) && !seen[a] {
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
