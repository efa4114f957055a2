package relay

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"
)

// benchMail sends messages of so many octets through a gate, one connection each, and reports the
// CPU seconds of client, gate and next hop together for 1000 of them.
func benchMail(b *testing.B, octets int) {
	g, hop := withHop(b, func(cfg *Config) { cfg.Keep = Defaults().Keep })
	message := "Subject: bench\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", octets/78) + ".\r\n"
	b.SetBytes(int64(len(message)))
	before := cpu(b)
	for b.Loop() {
		c := dialGate(b, g)
		c.greet()
		c.want(c.mail(message), "250 ")
		c.want(c.cmd("QUIT"), "221 ")
		c.Close()
		hop.forget()
	}
	b.ReportMetric((cpu(b)-before)/float64(b.N)*1000, "cpu-s/1000")
}

// forget drops what the next hop took, so that a benchmark's memory is the gate's.
func (h *fakeHop) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages, h.commands, h.open = nil, nil, nil
}

func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func BenchmarkRelay5kB(b *testing.B)  { benchMail(b, 5<<10) }
func BenchmarkRelay19MB(b *testing.B) { benchMail(b, 19<<20) }

// BenchmarkReadReply reads an EHLO reply.
func BenchmarkReadReply(b *testing.B) {
	reply := []byte("250-next.test\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n")
	in := newInput(&endless{block: bytes.Repeat(reply, 100)}, newBlocks(), maxReplyLine)
	b.SetBytes(int64(len(reply)))
	for b.Loop() {
		r, err := readReply(in, time.Now().Add(patience))
		if err != nil || !parseExtensions(r).dsn {
			b.Fatal(r, err)
		}
	}
}
