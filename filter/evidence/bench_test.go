package evidence

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A record in the log from 64 goroutines that wait for it: how many a second, and the CPU time of each.
func BenchmarkAppend(b *testing.B) {
	for _, followers := range []int{0, 3} {
		b.Run(fmt.Sprint("followers=", followers), func(b *testing.B) { benchmarkAppend(b, followers) })
	}
}

func benchmarkAppend(b *testing.B, followers int) {
	l := mustOpen(b, Options{Dir: b.TempDir(), Gate: "gate1"})
	for range followers {
		done := make(chan struct{})
		defer func() { <-done }()
		go func() {
			defer close(done)
			l.Follow(context.Background(), 1, func([]Line) error { return nil })
		}()
	}
	defer l.Close()
	const writers = 64
	var next atomic.Int64
	var wg sync.WaitGroup
	cpu := cpuTime(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range writers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if _, err := l.Append(context.Background(), verdictOf("01JD0000000000000000000000")); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/record")
}

func cpuTime(b *testing.B) time.Duration {
	runtime.GC()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkFromVerdictAndEncode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := encodeBody(verdictOf("01JD0000000000000000000000")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	o := Options{Dir: b.TempDir(), Gate: "gate1"}
	l := mustOpen(b, o)
	const records = 10000
	for range records - 1 {
		l.Note(verdictOf("01JD0000000000000000000000"))
	}
	mustAppend(b, l, verdictOf("01JD0000000000000000000000"))
	mustClose(b, l)
	pub := publicKey(b, o.Dir)
	b.ResetTimer()
	for b.Loop() {
		if _, err := Verify(o.Dir, pub); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*records/b.Elapsed().Seconds(), "records/s")
}
