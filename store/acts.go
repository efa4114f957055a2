package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"congthu/filter/evidence"
)

// Act is an act as the index has it.
type Act struct {
	Gate string
	Seq  uint64
	Time time.Time
	evidence.Act
}

// ActFilter is what a list of acts is limited to. Empty fields limit nothing.
type ActFilter struct {
	Since, Until time.Time
	Who          string
	What         evidence.What
	Object       string
	Limit        int    // at most MaxPage; 0 is DefaultPage
	After        string // the page after this one
}

// Acts lists what was done at the gates, the newest first. next is as Search's.
func (s *Store) Acts(ctx context.Context, f ActFilter) (all []Act, next string, err error) {
	c := &conditions{}
	for _, x := range []struct{ condition, value string }{
		{"m.who = ?", f.Who}, {"m.what = ?", string(f.What)}, {"m.object = ?", f.Object},
	} {
		if x.value != "" {
			c.add(x.condition, x.value)
		}
	}
	if err := c.pageOf(f.Since, f.Until, f.After); err != nil {
		return nil, "", fmt.Errorf("listing acts: %w", err)
	}
	n := page(f.Limit)
	query := selectActs + c.where() + newestFirst + c.limit(n+1)
	err = s.read(ctx, "listing acts", func(q querier) error {
		rows, err := q.QueryContext(ctx, query, c.args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a Act
			var seq, at int64
			var details string
			if err := rows.Scan(&a.Gate, &seq, &at, &a.Who, &a.What, &a.Object, &a.Reason, &details); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(details), &a.Details); err != nil {
				return fmt.Errorf("the details of act %d: %w", seq, err)
			}
			a.Seq, a.Time = uint64(seq), fromMicro(at)
			all = append(all, a)
		}
		return rows.Err()
	})
	if err == nil && len(all) > n {
		last := all[n-1]
		all, next = all[:n], cursor(micro(last.Time), last.Gate, int64(last.Seq))
	}
	return all, next, err
}
