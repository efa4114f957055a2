package main

import (
	"errors"
	"fmt"
	"time"
)

// queueLimit bounds the wait for Postfix's queue to be empty after a run.
const queueLimit = time.Minute

// bracketed runs a load through every candidate, each between two runs of its baseline, and adds one value to
// each figure. The candidates' order turns with the rounds: none always comes first.
func (s *stand) bracketed(t *table, part string, round int, l load) error {
	for _, base := range []string{basePostfix, baseDirect} {
		var turn []*candidate
		for _, c := range s.candidates {
			if c.base() == base {
				turn = append(turn, c)
			}
		}
		if len(turn) == 0 {
			continue
		}
		if err := s.warm(s.baseAddr(base), l); err != nil {
			return fmt.Errorf("%s: %w", base, err)
		}
		before, err := s.baseline(base, l)
		if err != nil {
			return err
		}
		for i := range turn {
			c := turn[(i+round)%len(turn)]
			got, cpu, err := s.measured(c, c.share(l))
			if err != nil {
				return fmt.Errorf("%s: %w", c.key, err)
			}
			after, err := s.baseline(base, l)
			if err != nil {
				return err
			}
			ratio, p50, p99 := between(before, got, after)
			t.add(part, c.key, metricCPU, cpu/float64(c.share(l).count)*1000)
			t.add(part, c.key, metricAdded50, p50)
			t.add(part, c.key, metricAdded99, p99)
			t.add(part, c.key, metricRatio, ratio)
			t.add(part, c.key, metricRate, got.perSecond)
			t.add(part, base, metricRate, after.perSecond)
			t.add(part, base, metricDot50, ms(after.dotP50))
			t.add(part, base, metricDot99, ms(after.dotP99))
			before = after
		}
	}
	t.timesHaraka(part)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (s *stand) baseAddr(base string) string {
	if base == baseDirect {
		return s.sinkAddr
	}
	return s.plain
}

// warm starts the processes and connections that a run needs, unmeasured.
func (s *stand) warm(addr string, l load) error {
	l.count, l.every = min(l.count, l.sessions), 0
	if _, err := l.run(addr, s.count); err != nil {
		return fmt.Errorf("warming up: %w", err)
	}
	return s.empty()
}

// empty waits until Postfix has delivered everything.
func (s *stand) empty() error {
	if s.mx.Dir == "" {
		return nil
	}
	return s.mx.WaitEmpty(queueLimit)
}

func (s *stand) baseline(base string, l load) (sent, error) {
	got, err := l.run(s.baseAddr(base), s.count)
	if err != nil {
		return got, fmt.Errorf("%s: %w", base, err)
	}
	return got, s.empty()
}

// measured runs the load through a candidate and tells the seconds that its processes used. The gate must say
// that it judged every message; the others were reached, or Postfix, whose milters must answer, would not
// have taken the mail.
func (s *stand) measured(c *candidate, l load) (got sent, cpu float64, err error) {
	if err := s.warm(c.load, l); err != nil {
		return got, 0, err
	}
	judged, err := s.judged(c)
	if err != nil {
		return got, 0, err
	}
	start, err := cpuSeconds(c.server.PID())
	if err != nil {
		return got, 0, err
	}
	if got, err = l.run(c.load, s.count); err != nil {
		return got, 0, err
	}
	end, err := cpuSeconds(c.server.PID())
	if err != nil {
		return got, 0, err
	}
	now, err := s.judged(c)
	if err == nil && c.ours() && int(now-judged) != l.count {
		err = fmt.Errorf("the gate judged %.0f messages of %d", now-judged, l.count)
	}
	return got, end - start, errors.Join(err, s.empty())
}

// judged is how many messages the gate has judged; 0 for other candidates.
func (s *stand) judged(c *candidate) (float64, error) {
	if !c.ours() {
		return 0, nil
	}
	return s.gate.Metric("congthu_messages_total")
}

// peaks measures each candidate newly started and meeting many large mails at once.
func (s *stand) peaks(t *table, l load) error {
	for _, c := range s.candidates {
		if err := s.peak(t, c, l); err != nil {
			return fmt.Errorf("%s: %w", c.key, err)
		}
	}
	return nil
}

func (s *stand) peak(t *table, c *candidate, l load) error {
	if err := c.server.Stop(); err != nil {
		return err
	}
	if err := c.server.Start(); err != nil {
		return err
	}
	if err := settle(c.server.PID()); err != nil {
		return err
	}
	if err := resetPeak(c.server.PID()); err != nil {
		return err
	}
	shared, err := watchShared()
	if err != nil {
		return err
	}
	_, err = l.run(c.load, s.count)
	files := shared.mib()
	if err != nil {
		return err
	}
	peak, err := peakMiB(c.server.PID())
	if err != nil {
		return err
	}
	t.add(partMemory, c.key, metricPeak, peak)
	t.add(partMemory, c.key, metricFiles, files)
	return s.empty()
}
