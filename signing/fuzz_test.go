package signing

import (
	"bytes"
	"context"
	"crypto/x509"
	"math/big"
	"testing"
	"time"
)

// What was normalised is its own normal form.
func FuzzNormalise(f *testing.F) {
	f.Add(unhex("308024800401610000020105" + "0000"))
	f.Add(unhex("2380030200ff030204f00000"))
	f.Add(unhex("bf8f00800201050000"))
	f.Fuzz(func(t *testing.T, ber []byte) {
		once, err := Normalise(ber, Limits{})
		if err != nil {
			if reasonOf(err) == "" {
				t.Fatalf("an error that is no defect: %v", err)
			}
			return
		}
		twice, err := Normalise(once, Limits{})
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%x became %x, then %x, %v", ber, once, twice, err)
		}
	})
}

// fuzzSeeds are signatures of every form.
func fuzzSeeds(f *testing.F) (*pki, [][]byte) {
	p := newPKI(f)
	var out [][]byte
	for _, id := range []identity{p.person(p.rsa), p.person(p.p256), p.person(p.ed)} {
		m := made{content: letter(), signers: []madeSigner{{by: id}}, certs: []*x509.Certificate{id.cert}}
		out = append(out, m.der())
		m.opaque, m.signers[0].bare = true, true
		out = append(out, m.der(), loosen(m.der(), 9))
	}
	return p, out
}

// Whatever the octets are, they give a state. None is Valid but for a content that a trusted person signed.
func FuzzVerify(f *testing.F) {
	p, seeds := fuzzSeeds(f)
	for _, s := range seeds {
		f.Add(s, letter())
	}
	o := p.options()
	o.Trust = NewTrust(o.Trust.anchors, nil)
	f.Fuzz(func(t *testing.T, cms, content []byte) {
		r, err := Verify(context.Background(), bytes.NewReader(cms), bytes.NewReader(content), o)
		if err != nil || r.State.rank() > Invalid.rank() {
			t.Fatalf("%q, %v", r.State, err)
		}
		if r.State == Valid {
			t.Fatalf("no chain to the anchor is in any seed, and yet %+v", r)
		}
		var out bytes.Buffer
		r, err = Open(context.Background(), bytes.NewReader(cms), &out, o)
		if err != nil || r.State.rank() > Invalid.rank() || r.State == Valid || r.Covered != int64(out.Len()) {
			t.Fatalf("%q, %v, %d covered of %d", r.State, err, r.Covered, out.Len())
		}
	})
}

// Certificates out of messages: their addresses, keys and chains.
func FuzzCertificate(f *testing.F) {
	p := newPKI(f)
	f.Add(p.person(p.rsa).cert.Raw)
	f.Add(p.person(p.ed, emailAddress(author)).cert.Raw)
	f.Add(p.sub.cert.Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		for _, a := range addressesOf(c) {
			if !plainAddress(a) {
				t.Fatalf("address %q", a)
			}
		}
		keyOf(c)
		keyIdentifier(c)
		v := newVerifier(Options{Now: time.Unix(1_800_000_000, 0)})
		v.collect([][]byte{der})
		if ch := v.chain(c); ch.state == Valid {
			t.Fatal("a chain to no anchor")
		}
	})
}

// Revocation lists and answers from the network.
func FuzzRevocation(f *testing.F) {
	p := newPKI(f)
	list := must(x509.CreateRevocationList(zeros{}, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: received(), NextUpdate: received().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(5), RevocationTime: received()}},
	}, p.sub.cert, p.sub.key))
	f.Add(list)
	f.Add(certPEM(p.sub.cert))
	r := must(NewRevocation(RevocationConfig{}))
	c := p.person(p.p256).cert
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, reason := r.judgeOCSP(data, c, p.root.cert, nil); reason == "" {
			t.Fatalf("believed %+v", a)
		}
		if l, ok := parseList(data); ok {
			l.find(big.NewInt(5))
			if a, reason := r.judgeList(l, c, p.root.cert); reason == "" {
				t.Fatalf("believed %+v", a)
			}
		}
	})
}

// zeros is a source of randomness that has none.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
