package extract

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// workersOf is a pool of workers with the real readers.
func workersOf(t testing.TB, cache string, workers int, deadline time.Duration) (*Pool, *count) {
	t.Helper()
	program, err := Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &count{n: map[string]int{}}
	p, err := NewPool(PoolOptions{Command: []string{program, WorkerArgument}, Env: []string{"GOTRACEBACK=none", "GOMAXPROCS=1", "REAL=1", CacheVariable + "=" + cache},
		Workers: workers, Deadline: deadline, Metrics: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, c
}

// memoryOf is what /proc says of a worker's memory, in MiB.
func memoryOf(t testing.TB, p *Pool) (peak, resident int) {
	t.Helper()
	w := <-p.idle
	defer func() { p.idle <- w }()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		var name string
		var n int
		fmt.Sscan(string(line), &name, &n)
		switch name {
		case "VmPeak:":
			peak = n >> 10
		case "VmHWM:":
			resident = n >> 10
		}
	}
	return peak, resident
}

// readIn has a worker read a file.
func readIn(p *Pool, format, file string, names ...string) (*sampled, error) {
	f := &sampled{most: 64 << 20}
	in := &input{content: memory(file), head: []byte(file[:min(len(file), headBytes)]), file: &File{Names: names, Size: int64(len(file))}, limits: DefaultLimits()}
	f0 := workerFormats()[format]
	f0.name = format
	err := p.do(context.Background(), f0, in, f)
	return f, err
}

func TestWorkerMemory(t *testing.T) {
	for _, cache := range []string{t.TempDir(), compiled(t)} {
		began := time.Now()
		p, _ := workersOf(t, cache, 1, time.Minute)
		took := time.Since(began)
		peak, resident := memoryOf(t, p)
		t.Logf("start %s, %d MiB of address space, %d MiB resident", took, peak, resident)
		if _, err := readIn(p, "pdf", sample(t, "letter.pdf")); err != nil {
			t.Error(err)
		}
		peak, resident = memoryOf(t, p)
		t.Logf("after a PDF file: %d MiB of address space, %d MiB resident", peak, resident)
		p.Close()
	}
}
