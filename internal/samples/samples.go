// Package samples reads the sample messages that show what each rule accepts and refuses, so that the
// rules' own test, the command line and both doors can be held to the same verdicts.
//
// A sample is two files of one folder. NN-name.eml is the message as it travels. NN-name.want begins with
// the envelope (direction of the listener, from, to), and after an empty line says the verdict as
// Describe writes it. Where the message would be too big to keep, NN-name.eml.tmpl stands for it: there a
// line {{base64 N}} stands for N octets in Base64, {{text N}} for N octets of text, {{base64-text N}}
// for such text in Base64 and {{uuencode N}} for N octets uuencoded.
package samples

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"congthu/filter"
	"congthu/filter/message"
)

// Config is the configuration, as an administrator writes it, under which the samples get their verdicts.
// Rules that it does not name have their defaults.
const Config = "organisation:\n  domains: [monre.gov.vn, mae.gov.vn]\n"

// Domains are the organisation's domains in Config.
func Domains() []string { return []string{"monre.gov.vn", "mae.gov.vn"} }

// template ends the names of messages with lines to be written out.
const template = ".eml.tmpl"

// maxExpanded bounds what one line of a template stands for, in octets.
const maxExpanded = 64 << 20

// Sample is one message with its envelope and the verdict that it must get.
type Sample struct {
	Name      string // "11-subject-missing"
	Direction filter.Direction
	From      string   // reverse-path, "" for the null one
	To        []string // recipients
	Want      string   // as Describe writes a verdict; "" when there is none yet

	want string // the file
	head string // its first part
	mail string // the message's file
}

// Load reads the samples of a folder, in the order of their names.
func Load(dir string) ([]Sample, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.want"))
	if err != nil {
		return nil, fmt.Errorf("listing samples: %w", err)
	}
	messages, err := filepath.Glob(filepath.Join(dir, "*.eml*"))
	if err != nil {
		return nil, fmt.Errorf("listing samples: %w", err)
	}
	if len(files) != len(messages) {
		return nil, fmt.Errorf("%s holds %d messages and %d .want files", dir, len(messages), len(files))
	}
	var out []Sample
	for _, f := range files {
		s, err := load(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func load(file string) (Sample, error) {
	base := strings.TrimSuffix(file, ".want")
	s := Sample{Name: filepath.Base(base), want: file}
	data, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("reading: %w", err)
	}
	s.head, s.Want, _ = strings.Cut(string(data), "\n\n")
	if err := s.envelope(); err != nil {
		return s, err
	}
	s.mail = base + ".eml"
	if _, err := os.Stat(s.mail); err != nil {
		s.mail = base + template
	}
	return s, nil
}

// Message is the sample as it travels, lines ending in CRLF.
func (s Sample) Message() ([]byte, error) {
	data, err := os.ReadFile(s.mail)
	if err != nil {
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	if strings.HasSuffix(s.mail, template) {
		return expand(data)
	}
	return data, nil
}

func (s *Sample) envelope() error {
	for line := range strings.Lines(s.head) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case ok && key == "direction" && (value == "outbound" || value == "internal" || value == "inbound"):
			s.Direction = filter.Direction(value)
		case ok && key == "from":
			s.From = strings.Trim(value, "<>")
		case ok && key == "to":
			for to := range strings.SplitSeq(value, ",") {
				s.To = append(s.To, strings.TrimSpace(to))
			}
		default:
			return fmt.Errorf("%q is no line of an envelope (direction, from, to)", line)
		}
	}
	if s.Direction == "" || len(s.To) == 0 {
		return fmt.Errorf("the envelope lacks direction or to")
	}
	return nil
}

// Transaction is the sample as a door hands it to Judge.
func (s Sample) Transaction(id string) (*filter.Transaction, error) {
	data, err := s.Message()
	if err != nil {
		return nil, err
	}
	m, err := message.Read(bytes.NewReader(data), int64(len(data)), message.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("%s: reading: %w", s.Name, err)
	}
	tx := &filter.Transaction{ID: id, Received: time.Unix(1_795_000_000, 0), Message: m,
		Session: filter.Session{Door: "check", Direction: s.Direction}, ReversePath: filter.ParsePath(s.From, "")}
	for _, to := range s.To {
		tx.Recipients = append(tx.Recipients, filter.ParsePath(to, ""))
	}
	return tx, nil
}

// Describe writes a verdict as text: the disposition, the reply line with its id masked, a line for each
// finding and for each thing not inspected.
func Describe(v filter.Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s\n", v.Direction, v.Disposition, MaskID(v.Reply.String(), v.ID))
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "%s [%s] %s %s part=%q %s\n", f.Rule, f.Clause, f.Mode, f.Disposition, f.Part, f.Detail)
	}
	for _, n := range v.NotInspected {
		fmt.Fprintf(&b, "not inspected part=%q %s\n", n.Part, n.Reason)
	}
	return b.String()
}

// MaskID puts ID in the place of a transaction's id.
func MaskID(line, id string) string {
	if id == "" {
		return line
	}
	return strings.ReplaceAll(line, id, "ID")
}

// Update writes what was got as what is wanted.
func (s Sample) Update(got string) error {
	if err := os.WriteFile(s.want, []byte(s.head+"\n\n"+got), 0o644); err != nil {
		return fmt.Errorf("updating: %w", err)
	}
	return nil
}

// expand writes a template's lines {{kind N}} out.
func expand(data []byte) ([]byte, error) {
	line := regexp.MustCompile(`(?m)^\{\{(base64-text|base64|text|uuencode) (\d+)\}\}`)
	var err error
	out := line.ReplaceAllFunc(data, func(m []byte) []byte {
		f := line.FindSubmatch(m)
		n, convErr := strconv.Atoi(string(f[2]))
		if convErr != nil || n > maxExpanded {
			err = fmt.Errorf("%s stands for more than %d octets", m, maxExpanded)
			return nil
		}
		switch string(f[1]) {
		case "base64":
			return inBase64(n)
		case "base64-text":
			return bytes.TrimSuffix(base64Lines(text(n)), []byte("\r\n"))
		case "uuencode":
			return uuencoded(n)
		}
		return text(n)
	})
	return out, err
}

// period is how many octets of content there are before it repeats: whole lines of Base64 (57 octets)
// and of uuencode (45).
const period = 57 * 45 * 24

// content are octets that do not look like text.
func content() []byte {
	b := make([]byte, period)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// repeated encodes n octets of content in lines.
func repeated(n int, lines func([]byte) []byte) []byte {
	c := content()
	return append(bytes.Repeat(lines(c), n/period), lines(c[:n%period])...)
}

func inBase64(n int) []byte {
	return bytes.TrimSuffix(repeated(n, base64Lines), []byte("\r\n")) // the template's own line end follows
}

func base64Lines(data []byte) (out []byte) {
	for len(data) > 0 {
		k := min(57, len(data))
		out = append(base64.StdEncoding.AppendEncode(out, data[:k]), '\r', '\n')
		data = data[k:]
	}
	return out
}

func uuencoded(n int) []byte {
	const alphabet = "`!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
	enc := base64.NewEncoding(alphabet).WithPadding(base64.NoPadding)
	out := repeated(n, func(data []byte) (out []byte) {
		for len(data) > 0 {
			k := min(45, len(data))
			line := append(bytes.Clone(data[:k]), make([]byte, (3-k%3)%3)...) // whole groups of three
			out = append(out, alphabet[k])
			out = append(enc.AppendEncode(out, line), '\r', '\n')
			data = data[k:]
		}
		return out
	})
	return slices.Concat([]byte("begin 644 so-lieu.dat\r\n"), out, []byte("`\r\nend"))
}

func text(n int) []byte {
	const line = "So lieu quan trac thuy van tai cac tram do trong thang.\r\n"
	return append(bytes.Repeat([]byte(line), n/len(line)), bytes.Repeat([]byte("."), n%len(line))...)
}
