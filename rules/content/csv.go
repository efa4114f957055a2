package content

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
)

// csv reads a table (RFC 4180) whose first line names the columns. Fields are parted by commas, or by semicolons, as Excel
// writes them where the comma parts decimals. A line that begins with # is passed over; an empty field says nothing.
func (r *reader) csv(data []byte) {
	table := csv.NewReader(bytes.NewReader(data))
	table.Comment, table.FieldsPerRecord = '#', -1
	if head := headLine(data); strings.Contains(head, ";") && !strings.Contains(head, ",") {
		table.Comma = ';'
	}
	var columns []string
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var p *csv.ParseError
			if !errors.As(err, &p) {
				r.bad(0, 0, "%v", err)
				return
			}
			r.bad(p.Line, p.Column, "%v: a field with a quote in it goes between quotes, and its own quotes are doubled", p.Err)
			return
		}
		if columns == nil {
			if columns = r.columns(table, row); columns == nil {
				return
			}
			continue
		}
		r.row(table, columns, row)
	}
	if columns == nil {
		r.bad(0, 0, "is empty: its first line names the columns, of %s", keys)
	}
}

// headLine is the first line that is no comment.
func headLine(data []byte) string {
	for line := range bytes.Lines(data) {
		if s := strings.TrimSpace(string(line)); s != "" && s[0] != '#' {
			return s
		}
	}
	return ""
}

func (r *reader) columns(table *csv.Reader, row []string) []string {
	var columns []string
	for i, c := range row {
		c = strings.ToLower(strings.TrimSpace(c))
		line, column := table.FieldPos(i)
		switch {
		case !slices.Contains(strings.Split(keys, ", "), c):
			r.bad(line, column, "%q is no column: the first line names the columns, of %s", c, keys)
		case slices.Contains(columns, c):
			r.bad(line, column, "the column %s is there twice: keep one", c)
		}
		columns = append(columns, c)
	}
	if len(r.errs) > 0 {
		return nil
	}
	return columns
}

func (r *reader) row(table *csv.Reader, columns, row []string) {
	e, right, said := defaults(), true, false
	for i, value := range row {
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		said = true
		line, column := table.FieldPos(i)
		if i >= len(columns) {
			r.bad(line, column, "has more fields than the first line has columns: put a text with a separator in it between quotes")
			right = false
			break
		}
		if key := columns[i]; key == "word" {
			value = strings.ToLower(value) // Excel writes TRUE
		}
		right = r.set(&e, field{columns[i], value, line, column}) && right
	}
	if line, column := table.FieldPos(0); right && said {
		r.add(e, line, column)
	}
}
