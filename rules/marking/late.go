package marking

// lookLate finds a stamp on the first page of a paper that begins within another, as annexes do: a level in capitals that is a
// line of its own beside the state's title, a number or an address, in a text that does not speak of levels.
func (u *unit) lookLate(i, at int, v *evidence) {
	l := u.line(i)
	u.work.spend(len(l.text) * len(l.marks) / markCost)
	for _, c := range l.marks {
		c = u.raised(i, c)
		if c.vetoed || c.form != exact || c.style != caps || len(l.cells) > 2 || u.broken(i, c) || !u.onPage(i) || u.guiding(i) || u.otherLevels(i, c) || u.describesStamp(i) {
			continue
		}
		if class, score := u.ownCell(i, c); score >= cellCaps {
			v.add(Evidence{Class: class, Level: c.level, Score: score, Offset: int64(at)})
		}
	}
}
