package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ticks is the unit of /proc/PID/stat's times on Linux, in a second (USER_HZ).
const ticks = 100

// process is one line of /proc/PID/stat.
type process struct {
	parent int
	ended  float64 // user and system seconds of its ended children, in steps of 10 ms
}

// family is a process and all that descend from it and live.
func family(root int) (map[int]process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	all := map[int]process{}
	children := map[int][]int{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, p, err := readStat(string(b))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		all[pid] = p
		children[p.parent] = append(children[p.parent], pid)
	}
	if _, ok := all[root]; !ok {
		return nil, fmt.Errorf("process %d does not run", root)
	}
	out := map[int]process{}
	for todo := []int{root}; len(todo) > 0; {
		pid := todo[0]
		out[pid] = all[pid]
		todo = append(todo[1:], children[pid]...)
	}
	return out, nil
}

// readStat reads the fields 1, 4, 16 and 17 (proc(5)). A name may hold blanks and brackets.
func readStat(line string) (pid int, p process, err error) {
	i := strings.LastIndexByte(line, ')')
	f := strings.Fields(line[i+1:]) // begins with field 3
	if i < 0 || len(f) < 15 {
		return 0, p, fmt.Errorf("%q", line)
	}
	name, _, _ := strings.Cut(line, " ")
	if pid, err = strconv.Atoi(name); err != nil {
		return 0, p, err
	}
	if p.parent, err = strconv.Atoi(f[1]); err != nil {
		return 0, p, err
	}
	for _, s := range f[13:15] {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0, p, err
		}
		p.ended += v / ticks
	}
	return pid, p, nil
}

// cpuSeconds is the user and system time that a process, its children and their children have used.
func cpuSeconds(root int) (float64, error) {
	all, err := family(root)
	if err != nil {
		return 0, fmt.Errorf("reading the time of process %d: %w", root, err)
	}
	var sum float64
	for pid, p := range all {
		alone, err := cpuSecondsAlone(pid)
		if err != nil && pid == root {
			return 0, err
		}
		if err == nil { // else it ended meanwhile
			sum += alone + p.ended
		}
	}
	return sum, nil
}

// cpuSecondsAlone is what a process itself has used. Its clock (clock_getcpuclockid(3)) counts nanoseconds, where
// stat counts ticks.
func cpuSecondsAlone(pid int) (float64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
		return 0, fmt.Errorf("reading the time of process %d: %w", pid, err)
	}
	return float64(ts.Nano()) / 1e9, nil
}

// resetPeak makes VmHWM of a process and its children begin anew at what they use now (proc(5), clear_refs).
func resetPeak(root int) error {
	all, err := family(root)
	if err != nil {
		return fmt.Errorf("resetting a process's peak: %w", err)
	}
	for pid := range all {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
			return fmt.Errorf("resetting a process's peak: %w", err)
		}
	}
	return nil
}

// peakMiB is the sum of VmHWM over a process and its children: the most of each that was in memory at once.
// Pages that they share count for each.
func peakMiB(root int) (float64, error) {
	all, err := family(root)
	if err != nil {
		return 0, fmt.Errorf("reading a process's peak: %w", err)
	}
	var sum float64
	for pid := range all {
		kib, err := kibIn(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
		if err != nil {
			return 0, fmt.Errorf("reading a process's peak: %w", err)
		}
		sum += kib / 1024
	}
	return sum, nil
}

// kibIn reads "NAME   123 kB" out of a file of /proc.
func kibIn(file, name string) (float64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			return strconv.ParseFloat(f[1], 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}

// sharedPeak watches how much anonymous memory files and tmpfs take on the whole machine (Shmem): the gate
// keeps large messages there, and VmHWM does not count them.
type sharedPeak struct {
	start, peak float64
	stop        chan struct{}
	wg          sync.WaitGroup
}

func watchShared() (*sharedPeak, error) {
	now, err := kibIn("/proc/meminfo", "Shmem:")
	if err != nil {
		return nil, fmt.Errorf("reading the machine's shared memory: %w", err)
	}
	s := &sharedPeak{start: now, peak: now, stop: make(chan struct{})}
	s.wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
				if now, err := kibIn("/proc/meminfo", "Shmem:"); err == nil {
					s.peak = max(s.peak, now)
				}
			}
		}
	})
	return s, nil
}

// mib ends the watch and tells by how much it grew at most.
func (s *sharedPeak) mib() float64 {
	close(s.stop)
	s.wg.Wait()
	return (s.peak - s.start) / 1024
}

// machine says what the figures were measured on.
func machine() string {
	var u unix.Utsname
	kernel := "?"
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	cpu := "?"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name\t: "); ok {
			cpu, _, _ = strings.Cut(rest, "\n")
		}
	}
	return fmt.Sprintf("%s, %d cores %s, Linux %s, %s", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), cpu, kernel, runtime.Version())
}
