package deploy

import (
	"fmt"
	"testing"
	"time"

	"congthu/internal/peer"
)

// TestExplained holds what explains a message that came twice to cases of which everything is known. Times are
// seconds of one minute.
func TestExplained(t *testing.T) {
	noon := time.Date(2026, 10, 6, 12, 0, 0, 0, time.UTC)
	sec := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	during := func(from, to int) span { return span{sec(from), sec(to)} }
	came := func(at, ended int, heard bool, id string, taken int) peer.Delivery {
		return peer.Delivery{At: sec(at), Ended: sec(ended), Heard: heard,
			Bytes: fmt.Appendf(nil, "Received: from gate by mx.example.vn (Postfix)\r\n\tid %s; %s\r\n\r\n", id, sec(taken).Format(time.RFC1123Z))}
	}
	lostReply := []try{{during(10, 20), false}, {during(30, 31), true}}
	plain := []peer.Delivery{came(12, 13, true, "A", 12), came(31, 32, true, "B", 31)}
	cut := []peer.Delivery{came(12, 18, false, "A", 5), came(31, 32, true, "A", 5)}
	for _, tc := range []struct {
		name   string
		road   hookup
		victim string
		kill   span
		tries  []try
		got    []peer.Delivery
		unsure int
		want   int
	}{
		{"the client was not told", hookup{name: "relay-before-postfix"}, killGate, during(15, 16), lostReply, plain, 0, 1},
		{"by a killed server", hookup{name: "relay-before-postfix"}, killServer, during(20, 21), lostReply, plain, 0, 1},
		{"killed before the message was sent", hookup{name: "relay-before-postfix"}, killGate, during(8, 9), lostReply, plain, 0, 0},
		{"killed after the answer", hookup{name: "relay-before-postfix"}, killGate, during(21, 22), lostReply, plain, 0, 0},
		{"the client was told", hookup{name: "relay-before-postfix"}, killGate, during(15, 16), []try{{during(10, 20), true}}, plain, 0, 0},
		{"a next hop is not between client and server", hookup{name: "relay-before-postfix"}, killNextHop, during(15, 16), lostReply, plain, 0, 0},
		{"a milter that is killed leaves nothing queued", hookup{name: "postfix-milter-tcp"}, killGate, during(15, 16), lostReply, plain, 0, 0},
		{"nor is a gate behind the queue", hookup{name: "filter", after: true}, killGate, during(15, 16), lostReply, plain, 0, 0},

		{"the sink's client was cut off", hookup{name: "postfix-milter-tcp"}, killNextHop, during(17, 18), nil, cut, 0, 1},
		{"cut off without a kill", hookup{name: "postfix-milter-tcp"}, killNextHop, during(20, 21), nil, cut, 0, 0},
		{"the sink's client went on", hookup{name: "postfix-milter-tcp"}, killServer, during(12, 13), nil, plain, 0, 0},
		{"Sendmail went on and was killed", hookup{name: "sendmail-milter-tcp"}, killServer, during(14, 15), nil, plain, 0, 1},
		{"a queue that was sure", hookup{name: "queue", doubts: true}, killGate, during(17, 18), nil, cut, 0, 0},
		{"a queue that was unsure", hookup{name: "queue", doubts: true}, killGate, during(17, 18), nil, cut, 1, 1},

		{"taken from the gate again", hookup{name: "filter", after: true}, killServer, during(20, 21), nil, plain, 0, 1},
		{"again, and the queue was unsure", hookup{name: "filter", after: true}, killGate, during(20, 21), nil, plain, 1, 1},
		{"again, and the queue was sure", hookup{name: "filter", after: true}, killGate, during(20, 21), nil, plain, 0, 0},
		{"again before the kill", hookup{name: "filter", after: true}, killServer, during(40, 41), nil, plain, 0, 0},
		{"sent on twice from one queue file", hookup{name: "filter", after: true}, killServer, during(20, 21), nil,
			[]peer.Delivery{came(12, 13, true, "A", 12), came(31, 32, true, "A", 12)}, 0, 0},
	} {
		l := &load{road: &road{hookup: tc.road}, victim: tc.victim, killed: []span{tc.kill}, tries: [][]try{tc.tries}}
		if got := l.explained(0, tc.got, tc.unsure); got != tc.want {
			t.Errorf("%s: explained %d times, want %d", tc.name, got, tc.want)
		}
	}
}

// TestReadDoubts reads lines as Postfix 3.7 and Exim 4.96 write them.
func TestReadDoubts(t *testing.T) {
	const log = `Nov 24 11:40:58 mx postfix/cleanup[10044]: 2A4EE9CC5D3: message-id=<load-00001@monre.gov.vn>
Nov 24 11:40:59 mx postfix/smtp[10045]: 2A4EE9CC5D3: to=<van.thu@monre.gov.vn>, status=deferred (lost connection with 127.0.0.1[127.0.0.1] while sending end of data -- message may be sent more than once)
Nov 24 11:40:59 mx postfix/smtp[10045]: 2A4EE9CC5D4: to=<van.thu@monre.gov.vn>, status=deferred (lost connection with 127.0.0.1[127.0.0.1] while performing the EHLO handshake)
2026-11-24 11:55:32 1xVp7U-000776-05 <= chuyen.vien@monre.gov.vn H=(may.khach.example) [127.0.1.7] P=esmtp S=529 id=load-00002@monre.gov.vn
2026-11-24 11:55:32 1xVp7U-000776-05 H=127.0.0.1 [127.0.0.1]: Remote host closed connection in response to pipelined end of data
2026-11-24 11:55:32 1xVp7U-000776-05 H=127.0.0.1 [127.0.0.1]: Remote host closed connection in response to MAIL FROM:<chuyen.vien@monre.gov.vn> SIZE=1840
`
	got := readDoubts(log)
	if len(got) != 2 || got["load-00001"] != 1 || got["load-00002"] != 1 {
		t.Errorf("%v", got)
	}
}
