//go:build long

package extract

import "testing"

func TestMutatedInWorkersLong(t *testing.T) { hurtWorkers(t, 500) }
