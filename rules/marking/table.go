package marking

import "strings"

// tableRows is how many lines below its head are looked at for letters and ticks, which no word announces.
const tableRows = 30

// columnLetters finds the levels of a level column that are written as letters: "Độ mật" over "M" or "C".
func (u *unit) columnLetters(head, at, k int, v *evidence) {
	cells := len(u.line(head).cells)
	for i := head + 1; i <= head+tableRows; i++ {
		l := u.line(i)
		if l == nil || len(l.cells) != cells {
			continue
		}
		cell := l.cells[k]
		t := tokenAt(l, int(cell.start))
		if t < 0 || l.toks[t].end != int(cell.end) || l.toks[t].style != caps {
			continue
		}
		for _, n := range u.d.names {
			if n.called(l.toks[t].word) {
				v.add(Evidence{Class: Field, Level: n.level, Score: fieldLetter, Offset: int64(at)})
			}
		}
	}
}

// columnTicks finds rows with a cross under a level, where levels, or a level and a word for none, are the heads of columns.
func (u *unit) columnTicks(head, at int, v *evidence) {
	l := u.line(head)
	if len(l.cells) < 2 {
		return
	}
	sep := "\t"
	if strings.Contains(l.text, "|") {
		sep = "|"
	}
	heads := strings.Split(l.text, sep)
	levels, several := make([]Level, len(heads)), 0
	for k, h := range heads {
		level, none := u.d.headOf(strings.TrimSpace(h))
		if levels[k] = level; level != None || none {
			several++
		}
	}
	if several < 2 {
		return
	}
	for i := head + 1; i <= head+tableRows; i++ {
		row := u.line(i)
		if row == nil {
			return
		}
		values := strings.Split(row.text, sep)
		for k := 0; k < len(values) && k < len(levels) && len(values) <= len(heads); k++ {
			if levels[k] != None && crossed(strings.TrimSpace(values[k])) {
				v.add(Evidence{Class: Box, Level: levels[k], Score: fieldOpen, Offset: int64(at)})
			}
		}
	}
}

// headOf is the level that a column's head is, or whether it is a word for none.
func (d *Detector) headOf(s string) (level Level, none bool) {
	l := d.newLine(s)
	if len(l.toks) == 0 {
		return None, false
	}
	if m := markAt(l, 0); m != nil && m.last == len(l.toks)-1 && m.form == exact {
		return m.level, false
	}
	n, _ := d.noLevel.at(l.text, l.toks, 0, false)
	return None, n == len(l.toks)
}

// crossed tells a cell with a cross or a tick alone.
func crossed(s string) bool {
	if s == "x" || s == "X" || s == "×" {
		return true
	}
	b := boxes(s)
	return len(b) == 1 && b[0].ticked && b[0].start == 0 && b[0].end == len(s)
}

// inOpenColumn tells a level that is the cell of a row, where a line above has as many cells and in this place the label
// of a level field that does not speak of secrecy: "Phân loại".
func (u *unit) inOpenColumn(i int, c candidate) bool {
	l := u.line(i)
	k := l.cellOf(c.start)
	if k < 0 || len(l.cells) < 2 || c.form != exact || c.style == lower || u.several(l, c) {
		return false
	}
	if alone, _ := u.alone(l, l.cells[k], c); !alone {
		return false
	}
	for j := i - 1; j >= i-tableRows && u.line(j) != nil && len(u.line(j).cells) == len(l.cells); j-- {
		head := u.line(j)
		t := tokenAt(head, int(head.cells[k].start))
		if t < 0 {
			continue
		}
		if n, full := u.labelAt(head, t); n > 0 && !full && head.toks[t+n-1].end == int(head.cells[k].end) {
			return !u.d.counts.has(head.text, head.toks, !head.vietnamese)
		}
	}
	return false
}

// column is the level column of a table that the lines belong to.
type column struct {
	head, index, cells int
	ok                 bool
}

// columnHead remembers line i when it is the head of a table with a level column.
func (u *unit) columnHead(i, at int, v *evidence) {
	l := u.line(i)
	if len(l.cells) < 2 || u.d.counts.has(l.text, l.toks, !l.vietnamese) {
		return
	}
	for k, cell := range l.cells {
		t := tokenAt(l, int(cell.start))
		if t < 0 {
			continue
		}
		if m := markAt(l, t); m != nil && u.choiceHead(l, m, int(cell.end)) { // "Mật/Thường"
			u.column = column{i, k, len(l.cells), true}
			return
		}
		n, full := u.labelAt(l, t)
		if n > 0 && full && (decoration(l.text[l.toks[t+n-1].end:cell.end]) || strings.HasPrefix(l.text[l.toks[t+n-1].end:], "/")) {
			u.column = column{i, k, len(l.cells), true}
			u.columnLetters(i, at, k, v)
			return
		}
	}
	u.columnTicks(i, at, v)
}

// choiceHead tells a column's head that names a level and none: "Mật/Thường".
func (u *unit) choiceHead(l *line, m *candidate, end int) bool {
	next := m.last + 1
	if next >= len(l.toks) || strings.TrimSpace(l.gapBetween(m.last, next)) != "/" {
		return false
	}
	n, _ := u.d.noLevel.at(l.text, l.toks, next, !l.vietnamese)
	return n > 0 && l.toks[next+n-1].end == end
}

// inColumn tells a level that is the cell of a row under a level column's head.
func (u *unit) inColumn(i int, c candidate) bool {
	col, l := u.column, u.line(i)
	if !col.ok || i <= col.head || i-col.head > maxColumn || len(l.cells) < 2 {
		return false
	}
	// Empty cells are left out, so a row may have fewer.
	if k := l.cellOf(c.start); k != col.index && !(len(l.cells) < col.cells && k < col.index && k >= col.index-(col.cells-len(l.cells))) {
		return false
	} else if alone, _ := u.alone(l, l.cells[k], c); !alone {
		return false
	}
	return !u.several(l, c)
}
