package peer

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// NameServer is a DNS server on loopback, over UDP and TCP. What is not in it does not exist.
type NameServer struct {
	Texts   map[string][]string // TXT records by name, in lower case without the last dot; "!" alone is a failure
	Aliases map[string]string   // CNAME records
	Mute    atomic.Bool         // answers nothing
	OverTCP atomic.Int64        // questions that came over TCP

	tcp  net.Listener
	udp  *net.UDPConn
	done sync.WaitGroup
}

// Start starts the server and gives its address.
func (s *NameServer) Start() (netip.AddrPort, error) {
	var err error
	if s.tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return netip.AddrPort{}, fmt.Errorf("starting a name server: %w", err)
	}
	at := s.tcp.Addr().(*net.TCPAddr).AddrPort()
	if s.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)); err != nil {
		s.tcp.Close()
		return netip.AddrPort{}, fmt.Errorf("starting a name server: %w", err)
	}
	s.done.Go(s.serveUDP)
	s.done.Go(s.serveTCP)
	return at, nil
}

// Stop ends it.
func (s *NameServer) Stop() {
	s.tcp.Close()
	s.udp.Close()
	s.done.Wait()
}

func (s *NameServer) serveUDP() {
	buf := make([]byte, 4096)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if out := s.answer(buf[:n], 1232); out != nil {
			_, _ = s.udp.WriteToUDPAddrPort(out, from)
		}
	}
}

func (s *NameServer) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.OverTCP.Add(1)
		s.overTCP(c)
	}
}

func (s *NameServer) overTCP(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	in := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, in); err != nil {
		return
	}
	out := s.answer(in, 65535)
	binary.BigEndian.PutUint16(size[:], uint16(len(out)))
	_, _ = c.Write(append(size[:], out...))
}

// answer is the answer to a question, nil for none; one that is over room octets is cut (TC).
func (s *NameServer) answer(in []byte, room int) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(in); err != nil || len(m.Questions) != 1 || s.Mute.Load() {
		return nil
	}
	q := m.Questions[0]
	m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	for range 4 { // an alias that ends nowhere is one of these
		to, is := s.Aliases[name]
		if !is {
			break
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name + "."),
			Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to + ".")}})
		name = to
	}
	texts, known := s.Texts[name]
	switch {
	case len(texts) == 1 && texts[0] == "!":
		m.RCode = dnsmessage.RCodeServerFailure
	case !known && len(m.Answers) == 0:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeTXT:
		for _, text := range texts {
			var pieces []string
			for ; len(text) > 255; text = text[255:] {
				pieces = append(pieces, text[:255])
			}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name + "."),
				Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.TXTResource{TXT: append(pieces, text)}})
		}
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	if len(out) > room {
		m.Answers, m.Truncated = nil, true
		out, _ = m.Pack()
	}
	return out
}
