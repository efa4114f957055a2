package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// admin is the listener for metrics and health.
type admin struct {
	server  *http.Server
	ready   atomic.Bool
	trouble func() error // why no mail can be put on record; set before serving, may be nil
	mux     *http.ServeMux
}

// pages puts the console beside metrics and health; to be called before serving.
func (a *admin) pages(h http.Handler) { a.mux.Handle("/", h) }

func newAdmin(reg *prometheus.Registry, allow []netip.Prefix) *admin {
	mux := http.NewServeMux()
	a := &admin{mux: mux}
	get := func(path string, h http.HandlerFunc) { mux.Handle("GET "+path, onlyFor(allow, h)) }
	get("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP)
	get("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	// Doors, configuration and evidence file, not engines: a dead engine must not take every gate out.
	get("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := a.notReady(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	a.server = newServer(mux)
	return a
}

// notReady says why the gate takes no mail, or nil.
func (a *admin) notReady() error {
	if !a.ready.Load() {
		return errors.New("starting or stopping")
	}
	if a.trouble == nil {
		return nil
	}
	return a.trouble()
}

func (a *admin) serve(l net.Listener) error {
	if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving metrics and health: %w", err)
	}
	return nil
}

func (a *admin) shutdown(ctx context.Context) error { return a.server.Shutdown(ctx) }
