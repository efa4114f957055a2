package signing

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// office is where certificates of the root are looked up: openssl ocsp and lists of openssl ca behind a server on loopback.
type office struct {
	p      *pki
	server *httptest.Server
	asked  atomic.Int32
	index  string // openssl ca's database

	signer  identity // of answers
	args    []string // further ones of openssl ocsp
	list    []byte
	handler http.HandlerFunc // in place of all that
}

func newOffice(p *pki) *office {
	o := &office{p: p, signer: p.root, index: p.file(".index", nil)}
	o.server = httptest.NewServer(http.HandlerFunc(o.serve))
	p.t.Cleanup(o.server.Close)
	return o
}

func (o *office) host() string { return must(url.Parse(o.server.URL)).Host }

func (o *office) serve(w http.ResponseWriter, r *http.Request) {
	o.asked.Add(1)
	switch {
	case o.handler != nil:
		o.handler(w, r)
	case r.Method == http.MethodPost:
		request := must(io.ReadAll(r.Body))
		args := append([]string{"ocsp", "-index", o.index, "-CA", o.p.certFile(o.p.root.cert), "-rsigner", o.p.certFile(o.signer.cert),
			"-rkey", o.p.keyFile(o.signer.key), "-reqin", o.p.file(".req", request), "-respout", "OUT"}, o.args...)
		if !strings.Contains(strings.Join(args, " "), "-ndays") {
			args = append(args, "-ndays", "1")
		}
		w.Write(o.p.openssl(args...))
	default:
		w.Write(o.list)
	}
}

// record puts certificates into the database. A date of revocation makes one revoked.
func (o *office) record(c *x509.Certificate, revoked ...time.Time) {
	const form = "060102150405Z"
	line := fmt.Sprintf("V\t%s\t\t%s\tunknown\t/CN=%[2]s\n", c.NotAfter.UTC().Format(form), hexSerial(c))
	if len(revoked) > 0 {
		line = fmt.Sprintf("R\t%s\t%s,keyCompromise\t%s\tunknown\t/CN=%[3]s\n", c.NotAfter.UTC().Format(form), revoked[0].UTC().Format(form), hexSerial(c))
	}
	old := must(os.ReadFile(o.index))
	if err := os.WriteFile(o.index, append(old, line...), 0o600); err != nil {
		o.p.t.Fatal(err)
	}
}

func hexSerial(c *x509.Certificate) string {
	s := fmt.Sprintf("%X", c.SerialNumber)
	if len(s)%2 == 1 {
		s = "0" + s
	}
	return s
}

// newList is a list that openssl ca makes out of the database, in PEM.
func (o *office) newList(by identity, args ...string) []byte {
	o.p.t.Helper()
	dir := must(os.MkdirTemp(o.p.dir, ""))
	if err := os.WriteFile(filepath.Join(dir, "number"), []byte("01\n"), 0o600); err != nil {
		o.p.t.Fatal(err)
	}
	config := o.p.file(".cnf", []byte(fmt.Sprintf("[ca]\ndefault_ca=x\n[x]\ndatabase=%s\ncrlnumber=%s/number\ndefault_md=sha256\ndefault_crl_days=1\n"+
		"[delta]\n2.5.29.27=critical,DER:020101\n[point]\nissuingDistributionPoint=critical,@idp\n[idp]\nfullname=URI:http://elsewhere.example/list\n"+
		"[users]\nissuingDistributionPoint=critical,@u\n[u]\nonlyuser=TRUE\n[cas]\nissuingDistributionPoint=critical,@c\n[c]\nonlyCA=TRUE\n"+
		"[indirect]\nissuingDistributionPoint=critical,@i\n[i]\nindirectCRL=TRUE\n", o.index, dir)))
	return o.p.openssl(append([]string{"ca", "-gencrl", "-config", config, "-cert", o.p.certFile(by.cert), "-keyfile", o.p.keyFile(by.key), "-out", "OUT"}, args...)...)
}

// leaf is a person of the root whose certificate names the office's responder, list, or both.
func (o *office) leaf(ocsp, list bool) identity {
	return o.p.issue(o.p.root, o.p.p256, person(func(c *x509.Certificate) {
		if ocsp {
			c.OCSPServer = []string{o.server.URL + "/ocsp"}
		}
		if list {
			c.CRLDistributionPoints = []string{o.server.URL + "/list.crl"}
		}
	}))
}

// config asks the office and nobody else.
func (o *office) config() RevocationConfig {
	return RevocationConfig{Hosts: []string{o.host()}, Transport: http.DefaultTransport, Hard: true, Fetch: 10 * time.Second, Message: 20 * time.Second}
}

// letterOf is signed by somebody, and verified with an office's answers.
func (o *office) letterOf(id identity, c RevocationConfig) Result {
	o.p.t.Helper()
	m := made{content: letter(), signers: []madeSigner{{by: id}}, certs: []*x509.Certificate{id.cert, o.p.sub.cert}}
	options := o.p.options()
	r, err := NewRevocation(c)
	if err != nil {
		o.p.t.Fatal(err)
	}
	options.Revocation = r
	return verify(o.p.t, m.der(), letter(), options)
}

func later(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }

// endless is a body that never ends.
func endless(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	chunk := bytes.Repeat([]byte{0x30}, 64<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// silent never answers. What was asked is read, or the server would not see that the asker has gone.
func silent(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func answerWith(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }
}
