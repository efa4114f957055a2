package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/sys/unix"
)

// schema holds the steps from an empty database to today's.
//
//go:embed migrations/sqlite/*.sql
var schema embed.FS

// Waiting for another process that brings the schema up to date.
const (
	migrateWait  = 30 * time.Second
	migrateRetry = 20 * time.Millisecond
)

// migrations is the way from any older schema to this version's.
func migrations(db *sql.DB) (*goose.Provider, error) {
	steps, err := fs.Sub(schema, "migrations/sqlite")
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, steps, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	return p, nil
}

// migrate brings the schema up to date, one process at a time.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	p, err := migrations(db)
	if err != nil {
		return err
	}
	if done, err := upToDate(ctx, p); done || err != nil {
		return err
	}
	// Others are waited for so long; the steps themselves take their time with millions of messages.
	waiting, cancel := context.WithTimeout(ctx, migrateWait)
	defer cancel()
	for {
		lock, err := lockFile(path+".migrate", unix.LOCK_EX)
		if err == nil {
			defer lock.Close()
			break
		}
		if !errors.Is(err, ErrInUse) {
			return err
		}
		select {
		case <-waiting.Done():
			return fmt.Errorf("waiting for another process that changes the schema: %w: %w", ErrLocked, waiting.Err())
		case <-time.After(migrateRetry):
		}
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bringing the schema up to date: %w", err)
	}
	return nil
}

// upToDate tells whether nothing is to be done; a database from the future is an error.
func upToDate(ctx context.Context, p *goose.Provider) (bool, error) {
	has, wants, err := p.GetVersions(ctx)
	if err != nil {
		return false, fmt.Errorf("reading the version of the schema: %w", err)
	}
	if has > wants {
		return false, fmt.Errorf("%w: schema %d, this one knows %d", ErrNewer, has, wants)
	}
	return has == wants, nil
}
