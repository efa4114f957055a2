package console

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"congthu/store"
)

// overviewData is what an officer looks at in the morning.
type overviewData struct {
	Spans   []span
	Clauses []clauseCount // of the last 30 days
	Days    []dayCount    // the last 30, the oldest first
	Held    []store.Held  // that wait longest
	Waiting int           // undecided
	Senders []senderCount // most refused in 7 days
	System  System
	Engines []health
	Seen    inspection
}

// inspection is how much of the mail's files was looked into since the gate's start, as its metrics count.
type inspection struct {
	Inspected, Unseen float64        // octets
	Reasons           []reasonOctets // why not, the most first
}

type reasonOctets struct {
	Reason string
	Octets float64
}

// Month and Week are when the days began that figures are of.
func (d overviewData) Month() time.Time { return d.Spans[2].Since }

// Week is as Month.
func (d overviewData) Week() time.Time { return d.Spans[1].Since }

// Percent is the share that was not looked into, in percent with one decimal.
func (i inspection) Percent() float64 {
	all := i.Inspected + i.Unseen
	if all == 0 {
		return 0
	}
	return math.Round(1000*i.Unseen/all) / 10
}

// inspectionOf reads it out of the gate's own metrics, so that the page says what the alerts say.
func inspectionOf(s System) (i inspection) {
	for _, m := range s.Metrics {
		switch {
		case m.Name == "congthu_inspected_bytes_total":
			i.Inspected += m.Value
		case m.Name == "congthu_not_inspected_bytes_total" && m.Value > 0:
			i.Unseen += m.Value
			i.Reasons = append(i.Reasons, reasonOctets{m.Labels["reason"], m.Value})
		}
	}
	slices.SortFunc(i.Reasons, func(a, b reasonOctets) int {
		return cmp.Or(cmp.Compare(b.Octets, a.Octets), cmp.Compare(a.Reason, b.Reason))
	})
	return i
}

// enginesOf are the engines of a gate and whether they answer.
func enginesOf(s System) []health {
	return slices.DeleteFunc(healthOf(s), func(h health) bool { return h.Key != "system.engine" })
}

// span is the mail of some days.
type span struct {
	Key   string // of the catalogue
	Since time.Time
	Until time.Time
	By    map[string]int64 // messages by disposition
	All   int64
}

type clauseCount struct {
	Clause string
	By     map[string]int64 // by disposition of the messages
	All    int64
}

type dayCount struct {
	Day time.Time
	By  map[string]int64
	All int64
}

type senderCount struct {
	Sender   string
	Messages int64
}

const dayFormat = "2006-01-02"

// overviewPage shows the last days.
func (c *Console) overviewPage(w http.ResponseWriter, r *request) error {
	d := overviewData{System: c.options.Gate.System()}
	d.Engines, d.Seen = enginesOf(d.System), inspectionOf(d.System)
	if err := d.count(r); err != nil {
		return err
	}
	var err error
	if d.Held, d.Waiting, err = r.store.Waiting(r.Context(), 5); err != nil {
		return err
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "overview", Title: "menu.overview", Data: d})
}

// midnight is when the day of a time began in Vietnam.
func midnight(t time.Time) time.Time {
	t = local(t)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// count fills in what the daily statistics tell.
func (d *overviewData) count(r *request) error {
	today := midnight(r.now)
	end := today.AddDate(0, 0, 1)
	for _, s := range []struct {
		key  string
		days int
	}{{"overview.today", 0}, {"overview.week", 6}, {"overview.month", 29}} {
		d.Spans = append(d.Spans, span{Key: s.key, Since: today.AddDate(0, 0, -s.days), Until: end, By: map[string]int64{}})
	}
	for i := 29; i >= 0; i-- {
		d.Days = append(d.Days, dayCount{Day: today.AddDate(0, 0, -i), By: map[string]int64{}})
	}
	f := store.DailyFilter{From: d.Days[0].Day.Format(dayFormat), To: today.Format(dayFormat)}
	err := r.store.Units(r.Context(), f, func(row store.Daily) error {
		for i := range d.Spans {
			if row.Day >= d.Spans[i].Since.Format(dayFormat) {
				d.Spans[i].By[row.Disposition] += row.Messages
				d.Spans[i].All += row.Messages
			}
		}
		for i := range d.Days {
			if row.Day == d.Days[i].Day.Format(dayFormat) {
				d.Days[i].By[row.Disposition] += row.Messages
				d.Days[i].All += row.Messages
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	clauses := map[string]*clauseCount{}
	f.Clause = store.AnyClause
	err = r.store.Units(r.Context(), f, func(row store.Daily) error {
		if row.Clause == "" {
			return nil
		}
		k, ok := clauses[row.Clause]
		if !ok {
			k = &clauseCount{Clause: row.Clause, By: map[string]int64{}}
			clauses[row.Clause] = k
		}
		k.By[row.Disposition] += row.Messages
		k.All += row.Messages
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range slices.SortedFunc(maps.Values(clauses), func(a, b *clauseCount) int {
		return cmp.Or(cmp.Compare(b.All, a.All), cmp.Compare(a.Clause, b.Clause))
	}) {
		d.Clauses = append(d.Clauses, *k)
	}
	return d.senders(r)
}

// senders are the most refused of the last week.
func (d *overviewData) senders(r *request) error {
	d.Senders = nil
	week := d.Spans[1]
	return r.store.Senders(r.Context(), week.Since, week.Until, "refuse", 8, func(sender string, messages int64) {
		d.Senders = append(d.Senders, senderCount{sender, messages})
	})
}
