package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter/evidence"
	"congthu/filter/policy"
)

// chainFiles writes a key and certificates that end at these times, and says where.
func chainFiles(t *testing.T, dir string, ends ...time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var chain bytes.Buffer
	for i, end := range ends {
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: "mx.monre.gov.vn"}, NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}
		der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
		if err != nil {
			t.Fatal(err)
		}
		if err := pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			t.Fatal(err)
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, b := range map[string][]byte{certificate: chain.Bytes(), key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// The certificate that ends first counts; one that is renewed counts from then on, and one that does not fit leaves
// the one before.
func TestCertificateExpiry(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	dir, day := t.TempDir(), 24*time.Hour
	cert, key := chainFiles(t, dir, now.Add(90*day), now.Add(10*day))
	conf := &policy.Config{Relay: []policy.Relay{{Name: "mx", TLS: policy.RelayTLS{Certificate: cert, Key: key}}, {Name: "clear"}}}
	m, err := newCertificateMetrics(conf, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	expect := func(left time.Duration) {
		t.Helper()
		want := fmt.Sprintf("# HELP congthu_certificate_expiry_seconds %s\n# TYPE congthu_certificate_expiry_seconds gauge\ncongthu_certificate_expiry_seconds{name=\"relay:mx\"} %v\n",
			"How long a listener's TLS certificate, with those that it presents beside it, is good; negative once it is not.", left.Seconds())
		if err := testutil.CollectAndCompare(m, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
	expect(10 * day)
	now = now.Add(11 * day)
	expect(-day)
	chainFiles(t, dir, now.Add(30*day))
	expect(30 * day)
	if err := os.WriteFile(key, []byte("half of a renewal"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(30 * day)
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	expect(30 * day)
}

// A gate finds a changed octet in its own evidence, and one that it could not look at is not taken for whole.
func TestGateChecksItsEvidence(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "evidence")
	l, err := evidence.Open(evidence.Options{Dir: dir, Gate: "cong-1", Now: time.Now, FileBytes: 1 << 20, Retention: 24 * time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l.Note(evidence.Record{Kind: evidence.KindAct, Act: &evidence.Act{Who: "congthu", What: evidence.Start}})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	reg := prometheus.NewRegistry()
	var said bytes.Buffer
	v := newVerifying(dir, time.Hour, reg, slog.New(slog.NewTextHandler(&said, nil)), func() time.Time { return now })
	intact := func(want string) {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range families {
			got += fmt.Sprintf("%s=%v ", strings.TrimPrefix(f.GetName(), "congthu_evidence_"), int64(f.GetMetric()[0].GetGauge().GetValue()))
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("metrics %q, not %q; the log:\n%s", got, want, &said)
		}
	}
	intact("")
	v.check(t.Context())
	intact(fmt.Sprintf("intact=1 verified_timestamp_seconds=%d", now.Unix()))

	files, err := filepath.Glob(filepath.Join(dir, "evidence-*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(b, []byte(`"congthu"`), []byte(`"Congthu"`), 1)
	if err := os.WriteFile(files[0], changed, 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	v.check(t.Context())
	found := fmt.Sprintf("intact=0 verified_timestamp_seconds=%d", now.Unix())
	intact(found)
	if !strings.Contains(said.String(), "the evidence is not what was written") {
		t.Errorf("the log does not say it:\n%s", &said)
	}
	if err := os.Remove(filepath.Join(dir, "key.pub")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	v.check(t.Context())
	intact(found)
}
