package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"congthu/filter/policy"
	"congthu/filter/relay"
)

// ownWeb is the console on an address of its own.
type ownWeb struct {
	server *http.Server
	listen net.Listener
}

// openWeb opens the console's own address: nil when its pages are on the admin listener, or nowhere.
func (g *gate) openWeb(h http.Handler) (*ownWeb, error) {
	k := g.conf.Console
	if k.Listen == "" || k.Listen == policy.None {
		return nil, nil
	}
	l, err := net.Listen("tcp", k.Listen)
	if err != nil {
		return nil, listenError(g.conf, "console.listen", k.Listen, err)
	}
	if k.TLS.Certificate != "" {
		pair, err := relay.NewCertificates(relay.ListenTLS{Certificate: k.TLS.Certificate, Key: k.TLS.Key}, g.log)
		if err != nil {
			l.Close()
			return nil, &exitError{exitConfig, g.conf.Problem("console.tls", err.Error())}
		}
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.Get, NextProtos: []string{"h2", "http/1.1"}})
	}
	return &ownWeb{server: newServer(h), listen: l}, nil
}

// newServer is an HTTP server with limits for whoever asks slowly.
func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
}

func (w *ownWeb) serve() error {
	if err := w.server.Serve(w.listen); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the console: %w", err)
	}
	return nil
}

func (w *ownWeb) shutdown(ctx context.Context) error {
	if w == nil {
		return nil
	}
	return w.server.Shutdown(ctx)
}

// onlyFor lets clients of some networks through; none named lets everybody.
func onlyFor(networks []netip.Prefix, next http.Handler) http.Handler {
	if len(networks) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err == nil {
			for _, n := range networks {
				if n.Contains(from.Addr().Unmap()) {
					next.ServeHTTP(w, r)
					return
				}
			}
		}
		http.Error(w, "403 this address may not ask here", http.StatusForbidden)
	})
}
