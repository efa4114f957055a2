package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"congthu/internal/peer"
)

// serving serves connections on a free port until the test ends; an error of one is the test's.
func serving(t *testing.T, serve func(net.Conn) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				if err := serve(c); err != nil {
					t.Error(err)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func TestDecoderHashesWhatTheLinesHold(t *testing.T) {
	raw := make([]byte, 57*700)
	rand.NewChaCha8([32]byte{7}).Read(raw)
	text := lines(base64.StdEncoding.EncodeToString(raw))
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20 { // the second message on the same decoder begins anew
		d := newDecoder()
		for range 2 {
			for rest := text; rest != ""; {
				n := min(1+rnd.IntN(9000), len(rest))
				d.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			if d.end() != sha256.Sum256(raw) {
				t.Fatal("another hash than the content's")
			}
		}
	}
	d := newDecoder()
	d.Write([]byte("Chao ban!\r\n"))
	if d.end() != sha256.Sum256([]byte("Chao ban!")) {
		t.Error("what is no base64 is not hashed as it is")
	}
}

func TestSkipMessage(t *testing.T) {
	long := strings.Repeat("x", sinkBlock+3)
	for _, message := range []string{".\r\n", "a\r\n.\r\n", "a\r\n..\r\n.\r\n", "\r\n.\r\n", long + "\r\n.\r\n", long + "\r\n\r\n.\r\n", "a\n.\n\r\n.\r\n"} {
		for name, from := range map[string]io.Reader{"whole": strings.NewReader(message + "QUIT\r\n"), "octets": iotest.OneByteReader(strings.NewReader(message + "QUIT\r\n"))} {
			r := bufio.NewReaderSize(from, sinkBlock)
			if err := skipMessage(r); err != nil {
				t.Errorf("%.20q, %s: %v", message, name, err)
			}
			if line, err := r.ReadString('\n'); line != "QUIT\r\n" || err != nil {
				t.Errorf("%.20q, %s: then %.20q %v", message, name, line, err)
			}
		}
	}
	if err := skipMessage(bufio.NewReaderSize(strings.NewReader("a\r\n.\r"), sinkBlock)); err != io.EOF {
		t.Errorf("half a message: %v", err)
	}
}

func TestRelaysPassMailOn(t *testing.T) {
	sink := &peer.Sink{}
	if err := sink.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	for n, role := range []string{roleCopyRelay, roleHashRelay} {
		serve, err := floor(role, sink.Addr)
		if err != nil {
			t.Fatal(err)
		}
		mail := smallMails(2, 0)[n]
		if _, err := one(serving(t, serve), mail); err != nil {
			t.Fatal(role, err)
		}
		got := sink.Deliveries()
		if len(got) != n+1 || !bytes.Equal(peer.DotStuff(got[n].Bytes), mail) {
			t.Errorf("%s: %d deliveries, or another message", role, len(got))
		}
	}
}

// packet is one packet of the milter protocol.
func packet(code byte, data string) []byte {
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(data)+1)), code), data...)
}

func TestMilterFloors(t *testing.T) {
	for _, role := range []string{roleNullMilter, roleHashMilter} {
		serve, err := floor(role, "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", serving(t, serve))
		if err != nil {
			t.Fatal(err)
		}
		offer := "\x00\x00\x00\x06\x00\x00\x01\xff\x00\x0f\xff\xff"
		for _, p := range [][]byte{packet('O', offer), packet('C', "may\x004\x00\x19127.0.0.1\x00"), packet('M', "<a@b.example>\x00")} {
			c.Write(p)
		}
		got := make([]byte, 17)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "\x00\x00\x00\x0dO\x00\x00\x00\x06\x00\x00\x00\x00\x00\x0f\xf0\x80" {
			t.Errorf("%s: negotiates %q %v", role, got, err)
		}
		for range 2 { // two messages on one connection
			c.Write(packet('B', strings.Repeat("QUJD\r\n", 9000)))
			c.Write(packet('E', ""))
			if _, err := io.ReadFull(c, got[:5]); err != nil || string(got[:5]) != "\x00\x00\x00\x01c" {
				t.Errorf("%s: answers %q %v", role, got[:5], err)
			}
		}
		c.Write(packet('Q', ""))
		if n, err := c.Read(got); n != 0 || err != io.EOF {
			t.Errorf("%s: stays after QUIT: %d %v", role, n, err)
		}
		c.Close()
	}
}

func TestMilterFloorRefusesWrongPackets(t *testing.T) {
	for _, p := range [][]byte{{0, 0, 0, 0, 'B'}, {0x7f, 0, 0, 0, 'B'}, packet('O', "short")} {
		ours, theirs := net.Pipe()
		go func() { theirs.Write(p); theirs.Close() }()
		if err := serveMilter(ours, nil); err == nil {
			t.Errorf("%q was taken", p)
		}
		ours.Close()
	}
}
