package signing

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ocsp"
)

// revocationCase is one way to ask, and what must come of it.
type revocationCase struct {
	name, want string
	make       func(o *office) (identity, RevocationConfig)
}

func ago(d time.Duration) time.Time { return received().Add(-d) }

func ocspCases() []revocationCase {
	// asked is a certificate that is good for the responder, which f changes.
	asked := func(f func(o *office, c *RevocationConfig)) func(o *office) (identity, RevocationConfig) {
		return func(o *office) (identity, RevocationConfig) {
			id, c := o.leaf(true, false), o.config()
			o.record(id.cert)
			f(o, &c)
			return id, c
		}
	}
	delegate := func(o *office, usage ...x509.ExtKeyUsage) identity {
		return o.p.issue(o.p.root, o.p.p384, person(func(c *x509.Certificate) { c.ExtKeyUsage = usage }))
	}
	return []revocationCase{
		{"OCSP: good", "valid", asked(func(*office, *RevocationConfig) {})},
		{"OCSP: good, no certificate in the answer", "valid", asked(func(o *office, _ *RevocationConfig) { o.args = []string{"-resp_no_certs"} })},
		{"OCSP: good, of a responder that the issuer named", "valid", asked(func(o *office, _ *RevocationConfig) { o.signer = delegate(o, x509.ExtKeyUsageOCSPSigning) })},
		{"OCSP: revoked", "revoked: revoked", func(o *office) (identity, RevocationConfig) {
			id := o.leaf(true, false)
			o.record(id.cert, ago(time.Hour))
			return id, o.config()
		}},
		{"OCSP: revoked after the message came", "valid", func(o *office) (identity, RevocationConfig) {
			id := o.leaf(true, false)
			o.record(id.cert, ago(-time.Hour))
			return id, o.config()
		}},
		{"OCSP: unknown", "revocation-unknown: unknown to responder", func(o *office) (identity, RevocationConfig) { return o.leaf(true, false), o.config() }},
		{"OCSP: too old", "revocation-unknown: stale", asked(func(_ *office, c *RevocationConfig) { c.Clock = later(48 * time.Hour) })},
		{"OCSP: older than the policy allows", "revocation-unknown: stale", asked(func(o *office, c *RevocationConfig) {
			o.args, c.Clock = []string{"-ndays", "300"}, later(20*24*time.Hour)
		})},
		{"OCSP: from the future", "revocation-unknown: stale", asked(func(_ *office, c *RevocationConfig) { c.Clock = later(-time.Hour) })},
		{"OCSP: signed by another person of the issuer", "revocation-unknown: wrong responder", asked(func(o *office, _ *RevocationConfig) {
			o.signer = delegate(o, x509.ExtKeyUsageEmailProtection)
		})},
		{"OCSP: signed by a responder of another authority", "revocation-unknown: wrong responder", asked(func(o *office, _ *RevocationConfig) {
			o.signer = o.p.issue(o.p.sub, o.p.p384, person(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }))
		})},
		{"OCSP: signed by a self-made responder", "revocation-unknown: wrong responder", asked(func(o *office, _ *RevocationConfig) {
			o.signer = o.p.issue(identity{}, o.p.p384, person(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} }))
		})},
		{"OCSP: signed with SHA-1", "revocation-unknown: unusable answer", asked(func(o *office, _ *RevocationConfig) { o.args = []string{"-rmd", "sha1"} })},
		{"OCSP: an answer for another question", "revocation-unknown: unusable answer", asked(func(o *office, _ *RevocationConfig) {
			other := o.leaf(true, false)
			o.record(other.cert)
			request := must(ocspRequest(other.cert, o.p.root.cert, make([]byte, nonceBytes)))
			o.handler = answerWith(o.answer(request))
		})},
		{"OCSP: an answer for another authority's certificate of that number", "revocation-unknown: unusable answer", func(o *office) (identity, RevocationConfig) {
			id, responder := o.leaf(true, false), delegate(o, x509.ExtKeyUsageOCSPSigning)
			about := ocsp.Response{Status: ocsp.Good, SerialNumber: id.cert.SerialNumber, ThisUpdate: ago(time.Minute), NextUpdate: ago(-time.Hour), Certificate: responder.cert}
			o.handler = answerWith(must(ocsp.CreateResponse(o.p.sub.cert, responder.cert, about, responder.key)))
			return id, o.config()
		}},
		{"OCSP: an old answer with another nonce", "revocation-unknown: unusable answer", func(o *office) (identity, RevocationConfig) {
			id := o.leaf(true, false)
			o.record(id.cert)
			o.handler = answerWith(o.answer(must(ocspRequest(id.cert, o.p.root.cert, make([]byte, nonceBytes)))))
			return id, o.config()
		}},
		{"OCSP: no answer to speak of", "revocation-unknown: unusable answer", asked(func(o *office, _ *RevocationConfig) { o.handler = answerWith([]byte("<html>")) })},
		{"OCSP: an answer that does not end", "revocation-unknown: unusable answer", asked(func(o *office, _ *RevocationConfig) { o.handler = endless })},
		{"OCSP: no answer", "revocation-unknown: unreachable", asked(func(o *office, c *RevocationConfig) { o.handler, c.Fetch = silent, 200*time.Millisecond })},
		{"OCSP: server gone", "revocation-unknown: unreachable", asked(func(o *office, _ *RevocationConfig) { o.server.Close() })},
		{"OCSP: error 500", "revocation-unknown: unreachable", asked(func(o *office, _ *RevocationConfig) {
			o.handler = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
		})},
		{"OCSP: sent on to another address", "revocation-unknown: unreachable", asked(func(o *office, _ *RevocationConfig) {
			o.handler = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
			}
		})},
		{"OCSP: host not on the list", "revocation-unknown: host", asked(func(_ *office, c *RevocationConfig) { c.Hosts = []string{"ocsp.ca.gov.vn"} })},
		{"OCSP: no answer, soft", "valid", asked(func(o *office, c *RevocationConfig) { o.server.Close(); c.Hard = false })},
		{"OCSP: nobody may be asked", "revocation-unknown: unreachable", asked(func(_ *office, c *RevocationConfig) { c.Transport = nil })},
	}
}

// answer is what openssl ocsp answers to a request.
func (o *office) answer(request []byte) []byte {
	return o.p.openssl("ocsp", "-index", o.index, "-CA", o.p.certFile(o.p.root.cert), "-rsigner", o.p.certFile(o.signer.cert),
		"-rkey", o.p.keyFile(o.signer.key), "-reqin", o.p.file(".req", request), "-respout", "OUT", "-ndays", "1")
}

func listCases() []revocationCase {
	// listed is a certificate that names the office's list, made of the database as it then is.
	listed := func(revoked []time.Time, f func(o *office, c *RevocationConfig), args ...string) func(o *office) (identity, RevocationConfig) {
		return func(o *office) (identity, RevocationConfig) {
			id, c := o.leaf(false, true), o.config()
			o.record(id.cert, revoked...)
			o.list = o.newList(o.p.root, args...)
			if f != nil {
				f(o, &c)
			}
			return id, c
		}
	}
	filed := func(o *office, c *RevocationConfig) {
		c.Lists, c.Hosts, c.Transport = []string{o.p.file(".crl", o.list)}, nil, nil
	}
	past := []time.Time{ago(time.Hour)}
	return []revocationCase{
		{"list: good", "valid", listed(nil, nil)},
		{"list: revoked", "revoked: revoked", listed(past, nil)},
		{"list: too old", "revocation-unknown: stale", listed(nil, func(_ *office, c *RevocationConfig) { c.Clock = later(48 * time.Hour) })},
		{"list: revoked in one that is too old", "revocation-unknown: stale", listed(past, func(_ *office, c *RevocationConfig) { c.Clock = later(48 * time.Hour) })},
		{"list: older than the policy allows", "revocation-unknown: stale", listed(nil, func(_ *office, c *RevocationConfig) {
			c.Clock, c.ListAge = later(48*time.Hour), 24*time.Hour
		}, "-crldays", "300")},
		{"list: in a file, nobody is asked", "valid", listed(nil, filed)},
		{"list: revoked in a file", "revoked: revoked", listed(past, filed)},
		{"list: file too old, the fetched one good", "valid", func(o *office) (identity, RevocationConfig) {
			id, c := listed(nil, nil)(o)
			c.Lists, c.Clock = []string{o.p.file(".crl", o.newList(o.p.root, "-crlsec", "1"))}, later(time.Minute)
			return id, c
		}},
		{"list: of another authority with the issuer's name", "revocation-unknown: unusable answer", listed(nil, func(o *office, _ *RevocationConfig) {
			fake := o.p.issue(identity{}, o.p.rsa, authority("RootCA chuyên dùng G9"))
			o.list = o.newList(fake)
		})},
		{"list: of another authority", "revocation-unknown: unusable answer", listed(nil, func(o *office, _ *RevocationConfig) { o.list = o.newList(o.p.sub) })},
		{"list: signed with SHA-1", "revocation-unknown: unusable answer", listed(nil, nil, "-md", "sha1")},
		{"list: of changes only", "revocation-unknown: unusable answer", listed(nil, nil, "-crlexts", "delta")},
		{"list: of other issuers too", "revocation-unknown: unusable answer", listed(nil, nil, "-crlexts", "indirect")},
		{"list: of authorities only", "revocation-unknown: unusable answer", listed(nil, nil, "-crlexts", "cas")},
		{"list: of persons only", "valid", listed(nil, nil, "-crlexts", "users")},
		{"list: of another distribution point", "revocation-unknown: unusable answer", listed(nil, nil, "-crlexts", "point")},
		{"list: damaged", "revocation-unknown: unusable answer", listed(nil, func(o *office, _ *RevocationConfig) { o.list = o.list[:len(o.list)/2] })},
		{"list: one that does not end", "revocation-unknown: unusable answer", listed(nil, func(o *office, _ *RevocationConfig) { o.handler = endless })},
		{"list: no answer", "revocation-unknown: unreachable", listed(nil, func(o *office, c *RevocationConfig) { o.handler, c.Fetch = silent, 200*time.Millisecond })},
		{"list: host not on the list of hosts", "revocation-unknown: host", listed(nil, func(_ *office, c *RevocationConfig) { c.Hosts = nil })},
		{"nothing to ask", "revocation-unknown: no source", func(o *office) (identity, RevocationConfig) { return o.leaf(false, false), o.config() }},
		{"responder gone, list good", "valid", func(o *office) (identity, RevocationConfig) {
			id := o.leaf(true, true)
			o.list = o.newList(o.p.root)
			o.handler = func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				w.Write(o.list)
			}
			return id, o.config()
		}},
		{"issuer revoked", "revoked: issuer revoked", func(o *office) (identity, RevocationConfig) {
			o.record(o.p.sub.cert, ago(time.Hour))
			c := o.config()
			c.Lists = []string{o.p.file(".crl", o.newList(o.p.root)), o.p.file(".crl", o.newList(o.p.sub))}
			return o.p.person(o.p.p256), c
		}},
		{"issuer good, person good, both in files", "valid", func(o *office) (identity, RevocationConfig) {
			c := o.config()
			c.Lists = []string{o.p.file(".crl", o.newList(o.p.root)), o.p.file(".crl", o.newList(o.p.sub))}
			return o.p.person(o.p.p256), c
		}},
		{"person good, nothing known of the issuer", "revocation-unknown: no source", func(o *office) (identity, RevocationConfig) {
			c := o.config()
			c.Lists = []string{o.p.file(".crl", o.newList(o.p.sub))}
			return o.p.person(o.p.p256), c
		}},
	}
}

// What responders and lists say, and what they must not be believed.
func TestRevocation(t *testing.T) {
	p := newPKI(t)
	var table strings.Builder
	table.WriteString("| asked | state when the policy insists on an answer |\n|---|---|\n")
	for _, c := range append(ocspCases(), listCases()...) {
		t.Run(c.name, func(t *testing.T) {
			p.t = t
			o := newOffice(p)
			id, config := c.make(o)
			if got := detail(o.letterOf(id, config)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
		want := "`" + c.want + "`"
		if strings.HasSuffix(c.name, "soft") {
			want += " (the policy does not insist)"
		}
		fmt.Fprintf(&table, "| %s | %s |\n", c.name, want)
	}
	p.t = t
	t.Log("\n" + table.String())
	holdTable(t, "revocation", table.String())
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	goleak.VerifyNone(t)
}

// Who has a key that was withdrawn cannot hide that: not behind a second signature, nor behind a certificate of his own making
// for the same key.
func TestRevokedIsNotHidden(t *testing.T) {
	p := newPKI(t)
	o := newOffice(p)
	key := func(c *x509.Certificate) { c.SubjectKeyId = []byte{1, 2, 3} }
	stolen := p.issue(p.root, p.p256, person(key))
	o.record(stolen.cert, ago(time.Hour))
	options := p.options()
	options.Revocation = must(NewRevocation(RevocationConfig{Lists: []string{p.file(".crl", o.newList(p.root))}, Hard: true}))
	own := p.issue(identity{}, p.p384, person())
	foreign := p.issue(p.root, p.p521, person(func(c *x509.Certificate) { c.EmailAddresses = []string{"other@example.com"} }))
	same := p.issue(identity{}, p.p256, person(key))
	for name, m := range map[string]made{
		"alone":                            {signers: []madeSigner{{by: stolen}}},
		"self-signed beside":               {signers: []madeSigner{{by: own}, {by: stolen}}},
		"good one of another beside":       {signers: []madeSigner{{by: foreign}, {by: stolen}}},
		"another certificate for that key": {signers: []madeSigner{{by: stolen, keyID: true}}, certs: []*x509.Certificate{same.cert}},
	} {
		m.content = letter()
		for _, s := range m.signers {
			m.certs = append(m.certs, s.by.cert)
		}
		if r := verify(t, m.der(), letter(), options); detail(r) != "revoked: revoked" {
			t.Errorf("%s: %s", name, detail(r))
		}
	}
}

// counted counts connections that would be made.
type counted struct {
	n    *int
	next http.RoundTripper
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	*c.n++
	return c.next.RoundTrip(r)
}

// Nobody is asked for a certificate that does not chain to an anchor, whatever addresses it names, nor at a host that is not on
// the list.
func TestNoConnection(t *testing.T) {
	p := newPKI(t)
	o := newOffice(p)
	addresses := []string{
		o.server.URL, "http://169.254.169.254/", "http://localhost:25/", "ldap://" + o.host() + "/", "file:///etc/passwd", "http://user@" + o.host() + "/",
		"http://" + o.host() + "@evil.example/", "http://ocsp.ca.gov.vn.evil.example/", "http://ocsp.ca.gov.vn:25/", "http://[::1]/", "gopher://x/", "//x/", "http:///x",
	}
	for _, address := range addresses {
		for _, list := range []bool{true, false} {
			names := func(c *x509.Certificate) {
				if c.OCSPServer = []string{address}; list {
					c.OCSPServer, c.CRLDistributionPoints = nil, []string{address}
				}
			}
			asked := 0
			c := RevocationConfig{Hosts: []string{"ocsp.ca.gov.vn"}, Transport: counted{&asked, http.DefaultTransport}, Hard: true}
			if r := o.letterOf(p.issue(p.root, p.p256, person(names)), c); r.State != RevocationUnknown {
				t.Errorf("%q: %s", address, detail(r))
			}
			c.Hosts = []string{o.host(), "169.254.169.254", "localhost:25"}
			if r := o.letterOf(p.issue(identity{}, p.p256, person(names)), c); r.State != Untrusted {
				t.Errorf("%q, self-signed: %s", address, detail(r))
			}
			if asked != 0 || o.asked.Load() != 0 {
				t.Errorf("%q: asked %d times", address, asked)
			}
		}
	}
}

// An answer is asked for once while it is good, also over a restart, and a broken file of it costs a question.
func TestRevocationCache(t *testing.T) {
	p := newPKI(t)
	o := newOffice(p)
	id := o.leaf(true, false)
	o.record(id.cert)
	c := o.config()
	c.Dir = t.TempDir()
	want := func(state State, asked int32) {
		t.Helper()
		if r := o.letterOf(id, c); r.State != state || o.asked.Load() != asked {
			t.Errorf("%s after %d questions, want %s after %d", detail(r), o.asked.Load(), state, asked)
		}
	}
	want(Valid, 1)
	want(Valid, 1)
	files := must(filepath.Glob(filepath.Join(c.Dir, "*")))
	if len(files) != 1 {
		t.Fatalf("kept %v", files)
	}
	if err := os.WriteFile(files[0], []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(Valid, 2)
	o.server.Close()
	want(Valid, 2)
	c.Clock = later(48 * time.Hour)
	want(RevocationUnknown, 2)
}

// A responder that does not answer is not asked again for every message.
func TestRevocationRetry(t *testing.T) {
	p := newPKI(t)
	o := newOffice(p)
	o.handler = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	id := o.leaf(true, false)
	now := time.Now()
	c := o.config()
	c.Clock = func() time.Time { return now }
	r := must(NewRevocation(c))
	for i, step := range []struct {
		after time.Duration
		asked int32
	}{{0, 1}, {time.Second, 1}, {2 * time.Minute, 2}} {
		now = now.Add(step.after)
		got, err := r.check(t.Context(), t.Context(), []*x509.Certificate{id.cert, p.root.cert}, received())
		if err != nil || got.revoked || got.reason != Unreachable || o.asked.Load() != step.asked {
			t.Errorf("%d: %+v, %v, asked %d times", i, got, err, o.asked.Load())
		}
	}
}
