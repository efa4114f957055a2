package relay

import (
	"net/netip"
	"strings"
	"testing"
)

// TestIdentityIsBounded: whatever a peer says of its client, XCLIENT is one command of 512 octets at most,
// and reads back as what it says.
func TestIdentityIsBounded(t *testing.T) {
	long, name := strings.Repeat("+20", 255), strings.Repeat("n.", 127)+"n"
	for said, want := range map[string]string{
		"ADDR=192.0.2.1 NAME=" + name + " HELO=" + strings.Repeat("h", 255):  "NAME=" + name + " ADDR=192.0.2.1 HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]",
		"ADDR=192.0.2.1 NAME=a.test HELO=" + long:                            "NAME=a.test ADDR=192.0.2.1 HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]",
		"ADDR=192.0.2.1 NAME=a.test LOGIN=" + strings.Repeat("+20", 116):     "NAME=a.test ADDR=192.0.2.1 HELO=[UNAVAILABLE] LOGIN=" + strings.Repeat("+20", 116),
		"ADDR=192.0.2.1 NAME=a.test LOGIN=" + strings.Repeat("+20", 117):     "NAME=a.test ADDR=192.0.2.1 HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]",
		"ADDR=192.0.2.1 NAME=" + name + " LOGIN=" + strings.Repeat("l", 255): "NAME=[UNAVAILABLE] ADDR=192.0.2.1 HELO=[UNAVAILABLE] LOGIN=" + strings.Repeat("l", 255),
		"NAME=a..test HELO=a+3Db":                                            "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] HELO=a+3Db LOGIN=[UNAVAILABLE]",
		"NAME=x]":                                                            "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]",
		"NAME=":                                                              "NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]",
		"ADDR=::ffff:192.0.2.1":                                              "NAME=[UNAVAILABLE] ADDR=192.0.2.1 HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]",
	} {
		attrs, err := parseAttributes([]byte(said), xclientNames())
		if err != nil {
			t.Fatalf("%.60s: %v", said, err)
		}
		x, err := newImpersonated(attrs)
		if err != nil {
			t.Fatalf("%.60s: %v", said, err)
		}
		s := &spokenFor{facts: x.forwarded, login: x.login}
		got := s.identity([]string{"LOGIN", "HELO", "ADDR", "NAME", "SOMETHING"})
		if got != "XCLIENT "+want || len(got) > maxXclientOut {
			t.Errorf("%.60s:\n got %s\nwant %s", said, got, want)
		}
	}
}

// TestXtextRoundTrip: every octet that is encoded is decoded to the same.
func TestXtextRoundTrip(t *testing.T) {
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	enc := encodeXtext(string(all))
	if got, ok := decodeXtext([]byte(enc)); !ok || got != string(all) || strings.ContainsAny(enc, " \t\r\n=") {
		t.Errorf("%q reads as %q", enc, got)
	}
}

// TestSignedInClientIsNotForgotten: XCLIENT makes a next hop forget who signed in, so it is said before AUTH
// and never after it.
func TestSignedInClientIsNotForgotten(t *testing.T) {
	c := &connection{srv: &Server{cfg: Config{ClientFacts: FactsAuto}}, peer: netip.MustParseAddr("192.0.2.1"), greeted: &greeting{name: "a.test"}}
	if c.settle(true); c.speakFor == nil {
		t.Error("a client that did not sign in is not spoken for")
	}
	c.login = "nvan"
	if c.settle(true); c.speakFor != nil {
		t.Error("a client that signed in is spoken for with XCLIENT")
	}
}
