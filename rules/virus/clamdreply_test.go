package virus

import (
	"bufio"
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseReply(t *testing.T) {
	tests := []struct {
		line string
		want Answer // the zero Answer: an error
	}{
		{"7: stream: OK", Answer{Kind: Clean}},
		{"7: instream(127.0.0.1@3310): OK", Answer{Kind: Clean}},
		{"7: stream: Win.Test.EICAR_HDB-1 FOUND", Answer{Infected, "Win.Test.EICAR_HDB-1"}},
		{"7: stream: Eicar(44d88612fea8a8f36de82e1278abb02f:68) FOUND", Answer{Infected, "Eicar"}},
		{"7: stream: Strange(name) FOUND", Answer{Infected, "Strange(name)"}},
		{"7: stream: Thư độc%s\r\n FOUND", Answer{Infected, "Th_____________c_s"}},
		{"7: stream: " + strings.Repeat("x", 300) + " FOUND", Answer{Infected, strings.Repeat("x", maxName)}},
		{"7: stream: Heuristics.Phishing.Email.SpoofedDomain FOUND", Answer{Suspicious, "Heuristics.Phishing.Email.SpoofedDomain"}},
		{"7: stream: Heuristics.Encrypted.Zip FOUND", Answer{Encrypted, "Heuristics.Encrypted.Zip"}},
		{"7: stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", Answer{TooBig, "Heuristics.Limits.Exceeded.MaxFileSize"}},
		{"INSTREAM size limit exceeded. ERROR", Answer{TooBig, "StreamMaxLength"}},
		{"7: INSTREAM size limit exceeded. ERROR", Answer{TooBig, "StreamMaxLength"}},
		{"8: stream: OK", Answer{}},
		{"stream: OK", Answer{}},
		{"7: stream: NOT OK", Answer{}},
		{"7: OK", Answer{}},
		{"7: stream: ok", Answer{}},
		{"7: stream: OK ", Answer{}},
		{"7: stream:  FOUND", Answer{}},
		{"7: stream: Can't allocate memory ERROR", Answer{}},
		{"7: UNKNOWN COMMAND", Answer{}},
		{"7: stream: OK\n7: stream: OK", Answer{}},
		{"", Answer{}},
		{"250 OK", Answer{}},
	}
	for _, tt := range tests {
		got, err := parseReply([]byte(tt.line), 7)
		if tt.want.Kind == Infected && len(tt.want.Name) == 18 { // as many marks as octets
			tt.want.Name = got.Name
			if strings.ContainsFunc(got.Name, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }) {
				t.Errorf("%q: name %q", tt.line, got.Name)
			}
		}
		if got != tt.want || (err != nil) != (tt.want == Answer{}) {
			t.Errorf("%q: %+v, %v; want %+v", tt.line, got, err, tt.want)
		}
	}
}

func TestReadReply(t *testing.T) {
	for text, want := range map[string]error{"1: stream: OK\x00": nil, "": errNoReply, "1: str": errNonsense, strings.Repeat("x", maxReply+10) + "\x00": errNonsense} {
		if _, err := readReply(bufio.NewReader(strings.NewReader(text))); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", text, err, want)
		}
	}
}

func TestParseVersion(t *testing.T) {
	d, err := parseVersion([]byte("ClamAV 1.4.6/27500/Mon Nov 23 08:21:00 2026\n"))
	if err != nil || d.Version != "ClamAV 1.4.6/27500/Mon Nov 23 08:21:00 2026" || !d.Made.Equal(time.Date(2026, 11, 23, 8, 21, 0, 0, time.Local)) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err = parseVersion([]byte("ClamAV 1.4.6")); err != nil || !d.Made.IsZero() {
		t.Errorf("without official signatures: %+v, %v", d, err)
	}
	for _, bad := range []string{"", "PONG", "UNKNOWN COMMAND"} {
		if _, err := parseVersion([]byte(bad)); !errors.Is(err, errNonsense) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzReply: only the one right reply is clean, and names can stand anywhere.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"1: stream: OK\x00", "1: stream: Eicar FOUND\x00", "INSTREAM size limit exceeded. ERROR\x00", "ClamAV 1.4.6/27500/Mon Nov 23 08:21:00 2026\x00", "1: stream: x(44d88612fea8a8f36de82e1278abb02f:68) FOUND\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		line, err := readReply(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		parseVersion(line)
		a, err := parseReply(line, 1)
		if err != nil && a != (Answer{}) {
			t.Errorf("an error and %+v", a)
		}
		if a.Kind == Clean && !(bytes.HasPrefix(line, []byte("1: ")) && bytes.HasSuffix(line, []byte(": OK"))) {
			t.Errorf("%q is clean", line)
		}
		checkName(t, a)
	})
}

func checkName(t *testing.T, a Answer) {
	t.Helper()
	if len(a.Name) > maxName || strings.ContainsFunc(a.Name, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }) || a.Kind > Clean && a.Name == "" {
		t.Errorf("%+v", a)
	}
}
