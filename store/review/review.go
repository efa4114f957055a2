// Package review is what an officer does with held mail: look at it, release it, delete it. Each act is put on
// record before it is done, and is done in the name of the officer whose identity opens the message.
package review

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"filippo.io/age"

	"congthu/filter"
	"congthu/filter/evidence"
	"congthu/filter/message"
	"congthu/store"
)

// Errors of a review.
var (
	ErrNotOfficer = errors.New("the identity is no officer's")
	ErrNoServer   = errors.New("no server takes released mail (store.release)")
	// ErrUnsure says that the connection broke when the server had the whole message: it may have it.
	ErrUnsure = errors.New("the server may have taken the message; look for it there before releasing it again")
)

// Recorder puts an act on record, durably.
type Recorder func(context.Context, evidence.Act) error

// recordTimeout is how long it may take to record what became of an act, also when whoever began it does not wait.
const recordTimeout = 20 * time.Second

// Do records an act and does it. What then fails is recorded as failed (Details "result"): what was only begun must
// not stand as done. What can be checked is checked before.
func (r Recorder) Do(ctx context.Context, a evidence.Act, do func() error) error {
	if err := r(ctx, a); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	if err := do(); err != nil {
		return errors.Join(err, r.failed(ctx, a, err))
	}
	return nil
}

// failed records that an act did not come off.
func (r Recorder) failed(ctx context.Context, a evidence.Act, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	a.Details = maps.Clone(a.Details)
	if a.Details == nil {
		a.Details = map[string]string{}
	}
	a.Details["result"] = "failed: " + why.Error()
	if err := r(ctx, a); err != nil {
		return fmt.Errorf("recording that it failed: %w", err)
	}
	return nil
}

// Desk is where officers decide.
type Desk struct {
	Store      *store.Store
	Record     Recorder
	Server     string // host:port that takes released mail; "" for none
	Helo       string // our name there
	AuthservID string // forged fields under it are taken out of what is released
	Timeout    time.Duration
}

// DefaultTimeout is how long a submission may take.
const DefaultTimeout = 5 * time.Minute

// Officer is an officer who proved it with an identity.
type Officer struct {
	Address  string
	Identity age.Identity
}

// SignIn finds the officer whose identity it is.
func (d *Desk) SignIn(ctx context.Context, identity age.Identity) (Officer, error) {
	var public string
	switch i := identity.(type) {
	case *age.X25519Identity:
		public = i.Recipient().String()
	case *age.HybridIdentity:
		public = i.Recipient().String()
	default:
		return Officer{}, fmt.Errorf("signing in: %w: an identity of type %T", ErrNotOfficer, identity)
	}
	officers, err := d.Store.ListOfficers(ctx)
	if err != nil {
		return Officer{}, fmt.Errorf("signing in: %w", err)
	}
	for _, o := range officers {
		if o.Recipient == public {
			return Officer{o.Address, identity}, nil
		}
	}
	return Officer{}, fmt.Errorf("signing in: %w", ErrNotOfficer)
}

// View opens the message for reading and records it. Nobody may use what was read before io.EOF came.
func (d *Desk) View(ctx context.Context, o Officer, id string, what evidence.What) (io.ReadCloser, error) {
	r, err := d.Store.Open(ctx, id, o.Identity) // shown to nobody before it is on record
	if err != nil {
		return nil, err
	}
	if err := d.Record(ctx, evidence.Act{Who: o.Address, What: what, Object: id}); err != nil {
		return nil, errors.Join(fmt.Errorf("recording: %w", err), r.Close())
	}
	return r, nil
}

// Delete deletes a held message.
func (d *Desk) Delete(ctx context.Context, o Officer, id, reason string) error {
	if err := store.CheckReason(reason); err != nil { // before it is on record
		return fmt.Errorf("deleting %s: %w", id, err)
	}
	h, err := d.Store.Show(ctx, id)
	switch {
	case err != nil:
		return err
	case !h.State.Undecided():
		return fmt.Errorf("deleting %s: %w", id, store.ErrDecided)
	case h.State == store.StateReleasing:
		return fmt.Errorf("deleting %s: %w", id, store.ErrReleasing)
	}
	return d.Record.Do(ctx, evidence.Act{Who: o.Address, What: evidence.Delete, Object: id, Reason: reason}, func() error {
		return d.Store.Delete(ctx, id, o.Address, reason)
	})
}

// Released is what a release came to.
type Released struct {
	Done      bool   // the server took the message
	Reply     string // its words
	Needs     bool   // another officer must approve it too
	Delivered bool   // it may have been delivered by an earlier attempt already
}

// Release approves the release of a message and, when that is enough, hands it to the server. A message that was
// released already is store.ErrDecided, and nothing is sent. One that an earlier attempt may have delivered is
// store.ErrUnsure, unless again says that it may come twice. A reason that cannot be kept is store.ErrInvalid.
func (d *Desk) Release(ctx context.Context, o Officer, id, reason string, again bool) (out Released, err error) {
	if d.Server == "" {
		return out, ErrNoServer
	}
	if err := store.CheckReason(reason); err != nil {
		return out, fmt.Errorf("releasing %s: %w", id, err)
	}
	h, err := d.Store.Show(ctx, id)
	switch {
	case err != nil:
		return out, err
	case !h.State.Undecided():
		return out, fmt.Errorf("releasing %s: %w", id, store.ErrDecided)
	case h.Unsure && !again && h.State != store.StateReleasing: // one under way is for ReleaseStart to tell
		return out, fmt.Errorf("releasing %s: %w", id, store.ErrUnsure)
	}
	spool, err := d.content(ctx, o, id)
	if err != nil {
		return out, err
	}
	defer spool.Close()
	var late error // after the server took it
	err = d.Record.Do(ctx, evidence.Act{Who: o.Address, What: evidence.Release, Object: id, Reason: reason}, func() error {
		ready, err := d.Store.Approve(ctx, id, o.Address)
		if err != nil {
			return err
		}
		if !ready {
			out.Needs = true
			return nil
		}
		r, err := d.Store.ReleaseStart(ctx, id, o.Address, again)
		if err != nil {
			return err
		}
		out.Delivered = r.Unsure
		out.Reply, err = d.submit(ctx, r, spool)
		out.Done = err == nil
		late, err = d.released(ctx, o, r, reason, out.Reply, err)
		return err
	})
	return out, errors.Join(err, late)
}

// released writes down what came of a submission, also when whoever began it interrupts: or it would be released
// twice. late is what failed in that when the server took the message; err is that it did not, or that nobody knows.
func (d *Desk) released(ctx context.Context, o Officer, r store.Release, reason, reply string, failed error) (late, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	switch {
	case errors.Is(failed, ErrUnsure):
		return nil, failed // the attempt stays open
	case failed != nil:
		return nil, errors.Join(failed, d.Store.ReleaseFailed(ctx, r))
	}
	late = d.Store.ReleaseDone(ctx, r, o.Address, reason, reply)
	told := d.Record(ctx, evidence.Act{Who: o.Address, What: evidence.Release, Object: r.ID, Details: map[string]string{"next_hop": d.Server, "reply": reply}})
	return errors.Join(late, told), nil
}

// content is the whole message, checked to its end.
func (d *Desk) content(ctx context.Context, o Officer, id string) (*message.Spool, error) {
	r, err := d.Store.Open(ctx, id, o.Identity)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	l := message.DefaultLimits()
	l.WireBytes = maxHeld
	spool := message.NewSpool(l, nil)
	if _, err := io.Copy(spool, r); err != nil {
		spool.Close()
		return nil, fmt.Errorf("opening %s: %w", id, err)
	}
	return spool, nil
}

// maxHeld is the largest message that can have been held, in octets: the most that a configuration allows.
const maxHeld = 1 << 30

// forged are the fields of a held message that claim to be a gate's.
func (d *Desk) forged(spool *message.Spool) ([]message.Range, error) {
	m, err := message.Read(spool, spool.Size(), message.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	var out []message.Range
	for _, i := range filter.ForgedFields(m.Header, d.AuthservID) {
		out = append(out, m.Header.Fields[i].Range)
	}
	return out, nil
}
