package store

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxWord is the longest value in a filter that somebody types, in octets.
const maxWord = 1024

// words reads "key=value" words, each key once.
func words(all []string, keys map[string]func(string) error) error {
	seen := map[string]bool{}
	for _, w := range all {
		key, value, ok := strings.Cut(w, "=")
		set, known := keys[key]
		switch {
		case !ok || value == "":
			return fmt.Errorf("%w: %q is not key=value", ErrInvalid, w)
		case !known:
			return fmt.Errorf("%w: there is no filter %q; the filters are %s", ErrInvalid, key, strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
		case seen[key]:
			return fmt.Errorf("%w: %q stands there twice", ErrInvalid, key)
		}
		if err := printable(maxWord, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if err := set(value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		seen[key] = true
	}
	return nil
}

// text takes a value as it is.
func text(into *string) func(string) error {
	return func(s string) error { *into = s; return nil }
}

// number takes the rows of a page.
func number(into *int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > MaxPage {
			return fmt.Errorf("%w: %q is not a number from 1 to %d", ErrInvalid, s, MaxPage)
		}
		*into = n
		return nil
	}
}

// moment takes a time: a day, a day with a time, both in the zone of now, RFC 3339, or how long ago ("36h",
// "7d").
func moment(into *time.Time, now time.Time) func(string) error {
	return func(s string) error {
		for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
			if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
				*into = t
				return nil
			}
		}
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			*into = t
			return nil
		}
		if days, ok := strings.CutSuffix(s, "d"); ok {
			if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
				*into = now.AddDate(0, 0, -n)
				return nil
			}
		}
		if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
			*into = now.Add(-ago)
			return nil
		}
		return fmt.Errorf("%w: %q is no time: write 2026-03-02, 2026-03-02T15:04, 36h or 7d", ErrInvalid, s)
	}
}

// ParseFilter reads what an officer types for a list of held messages: words like "state=held",
// "rule=uninspected", "unit=…", "recipient=…", "sender=…", "confirmed=yes", "id=…", "since=7d", "until=2026-03-02", "limit=100", "after=…".
// Times without a zone are in that of now.
func ParseFilter(typed []string, now time.Time) (f Filter, err error) {
	err = words(typed, map[string]func(string) error{
		"state": func(s string) error {
			f.State = State(s)
			if !f.State.Undecided() && f.State != StateUndecided && f.State != StateReleased && f.State != StateDeleted {
				return fmt.Errorf("%w: %q is no state (held, expired, releasing, undecided, released, deleted)", ErrInvalid, s)
			}
			return nil
		},
		"confirmed": func(s string) error {
			if s != "yes" {
				return fmt.Errorf("%w: only confirmed=yes can be asked for", ErrInvalid)
			}
			f.Confirmed = true
			return nil
		},
		"rule": text(&f.Rule), "unit": text(&f.Unit), "recipient": text(&f.Recipient), "sender": text(&f.Sender), "id": text(&f.Text), "after": text(&f.After),
		"since": moment(&f.Since, now), "until": moment(&f.Until, now), "limit": number(&f.Limit),
	})
	return f, err
}

// ParseMessageFilter reads what somebody types for a search of messages, as ParseFilter: the keys are gate, id,
// queue, client, sender, recipient, unit, direction, disposition, rule, clause, sha256, held=yes, since, until,
// limit and after.
func ParseMessageFilter(typed []string, now time.Time) (f MessageFilter, err error) {
	err = words(typed, map[string]func(string) error{
		"gate": text(&f.Gate), "id": text(&f.ID), "queue": text(&f.QueueID), "client": text(&f.Client), "sender": text(&f.Sender),
		"recipient": text(&f.Recipient), "unit": text(&f.Unit), "direction": text(&f.Direction), "disposition": text(&f.Disposition),
		"rule": text(&f.Rule), "clause": text(&f.Clause), "sha256": text(&f.SHA256),
		"held": func(s string) error {
			if s != "yes" {
				return fmt.Errorf("%w: only held=yes can be asked for", ErrInvalid)
			}
			f.Held = true
			return nil
		},
		"after": func(s string) error {
			f.After = s
			_, _, _, err := parseCursor(s)
			return err
		},
		"since": moment(&f.Since, now), "until": moment(&f.Until, now), "limit": number(&f.Limit),
	})
	return f, err
}
