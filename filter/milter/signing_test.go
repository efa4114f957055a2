package milter

import (
	"context"
	"strings"
	"testing"
	"time"

	gomilter "github.com/emersion/go-milter"

	"congthu/filter"
)

// signer signs everything with one field.
type signer struct{}

func (signer) Sign(context.Context, *filter.Transaction, []filter.HeaderField, []int) (filter.Signing, error) {
	return filter.Signing{Fields: []filter.HeaderField{{Name: "DKIM-Signature", Value: "v=1;\r\n\tb=x"}}, By: []string{"example.org s1 rsa-sha256"}}, nil
}

// TestSignature: the signature of outgoing mail goes on top, folded as milters fold. Where the MTA lets nobody add fields,
// mail is deferred rather than sent without it; mail that is not signed passes all the same.
func TestSignature(t *testing.T) {
	for _, test := range []struct {
		name      string
		actions   gomilter.OptAction
		direction filter.Direction
		want      string
		inserted  bool
	}{
		{"all actions", allActions, filter.Outbound, "c", true},
		{"no fields", allActions &^ gomilter.OptAddHeader, filter.Outbound, "451 4.3.0 ", false},
		{"no fields, from outside", allActions &^ gomilter.OptAddHeader, filter.Inbound, "c", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Direction = test.direction
			g := newGate(t, cfg, time.Now)
			p := *g.judge.real.Policy()
			p.Signer = signer{}
			g.judge.real.Swap(&p)
			m := g.start("tcp").dial()
			m.send('O', offerOf(6, uint32(test.actions), allProtocol))
			m.want('O')
			m.connect()
			for range 2 { // on one connection
				m.message("a@example.org", "accept", "x\r\n")
				var inserted []string
				for {
					code, data, err := m.recv()
					if err != nil {
						t.Fatal(err)
					}
					if code == 'i' {
						inserted = append(inserted, data)
						continue
					}
					if got := string(rune(code)) + data; !strings.HasPrefix(strings.TrimPrefix(got, "y"), test.want) {
						t.Errorf("answered %q, want %q", got, test.want)
					}
					break
				}
				signed := len(inserted) > 0 && strings.HasPrefix(inserted[len(inserted)-1], "\x00\x00\x00\x00DKIM-Signature\x00 v=1;\n\tb=x\x00")
				if signed != test.inserted {
					t.Errorf("inserted %q", inserted)
				}
			}
		})
	}
}
