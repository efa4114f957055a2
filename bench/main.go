// Bench measures what the gate costs, beside what it is compared with, in turn, in one run: Postfix alone,
// the gate as a milter over a unix socket and over TCP, as a proxy filter and as a relay, floors that do the
// least that such a program can do, and other filters. Every run of a candidate stands between two runs
// without it, because machines drift by a third within half a minute.
//
//	go run ./bench -gate build/congthu
//
// It needs root and Debian's postfix; everything runs on 127.0.0.1 from private folders. The peers come from
// scripts/bench-peers; those that are not there are named and left out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	gate    string
	rounds  int
	small   int // mails of 5 kB in a run
	mix     int // mails of the mix in a run
	large   int // mails of 14 MB in a run
	paced   int // mails of 5 kB in a run that offers 20 a second
	burst   int // mails of 14 MB at once, for the peak of memory
	loads   string
	through string
	seed    uint64
	keep    bool
	files   bool

	role, listen, next string // when this process is one of the bench's own parts
}

func main() {
	var o options
	flag.StringVar(&o.gate, "gate", "build/congthu", "the gate's binary")
	flag.IntVar(&o.rounds, "rounds", 8, "rounds")
	flag.IntVar(&o.small, "small", 1000, "mails of 5 kB in a run")
	flag.IntVar(&o.mix, "mix", 300, "mails of the mix in a run")
	flag.IntVar(&o.large, "large", 16, "mails of 14 MB in a run")
	flag.IntVar(&o.paced, "paced", 100, "mails in a run that offers 20 a second")
	flag.IntVar(&o.burst, "burst", 40, "mails of 14 MB at once, for memory")
	flag.StringVar(&o.loads, "loads", "", "loads, of "+strings.Join(parts(), ",")+"; all when empty")
	flag.StringVar(&o.through, "through", "", "what is measured, of "+strings.Join(allKeys(), ",")+"; all when empty")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the intervals' resampling")
	flag.BoolVar(&o.keep, "keep", true, "the gate keeps its evidence log and its database")
	flag.BoolVar(&o.files, "files", true, "the gate looks into files for markings and dangerous content")
	flag.StringVar(&o.role, "play", "", "used by the bench itself: the part to play")
	flag.StringVar(&o.listen, "listen", "", "used by the bench itself: the part's address")
	flag.StringVar(&o.next, "next", "", "used by the bench itself: the part's next hop")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// The parts of a round.
const (
	partSmall  = "5kB"
	partPaced  = "paced"
	partMix    = "mix"
	partLarge  = "14MB"
	partMemory = "memory"
)

func parts() []string { return []string{partSmall, partPaced, partMix, partLarge, partMemory} }

func run(ctx context.Context, o options) (err error) {
	if o.role != "" {
		return play(o.role, o.listen, o.next)
	}
	if min(o.rounds, o.small, o.mix, o.large, o.paced, o.burst) < 1 {
		return errors.New("rounds and numbers of mails begin at 1")
	}
	all, err := chosen(o.through)
	if err != nil {
		return err
	}
	wanted := parts()
	if o.loads != "" {
		wanted = strings.Split(o.loads, ",")
	}
	for _, p := range wanted {
		if !slices.Contains(parts(), p) {
			return fmt.Errorf("no load is called %q", p)
		}
	}
	loads := o.make()
	fmt.Println(machine())
	s, err := newStand(o, all, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	t := newTable(o.seed)
	for r := range o.rounds {
		for _, part := range wanted {
			err = s.part(t, part, r, loads[part])
			if ctx.Err() != nil { // the gate may have had the same signal: its end is no finding
				err = errors.New("interrupted")
			}
			if err != nil { // what was measured until then is told all the same
				err = fmt.Errorf("round %d of %d, %s: %w", r+1, o.rounds, part, err)
				break
			}
		}
		if err != nil {
			break
		}
	}
	for _, m := range s.missing {
		fmt.Println("\nmissing:", m)
	}
	t.print(os.Stdout)
	return err
}

// part runs one part of a round and says how long it took.
func (s *stand) part(t *table, part string, round int, l load) (err error) {
	start := time.Now()
	if part == partMemory {
		err = s.peaks(t, l)
	} else {
		err = s.bracketed(t, part, round, l)
	}
	fmt.Fprintf(os.Stderr, "round %d, %s: %.0f s\n", round+1, part, time.Since(start).Seconds())
	return err
}

// make are the loads by the parts' names.
func (o options) make() map[string]load {
	turn := new(int)
	small := func(n int) func(int) ([]wire, error) {
		return func(turn int) ([]wire, error) { return smallMails(n, turn), nil }
	}
	large := func(turn int) ([]wire, error) { return attached("large", largeAttachment, turn) }
	return map[string]load{
		partSmall:  {make: small(o.small), turn: turn, count: o.small, sessions: 20},
		partPaced:  {make: small(o.paced), turn: turn, count: o.paced, sessions: 20, every: time.Second / 20},
		partMix:    {make: func(turn int) ([]wire, error) { return mixed(o.mix, turn) }, turn: turn, count: o.mix, sessions: 20},
		partLarge:  {make: large, turn: turn, count: o.large, sessions: 4},
		partMemory: {make: large, turn: turn, count: o.burst, sessions: o.burst},
	}
}
