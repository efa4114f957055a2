package peer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reply is one SMTP reply (RFC 5321 section 4.2).
type Reply struct {
	Code  int
	Lines []string // texts, without the code
}

// String is the reply as one line.
func (r Reply) String() string {
	return strconv.Itoa(r.Code) + " " + strings.Join(r.Lines, " ")
}

// OK tells a 2xx reply.
func (r Reply) OK() bool { return r.Code/100 == 2 }

// Temporary tells a 4xx reply.
func (r Reply) Temporary() bool { return r.Code/100 == 4 }

// Client is an SMTP client that sends what it is told to, right or wrong.
type Client struct {
	conn    net.Conn
	r       *bufio.Reader
	timeout time.Duration
	Welcome Reply    // the greeting
	Offers  []string // lines of the EHLO reply after the first

	// Chunk sends messages with BDAT (RFC 3030): a first chunk of so many octets, each next one twice as
	// long. 0 sends them with DATA.
	Chunk int
}

// clientTimeout bounds one command with its reply.
const clientTimeout = 3 * time.Minute

// Dial connects and reads the greeting, whatever it is.
func Dial(addr string) (*Client, error) { return DialFrom("", addr) }

// DialFrom is Dial from an address of this machine, of which 127.0.0.0/8 are all.
func DialFrom(local, addr string) (*Client, error) {
	d := net.Dialer{Timeout: time.Minute}
	if local != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(local)}
	}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	c := &Client{conn: conn, r: bufio.NewReader(conn), timeout: clientTimeout}
	if c.Welcome, err = c.Read(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("reading the greeting: %w", err)
	}
	return c, nil
}

// Close ends the connection without QUIT.
func (c *Client) Close() error { return c.conn.Close() }

// Quit says QUIT and ends the connection.
func (c *Client) Quit() error {
	_, err := c.Cmd("QUIT")
	if cerr := c.conn.Close(); err == nil {
		err = cerr
	}
	return err
}

// Write sends octets as they are.
func (c *Client) Write(b []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	_, err := c.conn.Write(b)
	return err
}

// Read reads one reply.
func (c *Client) Read() (Reply, error) {
	var r Reply
	if err := c.conn.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return r, err
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return r, err
		}
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 3 {
			return r, fmt.Errorf("no SMTP reply: %q", line)
		}
		if r.Code, err = strconv.Atoi(line[:3]); err != nil {
			return r, fmt.Errorf("no SMTP reply: %q", line)
		}
		text := line[3:]
		if text != "" {
			r.Lines = append(r.Lines, text[1:])
		}
		if !strings.HasPrefix(text, "-") {
			return r, nil
		}
	}
}

// Cmd sends one line and reads its reply.
func (c *Client) Cmd(line string) (Reply, error) {
	if err := c.Write([]byte(line + "\r\n")); err != nil {
		return Reply{}, fmt.Errorf("sending %s: %w", verb(line), err)
	}
	r, err := c.Read()
	if err != nil {
		return r, fmt.Errorf("reading the reply to %s: %w", verb(line), err)
	}
	return r, nil
}

func verb(line string) string {
	v, _, _ := strings.Cut(line, " ")
	return v
}

// Ehlo says EHLO and keeps what the server offers.
func (c *Client) Ehlo(name string) error {
	r, err := c.Cmd("EHLO " + name)
	if err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("EHLO was answered %s", r)
	}
	c.Offers = r.Lines[1:]
	return nil
}

// StartTLS says STARTTLS (RFC 3207) and makes the connection private. EHLO must be said again.
func (c *Client) StartTLS(config *tls.Config) error {
	r, err := c.Cmd("STARTTLS")
	if err != nil {
		return err
	}
	if r.Code != 220 || c.r.Buffered() > 0 {
		return fmt.Errorf("STARTTLS was answered %s, and %d octets more", r, c.r.Buffered())
	}
	conn := tls.Client(c.conn, config)
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	c.conn, c.r, c.Offers = conn, bufio.NewReader(conn), nil
	return nil
}

// Offer is what the server says of one extension, e.g. "SIZE 41943040".
func (c *Client) Offer(keyword string) (line string, ok bool) {
	for _, o := range c.Offers {
		if k, _, _ := strings.Cut(o, " "); strings.EqualFold(k, keyword) {
			return o, true
		}
	}
	return "", false
}

// Mail is one message with its envelope.
type Mail struct {
	From   string // reverse-path without angle brackets; "" is the null reverse-path
	Params string // of MAIL, "BODY=8BITMIME SMTPUTF8"
	To     []string
	Bytes  []byte // header and body, lines ended by CRLF, not dot-stuffed
}

// Answers are the server's replies to one mail. Data is the reply to the final dot, or to DATA when
// that was not 354, or zero when no recipient was taken.
type Answers struct {
	Mail Reply
	Rcpt []Reply
	Data Reply
	Dot  bool // the whole message and its final dot, or last chunk, were sent

	Begun time.Time // when sending the message itself began; zero when it did not
}

// Last is the reply that decided the mail.
func (a Answers) Last() Reply {
	switch {
	case a.Data.Code != 0:
		return a.Data
	case len(a.Rcpt) > 0:
		return a.Rcpt[len(a.Rcpt)-1]
	}
	return a.Mail
}

// Send runs one mail transaction. Only a broken dialogue is an error.
func (c *Client) Send(m Mail) (Answers, error) {
	a, taken, err := c.Envelope(m)
	if err != nil || taken == 0 {
		return a, err
	}
	if c.Chunk > 0 {
		return c.bdat(a, m.Bytes)
	}
	if a.Data, err = c.Cmd("DATA"); err != nil || a.Data.Code != 354 {
		return a, err
	}
	a.Begun = time.Now()
	if err := c.Write(DotStuff(m.Bytes)); err != nil {
		return a, fmt.Errorf("sending the message: %w", err)
	}
	a.Dot = true
	if a.Data, err = c.Read(); err != nil {
		return a, fmt.Errorf("reading the reply to the final dot: %w", err)
	}
	return a, nil
}

// bdat sends a message in chunks, waiting for the reply to each.
func (c *Client) bdat(a Answers, msg []byte) (Answers, error) {
	a.Begun = time.Now()
	for size := c.Chunk; ; size *= 2 {
		n, last := min(size, len(msg)), ""
		if n == len(msg) {
			last = " LAST"
		}
		if err := c.Write(slices.Concat(fmt.Appendf(nil, "BDAT %d%s\r\n", n, last), msg[:n])); err != nil {
			return a, fmt.Errorf("sending a chunk: %w", err)
		}
		msg = msg[n:]
		a.Dot = last != ""
		var err error
		if a.Data, err = c.Read(); err != nil {
			return a, fmt.Errorf("reading the reply to a chunk: %w", err)
		}
		if last != "" || !a.Data.OK() {
			return a, nil
		}
	}
}

// Envelope sends MAIL and RCPT and counts the recipients that were taken.
func (c *Client) Envelope(m Mail) (a Answers, taken int, err error) {
	line := "MAIL FROM:<" + m.From + ">"
	if m.Params != "" {
		line += " " + m.Params
	}
	if a.Mail, err = c.Cmd(line); err != nil || !a.Mail.OK() {
		return a, 0, err
	}
	for _, to := range m.To {
		r, err := c.Cmd("RCPT TO:<" + to + ">")
		if err != nil {
			return a, taken, err
		}
		a.Rcpt = append(a.Rcpt, r)
		if r.OK() {
			taken++
		}
	}
	return a, taken, nil
}

// DotStuff is a message as it goes over the wire after DATA: dots at line starts doubled, the final
// dot added (RFC 5321 section 4.5.2).
func DotStuff(msg []byte) []byte {
	out := make([]byte, 0, len(msg)+len(msg)/64+8)
	if bytes.HasPrefix(msg, []byte(".")) {
		out = append(out, '.')
	}
	for {
		i := bytes.Index(msg, []byte("\r\n."))
		if i < 0 {
			break
		}
		out = append(append(out, msg[:i+3]...), '.')
		msg = msg[i+3:]
	}
	out = append(out, msg...)
	if !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, '\r', '\n')
	}
	return append(out, '.', '\r', '\n')
}
