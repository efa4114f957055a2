package milter

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"congthu/filter"
)

// trivial accepts everything.
type trivial struct{}

func (trivial) Judge(_ context.Context, tx *filter.Transaction) filter.Verdict {
	return filter.Verdict{ID: tx.ID, Disposition: filter.Accept, Add: []filter.HeaderField{{Name: "Congthu-Id", Value: tx.ID}}}
}

func (trivial) Protocol(*filter.Transaction, int, string, filter.TextKey) filter.Verdict {
	panic("benchmark breaks a limit")
}
func (trivial) Fault(_ *filter.Transaction, err error) filter.Verdict { panic(err) }

func (trivial) Settle(_ context.Context, _ *filter.Transaction, v filter.Verdict) filter.Verdict {
	return v
}
func (trivial) Log(*filter.Transaction, filter.Verdict, filter.Outcome) {}

// BenchmarkMessage plays one message a connection over a unix socket and over TCP as Postfix does: it
// writes 4 KiB at a time to the first and 128 KiB to the second, frame boundaries or not, and reads only
// when it needs an answer. The client's own time is taken off: it has a thread to itself.
//
//	cpu-s/1000  CPU seconds of the gate for 1000 messages
func BenchmarkMessage(b *testing.B) {
	for _, bench := range []struct {
		network string
		piece   int
		body    int
		frame   int
	}{
		{"unix", 4 << 10, 5 << 10, 65535}, {"tcp", 128 << 10, 5 << 10, 65535},
		{"unix", 4 << 10, 14 << 20, 65535}, {"tcp", 128 << 10, 14 << 20, 65535},
	} {
		b.Run(fmt.Sprintf("%s/%dk", bench.network, bench.body>>10), func(b *testing.B) {
			g := newGate(b, testConfig(), time.Now)
			g.Server.judge = trivial{}
			g.start(bench.network)
			before, after := script(bench.body, bench.frame)
			b.ReportAllocs()
			b.SetBytes(int64(bench.body))
			done := make(chan float64)
			all := cpu(b, unix.RUSAGE_SELF)
			b.ResetTimer()
			go func() {
				runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
				start := cpu(b, unix.RUSAGE_THREAD)
				for range b.N {
					if err := play(g.network, g.address, bench.piece, before, after); err != nil {
						b.Error(err)
						break
					}
				}
				done <- cpu(b, unix.RUSAGE_THREAD) - start
			}()
			client := <-done
			b.StopTimer()
			b.ReportMetric((cpu(b, unix.RUSAGE_SELF)-all-client)/float64(b.N)*1000, "cpu-s/1000")
		})
	}
}

func cpu(b *testing.B, who int) float64 {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		b.Error(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// script is what an MTA says before and after the end of DATA, with macros as Postfix sends them.
func script(body, frame int) (before, after []byte) {
	var s strings.Builder
	add := func(code byte, data ...string) {
		s.WriteString(frameOf(code, strings.Join(data, "")))
	}
	add('D', "C", "j\x00gate.example.vn\x00{daemon_name}\x00smtpd\x00v\x00Postfix 3.7.11\x00")
	add('C', "mail.example.org\x004\x04\xd2192.0.2.7\x00")
	add('H', "client.example.org\x00")
	add('M', "<a@example.org>\x00SIZE=5000\x00")
	add('R', "<b@example.vn>\x00ORCPT=rfc822;b@example.vn\x00")
	before = []byte(s.String())
	s.Reset()
	add('D', "Ti\x004XyZabcdef\x00")
	add('T')
	for i := range 15 {
		add('L', fmt.Sprintf("X-Field-%d", i), "\x00 value of an ordinary length, folded once\n\tas many are\x00")
	}
	add('L', "Subject\x00 Báo cáo\x00")
	add('N')
	line := strings.Repeat("x", 76) + "\r\n"
	for text := strings.Repeat(line, body/len(line)); len(text) > 0; {
		n := min(frame, len(text))
		add('B', text[:n])
		text = text[n:]
	}
	add('D', "Ei\x004XyZabcdef\x00")
	add('E')
	return before, []byte(s.String())
}

// play is one connection with one message, on blocking sockets.
func play(network, address string, piece int, before, after []byte) error {
	fd, err := dialBlocking(network, address)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	if err := writeAll(fd, []byte(frameOf('O', offerOf(6, allActions, allProtocol))), piece); err != nil {
		return err
	}
	if n, err := unix.Read(fd, buf); err != nil || n < 5 || buf[4] != 'O' {
		return fmt.Errorf("negotiation: %q %v", buf[:max(n, 0)], err)
	}
	if err := writeAll(fd, before, piece); err != nil {
		return err
	}
	if err := writeAll(fd, after, piece); err != nil {
		return err
	}
	got := ""
	for !strings.HasSuffix(got, frameOf('c', "")) {
		n, err := unix.Read(fd, buf)
		if err != nil || n == 0 {
			return fmt.Errorf("verdict: %q %v", got, err)
		}
		got += string(buf[:n])
	}
	return writeAll(fd, []byte(frameOf('A', "")+frameOf('Q', "")), piece)
}

func writeAll(fd int, b []byte, piece int) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b[:min(piece, len(b))])
		if err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		b = b[n:]
	}
	return nil
}

func dialBlocking(network, address string) (int, error) {
	family, sa := unix.AF_UNIX, unix.Sockaddr(&unix.SockaddrUnix{Name: address})
	if network == "tcp" {
		var port int
		if _, err := fmt.Sscanf(address, "127.0.0.1:%d", &port); err != nil {
			return 0, err
		}
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.Connect(fd, sa); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("connecting: %w", err)
	}
	return fd, nil
}
