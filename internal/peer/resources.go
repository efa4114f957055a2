package peer

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Resources is what this process holds.
type Resources struct {
	Goroutines, Descriptors, MemoryFiles, Files int
	Heap                                        int64 // octets in use
}

// ResourceHead is the line above several Resources.
const ResourceHead = "goroutines descriptors memory-files files heap-KiB"

func (r Resources) String() string {
	return fmt.Sprintf("%10d %11d %12d %5d %8d", r.Goroutines, r.Descriptors, r.MemoryFiles, r.Files, r.Heap>>10)
}

// OwnResources looks at /proc and at the runtime, after a collection. Files are those on a disk or in a folder for
// temporary ones, memory files have no name; both are counted among the descriptors too.
func OwnResources() (r Resources, err error) {
	runtime.GC()
	runtime.GC() // what pools hold is gone after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Goroutines, r.Heap = runtime.NumGoroutine(), int64(m.HeapAlloc)
	const folder = "/proc/self/fd"
	list, err := os.ReadDir(folder)
	if err != nil {
		return r, fmt.Errorf("counting descriptors: %w", err)
	}
	for _, e := range list {
		link, err := os.Readlink(folder + "/" + e.Name())
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue // that of the folder itself, closed meanwhile
		case err != nil:
			return r, fmt.Errorf("counting descriptors: %w", err)
		case strings.HasPrefix(link, "/memfd:"):
			r.MemoryFiles++
		case strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "/dev/"):
			r.Files++
		}
		r.Descriptors++
	}
	return r, nil
}

// heapSlack is how many octets more of the heap may be in use: what is made once and kept, such as tables of TLS.
const heapSlack = 8 << 20

// GivenBack waits, up to patience, until the process holds no more than before, and returns what it holds.
func GivenBack(before Resources, patience time.Duration) (after Resources, err error) {
	wait := Wait(patience, "what was taken to be given back", func() bool {
		after, err = OwnResources()
		return err != nil || after.Goroutines <= before.Goroutines && after.Descriptors <= before.Descriptors &&
			after.MemoryFiles <= before.MemoryFiles && after.Files <= before.Files && after.Heap <= before.Heap+heapSlack
	})
	return after, errors.Join(err, wait)
}
