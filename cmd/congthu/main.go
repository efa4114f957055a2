// Command congthu is a mail gate: a Postfix milter and an inline SMTP relay that make a ministry's
// e-mail regulation true.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"congthu/filter/extract"
)

// Exit codes. Scripts depend on them.
const (
	exitFine        = 0  // accepted or tagged, or fine
	exitFindings    = 1  // held or refused
	exitCannotJudge = 2  // could not judge
	exitUsage       = 64 // EX_USAGE of sysexits.h
	exitConfig      = 78 // EX_CONFIG
)

// exitError ends the program with a code; an empty text prints nothing.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// program is what a command gets from outside, so that tests can drive it.
type program struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
	reload <-chan os.Signal
}

type commands struct {
	Serve  serveCommand `cmd:"" help:"Run the gate. SIGHUP reloads the configuration; a bad one keeps the old."`
	Check  checkCommand `cmd:"" help:"Judge .eml files and say what would happen to them."`
	Config struct {
		Check configCheckCommand `cmd:"" help:"Read the configuration and say what is wrong with it."`
		Show  configShowCommand  `cmd:"" help:"Print the configuration in force, each value with where it came from."`
	} `cmd:"" help:"Look at the configuration."`
	Quarantine quarantineCommands `cmd:"" help:"Held mail: list, show, release, delete, export."`
	Exception  exceptionCommands  `cmd:"" help:"Exceptions by part hash."`
	Officer    officerCommands    `cmd:"" help:"The officers who can open held mail."`
	Log        logCommands        `cmd:"" help:"The evidence log: verify, export."`
	Store      storeCommands      `cmd:"" help:"The database: backup, restore, rebuild."`
	Console    consoleCommands    `cmd:"" help:"The security team's pages: invite people."`
	Trust      trustCommands      `cmd:"" help:"The anchors that signatures are judged by: list, import, check."`
	Dkim       dkimCommands       `cmd:"" help:"The keys that outgoing mail is signed with: keygen, record, check."`
	Demo       demoCommand        `cmd:"" help:"Try the gate out: starts it before a small practice mail server and sends sample mails through it."`
	Version    versionCommand     `cmd:"" help:"Print the version."`
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == extract.WorkerArgument {
		os.Exit(work())
	}
	if err := noCoreFiles(); err != nil {
		fmt.Fprintln(os.Stderr, "congthu:", err)
		os.Exit(exitCannotJudge)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	p := &program{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, now: time.Now, reload: hup}
	os.Exit(p.run(os.Args[1:]))
}

// run carries one command line out and returns the exit code.
func (p *program) run(args []string) int {
	var c commands
	code := -1
	parser, err := kong.New(&c, kong.Name("congthu"), kong.Writers(p.stdout, p.stderr), kong.UsageOnError(),
		kong.Description("Mail gate: judges each mail by the ministry's e-mail regulation, as a Postfix milter or an inline SMTP relay."),
		kong.Exit(func(n int) { code = n }))
	if err != nil {
		fmt.Fprintln(p.stderr, "congthu:", err)
		return exitUsage
	}
	k, err := parser.Parse(args)
	if code >= 0 { // --help was printed
		return code
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "congthu: %v\ncongthu --help lists the commands\n", err)
		return exitUsage
	}
	err = k.Run(p)
	var e *exitError
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &e):
		if e.err != nil {
			fmt.Fprintln(p.stderr, e.err)
		}
		return e.code
	}
	fmt.Fprintln(p.stderr, "congthu:", err)
	return exitCannotJudge
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(p *program) error {
	_, err := fmt.Fprintln(p.stdout, "congthu", version())
	return err
}

// version is the module's version and commit as the build recorded them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v += " " + s.Value[:12]
		}
	}
	return v
}
