package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"filippo.io/age"

	"congthu/store/notice"
)

// earlyChunks is how much of the sealed content is made before the transaction begins, in chunks: with most
// messages other writers wait only for the commit.
const earlyChunks = 4

// maxSubject is how much of a subject is kept, in octets.
const maxSubject = 4 << 10

// Rule is a rule because of which a message is held.
type Rule struct{ Name, Clause string }

// Hold is what is to be known of a message that is to be held.
type Hold struct {
	ID          string    // the transaction's
	Time        time.Time // when it was decided
	HalfTime    time.Time // officers are reminded; the zero time is half way to Expires
	Expires     time.Time // after Time
	Door        string
	Direction   string
	Unit        string
	Client      string // address
	QueueID     string // the MTA's
	ReversePath string // "" is the null reverse-path
	Recipients  []string
	Rules       []Rule
	Marking     bool   // its subject is not kept, and it is deleted as soon as its time is over
	TwoPersons  bool   // its release needs two officers
	SHA256      string // of the content, hex; "" when it is not known
	BodySHA256  string // by which a released message is known again, hex
	Subject     string // encrypted like the content; cut to 4 KiB

	// Notices are queued with the message, in one transaction; not when it is held already.
	Notices []notice.Notice
	Queued  func([]bool) // is told which of them were, when they are durable; nil is nobody
}

// Hold puts a message into the quarantine, compressed and encrypted to every officer, and returns the id that
// it has there. It is durable when Hold returns without an error; with an error nothing is kept.
//
// A message that is held and undecided already, with the same content and envelope, is the same hold: the
// server that sent it did not hear the first 250. The id is then the first one's.
//
// content is read once. What fails in reading it, or a hash or size that is not the one of the content, is an
// error. ErrNoOfficers says that nobody could ever open it; see also the named troubles of the database.
func (s *Store) Hold(ctx context.Context, h Hold, content io.Reader) (id string, err error) {
	if h.ID == "" || !h.Expires.After(h.Time) || len(h.Recipients) == 0 {
		return "", fmt.Errorf("holding a message: %w: id, end of time or recipients are missing", ErrInvalid)
	}
	if h.HalfTime.IsZero() {
		h.HalfTime = h.Time.Add(h.Expires.Sub(h.Time) / 2)
	}
	envelope := envelopeHash(h.ReversePath, h.Recipients)
	err = s.read(ctx, "holding a message", func(q querier) error {
		id, err = same(ctx, q, h.SHA256, envelope)
		return err
	})
	if err != nil || id != "" {
		return id, err
	}
	w := &holding{store: s, hold: h, envelope: envelope}
	err = w.run(ctx, content)
	if again := (sameHold{}); errors.As(err, &again) {
		return again.id, nil
	}
	if err != nil {
		return "", s.trouble(ctx, w.eng, "holding a message", err)
	}
	if h.Queued != nil {
		h.Queued(w.queued)
	}
	return h.ID, nil
}

// same is the id of the undecided hold of a message, "" when there is none.
func same(ctx context.Context, q querier, sha, envelope string) (id string, err error) {
	if sha == "" {
		return "", nil
	}
	err = q.QueryRowContext(ctx, selectSame, sha, envelope).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// sameHold ends a holding of what is held already.
type sameHold struct{ id string }

func (s sameHold) Error() string { return "held already as " + s.id }

// holding is one message on its way into the quarantine. Its transaction begins when earlyChunks are full, or
// at the end of the content.
type holding struct {
	store    *Store
	hold     Hold
	envelope string

	key   *age.X25519Identity
	early [][]byte
	eng   *engine
	tx    *sql.Tx
	n     int // chunks written

	queued []bool // of hold.Notices
}

func (w *holding) run(ctx context.Context, content io.Reader) (err error) {
	defer func() {
		if w.tx != nil {
			w.tx.Rollback() // nothing after a commit
		}
	}()
	if w.eng, err = w.store.current(ctx); err != nil {
		return err
	}
	// The key of the message is never written but under the officers' keys.
	if w.key, err = age.GenerateX25519Identity(); err != nil {
		return fmt.Errorf("making its key: %w", err)
	}
	sum, size, err := w.store.packers.seal(w.key.Recipient(), content, func(piece []byte) error { return w.put(ctx, piece) })
	switch {
	case err != nil:
		return err
	case w.hold.SHA256 != "" && sum != w.hold.SHA256:
		return fmt.Errorf("%w: its hash is another", ErrDamaged)
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	if w.hold.SHA256 == "" { // only now is it known whether it is held already
		id, err := same(ctx, w.tx, sum, w.envelope)
		if err != nil {
			return err
		}
		if id != "" {
			return sameHold{id}
		}
	}
	if _, err := w.tx.ExecContext(ctx, finishHold, w.hold.ID, sum, size); err != nil {
		return err
	}
	if err := w.notices(ctx); err != nil {
		return err
	}
	if err := w.tx.Commit(); err != nil {
		return err
	}
	return w.eng.inPlace()
}

// notices queues the notices. One that cannot be queued keeps no message from being held.
func (w *holding) notices(ctx context.Context) error {
	w.queued = make([]bool, len(w.hold.Notices))
	var good []notice.Notice
	var bodies []string
	var at []int // of each in hold.Notices
	for i, n := range w.hold.Notices {
		body, err := noticeBody(n)
		if err != nil {
			w.store.options.Log.Error("a notice of a held message cannot be queued", "hold", w.hold.ID, "notice", n.ID, "error", err.Error())
			continue
		}
		good, bodies, at = append(good, n), append(bodies, body), append(at, i)
	}
	queued, err := queueNotices(ctx, w.tx, good, bodies)
	for i, ok := range queued {
		w.queued[at[i]] = ok
	}
	return err
}

// put keeps a chunk, in memory while it is one of the first.
func (w *holding) put(ctx context.Context, piece []byte) error {
	if w.tx == nil && len(w.early) < earlyChunks {
		w.early = append(w.early, slices.Clone(piece))
		return nil
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	return w.chunk(ctx, piece)
}

func (w *holding) chunk(ctx context.Context, piece []byte) error {
	_, err := w.tx.ExecContext(ctx, insertChunk, w.hold.ID, w.n, piece)
	w.n++
	return err
}

// begin begins the transaction, once, and writes all but the rest of the content.
func (w *holding) begin(ctx context.Context) (err error) {
	if w.tx != nil {
		return nil
	}
	if w.tx, err = w.eng.writer.BeginTx(ctx, nil); err != nil {
		return err
	}
	id, err := same(ctx, w.tx, w.hold.SHA256, w.envelope)
	if err != nil {
		return err
	}
	if id != "" {
		return sameHold{id}
	}
	if err := w.row(ctx); err != nil {
		return err
	}
	if err := w.access(ctx); err != nil {
		return err
	}
	for _, piece := range w.early {
		if err := w.chunk(ctx, piece); err != nil {
			return err
		}
	}
	w.early = nil
	return nil
}

// row writes what is to be known of the message.
func (w *holding) row(ctx context.Context) (err error) {
	h := w.hold
	subject := []byte{}
	if h.Subject != "" && !h.Marking {
		if subject, err = sealText(w.key.Recipient(), []byte(cut(h.Subject, maxSubject))); err != nil {
			return err
		}
	}
	_, err = w.tx.ExecContext(ctx, insertHold, h.ID, micro(h.Time), micro(h.HalfTime), micro(h.Expires), h.Door, h.Direction,
		h.Unit, h.Client, h.QueueID, h.ReversePath, w.envelope, h.Marking, h.TwoPersons, h.SHA256, h.BodySHA256, 0, subject, mailbox(h.ReversePath))
	if unique(err) {
		return fmt.Errorf("%w with the id %s", ErrExists, h.ID)
	}
	if err != nil {
		return err
	}
	for i, r := range h.Recipients {
		if _, err := w.tx.ExecContext(ctx, insertHoldRecipient, h.ID, i, r, mailbox(r)); err != nil {
			return err
		}
	}
	for i, r := range h.Rules {
		if _, err := w.tx.ExecContext(ctx, insertHoldRule, h.ID, i, r.Name, r.Clause); err != nil {
			return err
		}
	}
	return nil
}

// access encrypts the message's key to every officer there is now.
func (w *holding) access(ctx context.Context) error {
	all, err := officers(ctx, w.tx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return ErrNoOfficers
	}
	for _, o := range all {
		to, err := ParseRecipient(o.Recipient)
		if err != nil {
			return fmt.Errorf("the key of %s: %w", o.Address, err)
		}
		sealed, err := sealText(to, []byte(w.key.String()))
		if err != nil {
			return err
		}
		if _, err := w.tx.ExecContext(ctx, insertAccess, w.hold.ID, o.ID, sealed); err != nil {
			return err
		}
	}
	return nil
}

// envelopeHash is one for the same reverse-path and the same recipients, in whatever order.
func envelopeHash(reversePath string, recipients []string) string {
	h := sha256.New()
	for _, s := range append([]string{mailbox(reversePath)}, mailboxes(recipients)...) {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// mailboxes are addresses as they compare, each once, in order.
func mailboxes(all []string) []string {
	out := make([]string, 0, len(all))
	for _, s := range all {
		out = append(out, mailbox(s))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
