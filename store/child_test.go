package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"time"

	_ "modernc.org/sqlite"

	"congthu/store"
)

// childArg begins the arguments of this binary when a test starts it as another process.
const childArg = "-store-child"

// child does one thing in another process, and says on its standard output how far it came.
func child(what, path string) {
	switch what {
	case "hold":
		holdForEver(path)
	case "lock":
		lockForEver(path)
	}
}

// holdForEver holds one message after another and says which are durable.
func holdForEver(path string) {
	s, err := store.Open(context.Background(), store.Options{DSN: "sqlite:" + path})
	fatal(err)
	run := time.Now().UnixNano()
	for i := 0; ; i++ {
		id := fmt.Sprintf("%d-%d", run, i)
		size := 2000
		if i%3 == 2 {
			size = 2 << 20 // more than is sealed before the transaction begins
		}
		content := noise(id, size)
		now := time.Now()
		_, err := s.Hold(context.Background(), store.Hold{ID: id, Time: now, Expires: now.Add(time.Hour),
			Recipients: []string{"an@monre.gov.vn"}, SHA256: hash(content)}, bytes.NewReader(content))
		fatal(err)
		fmt.Println(id, size)
	}
}

// lockForEver takes the database's lock for writing.
func lockForEver(path string) {
	db, err := sql.Open("sqlite", path)
	fatal(err)
	db.SetMaxOpenConns(1)
	_, err = db.Exec("BEGIN IMMEDIATE")
	fatal(err)
	fmt.Println("locked")
	time.Sleep(time.Hour)
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
