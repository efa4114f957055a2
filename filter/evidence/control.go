package evidence

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of the control socket.
const (
	maxControl     = 16               // connections at a time; beyond, they are closed
	maxControlLine = 256 << 10        // octets of a request or an answer
	controlTimeout = 10 * time.Second // of a request, and of its answer
	controlRetry   = 50 * time.Millisecond
)

// controlAnswer is what the gate says to a request, which is an Act in JSON on one line.
type controlAnswer struct {
	Seq   uint64 `json:"seq,omitempty"`
	Error string `json:"error,omitempty"`
}

// ServeControl takes acts from other processes of the same user on the unix socket control.sock in the
// log's directory until ctx ends.
func (l *Log) ServeControl(ctx context.Context) error {
	listener, err := listenControl(l.opt.Dir)
	if err != nil {
		return fmt.Errorf("serving the evidence log's control socket: %w", err)
	}
	defer os.Remove(filepath.Join(l.opt.Dir, socketName))
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	defer listener.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxControl)
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil { // no descriptors left, for one: it passes
			l.opt.Log.Warn("the evidence log's control socket", "error", err)
			sleep(ctx, controlRetry)
			continue
		}
		select {
		case slots <- struct{}{}:
			wg.Go(func() {
				defer func() { <-slots }()
				l.serveAct(ctx, conn)
			})
		default:
			conn.Close()
		}
	}
}

// listenControl listens with mode 0600 from the start: the socket gets its name when nobody else can use
// it any more.
func listenControl(dir string) (net.Listener, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	temp := socketName + tempEnd
	if err := os.Remove(filepath.Join(dir, temp)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: socketPath(d, dir, temp)})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	if err = os.Chmod(filepath.Join(dir, temp), 0o600); err == nil {
		err = os.Rename(filepath.Join(dir, temp), filepath.Join(dir, socketName))
	}
	if err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// socketPath is a path to a socket in dir that a socket's address has room for (107 octets).
func socketPath(d *os.File, dir, name string) string {
	if path := filepath.Join(dir, name); len(path) < len(unix.RawSockaddrUnix{}.Path) {
		return path
	}
	return "/proc/self/fd/" + strconv.Itoa(int(d.Fd())) + "/" + name
}

func (l *Log) serveAct(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	conn.SetDeadline(time.Now().Add(controlTimeout))
	var answer controlAnswer
	seq, err := l.readAct(ctx, conn)
	if err != nil {
		answer.Error = err.Error()
	}
	answer.Seq = seq
	b, err := json.Marshal(answer)
	if err != nil {
		return
	}
	conn.SetDeadline(time.Now().Add(controlTimeout))
	conn.Write(append(b, '\n'))
}

func (l *Log) readAct(ctx context.Context, conn net.Conn) (uint64, error) {
	line, err := controlLine(conn)
	if err != nil {
		return 0, err
	}
	var a Act
	if err := json.Unmarshal(line, &a); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	return l.Append(ctx, Record{Kind: KindAct, Act: &a})
}

func controlLine(conn net.Conn) ([]byte, error) {
	line, err := bufio.NewReaderSize(conn, maxControlLine).ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: more than %d octets", ErrRecord, maxControlLine)
	}
	return line, err
}

// AppendAct appends what an officer did, from a process that is not the gate: through the control socket
// when a gate has the log in dir open, and else by opening the log itself. It waits until ctx ends for a
// gate that is only starting. The act is durable when it returns. gate is the name that the log's gate has now, for a
// log that is opened; "" is the name of the gate that wrote last, or the host's in a log without records.
func AppendAct(ctx context.Context, dir, gate string, a Act) (seq uint64, err error) {
	if _, err := os.Stat(dir); err != nil {
		return 0, fmt.Errorf("recording an act: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	for {
		seq, err = askGate(ctx, dir, a)
		if !errors.Is(err, errNoGate) {
			break
		}
		if seq, err = appendAlone(ctx, dir, gate, a); !errors.Is(err, ErrLocked) || !sleep(ctx, controlRetry) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("recording an act: %w", err)
	}
	return seq, nil
}

// errNoGate says that nobody listens on the control socket.
var errNoGate = errors.New("no gate is running")

func askGate(ctx context.Context, dir string, a Act) (uint64, error) {
	d, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socketPath(d, dir, socketName))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return 0, errNoGate
	case err != nil:
		return 0, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	b, err := json.Marshal(a.cleaned())
	if err != nil {
		return 0, err
	}
	if _, err := conn.Write(append(b, '\n')); err != nil {
		return 0, err
	}
	line, err := controlLine(conn)
	if err != nil {
		return 0, fmt.Errorf("the gate gave no answer: %w", err)
	}
	var answer controlAnswer
	switch err := json.Unmarshal(line, &answer); {
	case err != nil:
		return 0, fmt.Errorf("the gate's answer: %w", err)
	case answer.Error != "":
		return 0, fmt.Errorf("the gate answered: %s", answer.Error)
	}
	return answer.Seq, nil
}

// appendAlone appends while no gate runs.
func appendAlone(ctx context.Context, dir, gate string, a Act) (uint64, error) {
	if gate == "" {
		var err error
		if gate, err = lastGate(dir); err != nil {
			return 0, err
		}
	}
	l, err := Open(Options{Dir: dir, Gate: gate})
	if err != nil {
		return 0, err
	}
	seq, err := l.Append(ctx, Record{Kind: KindAct, Act: &a})
	if cerr := l.Close(); err == nil {
		err = cerr
	}
	return seq, err
}

func lastGate(dir string) (string, error) {
	files, err := listFiles(dir)
	if err != nil {
		return "", err
	}
	for i := len(files) - 1; i >= 0; i-- {
		first, err := firstOf(dir, files[i])
		if err == nil && first != nil && first.Gate != "" {
			return first.Gate, nil
		}
	}
	return os.Hostname()
}
