package message

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Errors of a spool.
var (
	ErrTooBig = errors.New("message is over the wire limit")     // more than Limits.WireBytes
	ErrNoRoom = errors.New("no room left for messages in hand")  // the process's Budget is spent, or one client's share of it
	ErrClosed = errors.New("spool is closed")                    // used after Close
	errRange  = errors.New("range is not inside of the message") // a caller's mistake
)

// Spool holds one message as it came, octet for octet: in memory up to Limits.MemoryBytes, beyond
// in an anonymous memory file, so that a message held for inspection never reaches a disk. One
// goroutine writes; reading is safe for any number of goroutines, also beside Close.
type Spool struct {
	limits Limits
	budget *Budget
	client netip.Prefix // whose message it is, for the budget; zero for nobody's
	size   atomic.Int64

	mu     sync.RWMutex
	mem    []byte   // the content; once there is a file, what is not yet written to it
	file   *os.File // anonymous; nil while the content fits in memory
	inFile int64    // octets written to file
	sum    hash.Hash
	err    error // first error of a write; then nothing is kept
	closed bool
}

// NewSpool makes an empty spool. Without a budget only l bounds it.
func NewSpool(l Limits, b *Budget) *Spool { return NewSpoolOf(netip.Addr{}, l, b) }

// NewSpoolOf makes one for a message of the client with that address, which is the zero Addr when it is not
// known: then the message has the whole budget.
func NewSpoolOf(client netip.Addr, l Limits, b *Budget) *Spool {
	return &Spool{limits: l, budget: b, client: holder(client), sum: sha256.New()}
}

// Write appends p. It returns ErrTooBig once more than Limits.WireBytes octets were written and
// ErrNoRoom when the budget is spent. After an error nothing is kept and further writes cost
// nothing and return the same error, so that a door may read on to the end of the data.
func (s *Spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int64(len(p))
	switch {
	case s.closed:
		return 0, ErrClosed
	case s.err != nil:
		return 0, s.err
	case s.size.Load()+n > s.limits.WireBytes:
		return 0, s.fail(ErrTooBig)
	case !s.budget.take(s.client, n, s.limits.WireBytes):
		return 0, s.fail(ErrNoRoom)
	}
	s.size.Add(n)
	s.sum.Write(p)
	if err := s.keep(p); err != nil {
		return 0, s.fail(err)
	}
	return len(p), nil
}

// ReadFrom writes all that r has (io.ReaderFrom), through a buffer that others use before and after.
func (s *Spool) ReadFrom(r io.Reader) (int64, error) {
	buf := takeBuffer(windowBuffer)
	defer giveBuffer(buf)
	return io.CopyBuffer(struct{ io.Writer }{s}, r, buf[:cap(buf)])
}

// keep appends p to memory or to the file.
func (s *Spool) keep(p []byte) error {
	if s.file == nil {
		if int64(len(s.mem)+len(p)) <= s.limits.MemoryBytes {
			s.appendMemory(p)
			return nil
		}
		if err := s.openFile(); err != nil {
			return err
		}
	}
	// Small writes are gathered: a door may write 4 KiB at a time.
	if len(s.mem)+len(p) > cap(s.mem) {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(p) >= cap(s.mem) {
		return s.writeFile(p)
	}
	s.mem = append(s.mem, p...)
	return nil
}

func (s *Spool) appendMemory(p []byte) {
	if need := len(s.mem) + len(p); need > cap(s.mem) {
		bigger := append(takeBuffer(max(need, min(2*cap(s.mem), int(s.limits.MemoryBytes)))), s.mem...)
		giveBuffer(s.mem)
		s.mem = bigger
	}
	s.mem = append(s.mem, p...)
}

func (s *Spool) openFile() error {
	fd, err := unix.MemfdCreate("congthu-spool", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("making a memory file for a message: %w", err)
	}
	s.file = os.NewFile(uintptr(fd), "congthu-spool")
	if err := s.flush(); err != nil {
		return err
	}
	giveBuffer(s.mem)
	s.mem = takeBuffer(windowBuffer)
	return nil
}

func (s *Spool) flush() error {
	err := s.writeFile(s.mem)
	s.mem = s.mem[:0]
	return err
}

func (s *Spool) writeFile(p []byte) error {
	n, err := s.file.WriteAt(p, s.inFile)
	s.inFile += int64(n)
	if err != nil {
		return fmt.Errorf("writing a message to its memory file: %w", err)
	}
	letOthersGo()
	return nil
}

// fail drops the content and remembers why.
func (s *Spool) fail(err error) error {
	s.err = err
	s.drop()
	return err
}

// drop gives back memory, file and budget. The size and the hash stay.
func (s *Spool) drop() {
	giveBuffer(s.mem)
	s.mem = nil
	if s.file != nil {
		s.file.Close() // nothing was meant to last: there is no error to act on
		s.file = nil
	}
	s.budget.give(s.client, s.size.Load())
	s.budget = nil
}

// Size is the number of octets accepted.
func (s *Spool) Size() int64 { return s.size.Load() }

// SHA256 is the hash of all that was written, in hexadecimal. It stays after Close.
func (s *Spool) SHA256() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum [sha256.Size]byte
	return hex.EncodeToString(s.sum.Sum(sum[:0]))
}

// ReadAt reads len(p) octets from off (io.ReaderAt). After Close it returns ErrClosed, after a
// failed write that write's error.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	n, big, err := s.readAt(p, off)
	if big {
		letOthersGo()
	}
	return n, err
}

// letOthersGo is called between pieces of a big message. Go lets one that computes have 10 ms at a time, and a
// small message waits for its turn a dozen times: beside twenty big ones that would be seconds.
func letOthersGo() { runtime.Gosched() }

// readAt is ReadAt; big tells that the message is one that memory does not hold.
func (s *Spool) readAt(p []byte, off int64) (n int, big bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.readable(off); err != nil {
		return 0, false, err
	}
	if off < s.inFile {
		want := min(int64(len(p)), s.inFile-off)
		n, err = s.file.ReadAt(p[:want], off)
		if err != nil {
			return n, true, fmt.Errorf("reading a message from its memory file: %w", err)
		}
	}
	if at := off + int64(n) - s.inFile; n < len(p) && at < int64(len(s.mem)) {
		n += copy(p[n:], s.mem[at:])
	}
	if n < len(p) {
		return n, s.file != nil, io.EOF
	}
	return n, s.file != nil, nil
}

func (s *Spool) readable(off int64) error {
	switch {
	case s.closed:
		return ErrClosed
	case s.err != nil:
		return s.err
	case off < 0:
		return errRange
	}
	return nil
}

// WriteRange writes the octets of r to w and returns how many it wrote. What is in memory goes to
// w without a copy; Close waits for it. A writer with a method WriteFile(*os.File, off, n int64) (int64, error)
// is offered what is in the memory file.
func (s *Spool) WriteRange(w io.Writer, r Range) (int64, error) {
	if r.Start < 0 || r.End > s.Size() || r.Start > r.End {
		return 0, errRange
	}
	if n, done, err := s.writeMemory(w, r); done {
		return n, err
	}
	sent, err := s.sendFile(w, r)
	if err != nil {
		return sent, err
	}
	r.Start += sent
	buf := takeBuffer(windowBuffer)
	defer giveBuffer(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(s, r.Start, r.Len())}, buf[:cap(buf)])
	return sent + n, err
}

// fileWriter is a writer that may take octets [off, off+n) straight out of a file. It returns how many it took;
// what it left without an error is written to it.
type fileWriter interface {
	WriteFile(f *os.File, off, n int64) (int64, error)
}

// sendFile gives w what of r is in the file, but for the last block: a writer that looks at the end of a
// message sees it.
func (s *Spool) sendFile(w io.Writer, r Range) (int64, error) {
	to, ok := w.(fileWriter)
	if !ok {
		return 0, nil
	}
	s.mu.RLock()
	f, n := s.file, min(s.inFile, r.End-windowBuffer)-r.Start
	s.mu.RUnlock()
	if f == nil || n <= 0 {
		return 0, nil
	}
	return to.WriteFile(f, r.Start, n)
}

func (s *Spool) writeMemory(w io.Writer, r Range) (n int64, done bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.readable(r.Start); err != nil {
		return 0, true, err
	}
	if s.file != nil {
		return 0, false, nil
	}
	k, err := w.Write(s.mem[r.Start:r.End])
	return int64(k), true, err
}

// Close gives back memory, file and budget. It may be called more than once.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.drop()
	}
	return nil
}
