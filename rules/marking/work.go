package marking

import "context"

// maxWork bounds what is looked at closely in one message: octets of lines, counted again for each level in them and
// for the lines around. A letter of ten pages needs some 30 000; what is over the limit is not looked at, and Work says so.
const maxWork = 16 << 20

// Costs of work, in octets.
const (
	hitCost  = 8  // of a word that may matter
	lineCost = 64 // of a line beside its own octets
	markCost = 4  // of a level in a line, as a part of the line's length: a fourth
)

// Work is what looking at one message may still cost, and whether it sufficed. It belongs to one goroutine.
type Work struct {
	left int
	cut  bool
}

// NewWork is the work of one message.
func NewWork() *Work { return &Work{left: maxWork} }

// TakeCut tells whether something that may be a marking was not looked at since it was last asked: then finding nothing
// says nothing.
func (w *Work) TakeCut() bool {
	cut := w.cut
	w.cut = false
	return cut
}

// spend takes octets from the work.
func (w *Work) spend(octets int) { w.left -= octets }

// done tells that no more is to be looked at: the work is spent, or the message's time is over.
func (w *Work) done(ctx context.Context) bool {
	if w.left > 0 && ctx.Err() == nil {
		return false
	}
	w.cut = true
	return true
}
