//go:build long

package deploy

import (
	"os"
	"strconv"
	"testing"
)

// killsEach is how often each piece of each road is killed: 50 times, or as often as the environment variable
// CONGTHU_KILLS says.
func killsEach(t *testing.T) extent {
	t.Helper()
	n := 50
	if s := os.Getenv("CONGTHU_KILLS"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		must(t, err)
	}
	return extent{kills: n, messages: 20 * n}
}

// TestLongKillAll kills gate, server and next hop of every road.
func TestLongKillAll(t *testing.T) {
	for _, h := range roads() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			killEach(t, h, killsEach(t), killGate, killServer, killNextHop)
		})
	}
}

func TestLongKill9Milter(t *testing.T)      { killMilter(t, extent{kills: 100, messages: 2000}) }
func TestLongKill9ProxyFilter(t *testing.T) { killProxyFilter(t, extent{kills: 100, messages: 2000}) }
func TestLongKill9Relay(t *testing.T)       { killRelay(t, extent{kills: 100, messages: 2000}) }
