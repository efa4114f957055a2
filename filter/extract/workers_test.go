package extract

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// The address space that a worker may use is enough to compile the PDF library and to read with it, and one that finds it
// compiled is small. Times and sizes are printed, for whoever changes the limit.
func TestWorkerMemory(t *testing.T) {
	for _, tc := range []struct {
		name, cache string
		resident    int // MiB
	}{{"compiling", t.TempDir(), 700}, {"compiled", compiled(t), 160}} {
		if raceEnabled && tc.name == "compiling" {
			continue // the race detector makes it take minutes, and has no limit of memory
		}
		began := time.Now()
		p, _ := workersOf(t, tc.cache, 1, time.Minute)
		t.Logf("%s: started in %s", tc.name, time.Since(began))
		f, err := readIn(p, "pdf", sample(t, "letter.pdf"))
		if err != nil || !f.has(`body 2 "Trang hai."`) {
			t.Errorf("%s: %v", tc.name, err)
		}
		peak, resident := memoryOf(t, p)
		t.Logf("%s: at most %d MiB of address space, %d MiB resident", tc.name, peak, resident)
		if !raceEnabled && resident > tc.resident {
			t.Errorf("%s: %d MiB resident, want at most %d", tc.name, resident, tc.resident)
		}
		p.Close()
	}
}

// A file as big as a mail may carry is read within a worker's memory, although the library copies it.
func TestBigPDFInWorker(t *testing.T) {
	p, _ := workersOf(t, compiled(t), 1, time.Minute)
	big := onePage("BT /F 12 Tf 1 0 0 1 50 700 Tm (seen) Tj ET", "", "", pdfStream("", strings.Repeat("\x00\x01\x02\x03", 9<<20)))
	f, err := readIn(p, "pdf", big)
	if err != nil || !f.has(`body 1 "seen"`) {
		t.Errorf("%d octets: %v", len(big), err)
	}
}

// A library that does not start fails the files that need it, with our reason and not with theirs, and is said so once.
func TestReadyWithoutLibrary(t *testing.T) {
	place := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(place, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pdf := newPDFReader(place) // a file where the directory should be
	var said bytes.Buffer
	w := bufio.NewWriter(&said)
	if err := ready(w, map[string]format{"pdf": {read: pdf.read, warm: pdf.warm}, "7z": {read: read7z}}); err != nil {
		t.Fatal(err)
	}
	fr := frameReader{r: bufio.NewReader(&said)}
	if kind, payload, err := fr.next(); err != nil || kind != frameReady || !bytes.Contains(payload, []byte("directory of compiled code")) {
		t.Errorf("%q %s, %v", kind, payload, err)
	}
	if _, err := readBytes(pdf.read, sample(t, "letter.pdf")); !errors.Is(err, stop{WorkerFailed}) {
		t.Errorf("%v", err)
	}
}

// BenchmarkPDFInWorker reads PDF pages in a warm worker, as the gate does.
func BenchmarkPDFInWorker(b *testing.B) {
	p, _ := workersOf(b, compiled(b), 1, time.Minute)
	file := hundredPages()
	if _, err := readIn(p, "pdf", file); err != nil {
		b.Fatal(err)
	}
	began := ticksOf(b, p)
	for b.Loop() {
		if f, err := readIn(p, "pdf", file); err != nil || len(f.lines) < 6000 {
			b.Fatal(len(f.lines), err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "pages/s")
	b.ReportMetric(100*float64(b.N)/(float64(ticksOf(b, p)-began)/100), "pages/cpu-s") // what a busy machine changes less
}

// ticksOf is how much time of a processor a worker has taken, in hundredths of a second (proc_pid_stat(5)).
func ticksOf(t testing.TB, p *Pool) int {
	t.Helper()
	w := <-p.idle
	defer func() { p.idle <- w }()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
	var user, system int
	fmt.Sscan(fields[12]+" "+fields[13], &user, &system)
	return user + system
}
