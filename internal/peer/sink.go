package peer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net"
	"strings"
	"sync"
	"time"
)

// Stage is the point of a dialogue at which a Sink can be told to misbehave.
type Stage string

// The stages. Greeting has no line; Dot comes after the whole message was read.
const (
	Greeting Stage = "greeting"
	Ehlo     Stage = "EHLO"
	MailFrom Stage = "MAIL"
	RcptTo   Stage = "RCPT"
	DataCmd  Stage = "DATA"
	Dot      Stage = "dot"
)

// What a Sink's Hook may say beside a reply line such as "452 4.3.1 full".
const (
	Normal = ""      // answer as usual
	Drop   = "drop"  // close the connection without a word
	Hang   = "hang"  // say nothing until the client or the sink ends
	Mute   = "after" // take the message, then close without saying so (only at Dot)
)

// Delivery is one message that a Sink took.
type Delivery struct {
	Helo   string
	Params string // of MAIL, as they came
	From   string
	To     []string
	Lines  []string // MAIL and RCPT as they came
	Bytes  []byte   // the message, dots taken away; nil when the sink keeps none
	Size   int64
	SHA256 string // of the message
	Key    string // value of the header field named by Sink.KeyField
	Told   bool   // the 250 was written; the client may have been gone nevertheless
	Heard  bool   // the client said something after it: it read the 250, unless it pipelines
	At     time.Time
	Ended  time.Time // when the connection ended; zero while it lasts
}

// Sink is an SMTP server that takes mail and remembers it. Set the fields before Start.
type Sink struct {
	// Hook may change the answer at a stage: Normal, Drop, Hang, Mute or a reply line.
	Hook func(s Stage, line string, d *Delivery) string
	// Forget drops the octets and keeps the rest.
	Forget bool
	// Blind reads the message for its end only: no octets, no hash, no key. For load.
	Blind bool
	// KeyField is the header field by which messages are told apart; "X-Peer-Key" when empty.
	KeyField string
	// Offers replaces the EHLO keywords.
	Offers []string

	Addr string // set by Start

	listener net.Listener
	stop     context.CancelFunc
	ctx      context.Context
	wg       sync.WaitGroup

	mu    sync.Mutex
	taken []Delivery
	count int
	conns map[net.Conn]bool
}

// Start listens on addr ("127.0.0.1:0" for any port).
func (s *Sink) Start(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("starting a sink: %w", err)
	}
	s.listener, s.Addr, s.conns = l, l.Addr().String(), map[net.Conn]bool{}
	if s.KeyField == "" {
		s.KeyField = "X-Peer-Key"
	}
	if s.Offers == nil {
		s.Offers = []string{"PIPELINING", "SIZE 104857600", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"}
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return nil
}

// Close ends all connections and waits for their ends.
func (s *Sink) Close() error {
	s.stop()
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

// Deliveries are the messages taken so far, in the order of their 250.
func (s *Sink) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.taken...)
}

// Count is the number of messages taken: of replies of 250 to a final dot, written or meant.
func (s *Sink) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// ByKey are the messages taken under one key.
func (s *Sink) ByKey(key string) []Delivery {
	var out []Delivery
	for _, d := range s.Deliveries() {
		if d.Key == key {
			out = append(out, d)
		}
	}
	return out
}

func (s *Sink) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		if s.ctx.Err() != nil { // accepted while Close went through the others
			conn.Close()
		}
		s.wg.Go(func() {
			t := &sinkSession{sink: s, conn: conn, r: bufio.NewReaderSize(conn, 64<<10), last: -1}
			t.run()
			conn.Close()
			if t.last >= 0 {
				s.ended(t.last)
			}
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
		})
	}
}

// take records d as answered with 250 and tells its place.
func (s *Sink) take(d Delivery) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if s.Blind {
		return -1
	}
	d.At = time.Now()
	s.taken = append(s.taken, d)
	return len(s.taken) - 1
}

func (s *Sink) told(i int) {
	if i < 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[i].Told = true
}

// heard notes that the client of the i-th message went on.
func (s *Sink) heard(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[i].Heard = true
}

// ended notes that the connection of the i-th message is over.
func (s *Sink) ended(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken[i].Ended = time.Now()
}

var errGone = errors.New("connection ended on purpose")

// sinkSession is one connection; d is replaced whole with each transaction.
type sinkSession struct {
	sink *Sink
	conn net.Conn
	r    *bufio.Reader
	helo string
	d    *Delivery
	last int // place of the message that was taken last, -1 for none
}

func (t *sinkSession) say(line string) error {
	t.conn.SetWriteDeadline(time.Now().Add(time.Minute))
	_, err := t.conn.Write([]byte(line + "\r\n"))
	return err
}

// answer says what the hook wants, or normal.
func (t *sinkSession) answer(st Stage, line, normal string) (ok bool, err error) {
	said := Normal
	if t.sink.Hook != nil {
		said = t.sink.Hook(st, line, t.d)
	}
	switch said {
	case Normal:
		return true, t.say(normal)
	case Drop, Mute:
		return false, errGone
	case Hang:
		<-t.sink.ctx.Done()
		return false, errGone
	}
	return said[0] == '2' || said[0] == '3', t.say(said)
}

func (t *sinkSession) run() {
	if ok, err := t.answer(Greeting, "", "220 sink.example ESMTP"); !ok || err != nil {
		return
	}
	for {
		t.conn.SetReadDeadline(time.Now().Add(10 * time.Minute))
		b, err := t.r.ReadSlice('\n')
		if err != nil {
			return
		}
		if t.last >= 0 {
			t.sink.heard(t.last)
		}
		if err := t.command(strings.TrimRight(string(b), "\r\n")); err != nil {
			return
		}
	}
}

func (t *sinkSession) command(line string) error {
	v := strings.ToUpper(verb(line))
	var err error
	switch v {
	case "EHLO", "HELO":
		t.helo, t.d = strings.TrimSpace(line[4:]), nil
		lines := append([]string{"sink.example"}, t.sink.Offers...)
		if v == "HELO" {
			lines = lines[:1]
		}
		for i := range lines {
			sep := "-"
			if i == len(lines)-1 {
				sep = " "
			}
			lines[i] = "250" + sep + lines[i]
		}
		_, err = t.answer(Ehlo, line, strings.Join(lines, "\r\n"))
	case "MAIL":
		d := &Delivery{Helo: t.helo, Lines: []string{line}}
		d.From, d.Params = path(line)
		var ok bool
		if ok, err = t.answer(MailFrom, line, "250 2.1.0 ok"); ok {
			t.d = d
		}
	case "RCPT":
		if t.d == nil {
			return t.say("503 5.5.1 MAIL first")
		}
		var ok bool
		if ok, err = t.answer(RcptTo, line, "250 2.1.5 ok"); ok {
			to, _ := path(line)
			t.d.To, t.d.Lines = append(t.d.To, to), append(t.d.Lines, line)
		}
	case "DATA":
		if t.d == nil || len(t.d.To) == 0 {
			return t.say("503 5.5.1 RCPT first")
		}
		return t.data(line)
	case "RSET":
		t.d = nil
		return t.say("250 2.0.0 ok")
	case "NOOP", "XFORWARD", "XCLIENT":
		return t.say("250 2.0.0 ok")
	case "QUIT":
		return errors.Join(t.say("221 2.0.0 bye"), errGone)
	default:
		return t.say("502 5.5.1 what?")
	}
	return err
}

// path splits "MAIL FROM:<a@b> SIZE=1" into address and parameters.
func path(line string) (addr, params string) {
	_, rest, _ := strings.Cut(line, "<")
	i := strings.LastIndexByte(rest, '>')
	if i < 0 {
		return rest, ""
	}
	return rest[:i], strings.TrimSpace(rest[i+1:])
}

func (t *sinkSession) data(line string) error {
	ok, err := t.answer(DataCmd, line, "354 go on")
	if !ok || err != nil {
		return err
	}
	d := t.d
	t.d = nil
	if err := t.read(d); err != nil {
		return err
	}
	said := Normal
	if t.sink.Hook != nil {
		said = t.sink.Hook(Dot, "", d)
	}
	switch {
	case said == Normal || said[0] == '2':
		i := t.sink.take(*d)
		t.last = i
		if said == Normal {
			said = "250 2.0.0 taken"
		}
		if err := t.say(said); err != nil {
			return err
		}
		t.sink.told(i)
		return nil
	case said == Mute:
		t.last = t.sink.take(*d)
		return errGone
	case said == Drop:
		return errGone
	case said == Hang:
		<-t.sink.ctx.Done()
		return errGone
	}
	return t.say(said)
}

// read takes the message up to CRLF.CRLF.
func (t *sinkSession) read(d *Delivery) error {
	var sum hash.Hash
	if !t.sink.Blind {
		sum = sha256.New()
	}
	var head, all bytes.Buffer
	start, afterCRLF := true, true // at a line start; after CRLF, not a bare LF
	cr := false                    // the piece before, of a line longer than the buffer, ended in CR
	for {
		t.conn.SetReadDeadline(time.Now().Add(10 * time.Minute))
		b, err := t.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return fmt.Errorf("reading the message: %w", err)
		}
		whole := err == nil
		if start && afterCRLF {
			if whole && string(b) == ".\r\n" {
				break
			}
			if len(b) > 0 && b[0] == '.' {
				b = b[1:]
			}
		}
		start, afterCRLF = whole, bytes.HasSuffix(b, []byte("\r\n")) || cr && string(b) == "\n"
		cr = bytes.HasSuffix(b, []byte("\r"))
		d.Size += int64(len(b))
		if t.sink.Blind {
			continue
		}
		sum.Write(b)
		if head.Len() < 256<<10 {
			head.Write(b)
		}
		if !t.sink.Forget {
			all.Write(b)
		}
	}
	if t.sink.Blind {
		return nil
	}
	d.SHA256, d.Key = hex.EncodeToString(sum.Sum(nil)), Field(head.Bytes(), t.sink.KeyField)
	if !t.sink.Forget {
		d.Bytes = all.Bytes()
	}
	return nil
}
