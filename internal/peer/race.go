package peer

// Race tells whether the race detector is in the test's program: it multiplies processor time, each thing differently.
func Race() bool { return raceEnabled }
