package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"congthu/internal/peer"
)

// blockSink is an SMTP server that takes all mail and counts it. It looks for the end of a message in
// large blocks: one that reads by the line would be what limits large mails.
type blockSink struct{ taken atomic.Int64 }

// sinkBlock is how much the sink reads at once, in octets.
const sinkBlock = 256 << 10

// askCount is the command by which the load generator asks for the number of messages taken so far.
const askCount = "XCOUNT"

// serve speaks with one client until it goes.
func (s *blockSink) serve(c net.Conn) error {
	r := bufio.NewReaderSize(c, sinkBlock)
	say := func(text string) error {
		_, err := io.WriteString(c, text+"\r\n")
		return err
	}
	if err := say("220 sink.example ESMTP"); err != nil {
		return err
	}
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a command: %w", err)
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimRight(string(line), "\r\n")), " ")
		switch verb {
		case "EHLO":
			err = say("250-sink.example\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES")
		case "HELO", "MAIL", "RCPT", "RSET", "NOOP":
			err = say("250 2.0.0 ok")
		case "DATA":
			if err = say("354 go on"); err == nil {
				if err = skipMessage(r); err == nil {
					s.taken.Add(1)
					err = say("250 2.0.0 taken")
				}
			}
		case askCount:
			err = say("250 " + strconv.FormatInt(s.taken.Load(), 10))
		case "QUIT":
			return say("221 2.0.0 bye")
		default:
			err = say("502 5.5.1 what?")
		}
		if err != nil {
			return fmt.Errorf("answering %s: %w", verb, err)
		}
	}
}

// skipMessage reads up to the end of the message, CRLF.CRLF, whose first CRLF may be that of DATA.
func skipMessage(r *bufio.Reader) error {
	if b, err := r.Peek(3); err != nil {
		return err
	} else if string(b) == ".\r\n" {
		_, err = r.Discard(3)
		return err
	}
	end := []byte("\r\n.\r\n")
	for {
		b, err := r.Peek(r.Buffered())
		if err != nil {
			return err
		}
		if i := bytes.Index(b, end); i >= 0 {
			_, err = r.Discard(i + len(end))
			return err
		}
		keep := min(len(b), len(end)-1) // the end may be cut by the block's
		if _, err := r.Discard(len(b) - keep); err != nil {
			return err
		}
		if _, err := r.Peek(keep + 1); err != nil {
			return err
		}
	}
}

// counter asks a sink for its count, over a connection that it keeps.
type counter struct{ c *peer.Client }

func dialCounter(addr string) (*counter, error) {
	c, err := peer.Dial(addr)
	if err != nil {
		return nil, fmt.Errorf("asking the sink: %w", err)
	}
	return &counter{c}, nil
}

func (k *counter) count() (int, error) {
	r, err := k.c.Cmd(askCount)
	if err != nil {
		return 0, fmt.Errorf("asking the sink: %w", err)
	}
	n, err := strconv.Atoi(strings.Join(r.Lines, " "))
	if err != nil {
		return 0, fmt.Errorf("asking the sink: it said %s", r)
	}
	return n, nil
}

func (k *counter) close() error { return k.c.Quit() }
