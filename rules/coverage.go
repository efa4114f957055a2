package rules

import (
	"context"
	"fmt"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
)

// maxMissed is how many files of one message that were not inspected are named. What is beyond is named by its reason
// alone, each reason once.
const maxMissed = 100

// Coverage tells a policy how far an inspector looked into a message.
func Coverage(in *extract.Inspector) func(context.Context, *message.Message) (filter.Coverage, error) {
	return func(ctx context.Context, m *message.Message) (filter.Coverage, error) {
		found, err := in.Inspect(ctx, m)
		if err != nil {
			return filter.Coverage{}, fmt.Errorf("looking into the message's files: %w", err)
		}
		octets, missed := found.Coverage()
		c := filter.Coverage{Bytes: octets}
		beyond := map[message.Reason]int{}
		for _, f := range missed {
			if len(c.Missed) < maxMissed {
				c.Missed = append(c.Missed, filter.Missed{NotInspected: f.NotInspected, Bytes: f.Octets})
				continue
			}
			at, known := beyond[f.Reason]
			if !known {
				at = len(c.Missed)
				beyond[f.Reason] = at
				c.Missed = append(c.Missed, filter.Missed{NotInspected: message.NotInspected{Reason: f.Reason}})
			}
			c.Missed[at].Bytes += f.Octets
		}
		return c, nil
	}
}
