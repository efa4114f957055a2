package policy

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"congthu/filter"
)

// The scalar types of the configuration. Each reads and writes its text form and says in its error
// what would be right.

// Size is a number of octets: "15MiB", "15MB", "512KiB" or a plain number.
type Size int64

func sizeUnits() []struct {
	name   string
	octets int64
} {
	return []struct {
		name   string
		octets int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {"", 1}}
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	for _, u := range sizeUnits() {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > (1<<62)/u.octets {
			break
		}
		*s = Size(n * u.octets)
		return nil
	}
	return fmt.Errorf("%q is no size: write a whole number of octets, or with a unit as in 15MiB (15 x 1024 x 1024) or 15MB (15 000 000); units: B, kB, KiB, MB, MiB, GB, GiB", text)
}

// MarshalText writes the size with the largest unit that divides it.
func (s Size) MarshalText() ([]byte, error) {
	for _, u := range sizeUnits() {
		if s != 0 && int64(s)%u.octets == 0 && u.octets > 1 {
			return []byte(strconv.FormatInt(int64(s)/u.octets, 10) + u.name), nil
		}
	}
	return []byte(strconv.FormatInt(int64(s), 10)), nil
}

// Duration is a time span: "60s", "5m", "30d".
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if days, ok := strings.CutSuffix(string(b), "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		v = time.Duration(n) * day
	}
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is no duration: write for example 60s, 5m, 1h30m or 30d", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the duration.
func (d Duration) MarshalText() ([]byte, error) {
	if v := time.Duration(d); v%day == 0 && v > 0 {
		return fmt.Appendf(nil, "%dd", v/day), nil
	}
	return []byte(time.Duration(d).String()), nil
}

// FileMode is the permission of a socket, in octal: "0660".
type FileMode os.FileMode

// UnmarshalText reads an octal mode.
func (m *FileMode) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(strings.TrimPrefix(string(b), "0o"), 8, 32)
	if err != nil || v > 0o777 {
		return fmt.Errorf("%q is no file mode: write it in octal, for example 0660", b)
	}
	*m = FileMode(v)
	return nil
}

// MarshalText writes the mode in octal.
func (m FileMode) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint32(m)), nil }

// Domain is a mail domain in its ASCII form.
type Domain string

// UnmarshalText reads a domain, also in Unicode.
func (d *Domain) UnmarshalText(b []byte) error {
	text := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(string(b))), ".")
	text = strings.TrimPrefix(text, "@")
	a, err := idna.Lookup.ToASCII(text)
	if err != nil || a == "" || !strings.Contains(a, ".") || strings.ContainsAny(a, " @/:*") {
		return fmt.Errorf("%q is no domain: write for example monre.gov.vn (subdomains are included)", b)
	}
	*d = Domain(a)
	return nil
}

// MarshalText writes the domain.
func (d Domain) MarshalText() ([]byte, error) { return []byte(d), nil }

// Network is an address or a network: "10.0.0.0/8", "127.0.0.1", "::1".
type Network netip.Prefix

// UnmarshalText reads an address or a network.
func (n *Network) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		*n = Network(netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%q is no network: write for example 10.0.0.0/8, 192.168.1.5 or 2001:db8::/32", text)
	}
	if p.Masked() != p {
		return fmt.Errorf("%q has bits beyond its length: write %s", text, p.Masked())
	}
	if p.Addr().Is4In6() {
		return fmt.Errorf("%q: write the IPv4 network itself", text)
	}
	*n = Network(p)
	return nil
}

// MarshalText writes the network.
func (n Network) MarshalText() ([]byte, error) { return netip.Prefix(n).MarshalText() }

// Mode is a rule's mode.
type Mode filter.Mode

// UnmarshalText reads a mode.
func (m *Mode) UnmarshalText(b []byte) error {
	return choose(m, b, "mode", string(filter.Off), string(filter.Monitor), string(filter.Enforce))
}

// Direction is a listener's: fixed, or decided for each message.
type Direction string

// Auto decides for each message.
const Auto Direction = "auto"

// UnmarshalText reads a direction.
func (d *Direction) UnmarshalText(b []byte) error {
	return choose(d, b, "direction", string(Auto), string(filter.Outbound), string(filter.Inbound))
}

// Filter is the direction for a filter.Session.
func (d Direction) Filter() filter.Direction {
	if d == Auto {
		return ""
	}
	return filter.Direction(d)
}

// Queue says where a relay stands: before or after the MTA's queue.
type Queue string

// The places. Behind the queue, mail from outside is never refused (filter.Verdict.AfterQueue).
const (
	QueueBefore Queue = "before"
	QueueAfter  Queue = "after"
)

// UnmarshalText reads a queue.
func (q *Queue) UnmarshalText(b []byte) error {
	return choose(q, b, "queue", string(QueueBefore), string(QueueAfter))
}

// Level is the least level that is logged.
type Level string

// UnmarshalText reads a level.
func (l *Level) UnmarshalText(b []byte) error {
	return choose(l, b, "level", "debug", "info", "warn", "error")
}

// Slog is the level for slog.
func (l Level) Slog() slog.Level {
	var v slog.Level
	if v.UnmarshalText([]byte(l)) != nil {
		return slog.LevelInfo
	}
	return v
}

// Disposition is what a rule asks for.
type Disposition filter.Disposition

// UnmarshalText reads a disposition.
func (d *Disposition) UnmarshalText(b []byte) error {
	v, err := filter.ParseDisposition(string(b))
	*d = Disposition(v)
	return err
}

// MarshalText writes the disposition.
func (d Disposition) MarshalText() ([]byte, error) { return filter.Disposition(d).MarshalText() }

func choose[T ~string](v *T, b []byte, what string, right ...string) error {
	for _, r := range right {
		if string(b) == r {
			*v = T(r)
			return nil
		}
	}
	return fmt.Errorf("%q is no %s: write %s", b, what, strings.Join(right, ", "))
}
