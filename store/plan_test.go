package store_test

import (
	"database/sql"
	"strings"
	"testing"

	"congthu/store"
)

// plan is how SQLite would answer a query.
func plan(t *testing.T, path, query string, args []any) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var id, parent, unused int
		var what string
		if err := rows.Scan(&id, &parent, &unused, &what); err != nil {
			t.Fatal(err)
		}
		all = append(all, what)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// A search never goes through all messages: it looks up what few have, or reads in the order of the list by an index.
func TestSearchPlans(t *testing.T) {
	d := newDesk(t, "")
	for name, x := range map[string]struct {
		filter store.MessageFilter
		little bool
	}{
		"id": {store.MessageFilter{ID: "01A"}, false}, "queue": {store.MessageFilter{QueueID: "4F1"}, false}, "sha256": {store.MessageFilter{SHA256: "00"}, false},
		"sender": {store.MessageFilter{Sender: "a@b.vn"}, false}, "disposition": {store.MessageFilter{Disposition: "refuse"}, false},
		"client": {store.MessageFilter{Client: "192.0.2.1", Disposition: "refuse"}, false}, "held": {store.MessageFilter{Held: true}, false},
		"recipient": {store.MessageFilter{Recipient: "a@b.vn"}, true}, "rule": {store.MessageFilter{Rule: "virus"}, true}, "clause": {store.MessageFilter{Clause: "9.3", Unit: "vp"}, true},
		"recipient since": {store.MessageFilter{Recipient: "a@b.vn", Since: d.clock.Now(), Disposition: "refuse"}, true},
		"all":             {store.MessageFilter{}, false}, "rule of many": {store.MessageFilter{Rule: "subject", Unit: "vp"}, false}, "recipient of many": {store.MessageFilter{Recipient: "a@b.vn"}, false},
	} {
		query, args, err := store.SearchQuery(x.filter, x.little)
		if err != nil {
			t.Fatal(err)
		}
		got := plan(t, d.path, query, args)
		inOrder := strings.Contains(got, "SCAN m USING INDEX message_at") // until a page is full
		if strings.Contains(got, "SCAN m") && !strings.Contains(got, "SCAN m USING INDEX message_") || inOrder != (name == "all" || strings.HasSuffix(name, "of many")) {
			t.Errorf("%s:\n%s", name, got)
		}
		if needs := "USING TEMP B-TREE FOR ORDER BY"; !x.little && strings.Contains(got, needs) && x.filter.ID+x.filter.QueueID+x.filter.SHA256 == "" {
			t.Errorf("%s is sorted whole:\n%s", name, got)
		}
	}
}
