package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"congthu/filter/policy"
	"congthu/internal/peer"
	"congthu/rules"
)

// TestConsoleOfARunningGate asks a gate with a console of its own, under TLS, for its pages and for its metrics.
func TestConsoleOfARunningGate(t *testing.T) {
	cert, err := peer.NewCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir, admin := t.TempDir(), freeAddress("127.0.0.1:0")
	p, _, stderr := newProgram(t, "")
	text := fmt.Sprintf("organisation: {domains: [monre.gov.vn]}\nrelay: [{name: mx, listen: %q, next_hops: [\"127.0.0.1:9\"]}]\n"+
		"admin: {listen: %q, allow: [192.0.2.0/24]}\nevidence: {dir: %q}\nconsole: {listen: %q, tls: {certificate: %q, key: %q}, allow: [127.0.0.0/8]}\n",
		freeAddress("127.0.0.1:0"), admin, filepath.Join(dir, "evidence"), freeAddress("127.0.0.1:0"), cert.File, cert.Key)
	conf, err := policy.Parse("congthu.yml", []byte(text), rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGate(p, conf)
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`https://(127\.0\.0\.1:\d+)/setup#([A-Z2-7]{26})`).FindStringSubmatch(stderr.String())
	if link == nil {
		t.Fatalf("no link for the first administrator:\n%s", stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.run(ctx, nil, nil) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("the gate ended with", err)
		}
	}()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: cert.Client, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for address, want := range map[string]int{
		"https://" + link[1] + "/setup": http.StatusOK, "https://" + link[1] + "/": http.StatusSeeOther, "https://" + link[1] + "/metrics": http.StatusNotFound,
		"http://" + admin + "/metrics": http.StatusForbidden, "http://" + admin + "/setup": http.StatusNotFound,
	} {
		resp, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", address, resp.StatusCode, want)
		}
	}
	if strings.Contains(evidenceText(t, filepath.Join(dir, "evidence")), link[2]) {
		t.Error("the code is in the evidence log")
	}
}

func evidenceText(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			all.Write(b)
		}
	}
	return all.String()
}
