package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Large messages arrive as they came, whichever way they take: straight from the memory file when no line
// begins with a dot, with dots doubled when one does.
func TestLargeMessagesArriveAsTheyCame(t *testing.T) {
	line := strings.Repeat("x", 76) + "\r\n"
	many := strings.Repeat(line, 400<<10/len(line))
	bodies := map[string]string{
		"no dots":                    many,
		"dots inside of lines":       strings.ReplaceAll(many, "xx\r\n", ".x.\r\n"),
		"first line":                 ".\r\n" + many,
		"a line in the middle":       many + "..x\r\n" + many,
		"a line at a block's end":    strings.Repeat("y", 2*blockBytes-2) + "\r\n.z\r\n" + many,
		"the last line":              many + ".\r\n",
		"only in the memory's block": many + many + "\r\n.\r\n.\r\n",
		"an empty last line":         many + "\r\n",
		"one line":                   strings.Repeat("z", 500<<10) + "\r\n",
	}
	g, hop := withHop(t, func(cfg *Config) { cfg.Limits.MemoryBytes = 16 << 10 })
	c := dialGate(t, g)
	c.greet()
	for name, body := range bodies { // on one connection, so that nothing may be left of the one before
		want := "Subject: " + name + "\r\n\r\n" + body
		stuffed := strings.ReplaceAll(want, "\r\n.", "\r\n..")
		c.want(c.mail(stuffed+".\r\n"), "250 ")
		taken := hop.taken()
		if got := taken[len(taken)-1]; !strings.HasSuffix(got, want) {
			t.Errorf("%s: %d octets arrived of %d, or others", name, len(got), len(want))
		}
	}
}

// tcpPair is two ends of a connection over loopback.
func tcpPair(t *testing.T) (here, there *net.TCPConn) {
	t.Helper()
	l := listenLoopback(t)
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near.(*net.TCPConn), far.(*net.TCPConn)
}

func memoryFile(t *testing.T, content []byte) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "test")
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return f
}

// A next hop that takes octets slowly gets them all, in order, after what was waiting in the block.
func TestWriteFileToASlowNextHop(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	f := memoryFile(t, content)
	here, there := tcpPair(t)
	if err := errors.Join(here.SetWriteBuffer(64<<10), there.SetReadBuffer(64<<10)); err != nil {
		t.Fatal(err)
	}
	w := newDotWriter(here, newBlocks(), patience)
	w.plain = true
	defer w.release()
	sent := make(chan error, 1)
	go func() {
		_, err := w.Write([]byte("head"))
		if err == nil {
			var n int64
			if n, err = w.WriteFile(f, 5, int64(len(content)-5)); err == nil && n != int64(len(content)-5) {
				err = io.ErrShortWrite
			}
		}
		sent <- errors.Join(err, here.CloseWrite())
	}()
	got, err := io.ReadAll(there)
	if err != nil || string(got[:4]) != "head" || !bytes.Equal(got[4:], content[5:]) {
		t.Errorf("%d octets of %d arrived, or others (%v)", len(got), len(content)-1, err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// A next hop that takes nothing for the time of one piece is a dead one; one that closes is gone.
func TestWriteFileToADeadNextHop(t *testing.T) {
	f := memoryFile(t, make([]byte, 32<<20))
	here, there := tcpPair(t)
	w := newDotWriter(here, newBlocks(), 50*time.Millisecond)
	w.plain = true
	defer w.release()
	if n, err := w.WriteFile(f, 0, 32<<20); !isTimeout(err) || n >= 32<<20 {
		t.Errorf("one that hangs: %d octets, %v", n, err)
	}
	there.Close()
	w.idle = patience
	if n, err := w.WriteFile(f, 0, 32<<20); err == nil || isTimeout(err) || !wentAway(err) {
		t.Errorf("one that is gone: %d octets, %v", n, err)
	}
}

// What cannot be sent from the file is left to be written, and a file that is too short is an error.
func TestWriteFileLeavesTheRest(t *testing.T) {
	f := memoryFile(t, []byte("content"))
	here, _ := tcpPair(t)
	dots := newDotWriter(here, newBlocks(), patience)
	defer dots.release()
	if n, err := dots.WriteFile(f, 0, 7); n != 0 || err != nil {
		t.Errorf("with dots to double: %d, %v", n, err)
	}
	elsewhere := newDotWriter(&memoryConn{}, newBlocks(), patience)
	elsewhere.plain = true
	defer elsewhere.release()
	if n, err := elsewhere.WriteFile(f, 0, 7); n != 0 || err != nil {
		t.Errorf("to what is no socket: %d, %v", n, err)
	}
	plain := newDotWriter(here, newBlocks(), patience)
	plain.plain = true
	defer plain.release()
	if n, err := plain.WriteFile(f, 0, 8); n != 7 || err == nil {
		t.Errorf("out of a file that is too short: %d, %v", n, err)
	}
	f.Close()
	if n, err := plain.WriteFile(f, 0, 7); n != 0 || err != nil {
		t.Errorf("out of a closed file: %d, %v", n, err)
	}
}
