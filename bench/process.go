package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ticks is the unit of /proc/PID/stat's times on Linux, in a second (USER_HZ).
const ticks = 100

// cpuSeconds is the user and system time that a process has used (proc(5), fields 14 and 15).
func cpuSeconds(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading a process's time: %w", err)
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // begins with field 3
	if len(f) < 13 {
		return 0, fmt.Errorf("reading a process's time: %q", b)
	}
	var sum float64
	for _, s := range f[11:13] {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0, fmt.Errorf("reading a process's time: %w", err)
		}
		sum += v
	}
	return sum / ticks, nil
}

// resetPeak makes VmHWM begin anew at what the process uses now (proc(5), clear_refs).
func resetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return fmt.Errorf("resetting a process's peak: %w", err)
	}
	return nil
}

// peakMiB is VmHWM: the most of the process that was in memory at once.
func peakMiB(pid int) (float64, error) {
	kib, err := kibIn(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
	return kib / 1024, err
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
