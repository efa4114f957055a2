//go:build long

package deploy

import "testing"

func long() extent { return extent{kills: 100, messages: 2000} }

func TestLongKill9Milter(t *testing.T)      { killMilter(t, long()) }
func TestLongKill9ProxyFilter(t *testing.T) { killProxyFilter(t, long()) }
func TestLongKill9Relay(t *testing.T)       { killRelay(t, long()) }
