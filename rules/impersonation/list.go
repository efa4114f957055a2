package impersonation

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// What a list of officials may hold.
const (
	maxFile      = 4 << 20 // octets
	maxOfficials = 20_000
)

// Error is what is wrong with a list of officials. Line is 0 for the file as a whole.
type Error struct {
	File    string
	Line    int
	Problem string
}

// Error is "officials.csv:3: …".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}

// Load reads a list of officials. hash is the SHA-256 of the file, hex.
func Load(path string) (list []Official, hash string, err error) {
	name := filepath.Base(path)
	f, err := os.Open(path)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, "", &Error{File: name, Problem: "cannot be read: " + err.Error()}
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, "", &Error{File: name, Problem: "is no file (a folder, a device or a pipe)"}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, "", &Error{File: name, Problem: "cannot be read: " + err.Error()}
	}
	sum := sha256.Sum256(data)
	list, err = Parse(name, data)
	return list, hex.EncodeToString(sum[:]), err
}

// Parse reads a list of officials: a table (RFC 4180) in UTF-8 whose first line names the columns, of name, addresses and
// unit. Fields are parted by commas, or by semicolons, as Excel writes them; addresses by blanks. A line that begins with #
// is passed over. file is its name in errors.
func Parse(file string, data []byte) ([]Official, error) {
	bad := func(line int, format string, args ...any) error {
		return &Error{File: file, Line: line, Problem: fmt.Sprintf(format, args...)}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // Windows programs write one
	switch {
	case len(data) > maxFile:
		return nil, bad(0, "is longer than %d octets", maxFile)
	case !utf8.Valid(data):
		return nil, bad(0, "is not in UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)")
	}
	table := csv.NewReader(bytes.NewReader(data))
	table.Comment, table.FieldsPerRecord, table.TrimLeadingSpace = '#', -1, true
	if head := headLine(data); strings.Contains(head, ";") && !strings.Contains(head, ",") {
		table.Comma = ';'
	}
	var columns []string
	var out []Official
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var p *csv.ParseError
			if errors.As(err, &p) {
				return nil, bad(p.Line, "%v: a field with a quote in it goes between quotes, and its own quotes are doubled", p.Err)
			}
			return nil, bad(0, "%v", err)
		}
		line, _ := table.FieldPos(0)
		if columns == nil {
			if columns, err = columnsOf(row); err != nil {
				return nil, bad(line, "%v", err)
			}
			continue
		}
		o, err := rowOf(columns, row)
		switch {
		case err != nil:
			return nil, bad(line, "%v", err)
		case len(out) == maxOfficials:
			return nil, bad(line, "is the %dth official: at most %d are compared", maxOfficials+1, maxOfficials)
		case o.Name != "":
			out = append(out, o)
		}
	}
	if columns == nil {
		return nil, bad(0, "is empty: its first line names the columns: name,addresses,unit")
	}
	return out, nil
}

func headLine(data []byte) string {
	for line := range bytes.Lines(data) {
		if s := strings.TrimSpace(string(line)); s != "" && s[0] != '#' {
			return s
		}
	}
	return ""
}

func columnsOf(row []string) ([]string, error) {
	var columns []string
	for _, c := range row {
		c = strings.ToLower(strings.TrimSpace(c))
		switch {
		case !slices.Contains([]string{"name", "addresses", "unit"}, c):
			return nil, fmt.Errorf("%q is no column: the first line is name,addresses,unit", c)
		case slices.Contains(columns, c):
			return nil, fmt.Errorf("the column %s is there twice: keep one", c)
		}
		columns = append(columns, c)
	}
	if !slices.Contains(columns, "name") {
		return nil, errors.New("there is no column name: the first line is name,addresses,unit")
	}
	return columns, nil
}

// rowOf is an official; one without a name is an empty line.
func rowOf(columns, row []string) (o Official, err error) {
	for i, value := range row {
		value = strings.TrimSpace(value)
		switch {
		case value == "":
		case i >= len(columns):
			return o, errors.New("has more fields than the first line has columns: put a text with a separator in it between quotes")
		case columns[i] == "name":
			o.Name = value
		case columns[i] == "unit":
			o.Unit = value
		default:
			o.Addresses = strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '\n' || r == '\r' || r == '\t' })
		}
	}
	if o.Name == "" && (o.Unit != "" || len(o.Addresses) > 0) {
		return o, errors.New("has no name: write it into the column name, or # before the line to pass over it")
	}
	if o.Name != "" {
		return o, o.check()
	}
	return o, nil
}
