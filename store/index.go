package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"congthu/filter/evidence"
)

// position is how far the index of a gate's log is.
type position struct {
	seq     uint64
	hash    string
	statSeq uint64 // records up to it, of days up to statDay, are in the statistics
	statDay string
}

// Position is the last record of a gate's log that is indexed; 0 when none is.
func (s *Store) Position(ctx context.Context, gate string) (seq uint64, hash string, err error) {
	err = s.read(ctx, "reading how far the index is", func(q querier) error {
		p, _, err := readPosition(ctx, q, gate)
		seq, hash = p.seq, p.hash
		return err
	})
	return seq, hash, err
}

func readPosition(ctx context.Context, q querier, gate string) (p position, ok bool, err error) {
	var seq, statSeq int64
	err = q.QueryRowContext(ctx, selectPosition, gate).Scan(&seq, &p.hash, &statSeq, &p.statDay)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	p.seq, p.statSeq = uint64(seq), uint64(statSeq)
	return p, err == nil, err
}

func (p position) write(ctx context.Context, tx *sql.Tx, gate string) error {
	_, err := tx.ExecContext(ctx, setPosition, gate, int64(p.seq), p.hash, int64(p.statSeq), p.statDay)
	return err
}

// Index puts lines of one log into the index and the statistics, with the position, in one transaction. Lines that
// are indexed already are passed over. The others must follow the position: ErrGap otherwise, and nothing is indexed.
// An empty index may begin anywhere, for a log may be pruned. A gate that was renamed goes on in the same log: each
// name has a position of its own.
func (s *Store) Index(ctx context.Context, lines []evidence.Line) error {
	if len(lines) == 0 {
		return nil
	}
	return s.write(ctx, "indexing the evidence", func(tx *sql.Tx) error {
		for len(lines) > 0 {
			n := 1
			for n < len(lines) && lines[n].Gate == lines[0].Gate {
				n++
			}
			if err := s.indexGate(ctx, tx, lines[:n]); err != nil {
				return err
			}
			lines = lines[n:]
		}
		return nil
	})
}

// indexGate indexes lines of one gate's name.
func (s *Store) indexGate(ctx context.Context, tx *sql.Tx, lines []evidence.Line) error {
	gate := lines[0].Gate
	p, ok, err := readPosition(ctx, tx, gate)
	if err != nil {
		return err
	}
	if !ok {
		p.seq, p.hash = lines[0].Seq-1, lines[0].Prev
	}
	in := newIndexing(s, tx, gate)
	defer in.close()
	for _, l := range lines {
		if l.Seq > math.MaxInt64 {
			return fmt.Errorf("%w: record %d of gate %q", ErrInvalid, l.Seq, gate)
		}
		if l.Seq < p.seq || l.Seq == p.seq && l.Hash == p.hash {
			continue
		}
		if l.Seq != p.seq+1 || l.Prev != p.hash {
			if known, err := indexed(ctx, tx, l.Seq-1, l.Prev); err != nil {
				return err
			} else if !known || l.Seq <= p.seq {
				return fmt.Errorf("%w: record %d with the predecessor %.16s, after record %d with the hash %.16s", ErrGap, l.Seq, l.Prev, p.seq, p.hash)
			}
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := in.line(ctx, l, p); err != nil {
			return fmt.Errorf("record %d: %w", l.Seq, err)
		}
		p.seq, p.hash = l.Seq, l.Hash
	}
	if err := in.enter(ctx); err != nil {
		return err
	}
	if err := in.daily.write(ctx, in); err != nil {
		return err
	}
	return p.write(ctx, tx, gate)
}

// indexed tells whether a record is the last that was indexed under some name: then a record of another name may follow.
func indexed(ctx context.Context, q querier, seq uint64, hash string) (bool, error) {
	if seq > math.MaxInt64 {
		return false, nil
	}
	var n int
	err := q.QueryRowContext(ctx, countPositions, int64(seq), hash).Scan(&n)
	return n > 0, err
}

// indexing is one transaction of Index. Each statement is prepared once in it.
type indexing struct {
	store    *Store
	tx       *sql.Tx
	gate     string
	prepared map[string]*sql.Stmt
	daily    *daily

	// Verdicts wait for their outcomes, which mostly come in the same transaction: one row is written once.
	waiting []judged
	newest  map[string]int // in waiting, by the transaction's id
}

// judged is a verdict with what became of the message.
type judged struct {
	line    evidence.Line
	outcome evidence.Outcome
	seq     int64 // of the outcome's record; 0 without one
	at      int64
}

func newIndexing(s *Store, tx *sql.Tx, gate string) *indexing {
	return &indexing{store: s, tx: tx, gate: gate, prepared: map[string]*sql.Stmt{}, daily: newDaily(), newest: map[string]int{}}
}

func (in *indexing) close() {
	for _, s := range in.prepared {
		s.Close()
	}
}

// exec runs a statement that is over at once. It does not look at ctx's end, for which the driver would start a
// goroutine each time.
func (in *indexing) exec(ctx context.Context, statement string, args ...any) error {
	ctx = context.WithoutCancel(ctx)
	p, ok := in.prepared[statement]
	if !ok {
		var err error
		if p, err = in.tx.PrepareContext(ctx, statement); err != nil {
			return err
		}
		in.prepared[statement] = p
	}
	_, err := p.ExecContext(ctx, args...)
	return err
}

func (in *indexing) line(ctx context.Context, l evidence.Line, p position) error {
	switch {
	case l.Verdict != nil:
		day := l.Time.In(in.store.options.Zone).Format(dayFormat)
		if l.Seq > p.statSeq || day > p.statDay {
			in.daily.count(day, l.Verdict)
		}
		in.newest[l.Verdict.ID] = len(in.waiting)
		in.waiting = append(in.waiting, judged{line: l})
	case l.Outcome != nil:
		return in.outcome(ctx, l)
	case l.Act != nil:
		return in.act(ctx, l)
	case l.Root != nil:
		return in.root(ctx, l)
	}
	return nil
}

// outcome takes down what became of a message. The newest verdict before it is the one that it belongs to.
func (in *indexing) outcome(ctx context.Context, l evidence.Line) error {
	o := l.Outcome
	i, ok := in.newest[o.ID]
	if !ok {
		return in.exec(ctx, setOutcome, in.gate, o.ID, int64(l.Seq), micro(l.Time), o.Reply, o.Error, o.NextHop, o.NextHopQueueID, o.Held)
	}
	j := &in.waiting[i]
	held := j.outcome.Held || o.Held
	j.outcome, j.seq, j.at = *o, int64(l.Seq), micro(l.Time)
	j.outcome.Held = held
	return nil
}

// enter writes the verdicts that wait.
func (in *indexing) enter(ctx context.Context) error {
	for _, j := range in.waiting {
		if err := in.verdict(ctx, j); err != nil {
			return fmt.Errorf("record %d: %w", j.line.Seq, err)
		}
	}
	in.waiting, in.newest = nil, map[string]int{}
	return nil
}

// root removes from the index what retention removed from the log; the statistics stay.
func (in *indexing) root(ctx context.Context, l evidence.Line) error {
	if err := in.enter(ctx); err != nil {
		return err
	}
	last := int64(min(l.Root.Seq, l.Seq))
	for _, prune := range []string{pruneMessages, pruneActs} { // may take long: they look at ctx's end
		if _, err := in.tx.ExecContext(ctx, prune, in.gate, last); err != nil {
			return err
		}
	}
	return nil
}

func (in *indexing) verdict(ctx context.Context, j judged) error {
	v, seq, o := j.line.Verdict, int64(j.line.Seq), j.outcome
	err := in.exec(ctx, insertMessage, in.gate, seq, micro(j.line.Time), mailbox(v.ReversePath), v.ID, v.Door, v.Listener, v.QueueID, v.Client,
		v.ClientName, v.Helo, v.Login, v.TLS, v.Protocol, v.ReversePath, v.Direction, v.Unit, v.Disposition, v.Reply, v.Held || o.Held,
		v.Policy, strings.Join(v.Packs, "\n"), v.SHA256, v.Bytes, v.Error, v.MoreRecipients, v.MoreFindings, v.MoreUnseen,
		v.Dropped, v.Released, j.seq, j.at, o.Reply, o.Error, o.NextHop, o.NextHopQueueID)
	if err != nil {
		return err
	}
	for i, r := range v.Recipients {
		if err := in.exec(ctx, insertRecipient, in.gate, seq, i, r, mailbox(r)); err != nil {
			return err
		}
	}
	for i, f := range v.Findings {
		if err := in.exec(ctx, insertFinding, in.gate, seq, i, f.Rule, f.Clause, f.Mode, f.Disposition, f.Score, f.Level, f.Part, f.PartSHA256, f.Detail); err != nil {
			return err
		}
	}
	for i, n := range v.NotInspected {
		if err := in.exec(ctx, insertUninspected, in.gate, seq, i, n.Part, n.Reason); err != nil {
			return err
		}
	}
	return nil
}

func (in *indexing) act(ctx context.Context, l evidence.Line) error {
	details, err := json.Marshal(l.Act.Details)
	if err != nil {
		return fmt.Errorf("the details of an act: %w", err)
	}
	a := l.Act
	return in.exec(ctx, insertAct, in.gate, int64(l.Seq), micro(l.Time), a.Who, string(a.What), a.Object, a.Reason, string(details))
}
