package evidence

import (
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
	syncs  *counter
	faults *faults
	failed bool // a write or fsync failed on this descriptor
	after  *counter
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if f.failed {
		f.after.add()
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
	if f.syncs != nil {
		f.syncs.add()
	}
	return f.file.Sync()
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
