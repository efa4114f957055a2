package console

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"congthu/store"
)

// maxRows is how many rows of mailboxes a page of statistics has; the CSV has them all.
const maxRows = 200

// statisticsData is the mail of a span of days by mailbox, unit or month.
type statisticsData struct {
	From, To string // days, both included
	By       string // mailbox, unit, month, clause
	Unit     string
	Rows     []statisticsRow // the most mail first; months in their order
	More     int             // rows that are only in the CSV
	Months   []statisticsRow
}

type statisticsRow struct {
	Key      string
	By       map[string]int64 // messages by disposition
	Messages int64
	Bytes    int64
}

// maxDays bounds the span of statistics: three years and a bit.
const maxDays = 1200

var errDays = errors.New("days are written 2026-03-02, the first not after the last, at most 1200 days apart")

// statisticsOf reads what is asked for: by default this month and the 11 before it.
func (c *Console) statisticsOf(r *request) (d statisticsData, err error) {
	today := midnight(r.now)
	d = statisticsData{From: r.form("from"), To: r.form("to"), By: r.form("by"), Unit: r.form("unit")}
	if d.To == "" {
		d.To = today.Format(dayFormat)
	}
	if d.From == "" {
		d.From = time.Date(today.Year(), today.Month()-11, 1, 0, 0, 0, 0, today.Location()).Format(dayFormat)
	}
	if !slices.Contains([]string{"mailbox", "unit", "clause"}, d.By) {
		d.By = "mailbox"
	}
	from, err1 := time.Parse(dayFormat, d.From)
	to, err2 := time.Parse(dayFormat, d.To)
	if err1 != nil || err2 != nil || to.Before(from) || to.Sub(from) > maxDays*24*time.Hour {
		return d, errDays
	}
	rows, months := map[string]*statisticsRow{}, map[string]*statisticsRow{}
	f := store.DailyFilter{From: d.From, To: d.To, Unit: d.Unit}
	// The months are always those of units: a message to several mailboxes is one message.
	err = r.store.Units(r.Context(), f, func(x store.Daily) error {
		count(months, x.Day[:len("2006-01")], x)
		if d.By == "unit" {
			count(rows, x.Unit, x)
		}
		return nil
	})
	switch {
	case err != nil:
		return d, err
	case d.By == "mailbox":
		err = r.store.Totals(r.Context(), d.From, d.To, d.Unit, func(x store.Total) error {
			count(rows, x.Mailbox, store.Daily{Disposition: x.Disposition, Messages: x.Messages, Bytes: x.Bytes})
			return nil
		})
	case d.By == "clause":
		f.Clause = store.AnyClause
		err = r.store.Units(r.Context(), f, func(x store.Daily) error {
			if x.Clause != "" {
				count(rows, x.Clause, x)
			}
			return nil
		})
	}
	d.Rows = sorted(rows, func(a, b statisticsRow) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Key, b.Key))
	})
	d.Months = sorted(months, func(a, b statisticsRow) int { return cmp.Compare(a.Key, b.Key) })
	return d, err
}

func count(rows map[string]*statisticsRow, key string, x store.Daily) {
	row, ok := rows[key]
	if !ok {
		row = &statisticsRow{Key: key, By: map[string]int64{}}
		rows[key] = row
	}
	row.By[x.Disposition] += x.Messages
	row.Messages += x.Messages
	row.Bytes += x.Bytes
}

func sorted(rows map[string]*statisticsRow, less func(a, b statisticsRow) int) []statisticsRow {
	out := make([]statisticsRow, 0, len(rows))
	for r := range maps.Values(rows) {
		out = append(out, *r)
	}
	slices.SortFunc(out, less)
	return out
}

// statisticsPage shows the mail by mailbox, unit and clause, and by month.
func (c *Console) statisticsPage(w http.ResponseWriter, r *request) error {
	d, err := c.statisticsOf(r)
	p := &page{request: r, Name: "statistics", Title: "menu.statistics"}
	if errors.Is(err, errDays) {
		p.Problem, p.Data = "statistics.days-wrong", d
		return c.render(w, http.StatusBadRequest, p)
	}
	if err != nil {
		return err
	}
	if len(d.Rows) > maxRows {
		d.More = len(d.Rows) - maxRows
		d.Rows = d.Rows[:maxRows]
	}
	p.Data = d
	return c.render(w, http.StatusOK, p)
}

// Chart is the picture of the months.
func (d statisticsData) Chart(title string) template.HTML {
	var bars []bar
	for i, m := range d.Months {
		b := bar{Title: fmt.Sprintf("%s: %d", m.Key, m.Messages), By: m.By}
		if len(d.Months) <= 13 || i%3 == 0 {
			b.Label = m.Key[5:] + "/" + m.Key[2:4]
		}
		bars = append(bars, b)
	}
	return stacked(title, dispositions(), bars)
}

// Dispositions are all, in the order of the columns.
func (d statisticsData) Dispositions() []string { return dispositions() }

// CSV is the query of the same statistics as a file.
func (d statisticsData) CSV() string {
	return query("from", d.From, "to", d.To, "by", d.By, "unit", d.Unit)
}

// statisticsCSV is the same as a file for spreadsheets, whole (RFC 4180, with a byte order mark).
func (c *Console) statisticsCSV(w http.ResponseWriter, r *request) error {
	d, err := c.statisticsOf(r)
	if errors.Is(err, errDays) {
		return errForm{"statistics.days-wrong"}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="congthu-`+d.By+"-"+d.From+"-"+d.To+`.csv"`)
	out := csv.NewWriter(w)
	out.UseCRLF = true
	head := append([]string{"\ufeff" + d.By, "messages"}, dispositions()...)
	rows := [][]string{append(head, "bytes")}
	for _, row := range d.Rows {
		line := []string{inert(row.Key), strconv.FormatInt(row.Messages, 10)}
		for _, disposition := range dispositions() {
			line = append(line, strconv.FormatInt(row.By[disposition], 10))
		}
		rows = append(rows, append(line, strconv.FormatInt(row.Bytes, 10)))
	}
	return c.gone(out.WriteAll(rows))
}

// inert is a value that no spreadsheet takes for a formula.
func inert(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r\n") {
		return "'" + s
	}
	return s
}
