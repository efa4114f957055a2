package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

const bdatEnvelope = "EHLO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@monre.gov.vn>\r\n"

// bdatOffers are what next hops offer in these targets.
func bdatOffers() []string {
	return []string{"", "250-CHUNKING\r\n", "250-CHUNKING\r\n250-BINARYMIME\r\n"}
}

// FuzzBdat plays a client that sends in chunks, to a next hop with and without CHUNKING. First any octets after
// an envelope: the client hears of as many messages as the next hop took. Then the octets as a message, cut in
// chunks: it arrives octet by octet or not at all.
func FuzzBdat(f *testing.F) {
	seedClients(f, func(in []byte, n uint16) { f.Add(in, n, uint8(n)) })
	for i := range bdatOffers() {
		f.Add([]byte("BDAT 4\r\nabcdBDAT 2 LAST\r\n\r\nBDAT 0 LAST\r\nMAIL FROM:<>\r\n"), uint16(3), uint8(i))
		f.Add([]byte("Subject: x\r\n\r\n.\r\n..\r\nno end"), uint16(7), uint8(i))
		f.Add([]byte("Subject: x\r\n\r\nbare\n.\r\n\x00.\r\n"), uint16(1), uint8(i))
	}
	g := newGate(f, func(cfg *Config) {
		cfg.NextHops = []string{"hop:25"}
		cfg.Limits.WireBytes, cfg.Recipients = 4000, 3
	})
	f.Fuzz(func(t *testing.T, b []byte, n uint16, offer uint8) {
		offers := bdatOffers()[int(offer)%len(bdatOffers())]
		h, replies := playChunks(t, g, offers, bdatEnvelope+string(b), int(n)+1)
		queued := 0
		for _, r := range replies {
			if strings.HasPrefix(r, "250 2.0.0 queued ") {
				queued++
			}
		}
		if queued != len(h.messages) {
			t.Errorf("client heard of %d messages, next hop has %d", queued, len(h.messages))
		}
		if len(b) > 3000 {
			return
		}
		binary := strings.Contains(offers, "BINARYMIME") && n%2 == 0
		var script strings.Builder
		script.WriteString(bdatEnvelope)
		if binary {
			script.Reset()
			script.WriteString(strings.Replace(bdatEnvelope, "org>", "org> BODY=BINARYMIME", 1))
		}
		for piece := range slices.Chunk(b, int(n)%97+1) {
			fmt.Fprintf(&script, "BDAT %d\r\n%s", len(piece), piece)
		}
		script.WriteString("BDAT 0 LAST\r\nQUIT\r\n")
		h, replies = playChunks(t, g, offers, script.String(), int(n)+1)
		if last := replies[len(replies)-1]; !strings.HasPrefix(last, "221 ") {
			t.Errorf("out of step: the last reply is %q", last)
		}
		checkArrival(t, h.messages, b, offers != "")
	})
}

// playChunks plays a client's part against a strict next hop.
func playChunks(t *testing.T, g *gate, offers, script string, piece int) (*strictHop, []string) {
	t.Helper()
	var h *strictHop
	g.dial = func(context.Context, string, time.Time) (net.Conn, error) {
		if h != nil {
			return nil, errors.New("down")
		}
		h = newStrictHop()
		h.offers = offers
		return h, nil
	}
	client := &memoryConn{pieces: *inPieces(script, piece)}
	newConnection(g.Server, client).run(t.Context())
	if p := testutil.ToFloat64(g.metrics.Panics); p != 0 {
		t.Fatalf("%v panics", p)
	}
	if h.fault != nil {
		t.Fatal(h.fault)
	}
	return h, checkReplies(t, client.out.Bytes())
}

// checkArrival: what arrived is one message, our field and the octets sent, or nothing.
func checkArrival(t *testing.T, arrived []string, sent []byte, chunked bool) {
	t.Helper()
	if len(arrived) > 1 {
		t.Fatalf("%d messages out of one", len(arrived))
	}
	lower := bytes.ToLower(sent)
	if len(arrived) == 0 || bytes.Contains(lower, []byte("congthu-")) || bytes.Contains(lower, []byte("authentication-results")) {
		return // what claims to be ours is taken out
	}
	_, got, ok := strings.Cut(arrived[0], "\r\n")
	if strings.HasPrefix(got, "Congthu-Verdict: ") {
		_, got, _ = strings.Cut(got, "\r\n")
	}
	if !chunked { // the dots that DATA doubles (RFC 5321 section 4.5.2)
		got = strings.ReplaceAll("\r\n"+got, "\r\n.", "\r\n")[2:]
	}
	if !chunked && !bytes.HasSuffix(sent, []byte("\r\n")) {
		got = strings.TrimSuffix(got, "\r\n") // DATA has nothing but lines
	}
	if !ok || got != string(sent) {
		t.Errorf("sent %q, arrived %q", sent, arrived[0])
	}
}

// FuzzNextHopBdat plays any next hop against a client that sends in chunks. Of an accepted message the client hears
// only after the next hop had all of it, and its end.
func FuzzNextHopBdat(f *testing.F) {
	const ok = "220 a\r\n250-a\r\n250 CHUNKING\r\n250 ok\r\n250 ok\r\n"
	for _, s := range []string{
		ok + "250 chunk\r\n250 queued\r\n221 bye\r\n", ok + "550 no\r\n250 ok\r\n", ok + "250 chunk\r\n451 later\r\n", ok + "421 bye\r\n", ok + "250 chunk\r\n421 bye\r\n",
		ok + "250 chunk", ok + "354 go\r\n250 x\r\n", ok + "250 a\n250 b\r\n", ok + "250 one\r\n250 two\r\n250 three\r\n", ok,
		"220 a\r\n250-a\r\n250-CHUNKING\r\n250 BINARYMIME\r\n250 ok\r\n250 ok\r\n503 what\r\n250 ok\r\n", "220 a\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n",
	} {
		f.Add([]byte(s), uint16(5))
		f.Add([]byte(s), uint16(500))
	}
	g := newGate(f, func(cfg *Config) { cfg.NextHops = []string{"hop:25"} })
	const script = bdatEnvelope + "BDAT 9\r\nSubject: BDAT 7 LAST\r\nx\r\n\r\n..QUIT\r\n"
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		var hop *memoryConn
		g.dial = func(context.Context, string, time.Time) (net.Conn, error) {
			if hop != nil {
				return nil, errors.New("down")
			}
			hop = &memoryConn{pieces: *inPieces(string(b), int(n)+1)}
			return hop, nil
		}
		client := &memoryConn{pieces: *inPieces(script, len(script))}
		client.hear = func(said []byte) {
			if !bytes.Contains(said, []byte("9 octets received\r\n")) {
				return
			}
			client.hear = func(said []byte) {
				client.hear = nil
				if had := hop.out.String(); said[0] == '2' && !strings.HasSuffix(had, "\r\nSubject: x\r\n\r\n..BDAT 0 LAST\r\n") &&
					!strings.HasSuffix(had, "\r\nSubject: x\r\n\r\n...\r\n.\r\n") {
					t.Errorf("client heard %q when the next hop had %q", said, had)
				}
			}
		}
		newConnection(g.Server, client).run(t.Context())
		if p := testutil.ToFloat64(g.metrics.Panics); p != 0 {
			t.Fatalf("%v panics", p)
		}
		checkReplies(t, client.out.Bytes())
	})
}
