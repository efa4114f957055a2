package evidence

import "slices"

// Limits of the newest records that are kept in memory for those who follow the log, so that they need not
// be read and decoded again by each. Who is further behind reads the files.
const (
	maxRecent      = 2048    // records
	maxRecentBytes = 8 << 20 // octets of their lines
)

// recent is the newest records, in order and without gaps, ending with the last durable one; or empty.
type recent struct {
	followers int
	lines     []Line // never changed where it is: followers have parts of it
	bytes     int
}

// add keeps lines. Without any the newest record is not known, and nothing is kept.
func (r *recent) add(lines []Line) {
	if len(lines) == 0 || len(r.lines) > 0 && r.lines[len(r.lines)-1].Seq+1 != lines[0].Seq {
		r.lines, r.bytes = nil, 0
	}
	for i := range lines {
		r.bytes += len(lines[i].Raw)
	}
	r.lines = append(r.lines, lines...)
	if len(r.lines) <= maxRecent && r.bytes <= maxRecentBytes {
		return
	}
	keep, octets := 0, 0
	for keep < min(len(r.lines), maxRecent/2) {
		octets += len(r.lines[len(r.lines)-1-keep].Raw)
		if octets > maxRecentBytes/2 {
			break
		}
		keep++
	}
	r.lines, r.bytes = slices.Clone(r.lines[len(r.lines)-keep:]), 0
	for i := range r.lines {
		r.bytes += len(r.lines[i].Raw)
	}
}

// from is what there is from seq on, up to a batch; nil when seq is not in memory.
func (r *recent) from(seq uint64) []Line {
	if len(r.lines) == 0 || seq < r.lines[0].Seq {
		return nil
	}
	first := int(min(seq-r.lines[0].Seq, uint64(len(r.lines))))
	last := min(first+maxBatch, len(r.lines))
	return r.lines[first:last:last]
}
