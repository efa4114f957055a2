package virus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// icapPort is ICAP's own port (RFC 3507 section 4.2).
const icapPort = "1344"

// maxPreview is how many octets of an object go ahead at most, whatever the server wants.
const maxPreview = 64 << 10

// icap speaks ICAP (RFC 3507): each object is shown as the body of an HTTP response (RESPMOD). Neither names nor
// addresses of the mail go along.
type icap struct {
	conns   conns
	url     string // "icap://host:1344/service"
	host    string
	options atomic.Pointer[icapOptions] // what the server said last
	bufs    sync.Pool                   // of *[chunkBytes]byte
}

// icapOptions is what a server wants (RFC 3507 section 4.10.2).
type icapOptions struct {
	preview  int // octets that go ahead; -1: none
	allow204 bool
}

func newICAP(address string, now func() time.Time) (*icap, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "icap" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || strings.Trim(u.Path, "/") == "" {
		return nil, fmt.Errorf("address %q of an ICAP engine: write icap://127.0.0.1:1344/service", address)
	}
	port := u.Port()
	if port == "" {
		port = icapPort
	}
	to := net.JoinHostPort(u.Hostname(), port)
	return &icap{conns: conns{network: "tcp", address: to, now: now}, url: u.String(), host: to,
		bufs: sync.Pool{New: func() any { return new([chunkBytes]byte) }}}, nil
}

func (c *icap) close() { c.conns.close() }

// database asks for the server's options. The tag of the service changes with its signatures (ISTag, RFC 3507 section 4.7).
func (c *icap) database(ctx context.Context) (Database, error) {
	cn, err := c.conns.open(ctx)
	if err != nil {
		return Database{}, err
	}
	defer cn.Close()
	defer cn.until(ctx)()
	if _, err := fmt.Fprintf(cn, "OPTIONS %s ICAP/1.0\r\nHost: %s\r\nUser-Agent: Congthu\r\nConnection: close\r\nEncapsulated: null-body=0\r\n\r\n", c.url, c.host); err != nil {
		return Database{}, fmt.Errorf("asking for the options: %w", err)
	}
	rep, err := readICAP(cn.r, maxICAPExtra)
	if err != nil {
		return Database{}, fmt.Errorf("asking for the options: %w", err)
	}
	if rep.status != 200 {
		return Database{}, fmt.Errorf("asking for the options: the engine answers with status %d", rep.status)
	}
	if methods, ok := rep.fields["Methods"]; ok && !listHas(methods, "RESPMOD") {
		return Database{}, errors.New("the engine's service does not take responses (RESPMOD)")
	}
	o := &icapOptions{preview: -1, allow204: listHas(rep.fields["Allow"], "204")}
	if n, err := strconv.Atoi(rep.fields["Preview"]); err == nil && n >= 0 {
		o.preview = min(n, maxPreview)
	}
	c.options.Store(o)
	d := Database{Version: rep.fields["Istag"]}
	if n, err := strconv.Atoi(rep.fields["Max-Connections"]); err == nil && n > 0 {
		d.Most = n
	}
	return d, nil
}

func listHas(list, word string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(item), word) {
			return true
		}
	}
	return false
}

// scan asks about one object. A connection that waited may have been closed by the server meanwhile: then another is
// tried.
func (c *icap) scan(ctx context.Context, o Object) (Answer, error) {
	options := c.options.Load()
	if options == nil {
		return Answer{}, unreached{errors.New("the engine's options are not known")}
	}
	for {
		cn, reused, err := c.conns.get(ctx)
		if err != nil {
			return Answer{}, unreached{err}
		}
		rep, keep, err := c.ask(ctx, cn, o, *options)
		if keep {
			c.conns.put(cn)
		} else {
			cn.Close()
		}
		if reused && ctx.Err() == nil && closedByPeer(err) {
			continue
		}
		if err != nil {
			return Answer{}, err
		}
		return rep.answer(o)
	}
}

// ask shows one object on one connection; keep tells that the connection is ready for another.
func (c *icap) ask(ctx context.Context, cn *conn, o Object, options icapOptions) (rep icapReply, keep bool, err error) {
	release := cn.until(ctx)
	defer release()
	cn.asked++
	body := &icapBody{c: c, cn: cn, r: o.Open(), left: o.Size}
	rep, err = c.converse(cn, o, options, body)
	switch {
	case errors.Is(err, ErrContent):
		return rep, false, err
	case ctx.Err() != nil:
		return rep, false, context.Cause(ctx)
	case err != nil:
		return rep, false, fmt.Errorf("asking over ICAP: %w", err)
	}
	closes := listHas(rep.fields["Connection"], "close")
	return rep, rep.whole && body.done && !closes, nil
}

// converse sends the head and what goes ahead, and the rest if the server wants it.
func (c *icap) converse(cn *conn, o Object, options icapOptions, body *icapBody) (icapReply, error) {
	if _, err := cn.Write(c.head(o, options)); err != nil {
		return icapReply{}, err
	}
	if options.preview >= 0 {
		if err := body.preview(options.preview); err != nil {
			return icapReply{}, err
		}
		rep, err := readICAP(cn.r, o.Size+maxICAPExtra)
		if err != nil || rep.status != 100 {
			// An engine may know after the first octets; one that says clean then has seen what it wants to see.
			return rep, err
		}
		if body.done {
			return rep, fmt.Errorf("%w: it wants more than the whole", errNonsense)
		}
	}
	return c.rest(cn, o, body)
}

// rest sends what is left of the body. The server may answer before it has everything, and must be read meanwhile, or
// both would wait for each other.
func (c *icap) rest(cn *conn, o Object, body *icapBody) (icapReply, error) {
	type answered struct {
		rep icapReply
		err error
	}
	got := make(chan answered, 1)
	go func() {
		rep, err := readICAP(cn.r, o.Size+maxICAPExtra)
		got <- answered{rep, err}
	}()
	sent := body.rest(func() bool { return len(got) > 0 })
	if sent != nil && !errors.Is(sent, errEarly) {
		cn.SetDeadline(time.Now().Add(lastWords))
		if errors.Is(sent, ErrContent) {
			cn.Close()
		}
	}
	a := <-got
	switch {
	case errors.Is(sent, ErrContent):
		return a.rep, sent
	case sent != nil && a.err != nil:
		return a.rep, sent
	case a.err != nil:
		return a.rep, a.err
	case a.rep.status == 100:
		return a.rep, fmt.Errorf("%w: it wants more than the whole", errNonsense)
	}
	if sent != nil { // it spoke too early to call anything clean
		if clean, err := a.rep.answer(o); err == nil && clean.Kind == Clean {
			return a.rep, errEarly
		}
	}
	return a.rep, nil
}

// head is the request with the HTTP headers in it (RFC 3507 section 4.9.1).
func (c *icap) head(o Object, options icapOptions) []byte {
	const request = "GET http://congthu.invalid/ HTTP/1.1\r\nHost: congthu.invalid\r\n\r\n"
	response := "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " + strconv.FormatInt(o.Size, 10) + "\r\n\r\n"
	var b bytes.Buffer
	fmt.Fprintf(&b, "RESPMOD %s ICAP/1.0\r\nHost: %s\r\nUser-Agent: Congthu\r\n", c.url, c.host)
	if options.allow204 {
		b.WriteString("Allow: 204\r\n")
	}
	if options.preview >= 0 {
		fmt.Fprintf(&b, "Preview: %d\r\n", options.preview)
	}
	fmt.Fprintf(&b, "Encapsulated: req-hdr=0, res-hdr=%d, res-body=%d\r\n\r\n%s%s", len(request), len(request)+len(response), request, response)
	return b.Bytes()
}

// icapBody sends an object in chunks.
type icapBody struct {
	c    *icap
	cn   *conn
	r    io.Reader
	left int64 // octets not sent yet
	done bool  // all is sent, with its end
}

// preview sends the first n octets, and says so when that is everything.
func (b *icapBody) preview(n int) error {
	if err := b.chunks(int64(min(int64(n), b.left)), nil); err != nil {
		return err
	}
	end := "0\r\n\r\n"
	if b.left == 0 {
		end, b.done = "0; ieof\r\n\r\n", true
	}
	_, err := b.cn.Write([]byte(end))
	return err
}

// rest sends everything else, unless early tells that the answer is there.
func (b *icapBody) rest(early func() bool) error {
	if err := b.chunks(b.left, early); err != nil {
		return err
	}
	if early() {
		return errEarly
	}
	_, err := b.cn.Write([]byte("0\r\n\r\n"))
	b.done = err == nil
	return err
}

func (b *icapBody) chunks(n int64, early func() bool) error {
	buf := b.c.bufs.Get().(*[chunkBytes]byte)
	defer b.c.bufs.Put(buf)
	for n > 0 {
		if early != nil && early() {
			return errEarly
		}
		piece := buf[:min(n, chunkBytes)]
		if _, err := io.ReadFull(b.r, piece); err != nil {
			return fmt.Errorf("%w: %w", ErrContent, err)
		}
		lines := net.Buffers{[]byte(strconv.FormatInt(int64(len(piece)), 16) + "\r\n"), piece, []byte("\r\n")}
		if _, err := lines.WriteTo(b.cn.Conn); err != nil {
			return err
		}
		n, b.left = n-int64(len(piece)), b.left-int64(len(piece))
	}
	return nil
}
