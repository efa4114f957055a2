package peer

import "os"

// Race tells whether the race detector is in the test's program: it multiplies processor time, each thing differently.
func Race() bool { return raceEnabled }

// RaceOptions names the environment variable in which the race detector looks for its options, and EndAtOnce is the value
// under which a program ends when it ends. Else it stays for a second (atexit_sleep_ms of the Go race detector's manual):
// every command that a test runs, and every gate that it stops.
const (
	RaceOptions = "GORACE"
	EndAtOnce   = "atexit_sleep_ms=0"
)

// ProgramsEndAtOnce has the programs that this process starts from now on end without that second. Options that are
// set already come behind it and so win.
func ProgramsEndAtOnce() error {
	return os.Setenv(RaceOptions, EndAtOnce+" "+os.Getenv(RaceOptions))
}
