package filter_test

import (
	"strings"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
)

// A message that comes again is known for counting, whatever its server writes above it anew.
func TestHeaderIdentity(t *testing.T) {
	const trace = "Received: from a by b; Tue, 24 Nov 2026 08:00:00 +0700\r\n\tfolded\r\n"
	const fields = "Message-ID: <1@a.vn>\r\nSubject: x\r\n"
	first := headerIdentity(t, trace+fields+"\r\nbody\r\n")
	for _, tc := range []struct {
		name, text string
		same       bool
	}{
		{"again", trace + fields + "\r\nbody\r\n", true},
		{"another time", "Received: from a by b; Tue, 24 Nov 2026 09:10:00 +0700\r\nReturn-Path: <a@b.vn>\r\n" + fields + "\r\nbody\r\n", true},
		{"a body of another size", trace + fields + "\r\nbody!\r\n", false},
		{"another subject", trace + "Message-ID: <1@a.vn>\r\nSubject: y\r\n\r\nbody\r\n", false},
		{"no body", trace + fields, false},
		{"the name in the body", trace + "Subject: x\r\n\r\nMessage-ID: <1@a.vn>\r\n", false},
	} {
		if got := headerIdentity(t, tc.text) == first; got != tc.same {
			t.Errorf("%s: the same %v, want %v", tc.name, got, tc.same)
		}
	}
	// Without a Message-ID the body's content counts, and a field that fills buffers is read whole.
	if headerIdentity(t, "Subject: x\r\n\r\none\r\n") == headerIdentity(t, "Subject: x\r\n\r\ntwo\r\n") {
		t.Error("two bodies below one subject are one message")
	}
	long := "X: " + strings.Repeat("a", 200<<10)
	if headerIdentity(t, long+"1\r\n"+fields+"\r\nbody") == headerIdentity(t, long+"2\r\n"+fields+"\r\nbody") {
		t.Error("the end of a long field is not read")
	}
	if got := filter.HeaderIdentity(&filter.Transaction{SHA256: "abc"}); got != "abc" {
		t.Errorf("without content: %q", got)
	}
}

func headerIdentity(t *testing.T, text string) string {
	t.Helper()
	s := message.NewSpool(message.DefaultLimits(), nil)
	t.Cleanup(func() { s.Close() })
	if _, err := s.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return filter.HeaderIdentity(&filter.Transaction{Content: s})
}
