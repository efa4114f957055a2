package mailauth

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is a DNS server on loopback: texts by name, aliases by name, and how it misbehaves.
type nameServer struct {
	txt   map[string][]string
	alias map[string]string
	mute  atomic.Bool  // answers nothing
	asked atomic.Int64 // questions over UDP
	tcp   atomic.Int64 // and over TCP
}

// serve starts the server and gives its address.
func (s *nameServer) serve(t *testing.T) netip.AddrPort {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := tcp.Addr().(*net.TCPAddr).AddrPort()
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{}, 2)
	t.Cleanup(func() {
		tcp.Close()
		udp.Close()
		<-done
		<-done
	})
	go func() {
		defer func() { done <- struct{}{} }()
		buf := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			s.asked.Add(1)
			if out := s.answer(buf[:n], 1232); out != nil {
				_, _ = udp.WriteToUDPAddrPort(out, from)
			}
		}
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			s.tcp.Add(1)
			s.overTCP(c)
		}
	}()
	return at
}

func (s *nameServer) overTCP(c net.Conn) {
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
func (s *nameServer) answer(in []byte, room int) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(in); err != nil || len(m.Questions) != 1 || s.mute.Load() {
		return nil
	}
	q := m.Questions[0]
	m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	for range 4 { // an alias that ends nowhere is one of these
		to, is := s.alias[name]
		if !is {
			break
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name + "."),
			Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(to + ".")}})
		name = to
	}
	texts, known := s.txt[name]
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

func TestRealResolver(t *testing.T) {
	k, z := newKeys(t)
	long := "v=DKIM1; n=" + strings.Repeat("x", 3000) + "; " + strings.TrimPrefix(record(t, k.rsa), "v=DKIM1; ")
	s := &nameServer{txt: map[string][]string{
		"sender.example": {"v=spf1 ip4:192.0.2.1 -all"}, "_dmarc.sender.example": {"v=DMARC1; p=reject"},
		"e._domainkey.sender.example": z.txt["e._domainkey.sender.example"], "long._domainkey.sender.example": {long},
		"real._domainkey.sender.example": z.txt["r._domainkey.sender.example"], "fails._domainkey.sender.example": {"!"},
	}, alias: map[string]string{
		"alias._domainkey.sender.example": "real._domainkey.sender.example",
		"loop1._domainkey.sender.example": "loop2._domainkey.sender.example", "loop2._domainkey.sender.example": "loop1._domainkey.sender.example",
	}}
	c := New(NewResolver([]netip.AddrPort{s.serve(t)}), Limits{Lookup: time.Second, Time: 4 * time.Second}, testNow)
	raw := letter
	for _, selector := range []string{"alias", "long", "none", "loop1", "fails"} {
		raw = forge(t, k, "DKIM-Signature", with(good, "s=r", "s="+selector), letter) + raw
	}
	raw = forge(t, k, "DKIM-Signature", edd, letter) + raw
	m := split(raw)
	m.Client, m.Helo, m.ReverseLocal, m.ReverseDomain, m.Authors = addr("192.0.2.1"), "mx.sender.example", "an", "sender.example", []string{"sender.example"}
	r, err := c.Check(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range r.DKIM {
		got = append(got, d.Selector+" "+string(d.Result)+" "+d.Reason)
	}
	want := "e pass , fails temperror dns, loop1 permerror no-key, none permerror no-key, long pass , alias pass "
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	if r.SPF[0].Result != Pass || r.DMARC[0].Result != Pass || r.SPF[1].Result != None {
		t.Errorf("%+v %+v", r.SPF, r.DMARC)
	}
	if s.tcp.Load() == 0 {
		t.Error("the long record did not come over TCP")
	}

	s.mute.Store(true)
	m = split(forge(t, k, "DKIM-Signature", with(good, "d=sender.example", "d=other.example"), letter) + letter)
	m.Authors = []string{"other.example"}
	start := time.Now()
	r, err = New(NewResolver([]netip.AddrPort{s.serve(t)}), Limits{Lookup: 300 * time.Millisecond, Time: time.Second}, testNow).Check(t.Context(), m)
	if err != nil || r.DKIM[0].Result != TempError || r.DMARC[0].Result != TempError || time.Since(start) > 5*time.Second {
		t.Errorf("silent server: %+v, %v, %v", r, err, time.Since(start))
	}
}
