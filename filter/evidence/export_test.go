package evidence

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// hostile are records of every kind whose texts want to be more than texts.
func hostile() []Record {
	at := time.Date(2026, 3, 2, 8, 0, 0, 123456789, time.FixedZone("ICT", 7*3600))
	v := verdictOf("01JD").Verdict
	v.Helo = "=cmd|' /C calc'!A0"
	v.ClientName = "+mx\texample|org\\"
	v.ReversePath = "a=b\r\nCEF:0|x\u2028@example.org"
	v.Recipients = []string{"@người.nhận@example.org", "-1+1@example.org", "<b>&\x1b[31m\x7f\u009b\u202e@example.org"}
	v.NotInspected = []NotInspected{{"2.1", "encrypted"}}
	v.Client = "2001:db8::1"
	v.Findings[0].PartSHA256 = strings.Repeat("0", 64)
	v.MoreRecipients = 3
	all := []Record{
		{Kind: KindVerdict, Verdict: v},
		{Kind: KindOutcome, Outcome: &Outcome{ID: "01JD", Reply: "250 2.0.0 Ok: queued as 4X", NextHop: "127.0.0.1:10026", NextHopQueueID: "4X"}},
		{Kind: KindOutcome, Clock: clockBack, Outcome: &Outcome{ID: "01JE", Error: "the client was gone", Held: true}},
		{Kind: KindAct, Act: &Act{Who: "can.bo@mae.gov.vn", What: ExceptionAdd, Object: "7", Reason: "=HYPERLINK(\"http://x\")",
			Details: map[string]string{"until": "2026-04-01", "part_hash": "ab|=\\"}}},
		{Kind: KindCheckpoint, Checkpoint: &Checkpoint{Seq: 4, Hash: noHash, Key: noHash, Signature: "AA=="}},
		{Kind: KindRoot, Root: &Root{Seq: 4, Hash: noHash, Count: 4, Key: noHash, Signature: "AA=="}},
	}
	for i := range all {
		all[i].Seq, all[i].Prev, all[i].Gate, all[i].Time = uint64(i+1), noHash, "gate1", at
	}
	return all
}

// hostileLog writes them to a directory as they are.
func hostileLog(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var b []byte
	for _, r := range hostile() {
		line, err := Encode(r)
		must(t, err)
		b = append(append(b, line...), '\n')
	}
	must(t, os.WriteFile(filepath.Join(dir, logFile{first: 1}.name()), b, 0o600))
	return dir
}

func TestExportFormats(t *testing.T) {
	dir := hostileLog(t)
	for _, format := range []Format{JSONL, CEF, CSV} {
		t.Run(string(format), func(t *testing.T) {
			var b bytes.Buffer
			must(t, Export(t.Context(), &b, dir, format, time.Time{}, time.Time{}))
			golden(t, "export."+string(format), b.Bytes())
			for _, line := range strings.Split(b.String(), "\n") {
				if strings.ContainsAny(strings.TrimSuffix(line, "\r"), "\x1b\x7f\u009b\u202e\r\t") {
					t.Errorf("a terminal would act on %q", line)
				}
			}
		})
	}
}

func TestExportTakesATime(t *testing.T) {
	s := makeSample(t, 10)
	all := records(t, s.dir)
	var b bytes.Buffer
	must(t, Export(t.Context(), &b, s.dir, JSONL, all[2].Time, all[5].Time))
	if want := string(bytes.Join(s.lines[2:5], nil)); b.String() != want {
		t.Errorf("records 3 to 5 wanted, got\n%s", b.String())
	}
	if err := Export(t.Context(), &b, s.dir, "xml", time.Time{}, time.Time{}); err == nil {
		t.Error("a format that is none was taken")
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("a format that is none was read")
	}
}

// CSV is read back by the standard library's reader: as many fields in every row, and none a formula.
func TestCSVIsNoProgram(t *testing.T) {
	var b bytes.Buffer
	must(t, Export(t.Context(), &b, hostileLog(t), CSV, time.Time{}, time.Time{}))
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff"))).ReadAll()
	must(t, err)
	if len(rows) != 1+len(hostile()) {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		for i, c := range row {
			if strings.HasPrefix(c, "=") || strings.HasPrefix(c, "+") || strings.HasPrefix(c, "-") || strings.HasPrefix(c, "@") {
				t.Errorf("column %s: %q", rows[0][i], c)
			}
		}
	}
	if got := rows[1][10]; got != "'=cmd|' /C calc'!A0" {
		t.Errorf("helo %q", got)
	}
}

func FuzzCSVCell(f *testing.F) {
	for _, s := range []string{"", "=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1", "x", "'", "\n=1", "\xff=", "\u202e=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := cell(s)
		if c != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(c)[0]) {
			t.Errorf("%q becomes %q", s, c)
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.UseCRLF = true
		must(t, w.Write([]string{c, "end"}))
		w.Flush()
		row, err := csv.NewReader(&b).Read()
		if err != nil || len(row) != 2 || row[0] != c {
			t.Errorf("%q becomes %q, read back as %q: %v", s, c, row, err)
		}
	})
}

// parseCEF reads an event as a peer would: seven fields divided by bars, then keys and values.
func parseCEF(line string) (header []string, extension map[string]string, err error) {
	var field strings.Builder
	i := 0
	for ; i < len(line) && len(header) < 7; i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			i++
			field.WriteByte(line[i])
		case line[i] == '|':
			header = append(header, field.String())
			field.Reset()
		default:
			field.WriteByte(line[i])
		}
	}
	if len(header) < 7 {
		return nil, nil, fmt.Errorf("%d fields in the header", len(header))
	}
	// A key is the word before an equals sign that is not escaped.
	extension = map[string]string{}
	rest := line[i:]
	var equals []int
	for j := 0; j < len(rest); j++ {
		switch rest[j] {
		case '\\':
			j++
		case '=':
			equals = append(equals, j)
		}
	}
	for n, at := range equals {
		key := rest[strings.LastIndexByte(rest[:at], ' ')+1 : at]
		end := len(rest)
		if n+1 < len(equals) {
			end = strings.LastIndexByte(rest[:equals[n+1]], ' ')
		}
		extension[key] = strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\n`, "\n", `\r`, "\r").Replace(rest[at+1 : max(at+1, end)])
	}
	return header, extension, nil
}

func TestCEFIsReadBack(t *testing.T) {
	all := hostile()
	header, e, err := parseCEF(cefOf(&all[0]))
	must(t, err)
	if header[0] != "CEF:0" || header[4] != "verdict:refuse" || header[6] != "6" {
		t.Errorf("header %q", header)
	}
	for key, want := range map[string]string{"suser": "a=b\r\nCEF:0|x @example.org", "shost": `+mx example|org\`, "c6a2": "2001:db8::1",
		"externalId": "01JD", "cs1": "subject", "cs2": "9.3", "cn1": "1", "act": "refuse", "in": "5120"} {
		if e[key] != want {
			t.Errorf("%s is %q, want %q", key, e[key], want)
		}
	}
	if _, _, severity := cefHead(&Record{Verdict: &Verdict{Disposition: "refuse", Findings: []Finding{{Rule: "marking", Disposition: "refuse"}}}}); severity != 9 {
		t.Errorf("a marking has severity %d", severity)
	}
}

func FuzzCEF(f *testing.F) {
	for _, s := range []string{"", `a\`, `|`, `=`, "\r\n", `\=`, `\\|`, "a b=c", "\xff\x00", "\u2028", strings.Repeat("=", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := Record{Seq: 1, Gate: s, Kind: KindAct, Act: &Act{Who: s, What: What(s), Reason: s, Details: map[string]string{s: s}}}
		line := cefOf(&r)
		if strings.ContainsAny(line, "\r\n\u2028") || !utf8.ValidString(line) {
			t.Fatalf("more than a line: %q", line)
		}
		header, e, err := parseCEF(line)
		if err != nil || len(header) != 7 || header[6] != "3" || e["cn1"] != "1" || e["cat"] != "act" {
			t.Errorf("%q is read as %q, %q: %v", line, header, e, err)
		}
		if len(line) > 16*(maxCEF+len(cutMark)) {
			t.Errorf("%d octets", len(line))
		}
	})
}

// What became of a message that was neither passed on nor refused shows in every format.
func TestExportOfEnds(t *testing.T) {
	for _, c := range []struct {
		v         Verdict
		csv, cefs string
	}{
		{Verdict{Held: true}, "false,", "outcome=held"},
		{Verdict{Dropped: true}, "true,", "outcome=dropped"},
		{Verdict{Released: "01JA"}, "false,01JA", "cs6=01JA outcome=released"},
	} {
		l := Line{Record: Record{Seq: 1, Kind: KindVerdict, Verdict: &c.v}}
		if got := strings.Join(csvRow(&l), ","); !strings.HasSuffix(got, ","+c.csv+",") {
			t.Errorf("%+v in CSV: %s", c.v, got)
		}
		if got := cefOf(&l.Record); !strings.HasSuffix(got, c.cefs) {
			t.Errorf("%+v in CEF: %s", c.v, got)
		}
	}
	l := Line{Record: Record{Kind: KindOutcome, Outcome: &Outcome{Held: true, Hold: "01JB"}}}
	if got := strings.Join(csvRow(&l), ","); !strings.HasSuffix(got, ",01JB") || !strings.Contains(cefOf(&l.Record), "cs6=01JB") {
		t.Errorf("an outcome in CSV: %s", got)
	}
}
