//go:build long

package deploy

import "testing"

func TestLongKill9KeepingMilter(t *testing.T)      { t.Parallel(); killKeeping(t, milterTCP, 50) }
func TestLongKill9KeepingProxyFilter(t *testing.T) { t.Parallel(); killKeeping(t, proxyFilter, 50) }
