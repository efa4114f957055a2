package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"congthu/filter/extract"
	"congthu/internal/peer"
)

func TestMain(m *testing.M) {
	worker := len(os.Args) == 2 && os.Args[1] == extract.WorkerArgument
	if worker || len(os.Args) == 4 && os.Args[1] == "log" { // a gate in a test has started it
		main()
	}
	if err := peer.ProgramsEndAtOnce(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testscript.Main(m, map[string]func(){"congthu": main})
}

// The command line as an operator types it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(e *testscript.Env) error {
		e.Setenv(peer.RaceOptions, os.Getenv(peer.RaceOptions))
		return nil
	}})
}
