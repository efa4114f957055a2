//go:build long

package signing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"syscall"
	"testing"
	"time"
)

// Verifying 15 MB takes at most 1.3 times as long as hashing them: time of the processor, the best of twenty turns.
func TestLongDetachedTime(t *testing.T) {
	p := newPKI(t)
	id := p.person(p.rsa)
	data := make([]byte, size)
	m := made{content: data, signers: []madeSigner{{by: id}}, certs: []*x509.Certificate{id.cert, p.sub.cert}}
	cms, o := m.der(), p.options()
	hashing, verifying := time.Hour, time.Hour
	for range 20 {
		hashing = min(hashing, processorTime(t, func() { sha256.Sum256(data) }))
		verifying = min(verifying, processorTime(t, func() {
			r, err := Verify(context.Background(), bytes.NewReader(cms), bytes.NewReader(data), o)
			if err != nil || r.State != Valid {
				t.Error(detail(r), err)
			}
		}))
	}
	t.Logf("hashing %s, verifying %s", hashing, verifying)
	if verifying > hashing*13/10 {
		t.Errorf("%.2f times", float64(verifying)/float64(hashing))
	}
}

func processorTime(t *testing.T, f func()) time.Duration {
	t.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	f()
	return used() - before
}
