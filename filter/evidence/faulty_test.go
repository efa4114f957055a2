package evidence

import (
	"bytes"
	"sync"
)

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *counter) get() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// faults are what a faultyFile does wrong at the moment.
type faults struct {
	mu    sync.Mutex
	write error // after half of the octets
	sync  error
	open  error
}

func (f *faults) set(write, sync, open error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write, f.sync, f.open = write, sync, open
}

func (f *faults) get() (write, sync, open error) {
	if f == nil {
		return nil, nil, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write, f.sync, f.open
}

// faultyFile is a file whose disk is full, or broken, when its faults say so.
type faultyFile struct {
	file
	gate   *gate
	syncs  *counter
	faults *faults
	failed bool // a write or fsync failed on this descriptor
	after  *counter
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if f.failed {
		f.after.add()
	}
	if f.gate != nil {
		f.gate.wrote(b)
	}
	if err, _, _ := f.faults.get(); err != nil {
		f.failed = true
		n, _ := f.file.Write(b[:len(b)/2])
		return n, err
	}
	return f.file.Write(b)
}

func (f *faultyFile) Sync() error {
	if f.failed {
		f.after.add()
	}
	if _, err, _ := f.faults.get(); err != nil {
		f.failed = true
		return err
	}
	if f.gate != nil {
		f.gate.pass()
	}
	if f.syncs != nil {
		f.syncs.add()
	}
	return f.file.Sync()
}

// gate holds fsyncs up while it is shut, and looks at what is written.
type gate struct {
	mu      sync.RWMutex // held for writing while it is shut
	looks   sync.Mutex
	most    int // lines of one write
	biggest int // octets of one write
}

func (g *gate) pass() {
	g.mu.RLock()
	defer g.mu.RUnlock()
}

func (g *gate) wrote(b []byte) {
	g.looks.Lock()
	defer g.looks.Unlock()
	g.most, g.biggest = max(g.most, bytes.Count(b, []byte("\n"))), max(g.biggest, len(b))
}

// faultyDisk opens files that have faults, and counts what is done to a descriptor after it failed.
func faultyDisk(f *faults, after *counter) openFunc {
	return func(path string) (file, error) {
		if _, _, err := f.get(); err != nil {
			return nil, err
		}
		real, err := openOS(path)
		if err != nil {
			return nil, err
		}
		return &faultyFile{file: real, faults: f, after: after}, nil
	}
}
