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

// Index puts lines of one gate's log into the index and the statistics, with the position, in one
// transaction. Lines that are indexed already are passed over. The others must follow the position: ErrGap
// otherwise, and nothing is indexed. An empty index may begin anywhere, for a log may be pruned.
func (s *Store) Index(ctx context.Context, lines []evidence.Line) error {
	if len(lines) == 0 {
		return nil
	}
	return s.write(ctx, "indexing the evidence", func(tx *sql.Tx) error {
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
			switch {
			case l.Gate != gate || l.Seq > math.MaxInt64:
				return fmt.Errorf("%w: record %d of gate %q among those of %q", ErrInvalid, l.Seq, l.Gate, gate)
			case l.Seq < p.seq || l.Seq == p.seq && l.Hash == p.hash:
				continue
			case l.Seq != p.seq+1 || l.Prev != p.hash:
				return fmt.Errorf("%w: record %d with the predecessor %.16s, after record %d with the hash %.16s", ErrGap, l.Seq, l.Prev, p.seq, p.hash)
			}
			if err := in.line(ctx, l, p); err != nil {
				return fmt.Errorf("record %d: %w", l.Seq, err)
			}
			p.seq, p.hash = l.Seq, l.Hash
		}
		if err := in.daily.write(ctx, in); err != nil {
			return err
		}
		return p.write(ctx, tx, gate)
	})
}

// indexing is one transaction of Index. Each statement is prepared once in it.
type indexing struct {
	store    *Store
	tx       *sql.Tx
	gate     string
	prepared map[string]*sql.Stmt
	daily    *daily
}

func newIndexing(s *Store, tx *sql.Tx, gate string) *indexing {
	return &indexing{store: s, tx: tx, gate: gate, prepared: map[string]*sql.Stmt{}, daily: newDaily()}
}

func (in *indexing) close() {
	for _, s := range in.prepared {
		s.Close()
	}
}

func (in *indexing) exec(ctx context.Context, statement string, args ...any) error {
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
		return in.verdict(ctx, l)
	case l.Outcome != nil:
		o := l.Outcome
		return in.exec(ctx, setOutcome, in.gate, o.ID, int64(l.Seq), micro(l.Time), o.Reply, o.Error, o.NextHop, o.NextHopQueueID, o.Held)
	case l.Act != nil:
		return in.act(ctx, l)
	case l.Root != nil:
		// What retention removed from the log goes from the index as well; the statistics stay.
		last := int64(min(l.Root.Seq, l.Seq))
		if err := in.exec(ctx, pruneMessages, in.gate, last); err != nil {
			return err
		}
		return in.exec(ctx, pruneActs, in.gate, last)
	}
	return nil
}

func (in *indexing) verdict(ctx context.Context, l evidence.Line) error {
	v, seq := l.Verdict, int64(l.Seq)
	err := in.exec(ctx, insertMessage, in.gate, seq, micro(l.Time), mailbox(v.ReversePath), v.ID, v.Door, v.Listener, v.QueueID, v.Client,
		v.ClientName, v.Helo, v.Login, v.TLS, v.Protocol, v.ReversePath, v.Direction, v.Unit, v.Disposition, v.Reply, v.Held,
		v.Policy, strings.Join(v.Packs, "\n"), v.SHA256, v.Bytes, v.Error, v.MoreRecipients, v.MoreFindings, v.MoreUnseen)
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
