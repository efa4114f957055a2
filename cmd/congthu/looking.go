package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/policy"
	"congthu/rules"
	"congthu/rules/rate"
)

// How the workers run that look into files.
const (
	workerMemory    = 2 << 30 // of address space, octets: the PDF reader reserves most of it and uses little
	workerDeadline  = 20 * time.Second
	maxWorkers      = 8      // on any machine: what they hold together stays under the service's limit of memory (congthu.service)
	rememberedFiles = 20_000 // outcomes by hash, without text
)

// looking is what rules need of the process, whichever policy is in force: it lives through a reload.
type looking struct {
	pool    *extract.Pool
	hit     func()
	engines *engines
	senders *rate.Counter // what senders have sent
}

// counter counts senders; nil without what a process needs to judge.
func (l *looking) counter() *rate.Counter {
	if l == nil {
		return nil
	}
	return l.senders
}

// newLooking starts the workers, or with lazy only once a file needs one.
func newLooking(reg prometheus.Registerer, log *slog.Logger, lazy bool) (*looking, error) {
	workers := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "congthu_workers",
		Help: "Processes that look into files: idle and busy ones, and how many were killed or did not start."}, []string{"state"})
	for _, state := range []string{"idle", "busy", "killed", "failed"} {
		workers.WithLabelValues(state)
	}
	hits := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_cache_hits_total",
		Help: "Times that something was known already."}, []string{"cache"})
	files := hits.WithLabelValues("files")
	reg.MustRegister(workers, hits)
	program, err := extract.Executable()
	if err != nil {
		return nil, err
	}
	pool, err := extract.NewPool(extract.PoolOptions{Command: []string{program, extract.WorkerArgument}, Env: workerEnvironment(log),
		Workers: min(max(2, runtime.GOMAXPROCS(0)), maxWorkers), Deadline: workerDeadline, Lazy: lazy, Metrics: workerMetrics{workers}, Log: log})
	if err != nil {
		return nil, fmt.Errorf("starting what looks into files: %w", err)
	}
	senders, err := rate.New()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making what counts senders: %w", err), pool.Close())
	}
	return &looking{pool: pool, hit: files.Inc, senders: senders, engines: newEngines(reg, log, lazy, hits.WithLabelValues("virus").Inc)}, nil
}

// looksIntoFiles tells whether a rule that is on does: only then is it worth it to have workers ready.
func looksIntoFiles(c *policy.Config) bool {
	on := func(rule string) bool { return filter.Mode(c.Rules[rule].Mode) != filter.Off }
	return on(filter.RuleMarking) || on(filter.RuleUninspected) || on(rules.NameAttachmentType) || on(rules.NameSignature) ||
		on(rules.NameContent) && len(c.Rules[rules.NameContent].Dictionaries) > 0 ||
		on(filter.RuleVirus) && len(c.Virus.Clamd)+len(c.Virus.ICAP) > 0
}

func (l *looking) close() error {
	l.engines.close()
	return l.pool.Close()
}

// workerEnvironment is all that a worker knows of the environment. Without a folder of its own for what it compiles, it
// compiles anew each time it starts.
func workerEnvironment(log *slog.Logger) []string {
	env := []string{"GOTRACEBACK=none", "GOMAXPROCS=1"}
	dir, err := workerCache()
	if err != nil {
		log.Warn("workers start slowly: there is no folder for their compiled code", "error", err.Error())
		return env
	}
	return append(env, extract.CacheVariable+"="+dir)
}

// workerCache is a folder that only this user can write to: who writes there runs code in the workers.
func workerCache() (string, error) {
	dir := os.Getenv("CACHE_DIRECTORY") // systemd.exec(5): CacheDirectory=
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("finding a cache folder: %w", err)
		}
		dir = filepath.Join(user, "congthu")
	}
	dir = filepath.Join(dir, "workers")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the cache folder of the workers: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("looking at the cache folder of the workers: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("others may write to the cache folder of the workers, %s", dir)
	}
	return dir, nil
}

// workerMetrics shows the workers' states.
type workerMetrics struct{ states *prometheus.GaugeVec }

// Worker implements extract.PoolMetrics.
func (m workerMetrics) Worker(state string, change int) {
	m.states.WithLabelValues(state).Add(float64(change))
}

// work is the life of a worker process. What goes wrong is the gate's to report: a worker says nothing of the file.
func work() int {
	if err := extract.Work(os.Stdin, os.Stdout, workerMemory, extract.Confine); err != nil {
		return exitCannotJudge
	}
	return exitFine
}
