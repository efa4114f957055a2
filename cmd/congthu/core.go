package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// noCoreFiles forbids a file of this process's memory, and of its children's: it may hold mail, and an officer's
// command what was decrypted. The unit says so too, but not everybody starts the gate with it.
func noCoreFiles() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbidding core files: %w", err)
	}
	return nil
}
