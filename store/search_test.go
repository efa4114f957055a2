package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/filter/evidence"
	"congthu/store"
)

func TestSearch(t *testing.T) {
	g := newLog(t)
	start := g.clock.Now()
	g.traffic(t, 0, 12)
	d := newDesk(t, "")
	if _, err := d.Rebuild(t.Context(), filepath.Clean(g.dir)); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]store.MessageFilter{
		"11 10 9 8 7 6 5 4 3 2 1 0": {}, "9 6 3 0": {Rule: "subject"}, " 9 6 3 0": {Clause: "10.2"}, "9 6 3 0 ": {Disposition: "refuse"},
		"11 10 9": {Limit: 3}, "4": {ID: "01M00004"}, "7": {QueueID: "Q7"}, "8 1": {Sender: "S1@example.com"}, "10 5 0": {Recipient: "r0@monre.gov.vn"},
		"11 9 7 5 3 1": {Unit: "tcmt"}, "10 0": {Held: true}, "2 1 0": {Until: start.Add(3 * time.Hour)}, "11": {Since: start.Add(12 * time.Hour)},
		" 9 6 3 0 ": {SHA256: strings.ToUpper(hash([]byte("part")))}, "5": {SHA256: hash([]byte{5})}, "": {Gate: "mx2"}, " ": {Client: "192.0.2.2"},
		"11 10 8 7 5 4 2 1": {Direction: "inbound"},
	} {
		all, next, err := d.Search(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range all {
			got = append(got, strings.TrimLeft(strings.TrimPrefix(m.Verdict.ID, "01M"), "0"))
			if got[len(got)-1] == "" {
				got[len(got)-1] = "0"
			}
		}
		if strings.Join(got, " ") != strings.TrimSpace(want) || (next != "") != (f.Limit == 3) {
			t.Errorf("%+v: %v, next %q", f, got, next)
		}
	}
	// Every message is on one page, whole.
	var pages []store.Message
	for f := (store.MessageFilter{Limit: 5}); ; {
		all, next, err := d.Search(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, all...)
		if f.After = next; next == "" {
			break
		}
	}
	if len(pages) != 12 {
		t.Fatalf("%d on pages", len(pages))
	}
	byID := map[string]evidence.Verdict{}
	for _, l := range readAll(t, g.dir) {
		if l.Verdict != nil {
			byID[l.Verdict.ID] = *l.Verdict
		}
	}
	for _, m := range pages {
		want := byID[m.Verdict.ID]
		want.Held = m.Outcome != nil && m.Outcome.Held
		if diff := cmp.Diff(want, m.Verdict); diff != "" {
			t.Error(diff)
		}
		if m.Outcome == nil || m.Outcome.NextHop != "127.0.0.1:10026" || m.Outcome.Reply != "250 ok" || m.OutcomeAt.IsZero() || m.Gate != "mx1" {
			t.Errorf("%+v", m)
		}
	}
	if _, _, err := d.Search(t.Context(), store.MessageFilter{After: "1.x.mx1"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("%v", err)
	}
	acts, next, err := d.Acts(t.Context(), store.ActFilter{Who: "an@monre.gov.vn", Limit: 2})
	if err != nil || len(acts) != 2 || next == "" || acts[0].Object != "01M00008" || acts[0].What != evidence.View || acts[0].Details["a"] != "1" {
		t.Fatalf("%+v %q %v", acts, next, err)
	}
	acts, next, err = d.Acts(t.Context(), store.ActFilter{Who: "an@monre.gov.vn", Limit: 2, After: next})
	if err != nil || len(acts) != 1 || next != "" || acts[0].Object != "01M00000" {
		t.Errorf("%+v %q %v", acts, next, err)
	}
	if acts, _, err := d.Acts(t.Context(), store.ActFilter{What: evidence.Release}); err != nil || len(acts) != 0 {
		t.Errorf("%+v %v", acts, err)
	}
}

// Statistics count a message once for its unit, and once for each mailbox that it is of.
func TestDaily(t *testing.T) {
	g := newLog(t)
	verdict := func(direction, disposition, from string, bytes int64, to []string, clauses ...string) {
		v := evidence.Verdict{ID: fmt.Sprint(bytes), Direction: direction, Disposition: disposition, ReversePath: from, Recipients: to, Bytes: bytes, Unit: "vp"}
		for _, c := range clauses {
			v.Findings = append(v.Findings, evidence.Finding{Rule: "r", Clause: c, Disposition: "tag"})
		}
		v.Findings = append(v.Findings, evidence.Finding{Rule: "signature", Clause: "9.2", Disposition: "accept"})
		g.append(t, evidence.Record{Kind: evidence.KindVerdict, Verdict: &v})
	}
	verdict("inbound", "accept", "x@example.com", 10, []string{"an@monre.gov.vn", "AN@monre.gov.vn", "binh@monre.gov.vn"}, "9.3", "9.3", "10.2")
	verdict("outbound", "refuse", "An@Monre.gov.vn", 100, []string{"x@example.com", "y@example.com"}, "9.3")
	g.clock.add(9*time.Hour - time.Second) // 16:59:59 UTC: still the same day in Vietnam
	verdict("inbound", "accept", "x@example.com", 1000, []string{"an@monre.gov.vn"})
	g.clock.add(time.Second)
	verdict("inbound", "accept", "x@example.com", 10000, []string{"an@monre.gov.vn"})
	d := newDesk(t, "")
	d.index(t, g)
	list := func(read func(context.Context, store.DailyFilter, func(store.Daily) error) error, f store.DailyFilter) string {
		var out []string
		err := read(t.Context(), f, func(x store.Daily) error {
			out = append(out, fmt.Sprintf("%s %s %s %s %s %q %d %d", x.Day[8:], x.Mailbox, x.Unit, x.Direction, x.Disposition, x.Clause, x.Messages, x.Bytes))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(out, "\n")
	}
	for name, c := range map[string]struct{ got, want string }{
		"units": {list(d.Units, store.DailyFilter{Clause: store.AnyClause}), `02  vp inbound accept "" 2 1010
02  vp inbound accept "10.2" 1 10
02  vp inbound accept "9.3" 1 10
02  vp outbound refuse "" 1 100
02  vp outbound refuse "9.3" 1 100
03  vp inbound accept "" 1 10000`},
		"mailboxes": {list(d.Mailboxes, store.DailyFilter{}), `02 an@monre.gov.vn vp inbound accept "" 2 1010
02 an@monre.gov.vn vp outbound refuse "" 1 100
02 binh@monre.gov.vn vp inbound accept "" 1 10
03 an@monre.gov.vn vp inbound accept "" 1 10000`},
		"one": {list(d.Mailboxes, store.DailyFilter{Mailbox: "AN@monre.gov.vn", From: "2026-03-02", To: "2026-03-02", Unit: "vp", Direction: "inbound", Disposition: "accept", Clause: "9.3"}),
			`02 an@monre.gov.vn vp inbound accept "9.3" 1 10`},
		"none": {list(d.Units, store.DailyFilter{From: "2026-03-04"}), ""},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
