package notice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"time"
)

// maxReason is the longest reason that is kept for a failure, in octets.
const maxReason = 200

// maxAnswers is how much a server may say in one submission, in octets; with TLS, its certificates too.
const maxAnswers = 1 << 20

// ErrAnswers is the error for a server that says more than that.
var ErrAnswers = errors.New("the server says more than 1 MiB")

// shortConn reads at most left octets.
type shortConn struct {
	net.Conn
	left int
}

func (c *shortConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrAnswers
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// Submission is where notices are handed in: the organisation's mail server.
type Submission struct {
	Address string // host:port
	Helo    string // our name in EHLO
	// TLS, when set, is required: STARTTLS (RFC 3207), or TLS from the start with Implicit (RFC 8314).
	TLS      *tls.Config
	Implicit bool
	// Login and Password, for AUTH PLAIN (RFC 4954), need TLS or a server on this machine; "" for none.
	Login, Password string
	// Timeout is for the whole of one submission; 0 is DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout is how long a submission may take.
const DefaultTimeout = 2 * time.Minute

// permanentError is an answer of 5xx to the notice itself: it would be the same the next time.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// submit hands a message in with the null reverse-path (RFC 3834 section 3.3). It returns nil only after the server's
// 250 to the final dot.
func (s Submission) submit(ctx context.Context, to string, msg []byte) error {
	limit := s.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("submitting a notice: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := s.speak(conn, to, msg); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("submitting a notice to %s: no answer within %s: %w", s.Address, limit, ctx.Err())
		}
		return fmt.Errorf("submitting a notice to %s: %w", s.Address, err)
	}
	return nil
}

func (s Submission) speak(conn net.Conn, to string, msg []byte) error {
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil {
		return err
	}
	conn = &shortConn{conn, maxAnswers}
	config := s.TLS.Clone()
	if config != nil && config.ServerName == "" {
		config.ServerName = host
	}
	if config != nil && s.Implicit {
		conn = tls.Client(conn, config)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if err := c.Hello(s.Helo); err != nil {
		return fmt.Errorf("EHLO: %w", err)
	}
	if config != nil && !s.Implicit {
		if err := c.StartTLS(config); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if s.Login != "" {
		if err := c.Auth(smtp.PlainAuth("", s.Login, s.Password, host)); err != nil {
			return fmt.Errorf("AUTH: %w", err)
		}
	}
	if err := send(c, to, msg); err != nil {
		return err
	}
	_ = c.Quit() // the message is taken: what becomes of the connection changes nothing
	return nil
}

// send is the transaction. Only here is a 5xx about the notice.
func send(c *smtp.Client, to string, msg []byte) error {
	// Not c.Mail: it asks for SMTPUTF8 and 8BITMIME wherever they are offered. The message is ASCII, and a server with a next
	// hop that has neither would have to give it up (RFC 6531 section 3.2), where nobody sees it.
	if err := command(c, "MAIL FROM:<>"); err != nil {
		return answer("MAIL", err)
	}
	if err := c.Rcpt(to); err != nil {
		return answer("RCPT", err)
	}
	w, err := c.Data()
	if err != nil {
		return answer("DATA", err)
	}
	if _, err := w.Write(msg); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	if err := w.Close(); err != nil {
		return answer("end of message", err)
	}
	return nil
}

// command sends a line and waits for 250.
func command(c *smtp.Client, line string) error {
	id, err := c.Text.Cmd("%s", line)
	if err != nil {
		return err
	}
	c.Text.StartResponse(id)
	defer c.Text.EndResponse(id)
	_, _, err = c.Text.ReadResponse(250)
	return err
}

func answer(stage string, err error) error {
	wrapped := fmt.Errorf("%s: %w", stage, err)
	reply := (*textproto.Error)(nil)
	if errors.As(err, &reply) && reply.Code >= 500 {
		return permanentError{wrapped}
	}
	return wrapped
}
