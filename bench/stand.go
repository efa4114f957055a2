package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"congthu/internal/peer"
)

// The doors that are measured, and what each is compared with.
const (
	doorUnix  = "milter unix"
	doorTCP   = "milter tcp"
	doorRelay = "relay"

	basePostfix = "Postfix alone"
	baseDirect  = "no relay"
)

// stand is a Postfix with a listener for each milter door and one without, the gate, and the sink that
// all mail ends in.
type stand struct {
	sink *peer.Sink
	mx   *peer.Postfix
	gate *peer.Gate
	addr map[string]string
	base map[string]string // the baseline of a door
}

// doors in the order in which a round takes them.
func doors() []string { return []string{doorUnix, doorTCP, doorRelay} }

func newStand(binary string) (_ *stand, err error) {
	binary, err = filepath.Abs(binary)
	if err != nil {
		return nil, fmt.Errorf("finding the gate's binary: %w", err)
	}
	root, err := peer.ModuleRoot()
	if err != nil {
		return nil, err
	}
	lines, err := os.ReadFile(filepath.Join(root, "deploy/postfix/milter.cf"))
	if err != nil {
		return nil, fmt.Errorf("reading the Postfix lines: %w", err)
	}
	s := &stand{sink: &peer.Sink{Blind: true}, mx: &peer.Postfix{Name: "mx.bo.example"},
		base: map[string]string{doorUnix: basePostfix, doorTCP: basePostfix, doorRelay: baseDirect}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if err := s.sink.Start("127.0.0.1:0"); err != nil {
		return nil, err
	}
	if err := s.addresses(); err != nil {
		return nil, err
	}
	tcp, admin := s.addr["tcp door"], s.addr["admin"]
	if err := s.mx.Prepare(); err != nil {
		return nil, err
	}
	socket := filepath.Join(s.mx.Dir, "spool/congthu")
	if err := os.Mkdir(socket, 0o755); err != nil {
		return nil, fmt.Errorf("making the socket's folder: %w", err)
	}
	s.gate = &peer.Gate{Binary: binary, Admin: admin, Dir: s.mx.Dir, Config: fmt.Sprintf(`organisation: {domains: [bo.example], trusted_networks: [127.0.0.0/8]}
admin: {listen: %q}
milter:
  - {name: unix, listen: "unix:%s/milter.sock", mode: "0666"}
  - {name: tcp, listen: "tcp:%s"}
relay: [{name: relay, listen: %q, next_hops: [%q], direction: outbound}]
`, admin, socket, tcp, s.addr[doorRelay], s.sink.Addr)}
	if err := s.gate.Start(); err != nil {
		return nil, err
	}
	s.mx.NextHop, s.mx.Listens = s.sink.Addr, []string{s.addr[basePostfix], s.addr[doorUnix], s.addr[doorTCP]}
	s.mx.Main = string(lines) + "\ndefault_process_limit = 200\nnotify_classes =\n"
	s.mx.Master = fmt.Sprintf("%s inet n - y - 200 smtpd -o smtpd_milters=\n%s inet n - y - 200 smtpd -o smtpd_milters=unix:congthu/milter.sock\n%s inet n - y - 200 smtpd -o smtpd_milters=inet:%s\n",
		s.addr[basePostfix], s.addr[doorUnix], s.addr[doorTCP], tcp)
	return s, s.mx.Start()
}

// addresses picks a port for everything that listens.
func (s *stand) addresses() error {
	s.addr = map[string]string{baseDirect: s.sink.Addr}
	var ports peer.Ports
	for _, name := range []string{basePostfix, doorUnix, doorTCP, doorRelay, "tcp door", "admin"} {
		addr, err := ports.Next()
		if err != nil {
			return err
		}
		s.addr[name] = addr
	}
	return nil
}

func (s *stand) stop() (err error) {
	if s.mx != nil && s.mx.Dir != "" {
		err = s.mx.Stop()
	}
	if s.gate != nil && s.gate.Starts > 0 {
		err = errors.Join(err, s.gate.Stop())
	}
	return errors.Join(err, s.sink.Close())
}

// bracketed runs a load through every door, each between two runs of its baseline.
func (s *stand) bracketed(t *table, part string, round int, l load) error {
	for _, family := range [][]string{{doorUnix, doorTCP}, {doorRelay}} {
		if round%2 == 1 && len(family) == 2 { // neither always comes first
			family[0], family[1] = family[1], family[0]
		}
		base := s.base[family[0]]
		before, err := s.measured(base, l, nil)
		if err != nil {
			return err
		}
		for _, door := range family {
			var cpu float64
			got, err := s.measured(door, l, &cpu)
			if err != nil {
				return err
			}
			after, err := s.measured(base, l, nil)
			if err != nil {
				return err
			}
			t.add(part, door, metricRatio, got.perSecond/((before.perSecond+after.perSecond)/2))
			t.add(part, door, metricRate, got.perSecond)
			t.add(part, base, metricRate, after.perSecond)
			t.add(part, door, metricCPU, cpu/float64(l.count)*1000)
			t.add(part, door, metricAdded, ms(got.dotP50)-(ms(before.dotP50)+ms(after.dotP50))/2)
			t.add(part, base, metricDot, ms(after.dotP50))
			before = after
		}
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measured warms a door up and runs the load through it. cpu, when not nil, gets the gate's seconds.
func (s *stand) measured(door string, l load, cpu *float64) (sent, error) {
	warm := l
	warm.count, warm.every = min(l.count, 2*l.sessions), 0
	if _, err := warm.run(s.addr[door], s.sink); err != nil {
		return sent{}, fmt.Errorf("%s, warming up: %w", door, err)
	}
	if err := s.mx.WaitEmpty(time.Minute); err != nil {
		return sent{}, err
	}
	seen, err := s.gate.Metric("congthu_messages_total")
	if err != nil {
		return sent{}, err
	}
	start, err := cpuSeconds(s.gate.PID())
	if err != nil {
		return sent{}, err
	}
	got, err := l.run(s.addr[door], s.sink)
	if err != nil {
		return got, fmt.Errorf("%s: %w", door, err)
	}
	end, err := cpuSeconds(s.gate.PID())
	if err != nil {
		return got, err
	}
	if cpu == nil {
		return got, s.mx.WaitEmpty(time.Minute)
	}
	*cpu = end - start
	now, err := s.gate.Metric("congthu_messages_total")
	if err == nil && int(now-seen) != l.count {
		err = fmt.Errorf("%s: the gate judged %.0f messages of %d", door, now-seen, l.count)
	}
	return got, errors.Join(err, s.mx.WaitEmpty(time.Minute))
}

// peaks measures, for each door, a gate that was just started and meets many large mails at once.
func (s *stand) peaks(t *table, l load) error {
	for _, door := range doors() {
		if err := s.gate.Stop(); err != nil {
			return err
		}
		if err := s.gate.Start(); err != nil {
			return err
		}
		if err := resetPeak(s.gate.PID()); err != nil {
			return err
		}
		shared, err := watchShared()
		if err != nil {
			return err
		}
		_, err = l.run(s.addr[door], s.sink)
		files := shared.mib()
		if err != nil {
			return fmt.Errorf("%s: %w", door, err)
		}
		peak, err := peakMiB(s.gate.PID())
		if err != nil {
			return err
		}
		t.add(partMemory, door, metricPeak, peak)
		t.add(partMemory, door, metricFiles, files)
		if err := s.mx.WaitEmpty(time.Minute); err != nil {
			return err
		}
	}
	return nil
}
