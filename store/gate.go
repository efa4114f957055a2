package store

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrSameGate says that a gate of the same name serves with the database.
var ErrSameGate = errors.New("another gate of the same name serves with this database")

// LockGate keeps other gates of that name away from the database, until the file is closed or the process ends. The
// index has one place in the evidence for each name: two logs under one would take each other's records for their own.
func (s *Store) LockGate(gate string) (*os.File, error) {
	f, err := lockFile(s.path+".gate-"+fileName(gate), unix.LOCK_EX)
	if errors.Is(err, ErrInUse) {
		return nil, fmt.Errorf("opening the store for the gate %q: %w", gate, ErrSameGate)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the store for the gate %q: %w", gate, err)
	}
	return f, nil
}

// maxFileName is the longest part of a file's name that is made of a gate's, in octets.
const maxFileName = 64

// fileName is a text as a part of a file's name. Texts that become the same are told apart by their hash.
func fileName(s string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, s)
	if plain == s && len(s) <= maxFileName {
		return s
	}
	return plain[:min(len(plain), maxFileName)] + "_" + hashText(s)[:16]
}
