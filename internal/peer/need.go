package peer

import "os"

// TB is what NeedPostfix uses of *testing.T.
type TB interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// NeedPostfix ends a test where no private Postfix can be started: it is skipped at a desk and fails
// when the environment variable CI is set.
func NeedPostfix(t TB) {
	t.Helper()
	_, err := FindPostfix()
	Need(t, err == nil && os.Geteuid() == 0, "a private Postfix (Debian package postfix, started by root)")
}

// Need is NeedPostfix for anything else.
func Need(t TB, have bool, what string) {
	t.Helper()
	switch {
	case have:
	case os.Getenv("CI") != "":
		t.Fatalf("CI is set and this is missing: %s", what)
	default:
		t.Skipf("missing: %s; scripts/test-deps installs what the tests need", what)
	}
}
