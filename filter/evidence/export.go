package evidence

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"time"
)

// Format is how records are written for others.
type Format string

// The formats.
const (
	JSONL Format = "jsonl" // the lines as they stand in the log
	CEF   Format = "cef"   // ArcSight's Common Event Format, one event a line
	CSV   Format = "csv"   // RFC 4180 with a header line, for spreadsheets: UTF-8 with a byte order mark, no formulas
)

// ParseFormat reads a format's name.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case JSONL, CEF, CSV:
		return f, nil
	}
	return "", fmt.Errorf("%q is no format of the evidence (jsonl, cef, csv)", s)
}

// ErrNoLog is the error of Export where no gate ever kept its evidence.
var ErrNoLog = errors.New("there is no evidence in this folder")

// Export writes the records of the log in dir from a time on and before another; a zero time is no bound.
// A damaged log is exported as far as it can be read: the error, a *Fault, comes after everything else. Where no log is,
// nothing is written, and the error is ErrNoLog.
func Export(ctx context.Context, w io.Writer, dir string, format Format, from, to time.Time) error {
	switch files, err := listFiles(dir); {
	case err != nil:
		return fmt.Errorf("exporting the evidence: %w", err)
	case len(files) == 0 && !locked(dir): // a gate that only starts has no file yet
		return fmt.Errorf("exporting the evidence: %w: %s", ErrNoLog, dir)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	write, flush, err := exporter(out, format)
	if err != nil {
		return err
	}
	err = Scan(ctx, dir, 1, func(lines []Line) error {
		for _, l := range lines {
			if l.Time.Before(from) || !to.IsZero() && !l.Time.Before(to) {
				continue
			}
			if err := write(&l); err != nil {
				return err
			}
		}
		return nil
	})
	if ferr := flush(); err == nil {
		err = ferr
	}
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	if err != nil {
		return fmt.Errorf("exporting the evidence: %w", err)
	}
	return nil
}

// exporter writes records to out in a format.
func exporter(out *bufio.Writer, format Format) (write func(*Line) error, flush func() error, err error) {
	nothing := func() error { return nil }
	switch format {
	case JSONL:
		return func(l *Line) error {
			out.Write(l.Raw) // an error comes again with the next octet
			return out.WriteByte('\n')
		}, nothing, nil
	case CEF:
		return func(l *Line) error {
			out.WriteString(cefOf(&l.Record))
			return out.WriteByte('\n')
		}, nothing, nil
	case CSV:
		if _, err := out.WriteString("\ufeff"); err != nil {
			return nil, nil, err
		}
		c := csv.NewWriter(out)
		c.UseCRLF = true // RFC 4180 section 2
		if err := c.Write(csvColumns()); err != nil {
			return nil, nil, err
		}
		return func(l *Line) error { return c.Write(csvRow(l)) }, func() error { c.Flush(); return c.Error() }, nil
	}
	return nil, nil, fmt.Errorf("%q is no format of the evidence", format)
}
