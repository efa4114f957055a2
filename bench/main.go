// Bench measures what the gate costs: Postfix alone, Postfix with the gate as a milter over a unix
// socket and over TCP, and the relay in front of a sink, in turn, in one run. Every run of the gate
// stands between two runs without it, because machines drift by a third within half a minute.
//
//	go run ./bench -gate build/congthu
//
// It needs root and Debian's postfix; everything runs on 127.0.0.1 from private folders.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	gate   string
	rounds int
	small  int // mails of 5 kB in a run
	large  int // mails of 14 MB in a run
	paced  int // mails of 5 kB in a run that offers 20 a second
	only   string
}

func main() {
	var o options
	flag.StringVar(&o.gate, "gate", "build/congthu", "the gate's binary")
	flag.IntVar(&o.rounds, "rounds", 6, "rounds")
	flag.IntVar(&o.small, "small", 1000, "mails of 5 kB in a run")
	flag.IntVar(&o.large, "large", 16, "mails of 14 MB in a run")
	flag.IntVar(&o.paced, "paced", 80, "mails in a run that offers 20 a second")
	flag.StringVar(&o.only, "only", "", "parts to run, of "+strings.Join(parts(), ", ")+"; all when empty")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// The parts of a round.
const (
	partSmall  = "5kB"
	partPaced  = "paced"
	partLarge  = "14MB"
	partMemory = "memory"
)

func parts() []string { return []string{partSmall, partPaced, partLarge, partMemory} }

func run(o options) (err error) {
	fmt.Println(machine())
	b, err := newStand(o.gate)
	if err != nil {
		return err
	}
	defer func() {
		if serr := b.stop(); err == nil {
			err = serr
		}
	}()
	small, large := smallMails(o.small), largeMails()
	t := newTable()
	for r := range o.rounds {
		for _, part := range parts() {
			if o.only != "" && !strings.Contains(","+o.only+",", ","+part+",") {
				continue
			}
			start := time.Now()
			switch part {
			case partSmall:
				err = b.bracketed(t, part, r, load{mails: small, count: o.small, sessions: 20})
			case partPaced:
				err = b.bracketed(t, part, r, load{mails: small, count: o.paced, sessions: 20, every: time.Second / 20})
			case partLarge:
				err = b.bracketed(t, part, r, load{mails: large, count: o.large, sessions: 4})
			case partMemory:
				err = b.peaks(t, load{mails: large, count: 40, sessions: 40})
			}
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", r+1, part, err)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d, %s: %.0f s\n", r+1, o.rounds, part, time.Since(start).Seconds())
		}
	}
	t.print(os.Stdout)
	return nil
}
