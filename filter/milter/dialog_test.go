package milter

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/internal/peer"
)

// TestDialogs plays testdata/*.dialog. Lines are
//
//	set: recipients=2 wire=1000  limits of the listener, before anything else
//	C: L "Subject" " hello"      the MTA sends a frame
//	X: "\x00\x00"                the MTA sends octets as they are
//	S: y "550 ..."               the gate must send this frame next
//	S: closed                    the gate must close without another word
//	J: refuse from=a@b to=c      a message must have come to its end, with these facts
//	M: "Subject: x\r\n\r\n"      its octets, compared by hash
//
// Strings are quoted as in Go. Transaction ids read ID, and what a reply
// says after its codes and clause reads "...". At the end the gate must have nothing more to say.
//
// Each is played in the manners of TCP too: all that the MTA says up to the next answer in one segment, and octet by octet.
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.dialog")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogs: %v", err)
	}
	watchResources(t, func(t *testing.T) {
		for _, f := range files {
			name := strings.TrimSuffix(filepath.Base(f), ".dialog")
			for _, how := range []manner{{"unix", byFrame}, {"unix", byOctet}, {"tcp", byFrame}, {"tcp", atOnce}} {
				t.Run(name+"/"+how.network+"/"+how.sends, func(t *testing.T) { playDialog(t, f, how) })
			}
		}
	})
}

// watchResources runs do in a subtest of its own and fails unless the process then holds no more than before. It
// prints both.
func watchResources(t *testing.T, do func(t *testing.T)) {
	t.Helper()
	before, err := peer.OwnResources()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("all", do)
	after, err := peer.GivenBack(before, patience)
	t.Logf("%-7s %s\n%-7s %s\n%-7s %s", "", peer.ResourceHead, "before", before, "after", after)
	if err != nil {
		t.Error(err)
	}
}

// manner is how a dialog reaches the gate.
type manner struct{ network, sends string }

// What the MTA writes at once.
const (
	byFrame = "frame by frame"
	byOctet = "octet by octet"
	atOnce  = "in one segment"
)

// sender writes what an MTA says in a manner. What is kept is written before the test waits for the gate.
type sender struct {
	m    *mta
	how  string
	kept strings.Builder
}

func (s *sender) say(octets string) {
	if s.kept.WriteString(octets); s.how != atOnce {
		s.flush()
	}
}

func (s *sender) flush() {
	said := s.kept.String()
	s.kept.Reset()
	switch {
	case said == "":
	case s.how == byOctet:
		for i := range len(said) {
			s.m.raw(said[i : i+1])
		}
	default:
		s.m.raw(said)
	}
}

func playDialog(t *testing.T, file string, how manner) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var g *gate
	var m *mta
	var mtaSays sender
	var last outcome
	cfg := testConfig()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		kind, text, _ := strings.Cut(lines.Text(), ":")
		text = strings.TrimSpace(text)
		if kind == "" || kind[0] == '#' {
			continue
		}
		if kind == "set" {
			set(t, &cfg, text)
			continue
		}
		if g == nil {
			g = newGate(t, cfg, time.Now).start(how.network)
			m = g.dial()
			mtaSays = sender{m: m, how: how.sends}
		}
		got := text
		if kind != "C" && kind != "X" {
			mtaSays.flush()
		}
		switch kind {
		case "C":
			mtaSays.say(encode(t, text))
		case "X":
			mtaSays.say(unquote(t, text))
		case "S":
			got = receive(m)
		case "J":
			last = g.outcome()
			got = describe(last)
		case "M":
			sum := sha256.Sum256([]byte(unquote(t, text)))
			if got := last.tx.SHA256; got != hex.EncodeToString(sum[:]) {
				t.Errorf("%s:%d: message differs (hash %s)", file, n, got)
			}
		default:
			t.Fatalf("%s:%d: unknown line %q", file, n, kind)
		}
		if got != text {
			t.Fatalf("%s:%d: %s", file, n, cmp.Diff(text, got))
		}
	}
	mtaSays.flush()
	if c, ok := m.Conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
	if got := receive(m); got != "closed" {
		t.Errorf("%s: at the end the gate still said %s", file, got)
	}
	g.stop()
	if n := len(g.judge.outcomes); n > 0 {
		t.Errorf("%s: %d more messages came to their end", file, n)
	}
}

func set(t *testing.T, cfg *Config, text string) {
	for _, kv := range strings.Fields(text) {
		k, v, _ := strings.Cut(kv, "=")
		n, err := strconv.Atoi(v)
		switch {
		case err != nil:
			t.Fatalf("set %s: %v", kv, err)
		case k == "recipients":
			cfg.Recipients = n
		case k == "wire":
			cfg.Limits.WireBytes = int64(n)
		default:
			t.Fatalf("set %s: unknown", kv)
		}
	}
}

func unquote(t testing.TB, s string) string {
	u, err := strconv.Unquote(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return u
}

var tokens = regexp.MustCompile(`[^ "]*"(?:[^"\\]|\\.)*"|[^ ]+`)

// encode turns a line into a frame.
func encode(t testing.TB, text string) string {
	args := tokens.FindAllString(text, -1)
	code := args[0][0]
	var b []byte
	for i, a := range args[1:] {
		switch {
		case code == 'O':
			n, err := strconv.ParseUint(a, 0, 32)
			if err != nil {
				t.Fatal(err)
			}
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		case code == 'D' && i == 0, code == 'C' && i == 1: // stage; family
			b = append(b, a[0])
		case code == 'D':
			name, value, _ := strings.Cut(a, "=")
			value = unquote(t, value)
			b = append(b, name+"\x00"+value+"\x00"...)
		case code == 'C' && i == 2 && a[0] != '"': // port
			n, err := strconv.Atoi(a)
			if err != nil {
				t.Fatal(err)
			}
			b = binary.BigEndian.AppendUint16(b, uint16(n))
		case code == 'B', code == 'E':
			b = append(b, unquote(t, a)...)
		default:
			b = append(b, unquote(t, a)+"\x00"...)
		}
	}
	return frameOf(code, string(b))
}

// replyText is what the catalogue says; its wording is not the door's.
var replyText = regexp.MustCompile(`^(\d{3} \d\.\d+\.\d+ (?:\[[^\]]*\] )?)[^(]+( \(id ID\))`)

var idPattern = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{26}\b`)

// receive reads a frame and turns it into a line.
func receive(m *mta) string {
	code, data, err := m.recv()
	if err != nil {
		return "closed"
	}
	data = idPattern.ReplaceAllString(data, "ID")
	out := []string{string(rune(code))}
	number := func() uint32 {
		n := binary.BigEndian.Uint32([]byte(data))
		data = data[4:]
		return n
	}
	switch code {
	case 'O':
		out = append(out, fmt.Sprintf("%d %#x %#x", number(), number(), number()))
		var lists []string
		for len(data) > 0 {
			stage := number()
			list, rest, _ := strings.Cut(data, "\x00")
			lists = append(lists, fmt.Sprintf("%d=%q", stage, list))
			data = rest
		}
		slices.Sort(lists)
		out = append(out, lists...)
	case 'i', 'm':
		out = append(out, fmt.Sprint(number()))
	case 'y':
		data = replyText.ReplaceAllString(data, "$1...$2")
	}
	for len(data) > 0 {
		s, rest, _ := strings.Cut(data, "\x00")
		out = append(out, strconv.Quote(s))
		data = rest
	}
	return strings.Join(out, " ")
}

// describe turns a message's end into a line; facts that are not known are left out.
func describe(o outcome) string {
	s := o.tx.Session
	out := o.v.Disposition.String()
	add := func(k, v string) {
		if v != "" {
			out += " " + k + "=" + v
		}
	}
	if s.Client.IsValid() {
		add("client", s.Client.String())
	}
	add("name", s.ClientName)
	add("helo", s.Helo)
	add("login", s.Login)
	add("tls", s.TLS)
	add("from", "<"+o.tx.ReversePath.String()+">")
	add("params", strings.ReplaceAll(o.tx.ReversePath.Params, " ", ","))
	for _, r := range o.tx.Recipients {
		add("to", r.String())
		add("params", strings.ReplaceAll(r.Params, " ", ","))
	}
	add("queue", o.tx.QueueID)
	if o.v.Err != nil {
		add("error", strconv.Quote(o.v.Err.Error()))
	}
	return out
}
