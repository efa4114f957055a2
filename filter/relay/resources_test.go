package relay

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// watchResources runs do in a subtest of its own and fails unless the process then holds no more than before. It
// prints both.
func watchResources(t *testing.T, do func(t *testing.T)) {
	t.Helper()
	warm := listenLoopback(t) // the runtime's own descriptors
	warm.Close()
	before, err := peer.OwnResources()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("all", do)
	after, err := peer.GivenBack(before, patience)
	t.Logf("%-7s %s\n%-7s %s\n%-7s %s", "", peer.ResourceHead, "before", before, "after", after)
	if err != nil {
		t.Error(err)
	}
}

// TestHostileClients: clients that say what clients of the dialogs say, in any order, cut anywhere and with noise
// between, and leave when they like.
func TestHostileClients(t *testing.T) {
	said := clientLines(t)
	p := newPair(t, "gate.test")
	watchResources(t, func(t *testing.T) {
		g, _ := keeping(t, func(cfg *Config) {
			cfg.TLS, cfg.AuthPass = ListenTLS{Certificate: p.cert, Key: p.key}, true
			cfg.Limits.WireBytes, cfg.Timeouts.Command, cfg.Timeouts.Data = 10000, time.Second, time.Second
		})
		for seed := range uint64(300) {
			r := rand.New(rand.NewPCG(seed, 7))
			conn, err := net.Dial("tcp", g.addr)
			if err != nil {
				t.Fatal(err)
			}
			// The gate may close first: what cannot be written need not be.
			_, _ = conn.Write([]byte(hostile(r, said)))
			if r.IntN(2) == 0 {
				_ = conn.(*net.TCPConn).CloseWrite()
				_ = conn.SetReadDeadline(time.Now().Add(time.Duration(r.IntN(20)) * time.Millisecond))
				_, _ = conn.Read(make([]byte, 4096))
			}
			conn.Close()
		}
		c := dialGate(t, g) // it serves others
		c.greet()
		c.want(c.mail("Subject: x\r\n\r\n.\r\n"), "250 ")
	})
}

// hostile is what one client says.
func hostile(r *rand.Rand, said []string) string {
	b := []byte("EHLO client.test\r\n")
	for range r.IntN(30) {
		switch line := said[r.IntN(len(said))]; r.IntN(8) {
		case 0:
			b = append(b, line[:r.IntN(len(line)+1)]...)
		case 1:
			b = append(b, byte(r.Uint32()))
		case 2:
			b = append(b, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@monre.gov.vn>\r\nDATA\r\n"...)
		case 3:
			b = append(b, "\r\n.\r\n"...)
		default:
			b = append(b, line...)
		}
	}
	return string(b)
}

// clientLines are all that clients say in the dialogs.
func clientLines(t *testing.T) (out []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.dialog")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogs: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			said, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "C: ")
			switch {
			case !ok || said == "<close>":
				continue
			case strings.HasPrefix(said, `"`):
				if said, err = strconv.Unquote(said); err != nil {
					t.Fatal(err)
				}
			default:
				said += "\r\n"
			}
			out = append(out, said)
		}
	}
	return out
}
