package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"congthu/filter/policy"
	"congthu/filter/relay"
	"congthu/rules"
)

// TestRelayDefaults: a listener of which little is said is what the relay's own defaults are, so that what the
// sample configuration says of them is so.
func TestRelayDefaults(t *testing.T) {
	c, err := policy.Parse("small.yml", []byte("organisation: {domains: [monre.gov.vn]}\nrelay: [{listen: \"127.0.0.1:1\", next_hops: [\"127.0.0.1:2\"]}]\n"), rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	got, want := relayConfig(c, c.Relay[0]), relay.Defaults()
	if d := cmp.Diff(want.Timeouts, got.Timeouts); d != "" {
		t.Errorf("timeouts: %s", d)
	}
	if d := cmp.Diff(want.Keep, got.Keep); d != "" {
		t.Errorf("kept connections: %s", d)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}
