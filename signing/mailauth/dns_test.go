package mailauth

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

func TestRealResolver(t *testing.T) {
	k, z := newKeys(t)
	long := "v=DKIM1; n=" + strings.Repeat("x", 3000) + "; " + strings.TrimPrefix(record(t, k.rsa), "v=DKIM1; ")
	s := &peer.NameServer{Texts: map[string][]string{
		"sender.example": {"v=spf1 ip4:192.0.2.1 -all"}, "_dmarc.sender.example": {"v=DMARC1; p=reject"},
		"e._domainkey.sender.example": z.txt["e._domainkey.sender.example"], "long._domainkey.sender.example": {long},
		"real._domainkey.sender.example": z.txt["r._domainkey.sender.example"], "fails._domainkey.sender.example": {"!"},
	}, Aliases: map[string]string{
		"alias._domainkey.sender.example": "real._domainkey.sender.example",
		"loop1._domainkey.sender.example": "loop2._domainkey.sender.example", "loop2._domainkey.sender.example": "loop1._domainkey.sender.example",
	}}
	at, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	c := New(NewResolver([]netip.AddrPort{at}), Limits{Lookup: time.Second, Time: 4 * time.Second}, testNow)
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
	if s.OverTCP.Load() == 0 {
		t.Error("the long record did not come over TCP")
	}

	s.Mute.Store(true)
	m = split(forge(t, k, "DKIM-Signature", with(good, "d=sender.example", "d=other.example"), letter) + letter)
	m.Authors = []string{"other.example"}
	start := time.Now()
	r, err = New(NewResolver([]netip.AddrPort{at}), Limits{Lookup: 300 * time.Millisecond, Time: time.Second}, testNow).Check(t.Context(), m)
	if err != nil || r.DKIM[0].Result != TempError || r.DMARC[0].Result != TempError || time.Since(start) > 5*time.Second {
		t.Errorf("silent server: %+v, %v, %v", r, err, time.Since(start))
	}
}
