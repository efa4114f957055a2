package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"congthu/console"
	"congthu/filter/policy"
	"congthu/store"
)

// oidcOf is the OpenID provider of a configuration: nil when there is none.
func oidcOf(c *policy.Config) (*console.OIDC, error) {
	o := c.Console.OIDC
	if o.Issuer == "" {
		return nil, nil
	}
	file := strings.TrimPrefix(o.ClientSecret, "file:")
	secret := func() (string, error) {
		b, err := os.ReadFile(file)
		return strings.TrimSpace(string(b)), err
	}
	if _, err := secret(); err != nil {
		return nil, &exitError{exitConfig, c.Problem("console.oidc.client_secret", err.Error())}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 15 * time.Second, MaxIdleConns: 4, IdleConnTimeout: time.Minute}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, &exitError{exitConfig, c.Problem("console.oidc.ca", err.Error())}
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, &exitError{exitConfig, c.Problem("console.oidc.ca", fmt.Sprintf("%s holds no certificate in PEM", o.CA))}
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &console.OIDC{Issuer: string(o.Issuer), ClientID: o.ClientID, ClientSecret: secret, URL: string(c.Console.URL), RolesClaim: o.RolesClaim,
		Client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
		Roles:  map[store.Role][]string{store.Administrator: o.Administrator, store.Reviewer: o.Officer, store.Auditor: o.Auditor, store.Sender: o.Sender}}, nil
}
