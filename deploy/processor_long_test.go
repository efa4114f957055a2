//go:build long

package deploy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// hertz is the unit of times in /proc: a hundredth of a second on every Linux that programs see (sysconf(_SC_CLK_TCK)).
const hertz = 100

// seconds of CPU, user and system: what the pieces of a stand had, and what the whole machine was busy with.
type seconds struct {
	gate, server, test, machine float64
}

func (s seconds) since(before seconds) seconds {
	return seconds{s.gate - before.gate, s.server - before.server, s.test - before.test, s.machine - before.machine}
}

// all is the CPU that mail costs: the gate's, the server's, and that of clients and next hop, which are this program.
func (s seconds) all() float64 { return s.gate + s.server + s.test }

// foreign is how much of the machine's work was for others.
func (s seconds) foreign() float64 { return (s.machine - s.all()) / s.machine }

// used tells what was used so far. What a process had that has ended is its parent's.
func (s *stand) used(t *testing.T) seconds {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(s.mx.Dir, "spool/pid/master.pid"))
	must(t, err)
	master, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	must(t, err)
	own := syscall.Rusage{}
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	all := processes(t)
	return seconds{gate: all.family(s.gate.PID()), server: all.family(master), machine: machineBusy(t),
		test: float64(own.Utime.Nano()+own.Stime.Nano()) / 1e9}
}

// process is what /proc/PID/stat says (proc(5)).
type process struct {
	parent int
	cpu    float64 // seconds, with children that have ended
}

type processTable map[int]process

func processes(t *testing.T) processTable {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	must(t, err)
	all := processTable{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil { // it has ended meanwhile
			continue
		}
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // from the third on
		p := process{}
		p.parent, err = strconv.Atoi(fields[1])
		must(t, err)
		for _, f := range fields[11:15] { // utime, stime, cutime, cstime
			n, err := strconv.ParseFloat(f, 64)
			must(t, err)
			p.cpu += n / hertz
		}
		all[pid] = p
	}
	return all
}

// family is the CPU of a process and all its descendants.
func (all processTable) family(root int) float64 {
	sum := all[root].cpu
	for pid, p := range all {
		if p.parent == root && pid != root {
			sum += all.family(pid)
		}
	}
	return sum
}

// machineBusy is how many seconds all of the machine's processors were not idle.
func machineBusy(t *testing.T) float64 {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	must(t, err)
	line, _, _ := strings.Cut(string(b), "\n")
	sum := 0.0
	for i, f := range strings.Fields(line)[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseFloat(f, 64)
		must(t, err)
		if i != 3 && i != 4 {
			sum += n / hertz
		}
	}
	return sum
}
