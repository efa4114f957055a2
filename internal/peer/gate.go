package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// BuildGate builds the product's binary into dir, with the race detector when this program has it.
func BuildGate(dir string) (string, error) {
	root, err := ModuleRoot()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "congthu")
	args := []string{"build", "-o", bin}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/congthu")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the gate: %w\n%s", err, out)
	}
	return bin, nil
}

// Gate is the product's process.
type Gate struct {
	Binary string
	Config string // YAML
	Admin  string // address of admin.listen in Config
	Dir    string // where the configuration goes
	// UID and GID run the gate as somebody else; 0 keeps the user.
	UID, GID uint32
	Starts   int // times that Start succeeded

	cmd  *exec.Cmd
	done chan error
	out  output

	mu       sync.Mutex
	read     int // octets of out that messages were read from
	messages []map[string]any
}

// output collects what a process writes, over several lives.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// from is what was written after the first n octets.
func (o *output) from(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.b.Bytes()[n:])
}

// Start runs "congthu serve" and waits for /readyz.
func (g *Gate) Start() error {
	file := filepath.Join(g.Dir, "congthu.yml")
	config, err := g.withState()
	if err != nil {
		return fmt.Errorf("making the gate's folder: %w", err)
	}
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return fmt.Errorf("writing the gate's configuration: %w", err)
	}
	g.cmd = exec.Command(g.Binary, "serve", "--config", file)
	g.cmd.Dir = g.Dir
	g.cmd.Stdout, g.cmd.Stderr = &g.out, &g.out
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if g.UID != 0 {
		g.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: g.UID, Gid: g.GID}
	}
	cache, err := g.cache()
	if err != nil {
		return fmt.Errorf("making the gate's cache: %w", err)
	}
	g.cmd.Env = append(os.Environ(), "CACHE_DIRECTORY="+cache)
	if err := g.cmd.Start(); err != nil {
		return fmt.Errorf("starting the gate: %w", err)
	}
	done := make(chan error, 1)
	g.done = done
	ctx, cancel := context.WithTimeoutCause(context.Background(), startLimit, fmt.Errorf("not ready after %s", startLimit))
	defer cancel()
	cmd := g.cmd
	go func() {
		done <- cmd.Wait()
		cancel()
	}()
	if err := wait(ctx, "the gate", g.ready); err != nil {
		g.cmd.Process.Kill()
		return fmt.Errorf("%w\n%s", err, g.out.String())
	}
	g.Starts++
	return nil
}

// cache is a folder for what workers compile, which outlives the gate: compiling takes the time of hundreds of mails, and
// under the race detector that of thousands. It belongs to the gate's user.
func (g *Gate) cache() (string, error) {
	if os.Getuid() != 0 {
		user, err := os.UserCacheDir()
		return filepath.Join(user, "congthu-tests"), err
	}
	dir := filepath.Join(Unpacked, fmt.Sprintf("cache-%d", g.UID))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.Chown(dir, int(g.UID), int(g.GID))
}

// State is the folder of the evidence and the database, unless Config names others.
func (g *Gate) State() string { return filepath.Join(g.Dir, "state") }

// withState is Config with a place for evidence and database that the gate's user may write.
func (g *Gate) withState() (string, error) {
	if strings.Contains(g.Config, "evidence:") {
		return g.Config, nil
	}
	if err := os.MkdirAll(g.State(), 0o700); err != nil {
		return "", err
	}
	if g.UID != 0 {
		if err := os.Chown(g.State(), int(g.UID), int(g.GID)); err != nil {
			return "", err
		}
	}
	return g.Config + fmt.Sprintf("\nevidence: {dir: %q}\nstore: {dsn: %q}\n", filepath.Join(g.State(), "evidence"), "sqlite:"+filepath.Join(g.State(), "congthu.db")), nil
}

func (g *Gate) ready() bool {
	resp, err := get("http://" + g.Admin + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// get asks once, on a connection of its own.
func get(url string) (*http.Response, error) {
	c := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return c.Get(url)
}

// PID is the process's.
func (g *Gate) PID() int { return g.cmd.Process.Pid }

// Kill ends the process with SIGKILL, as a power cut would, and waits for its end.
func (g *Gate) Kill() error {
	if err := g.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("killing the gate: %w", err)
	}
	<-g.done
	return nil
}

// Stop ends the process with SIGTERM. An exit that is not clean is an error.
func (g *Gate) Stop() error {
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the gate: %w", err)
	}
	select {
	case err := <-g.done:
		if err != nil {
			return fmt.Errorf("the gate did not end cleanly: %w\n%s", err, g.out.String())
		}
		return nil
	case <-time.After(90 * time.Second):
		return errors.Join(errors.New("the gate did not end within 90 s of SIGTERM"), g.Kill())
	}
}

// Output is everything that the gate wrote to standard output and error, over all its lives.
func (g *Gate) Output() string { return g.out.String() }

// Messages are the log lines about messages so far: JSON lines whose msg is "message".
func (g *Gate) Messages() []map[string]any {
	g.mu.Lock()
	defer g.mu.Unlock()
	text := g.out.from(g.read)
	for line := range strings.Lines(text[:strings.LastIndexByte(text, '\n')+1]) {
		g.read += len(line)
		var m map[string]any
		if json.Unmarshal([]byte(line), &m) == nil && m["msg"] == "message" {
			g.messages = append(g.messages, m)
		}
	}
	return slices.Clone(g.messages)
}

// Metric is the sum of a metric's samples whose labels contain all of with (`door="relay"`).
func (g *Gate) Metric(name string, with ...string) (float64, error) {
	resp, err := get("http://" + g.Admin + "/metrics")
	if err != nil {
		return 0, fmt.Errorf("reading the gate's metrics: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, fmt.Errorf("reading the gate's metrics: %w", err)
	}
	var sum float64
lines:
	for line := range strings.SplitSeq(string(text), "\n") {
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || !strings.HasPrefix(line, name) || !strings.ContainsAny(line[len(name):len(name)+1], "{ ") {
			continue
		}
		for _, w := range with {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		v, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("reading the metric %s: %w", name, err)
		}
		sum += v
	}
	return sum, nil
}
