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

// A search for what few messages have looks those up; it never goes through all messages.
func TestSearchPlans(t *testing.T) {
	d := newDesk(t, "")
	for name, f := range map[string]store.MessageFilter{
		"id": {ID: "01A"}, "queue": {QueueID: "4F1"}, "sender": {Sender: "a@b.vn"}, "recipient": {Recipient: "a@b.vn"}, "sha256": {SHA256: "00"},
		"all": {}, "recipient since": {Recipient: "a@b.vn", Since: d.clock.Now(), Disposition: "refuse"},
	} {
		query, args, err := store.SearchQuery(f)
		if err != nil {
			t.Fatal(err)
		}
		got := plan(t, d.path, query, args)
		if strings.Contains(got, "SCAN m") != (name == "all") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}
