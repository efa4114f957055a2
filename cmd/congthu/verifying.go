package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter/extract"
)

// How a running gate checks its own evidence.
const (
	firstVerification = time.Minute // after the start at the latest
	maxVerifySaid     = 500         // octets of what a check says that are logged
	niceness          = 19          // of the process that checks: mail goes first
)

// verifying checks a gate's own evidence again and again, in a process of its own, which can be ended at any time and gives
// way to mail.
type verifying struct {
	dir   string
	every time.Duration // 0: never
	log   *slog.Logger
	now   func() time.Time

	intact, at *prometheus.Desc

	mu     sync.Mutex
	whole  bool
	looked time.Time // when the last check that came to a result ended; zero before the first
}

func newVerifying(dir string, every time.Duration, reg prometheus.Registerer, log *slog.Logger, now func() time.Time) *verifying {
	v := &verifying{dir: dir, every: every, log: log, now: now,
		intact: prometheus.NewDesc("congthu_evidence_intact", "1 when the last check of the whole evidence log found it as it was written, 0 when not.", nil, nil),
		at:     prometheus.NewDesc("congthu_evidence_verified_timestamp_seconds", "When that check ended, in Unix time.", nil, nil)}
	reg.MustRegister(v)
	return v
}

// Describe implements prometheus.Collector.
func (v *verifying) Describe(to chan<- *prometheus.Desc) {
	to <- v.intact
	to <- v.at
}

// Collect implements prometheus.Collector. Before the first check there is nothing to tell.
func (v *verifying) Collect(to chan<- prometheus.Metric) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.looked.IsZero() {
		return
	}
	whole := 0.0
	if v.whole {
		whole = 1
	}
	to <- prometheus.MustNewConstMetric(v.intact, prometheus.GaugeValue, whole)
	to <- prometheus.MustNewConstMetric(v.at, prometheus.GaugeValue, float64(v.looked.Unix()))
}

// run checks until ctx ends.
func (v *verifying) run(ctx context.Context) {
	if v.every == 0 {
		return
	}
	timer := time.NewTimer(min(v.every, firstVerification))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		v.check(ctx)
		timer.Reset(v.every)
	}
}

// check looks once. A check that comes to no result changes nothing: that the last one grows old shows it.
func (v *verifying) check(ctx context.Context) {
	said, code, err := v.look(ctx)
	if ctx.Err() != nil { // the gate stops
		return
	}
	switch {
	case err != nil:
		v.log.Error("the evidence could not be checked", "error", err.Error())
		return
	case code == exitFine:
		v.log.Info("the evidence is whole", "check", said)
	case code == exitFindings:
		v.log.Error("the evidence is not what was written", "check", said)
	default:
		v.log.Error("the evidence could not be checked", "code", code, "check", said)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.whole, v.looked = code == exitFine, v.now()
}

// look is "congthu log verify" of the folder.
func (v *verifying) look(ctx context.Context) (said string, code int, err error) {
	program, err := extract.Executable()
	if err != nil {
		return "", 0, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "log", "verify", v.dir)
	cmd.Env = []string{"GOMAXPROCS=1"}
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", 0, err
	}
	// Of the group, for priority is a thread's here (setpriority(2), NOTES).
	if err := syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, niceness); err != nil && !errors.Is(err, syscall.ESRCH) {
		v.log.Warn("the check of the evidence runs with the priority of mail", "error", err.Error())
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = nil
	}
	said = strings.TrimSpace(out.String())
	return said[:min(len(said), maxVerifySaid)], cmd.ProcessState.ExitCode(), err
}

// holds is whether mail can be held.
func (m *memory) holds() float64 {
	if m.store.Load() != nil && m.canHold.Load() {
		return 1
	}
	return 0
}

// verify keeps checking the evidence of a gate.
func (m *memory) verify(dir string, reg prometheus.Registerer) {
	v := newVerifying(dir, time.Duration(m.conf.Evidence.Verify), reg, m.log, m.now)
	m.ended.Go(func() { v.run(m.ctx) })
}
