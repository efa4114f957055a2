package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

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
		for _, f := range [][2]string{{".certificate", files.Certificate}, {".key", files.Key}} {
			if err := openable(f[1]); err != nil {
				return wrong(key+f[0], err)
			}
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

// openable tries a file of a certificate or a key, and says the way out.
func openable(path string) error {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s: write the file's path, beginning with /, or put the PEM file there", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the file %s may not be read by this user: give it to the gate's user or group to read", path)
	case err != nil:
		return err
	}
	return f.Close()
}

// wholePath is a file's path from the root, as far as the working folder is known: an error shows where was looked.
func wholePath(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// doubts are what a configuration names that may well come to be there later: no error, but what config check says.
func doubts(c *policy.Config) (all []error) {
	for i, e := range c.Virus.Clamd {
		socket, ok := strings.CutPrefix(e.Address, "unix:")
		if !ok {
			continue
		}
		if _, err := os.Stat(socket); errors.Is(err, fs.ErrNotExist) {
			all = append(all, c.Problem(fmt.Sprintf("virus.clamd[%d]", i), "there is no socket "+socket+
				": is clamd running (systemctl status clamav-daemon), and is this the LocalSocket of its clamd.conf?"))
		}
	}
	return all
}
