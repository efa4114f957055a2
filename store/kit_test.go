package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"go.uber.org/goleak"

	"congthu/store"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childArg { // this binary again, as another process
		child(os.Args[2], os.Args[3])
		return
	}
	goleak.VerifyTestMain(m)
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// desk is a store with a clock.
type desk struct {
	*store.Store
	path  string
	clock *clock
}

func newDesk(t *testing.T, path string) *desk {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "congthu.db")
	}
	d := &desk{path: path, clock: &clock{now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}}
	s, err := store.Open(t.Context(), store.Options{DSN: "sqlite:" + path, Now: d.clock.Now, Busy: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	d.Store = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// officer adds an officer with a new key.
func (d *desk) officer(t *testing.T, name string) *age.X25519Identity {
	t.Helper()
	key := newKey(t)
	_, err := d.AddOfficer(t.Context(), store.Officer{Address: name + "@monre.gov.vn", Name: name, Recipient: key.Recipient().String()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newKey(t *testing.T) *age.X25519Identity {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sample is what is known of a message that is to be held for 30 days.
func (d *desk) sample(id string, content []byte) store.Hold {
	now := d.clock.Now()
	return store.Hold{ID: id, Time: now, Expires: now.Add(30 * 24 * time.Hour), Door: "relay", Direction: "inbound", Unit: "vp",
		Client: "192.0.2.1", QueueID: "4F1", ReversePath: "x@Example.com", Recipients: []string{"an@monre.gov.vn", "Binh@MONRE.gov.vn"},
		Rules: []store.Rule{{Name: "uninspected", Clause: "10.1"}}, SHA256: hash(content), BodySHA256: hash([]byte("body of " + id)), Subject: "x"}
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// hold holds a message and wants it under its own id.
func (d *desk) hold(t *testing.T, h store.Hold, content []byte) {
	t.Helper()
	id, err := d.Hold(t.Context(), h, bytes.NewReader(content))
	if err != nil || id != h.ID {
		t.Fatalf("Hold: %q, %v", id, err)
	}
}

// read is the content of a held message.
func (d *desk) read(t *testing.T, id string, by age.Identity) []byte {
	t.Helper()
	b, err := readHeld(t.Context(), d.Store, id, by)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readHeld(ctx context.Context, s *store.Store, id string, by age.Identity) ([]byte, error) {
	r, err := s.Open(ctx, id, by)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// state wants a held message in a state.
func (d *desk) state(t *testing.T, id string, want store.State) store.Held {
	t.Helper()
	h, err := d.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if h.State != want {
		t.Fatalf("%s is %s, want %s", id, h.State, want)
	}
	return h
}

// noise is content that does not compress, the same for the same seed.
func noise(seed string, n int) []byte {
	var b []byte
	for i := 0; len(b) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", seed, i))
		b = append(b, sum[:]...)
	}
	return b[:n]
}

// execute changes a database that no store has open.
func execute(t *testing.T, path, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
}
