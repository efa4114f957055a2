//go:build long

package deploy

import "testing"

func long() extent { return extent{kills: 100, messages: 2000} }

// TestLongKillAll kills gate, server and next hop of every road 50 times each.
func TestLongKillAll(t *testing.T) {
	for _, h := range roads() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			killEach(t, h, extent{kills: 50, messages: 1000})
		})
	}
}

func TestLongKill9Milter(t *testing.T)      { killMilter(t, long()) }
func TestLongKill9ProxyFilter(t *testing.T) { killProxyFilter(t, long()) }
func TestLongKill9Relay(t *testing.T)       { killRelay(t, long()) }
