package review

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/store"
)

// submit hands a message to the server, with its envelope and without fields that only claim to be a gate's. It
// says ErrUnsure when nobody knows whether the server took it, another error when it surely did not.
func (d *Desk) submit(ctx context.Context, r store.Release, spool *message.Spool) (reply string, err error) {
	forged, err := d.forged(spool)
	if err != nil {
		return "", err
	}
	timeout := d.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", d.Server)
	if err != nil {
		return "", fmt.Errorf("reaching the server for released mail: %w", err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	host, _, _ := net.SplitHostPort(d.Server)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return "", fmt.Errorf("the server for released mail: %w", err)
	}
	if err := d.envelope(c, r); err != nil {
		return "", err
	}
	return send(c, r, forged, spool)
}

// envelope opens the transaction. All recipients must be taken: a release is of the whole message.
func (d *Desk) envelope(c *smtp.Client, r store.Release) error {
	helo := d.Helo
	if helo == "" {
		helo = "localhost"
	}
	if err := c.Hello(helo); err != nil {
		return fmt.Errorf("greeting the server for released mail: %w", err)
	}
	if err := c.Mail(plainPath(r.ReversePath)); err != nil {
		return fmt.Errorf("the server for released mail refuses the sender: %w", err)
	}
	for _, to := range r.Recipients {
		if err := c.Rcpt(plainPath(to)); err != nil {
			return fmt.Errorf("the server for released mail refuses a recipient: %w", err)
		}
	}
	return nil
}

// plainPath is a path without its angle brackets.
func plainPath(s string) string { return strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">") }

// send sends the content.
func send(c *smtp.Client, r store.Release, forged []message.Range, spool *message.Spool) (string, error) {
	id, err := c.Text.Cmd("DATA")
	if err != nil {
		return "", fmt.Errorf("sending released mail: %w", err)
	}
	c.Text.StartResponse(id)
	_, _, err = c.Text.ReadResponse(354)
	c.Text.EndResponse(id)
	if err != nil {
		return "", fmt.Errorf("the server for released mail refuses DATA: %w", err)
	}
	w := c.Text.DotWriter()
	if err := write(w, r, forged, spool); err != nil {
		c.Close() // without the dot the server takes nothing
		return "", fmt.Errorf("sending released mail: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", errors.Join(ErrUnsure, err)
	}
	code, text, err := c.Text.ReadResponse(250)
	if said := (*textproto.Error)(nil); errors.As(err, &said) {
		return "", fmt.Errorf("the server for released mail refuses the message: %w", err)
	}
	if err != nil {
		return "", errors.Join(ErrUnsure, err)
	}
	_ = c.Quit() // the message is taken, whatever comes now
	return fmt.Sprintf("%d %s", code, text), nil
}

// write writes the message with the field that a gate knows the release by on top.
func write(w io.Writer, r store.Release, forged []message.Range, spool *message.Spool) error {
	if _, err := fmt.Fprintf(w, "%s: %s\r\n", filter.ReleaseField, r.Token); err != nil {
		return err
	}
	at := int64(0)
	for _, f := range append(forged, message.Range{Start: spool.Size(), End: spool.Size()}) {
		if _, err := spool.WriteRange(w, message.Range{Start: at, End: f.Start}); err != nil {
			return err
		}
		at = f.End
	}
	return nil
}
