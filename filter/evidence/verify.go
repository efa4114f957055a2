package evidence

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
)

// FaultKind is what is wrong with a record.
type FaultKind string

// What Verify finds.
const (
	Changed      FaultKind = "changed"              // octets of the record are not those that were written
	Removed      FaultKind = "removed"              // records are missing before it
	Swapped      FaultKind = "swapped"              // it stands at another record's place
	Inserted     FaultKind = "inserted"             // it is there a second time, or was put in
	CutTail      FaultKind = "cut tail"             // the log ends before what a checkpoint signs
	BadSignature FaultKind = "checkpoint signature" // a checkpoint is not signed with the gate's key
	MissingFile  FaultKind = "missing file"         // a file of the log is not there
	Torn         FaultKind = "torn"                 // the last line has no end: a crash; the gate's next start cuts it
)

// Fault is the first thing that is wrong with a log.
type Fault struct {
	File   string // its base name
	Line   int    // from 1; 0 when no line can be named
	Seq    uint64 // of the record
	Kind   FaultKind
	Detail string
}

func (f *Fault) Error() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s line %d", f.File, f.Line)
	}
	return fmt.Sprintf("%s (record %d): %s: %s", where, f.Seq, f.Kind, f.Detail)
}

// Report tells what Verify looked at.
type Report struct {
	Files       int
	Records     uint64
	First, Last uint64 // sequence numbers
	LastHash    string // of the last line
	Checkpoints int    // signatures that are right, in the log
	Unsigned    uint64 // records after the last checkpoint: nothing but the chain vouches for those
	Root        *Root  // what the log begins after, when it was pruned
	Live        bool   // a gate was writing to it meanwhile
}

// verifyAgain is how often Verify begins anew because a running gate pruned its log meanwhile.
const verifyAgain = 3

// Verify checks the log in dir with the gate's public key alone: that every record is the one that the
// next one's hash and the checkpoints say, and that none is missing between the root and the last
// checkpoint, of which the separate file and off, lines that were kept off the machine, are further
// copies. The error is a *Fault that names the first bad record, or says that dir cannot be read. The log
// of a running gate can be verified; what is appended meanwhile is not waited for.
func Verify(dir string, pub ed25519.PublicKey, off ...Line) (Report, error) {
	for try := 1; ; try++ {
		before, ok, err := fileOf(dir, 0)
		if err != nil {
			return Report{}, fmt.Errorf("verifying the evidence: %w", err)
		}
		v := verifier{dir: dir, pub: pub, off: map[uint64]Line{}}
		v.report.Live = locked(dir)
		if err = v.run(off); err == nil {
			return v.report, nil
		}
		if after, now, _ := fileOf(dir, 0); try == verifyAgain || !v.report.Live || ok == now && before.first == after.first {
			return v.report, fmt.Errorf("verifying the evidence: %w", err)
		}
	}
}

// ReadCheckpoints takes the checkpoints and roots out of what was kept off the machine: lines of JSON,
// whatever stands before each of them.
func ReadCheckpoints(r io.Reader) ([]Line, error) {
	var out []Line
	for lines := newLineReader(r); ; {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil && !errors.Is(err, errTorn) {
			return nil, fmt.Errorf("reading checkpoints: line %d: %w", lines.n, err)
		}
		i := bytes.Index(raw, []byte(`{"seq":`))
		if i < 0 {
			continue
		}
		l, err := decodeLine(bytes.TrimRight(raw[i:], "\r"))
		if err == nil && (l.Kind == KindCheckpoint || l.Kind == KindRoot) {
			out = append(out, l)
		}
	}
}

// verifier walks a log with one line looked ahead.
type verifier struct {
	dir    string
	pub    ed25519.PublicKey
	report Report
	off    map[uint64]Line
	copies copies

	want   uint64 // sequence number of the line that is looked at
	hash   string // of the line before it; "" when that is not known
	before *place // that line; nil at the beginning of the chain
}

func (v *verifier) run(off []Line) error {
	for _, l := range off {
		if why := l.signedBy(v.pub); why != "" {
			return &Fault{File: "off the machine", Seq: l.Seq, Kind: BadSignature, Detail: why}
		}
		v.off[l.Seq] = l
	}
	// The copies first: what they hold is in the files already.
	if err := v.copies.open(v.dir, v.pub, v.report.Live); err != nil {
		return err
	}
	defer v.copies.close()
	files, err := listFiles(v.dir)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		if err := v.begin(files[0]); err != nil {
			return err
		}
		if err := v.walk(); err != nil {
			return err
		}
	}
	return v.end()
}

// begin finds where the chain begins.
func (v *verifier) begin(first logFile) error {
	v.want, v.hash, v.report.First = first.first, noHash, first.first
	if first.first == 1 {
		return nil
	}
	root, why, err := findRoot(v.dir, v.pub, v.off, first.first)
	switch {
	case err != nil:
		return err
	case root == nil && why != "":
		return &Fault{File: first.name(), Seq: first.first, Kind: BadSignature, Detail: "of the root that the log begins with: " + why}
	case root == nil:
		return &Fault{File: first.name(), Seq: first.first, Kind: MissingFile,
			Detail: fmt.Sprintf("records 1 to %d are missing, and no root says that they were pruned", first.first-1)}
	case root.Seq+1 == first.first:
		v.hash = root.Hash
	default: // pruning was interrupted: the chain must lead to the root's hash
		v.hash = ""
	}
	v.report.Root = root
	return nil
}

// walk looks at every line together with the one after it.
func (v *verifier) walk() error {
	lines := places{dir: v.dir, at: v.want}
	defer lines.close()
	current, err := lines.next()
	for err == nil && current != nil {
		var ahead *place
		if ahead, err = lines.next(); err != nil {
			break
		}
		if errors.Is(current.bad, errTorn) && ahead == nil && v.report.Live {
			break // it is being written
		}
		if fault := v.look(current, ahead); fault != nil {
			return fault
		}
		current = ahead
	}
	v.report.Files = lines.files
	return err
}

// look checks a line; the one ahead tells which of two neighbours is the changed one.
func (v *verifier) look(c, ahead *place) *Fault {
	if c.bad != nil {
		if errors.Is(c.bad, errTorn) && ahead == nil {
			return c.fault(Torn, v.want, "%d octets at the end are no whole record: the gate's next start cuts them", len(c.Raw))
		}
		return c.fault(Changed, v.want, "%v", c.bad)
	}
	if ahead == nil { // no hash says what the last record is
		if _, err := Decode(c.Raw); err != nil {
			return c.fault(Changed, v.want, "%v", err)
		}
	}
	follows := v.hash == "" || c.Prev == v.hash
	switch {
	case c.Seq != v.want && v.hash != "" && follows:
		return c.fault(Changed, v.want, "its sequence number is %d", c.Seq)
	case c.Seq < v.want:
		return c.fault(Inserted, v.want, "record %d stands here", c.Seq)
	case c.Seq > v.want:
		return v.gap(c, ahead)
	case !follows:
		return v.unchained(c, ahead)
	}
	if r := v.report.Root; r != nil && c.Seq == r.Seq && c.Hash != r.Hash {
		return c.fault(Changed, c.Seq, "it is not the record that the root of the log signs")
	}
	if c.Kind == KindCheckpoint || c.Kind == KindRoot {
		if why := c.signedBy(v.pub); why != "" {
			return c.fault(BadSignature, c.Seq, "%s", why)
		}
		v.report.Checkpoints++
		v.report.Unsigned = 0
	} else {
		v.report.Unsigned++
	}
	if fault := v.compare(c); fault != nil {
		return fault
	}
	v.report.Records++
	v.report.Last, v.report.LastHash = c.Seq, c.Hash
	v.want, v.hash, v.before = c.Seq+1, c.Hash, c
	return nil
}

// gap names what is wrong when a later record than the wanted one stands at its place.
func (v *verifier) gap(c, ahead *place) *Fault {
	switch {
	case ahead != nil && ahead.bad == nil && ahead.Seq != c.Seq+1 && (ahead.Seq == v.want || ahead.Seq == v.want+1):
		return c.fault(Swapped, v.want, "record %d stands here", c.Seq)
	case c.n == 1 && c.Seq == c.first:
		return c.fault(MissingFile, v.want, "records %d to %d are missing: a file before this one, or its end", v.want, c.Seq-1)
	}
	return c.fault(Removed, v.want, "records %d to %d are missing", v.want, c.Seq-1)
}

// unchained names the changed one of two records of which the second does not hold the hash of the first.
func (v *verifier) unchained(c, ahead *place) *Fault {
	changed := func() *Fault {
		if v.before == nil {
			return c.fault(Changed, c.Seq, "it does not follow what the log begins with")
		}
		return v.before.fault(Changed, v.before.Seq, "record %d holds another hash of it", c.Seq)
	}
	intact := false
	if k := c.Checkpoint; k != nil { // which says the hash twice
		if k.Hash != c.Prev {
			return c.fault(Changed, c.Seq, "it holds two hashes of the record before it")
		}
		intact = true
	}
	if ahead != nil && ahead.bad == nil && ahead.Seq == c.Seq+1 {
		intact = ahead.Prev == c.Hash
		if !intact {
			return c.fault(Changed, c.Seq, "neither of its neighbours fits it")
		}
	}
	if v.before == nil || intact {
		return changed()
	}
	return v.before.fault(Changed, v.before.Seq, "the hash of it that record %d holds is another one; it may be that one which was changed", c.Seq)
}

// compare compares a record with the copies of it that are elsewhere.
func (v *verifier) compare(c *place) *Fault {
	if l, ok := v.off[c.Seq]; ok && l.Hash != c.Hash {
		return c.fault(Changed, c.Seq, "a checkpoint that was kept off the machine says otherwise")
	}
	for {
		l, fault := v.copies.peek()
		switch {
		case fault != nil:
			return fault
		case l == nil || l.Seq > c.Seq:
			return nil
		}
		v.copies.take()
		if l.Seq == c.Seq && l.Hash != c.Hash {
			return c.fault(Changed, c.Seq, "the checkpoint of it in %s says otherwise", checkpointsName)
		}
	}
}

// end looks for what is signed beyond the last record.
func (v *verifier) end() error {
	last := v.report.Last
	cut := func(seq uint64, where string) error {
		f := &Fault{File: where, Seq: last + 1, Kind: CutTail,
			Detail: fmt.Sprintf("the log ends with record %d, but a checkpoint of record %d is signed", last, seq)}
		if v.before != nil {
			f.File, f.Line = v.before.file, v.before.n
		}
		return f
	}
	switch l, fault := v.copies.peek(); {
	case fault != nil:
		return fault
	case l != nil && l.Seq > last:
		return cut(l.Seq, checkpointsName)
	}
	for seq := range v.off {
		if seq > last {
			return cut(seq, "off the machine")
		}
	}
	if last == 0 && !v.report.Live { // the first act of a gate, before any mail, is the record of its start
		return &Fault{File: logFile{first: 1}.name(), Seq: 1, Kind: MissingFile, Detail: "there is no record at all"}
	}
	if v.copies.file == nil && last > 0 {
		return &Fault{File: checkpointsName, Kind: MissingFile, Detail: "the separate file of checkpoints is not there"}
	}
	return nil
}
