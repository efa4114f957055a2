//go:build long

package extract

import "testing"

func TestLongMutated(t *testing.T) { hurtReaders(t, 500) }

func TestLongMutatedInWorkers(t *testing.T) { hurtWorkers(t, 500) }
