package store_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// While the database is opened anew, which may take long, nobody waits longer than wanted, and all get it then.
func TestReopeningKeepsNobody(t *testing.T) {
	d := newDesk(t, "")
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(d.path+end, d.path+".away"+end); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	older(t, d.path, 1)
	lock, err := os.OpenFile(d.path+".migrate", os.O_RDWR|os.O_CREATE, 0o600) // as another process that changes the schema has it
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	patient := make(chan error, 2)
	for range cap(patient) {
		go func() {
			_, err := d.Officer(t.Context(), "old@monre.gov.vn")
			patient <- err
		}()
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := d.ListOfficers(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		cancel()
	}
	if len(patient) > 0 {
		t.Errorf("the database was opened: %v", <-patient)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(patient) {
		if err := <-patient; err != nil {
			t.Error(err)
		}
	}
}
