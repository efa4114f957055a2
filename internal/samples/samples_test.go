package samples

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	for _, n := range []int{0, 1, 56, 57, 58, 114, 1000, period, period + 1} {
		out, err := expand([]byte("A: b\r\n\r\n{{base64 " + strconv.Itoa(n) + "}}\r\n--x--\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		body, ok := bytes.CutPrefix(out, []byte("A: b\r\n\r\n"))
		body, ok2 := bytes.CutSuffix(body, []byte("\r\n--x--\r\n"))
		if !ok || !ok2 {
			t.Fatalf("%d: the template around is damaged: %q", n, out)
		}
		got, err := base64.StdEncoding.DecodeString(string(body))
		if err != nil || !bytes.Equal(got, slices.Concat(content(), content())[:n]) {
			t.Errorf("%d octets became %d, %v", n, len(got), err)
		}
		for line := range strings.SplitSeq(string(body), "\r\n") {
			if len(line) > 76 {
				t.Errorf("%d: line of %d", n, len(line))
			}
		}
		if got := text(n); len(got) != n {
			t.Errorf("text(%d) is %d octets", n, len(got))
		}
	}
	if _, err := expand([]byte("{{base64 999999999}}")); err == nil {
		t.Error("a template may stand for a gigabyte")
	}
}

func TestLoadErrors(t *testing.T) {
	for name, tc := range map[string]struct{ want, eml, err string }{
		"no message":    {"direction: inbound\nfrom: <>\nto: a@b.example\n\n", "", "0 messages and 1"},
		"no direction":  {"from: <>\nto: a@b.example\n\n", "A: b\r\n", "lacks direction or to"},
		"wrong word":    {"direction: sideways\nto: a@b.example\n\n", "A: b\r\n", "is no line of an envelope"},
		"unknown field": {"direction: inbound\ncc: a@b.example\n\n", "A: b\r\n", "is no line of an envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "01-x.want"), tc.want)
			if tc.eml != "" {
				write(t, filepath.Join(dir, "01-x.eml"), tc.eml)
			}
			if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want one with %q", err, tc.err)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "01-x.want"), "direction: inbound\nfrom: <>\nto: a@b.example, c@d.example\n\n")
	write(t, filepath.Join(dir, "01-x.eml"), "Subject: a\r\n\r\n")
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(s) != 1 || s[0].From != "" || len(s[0].To) != 2 || s[0].Want != "" {
		t.Fatalf("loaded %+v", s)
	}
	if err := s[0].Update("inbound accept\n"); err != nil {
		t.Fatal(err)
	}
	if s, err = Load(dir); err != nil || s[0].Want != "inbound accept\n" || s[0].To[1] != "c@d.example" {
		t.Errorf("after Update: %+v, %v", s, err)
	}
}

func write(t *testing.T, name, data string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}
