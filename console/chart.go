package console

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// dispositions in the order in which charts stack them.
func dispositions() []string { return []string{"accept", "tag", "hold", "defer", "refuse"} }

// bar is one column of a chart: values by class, and what stands under it.
type bar struct {
	Label string // under the column; "" for none
	Title string // for who points at it
	Link  string // address of the messages behind it; "" for none
	By    map[string]int64
}

// stacked draws columns of values on top of each other as SVG. Everything in it is ours or escaped.
func stacked(title string, classes []string, bars []bar) template.HTML {
	const width, height, left, right, bottom, top = 720, 200, 46, 20, 22, 8
	var most int64 = 1
	for _, b := range bars {
		var sum int64
		for _, n := range b.By {
			sum += n
		}
		most = max(most, sum)
	}
	most = roundUp(most)
	role := "img" // one picture, or, with links in it, what a screen reader goes through
	if slices.ContainsFunc(bars, func(b bar) bool { return b.Link != "" }) {
		role = "group"
	}
	var s strings.Builder
	fmt.Fprintf(&s, `<svg class="chart" viewBox="0 0 %d %d" role="%s" aria-label="%s">`, width, height, role, template.HTMLEscapeString(title))
	plot := float64(height - bottom - top)
	for i := range 5 {
		y := float64(top) + plot*float64(i)/4
		fmt.Fprintf(&s, `<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%d</text>`,
			left, y, width-right, y, left-6, y+4, most*int64(4-i)/4)
	}
	step := float64(width-left-right) / float64(max(1, len(bars)))
	for i, b := range bars {
		x, y := float64(left)+step*float64(i)+step*0.12, float64(height-bottom)
		name, end := template.HTMLEscapeString(b.Title), `</g>`
		if b.Link != "" {
			fmt.Fprintf(&s, `<a href="%s" aria-label="%s">`, template.HTMLEscapeString(b.Link), name)
			end += `</a>`
		}
		fmt.Fprintf(&s, `<g><title>%s</title>`, name)
		for _, class := range classes {
			h := plot * float64(b.By[class]) / float64(most)
			if h <= 0 {
				continue
			}
			y -= h
			fmt.Fprintf(&s, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, template.HTMLEscapeString(class), x, y, step*0.76, h)
		}
		s.WriteString(end)
		if b.Label != "" {
			fmt.Fprintf(&s, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, x+step*0.38, height-6, template.HTMLEscapeString(b.Label))
		}
	}
	s.WriteString(`</svg>`)
	return template.HTML(s.String()) // made of numbers and of what was escaped above
}

// roundUp is a number not below n that four grid lines divide well.
func roundUp(n int64) int64 {
	step := int64(1)
	for {
		for _, m := range []int64{4, 8, 20, 40} {
			if n <= m*step {
				return m * step
			}
		}
		step *= 10
	}
}

// Chart is the picture of the last days.
func (d overviewData) Chart(title string) template.HTML {
	var bars []bar
	for i, day := range d.Days {
		b := bar{Title: fmt.Sprintf("%s: %d", day.Day.Format("02/01"), day.All), By: day.By}
		if day.All > 0 {
			b.Link = "/messages" + query("since", day.Day.Format(time.RFC3339), "until", day.Day.AddDate(0, 0, 1).Format(time.RFC3339))
		}
		if i%5 == 4 {
			b.Label = day.Day.Format("02/01")
		}
		bars = append(bars, b)
	}
	return stacked(title, dispositions(), bars)
}

// Dispositions are all, in the order of the figures.
func (d overviewData) Dispositions() []string { return dispositions() }
