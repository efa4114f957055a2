// Command evaluate judges a labelled set of texts the way mail is judged and prints how well markings are told:
//
//	evaluate [-least RECALL,PRECISION,LEVEL] SET.jsonl
//
// It ends with 1 when a figure is below what -least asks for.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
)

func main() {
	least := flag.String("least", "0,0,0", "the least `recall,precision,level` accuracy that is good enough")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(64)
	}
	r, err := run(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "evaluate:", err)
		os.Exit(2)
	}
	if err := r.print(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "evaluate:", err)
		os.Exit(2)
	}
	ok, err := enough(r, *least)
	if err != nil {
		fmt.Fprintln(os.Stderr, "evaluate:", err)
		os.Exit(64)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(path string) (*Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the set: %w", err)
	}
	defer f.Close()
	items, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return Evaluate(items)
}

// enough compares the figures with the least wanted.
func enough(r *Result, least string) (bool, error) {
	ok := true
	words := strings.Split(least, ",")
	figures := []float64{r.Recall(), r.Precision(), r.LevelAccuracy()}
	if len(words) != len(figures) {
		return false, fmt.Errorf("-least %q has not three figures", least)
	}
	for i, w := range words {
		f, err := strconv.ParseFloat(strings.TrimSpace(w), 64)
		if err != nil {
			return false, fmt.Errorf("-least: %q is no number", w)
		}
		ok = ok && figures[i] >= f
	}
	return ok, nil
}
