package main

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"congthu/filter/policy"
	"congthu/filter/relay"
	"congthu/store/notice"
)

// usable tries the files that a gate reads at its start, beside those that make its policy, and says which key names one
// that cannot be used: certificates and keys, roots, templates of notices.
func usable(c *policy.Config) error {
	wrong := func(key string, err error) error { return &exitError{exitConfig, c.Problem(key, err.Error())} }
	pairs := map[string]relay.ListenTLS{"console.tls": {Certificate: c.Console.TLS.Certificate, Key: c.Console.TLS.Key}}
	roots := map[string]string{"console.oidc.ca": c.Console.OIDC.CA, "evidence.stream.ca": c.Evidence.Stream.CA}
	for i, r := range c.Relay {
		path := fmt.Sprintf("relay[%d]", i)
		pairs[path+".tls"] = relay.ListenTLS{Certificate: r.TLS.Certificate, Key: r.TLS.Key}
		roots[path+".next_hop_tls.ca"] = r.NextHopTLS.CA
	}
	for key, files := range pairs {
		if files.Certificate == "" {
			continue
		}
		if _, err := relay.NewCertificates(files, slog.New(slog.DiscardHandler)); err != nil {
			return wrong(key, err)
		}
	}
	for key, file := range roots {
		if file == "" {
			continue
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return wrong(key, err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return wrong(key, fmt.Errorf("%s holds no certificate in PEM", file))
		}
	}
	if c.Notices.Submit == "" {
		return nil
	}
	if _, err := notice.LoadTemplates(c.Notices.Templates, nil, notice.Words{Organisation: c.Notices.Organisation, Contact: c.Notices.Contact, Console: c.ConfirmURL()}); err != nil {
		return wrong("notices.templates", err)
	}
	return nil
}
