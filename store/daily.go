package store

import (
	"context"
	"slices"
	"time"

	"congthu/filter/evidence"
)

const (
	dayFormat   = time.DateOnly
	monthFormat = "2006-01"
)

// Daily is the mail of one day that is alike in all of these.
type Daily struct {
	Day         string // 2006-01-02, in the store's zone
	Mailbox     string // "" in the statistics of units
	Unit        string
	Direction   string
	Disposition string
	Clause      string // "" counts messages, any other those on which a rule of that clause found something
	Messages    int64
	Bytes       int64
}

// daily adds up what one transaction of Index counts.
type daily struct {
	units, mailboxes map[Daily]sum // the keys have no numbers
	months           map[Daily]sum // of mailboxes; Day is 2006-01
	monitored        map[monitored]int64
}

// monitored is what a rule in monitor mode asked for on a day.
type monitored struct{ day, rule, disposition string }

type sum struct{ messages, bytes int64 }

func newDaily() *daily {
	return &daily{map[Daily]sum{}, map[Daily]sum{}, map[Daily]sum{}, map[monitored]int64{}}
}

// count counts a message: for its unit, and for whose it is: the sender's when it comes from ours, else each
// recipient's.
func (d *daily) count(day string, v *evidence.Verdict) {
	clauses := []string{""}
	for _, f := range v.Findings {
		if f.Disposition != "accept" && f.Clause != "" && !slices.Contains(clauses, f.Clause) {
			clauses = append(clauses, f.Clause)
		}
	}
	boxes := []string{mailbox(v.ReversePath)}
	if v.Direction == "inbound" {
		boxes = mailboxes(v.Recipients)
	}
	for _, clause := range clauses {
		key := Daily{Day: day, Unit: v.Unit, Direction: v.Direction, Disposition: v.Disposition, Clause: clause}
		add(d.units, key, v.Bytes)
		for _, box := range boxes {
			key.Mailbox = box
			add(d.mailboxes, key, v.Bytes)
			if clause == "" {
				month := key
				month.Day = day[:len(monthFormat)]
				add(d.months, month, v.Bytes)
			}
		}
	}
	seen := map[monitored]bool{}
	for _, f := range v.Findings {
		if f.Mode == "monitor" && f.Disposition != "accept" {
			seen[monitored{day, f.Rule, f.Disposition}] = true
		}
	}
	for k := range seen {
		d.monitored[k]++
	}
}

func add(to map[Daily]sum, key Daily, bytes int64) {
	n := to[key]
	to[key] = sum{n.messages + 1, n.bytes + bytes}
}

func (d *daily) write(ctx context.Context, in *indexing) error {
	for k, n := range d.units {
		if err := in.exec(ctx, countUnit, in.gate, k.Day, k.Unit, k.Direction, k.Disposition, k.Clause, n.messages, n.bytes); err != nil {
			return err
		}
	}
	for k, n := range d.mailboxes {
		if err := in.exec(ctx, countMailbox, in.gate, k.Day, k.Mailbox, k.Unit, k.Direction, k.Disposition, k.Clause, n.messages, n.bytes); err != nil {
			return err
		}
	}
	for k, n := range d.months {
		if err := in.exec(ctx, countMonth, k.Day, k.Mailbox, k.Unit, k.Direction, k.Disposition, in.gate, n.messages, n.bytes); err != nil {
			return err
		}
	}
	for k, n := range d.monitored {
		if err := in.exec(ctx, countMonitored, k.day, k.rule, k.disposition, in.gate, n); err != nil {
			return err
		}
	}
	return nil
}

// DailyFilter is what statistics are limited to. Empty fields but Clause limit nothing.
type DailyFilter struct {
	From, To    string // days, both included
	Mailbox     string // only with Mailboxes
	Unit        string
	Direction   string
	Disposition string
	Clause      string // AnyClause for all; "" for messages
}

// AnyClause stands in a DailyFilter for messages and all clauses.
const AnyClause = "*"

func (f DailyFilter) conditions() *conditions {
	c := &conditions{}
	for _, x := range []struct{ condition, value string }{
		{"d.day >= ?", f.From}, {"d.day <= ?", f.To}, {"d.unit = ?", f.Unit}, {"d.direction = ?", f.Direction},
		{"d.disposition = ?", f.Disposition},
	} {
		if x.value != "" {
			c.add(x.condition, x.value)
		}
	}
	if f.Clause != AnyClause {
		c.add("d.clause = ?", f.Clause)
	}
	return c
}

// Units hands the statistics of units to each, of all gates together, in order, one at a time.
func (s *Store) Units(ctx context.Context, f DailyFilter, each func(Daily) error) error {
	c := f.conditions()
	return s.statistics(ctx, selectUnits+c.where()+groupUnits, c.args, each)
}

// Mailboxes hands the statistics of mailboxes to each, of all gates together, in order, one at a time.
func (s *Store) Mailboxes(ctx context.Context, f DailyFilter, each func(Daily) error) error {
	c := f.conditions()
	if f.Mailbox != "" {
		c.add("d.mailbox = ?", mailbox(f.Mailbox))
	}
	return s.statistics(ctx, selectMailboxes+c.where()+groupMailboxes, c.args, each)
}

func (s *Store) statistics(ctx context.Context, query string, args []any, each func(Daily) error) error {
	return s.read(ctx, "reading the statistics", func(q querier) error {
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d Daily
			if err := rows.Scan(&d.Day, &d.Mailbox, &d.Unit, &d.Direction, &d.Disposition, &d.Clause, &d.Messages, &d.Bytes); err != nil {
				return err
			}
			if err := each(d); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
