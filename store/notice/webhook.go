package notice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Format is how a webhook wants alerts.
type Format string

// The formats.
const (
	Alertmanager Format = "alertmanager" // POST /api/v2/alerts, a JSON array
	PlainJSON    Format = "json"         // one JSON object an alert
)

// Limits of a webhook.
const (
	// MaxWaiting is how many reports wait for one webhook; further ones are dropped and counted.
	MaxWaiting = 256
	// WebhookTimeout is how long one request may take.
	WebhookTimeout = 10 * time.Second
	// AlertGiveUp is how long one report is tried.
	AlertGiveUp = time.Hour
	// firstAlertRetry and lastAlertRetry are the pauses between tries: each is double the one before.
	firstAlertRetry = time.Second
	lastAlertRetry  = time.Minute
	// maxAnswer is how much of an answer is read so that the connection can be used again, in octets.
	maxAnswer = 4 << 10
	// maxHeader is the longest header of an answer, in octets.
	maxHeader = 64 << 10
)

// Webhook is where alerts go.
type Webhook struct {
	Name   string // metric label
	URL    string // http or https; for Alertmanager with its path, /api/v2/alerts
	Format Format
	Token  string // Authorization: Bearer, "" for none
	// Client makes the requests; nil is one with the system's trust anchors and proxy. Redirects are never followed: an alert goes where the
	// configuration says and nowhere else.
	Client *http.Client
	// Timeout is for one request, Retry the first pause; 0 are WebhookTimeout and a second.
	Timeout, Retry time.Duration
}

// hook is a webhook at work.
type hook struct {
	Webhook
	client  *http.Client
	queue   chan report
	log     *slog.Logger
	metrics *Metrics

	mu     sync.Mutex
	closed bool
}

func newHook(w Webhook, log *slog.Logger, m *Metrics) (*hook, error) {
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("webhook %q: its URL must be http://host/path or https://host/path", w.Name)
	}
	if w.Format != Alertmanager && w.Format != PlainJSON {
		return nil, fmt.Errorf("webhook %q: %q is no format (alertmanager, json)", w.Name, w.Format)
	}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: WebhookTimeout,
		IdleConnTimeout: time.Minute, MaxIdleConns: 1, MaxResponseHeaderBytes: maxHeader}}
	if w.Client != nil {
		client = *w.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if w.Timeout <= 0 {
		w.Timeout = WebhookTimeout
	}
	if w.Retry <= 0 {
		w.Retry = firstAlertRetry
	}
	for _, result := range []string{resultSent, resultRetried, resultGivenUp, resultDropped} {
		m.Alerts.WithLabelValues(w.Name, result)
	}
	return &hook{Webhook: w, client: &client, queue: make(chan report, MaxWaiting), log: log.With("webhook", w.Name), metrics: m}, nil
}

// offer queues a report or drops it.
func (h *hook) offer(r report) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		select {
		case h.queue <- r:
			return
		default:
		}
	}
	h.count(resultDropped)
	h.log.Error("alert dropped: too many wait for this webhook", "alert", string(r.Kind), "ids", r.ids)
}

func (h *hook) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.queue)
	}
}

// run sends until the queue is closed. Once live has ended each report is tried once more; at end nothing is.
func (h *hook) run(live, end context.Context) {
	for r := range h.queue {
		if end.Err() != nil {
			h.count(resultDropped)
			continue
		}
		h.deliver(live, end, r)
	}
	h.client.CloseIdleConnections()
}

// deliver tries until the webhook took the report.
func (h *hook) deliver(live, end context.Context, r report) {
	pause := h.Retry
	for start := time.Now(); ; pause = min(2*pause, lastAlertRetry) {
		err := h.post(end, r)
		if err == nil {
			h.count(resultSent)
			return
		}
		var bad refusedError
		if errors.As(err, &bad) || live.Err() != nil || time.Since(start) > AlertGiveUp {
			h.count(resultGivenUp)
			h.log.Error("alert given up", "alert", string(r.Kind), "ids", r.ids, "error", err.Error())
			return
		}
		h.count(resultRetried)
		h.log.Warn("alert not taken, tried again", "alert", string(r.Kind), "in", pause.String(), "error", err.Error())
		select {
		case <-time.After(pause):
		case <-live.Done():
		}
	}
}

// refusedError is an answer that says that the report itself is wrong: it would be wrong again.
type refusedError struct{ status string }

func (e refusedError) Error() string { return "the webhook does not take this alert: " + e.status }

func (h *hook) post(ctx context.Context, r report) error {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	write := r.plain
	if h.Format == Alertmanager {
		write = r.alertmanager
	}
	body, err := write()
	if err != nil {
		return refusedError{err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking a webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if h.Token != "" {
		req.Header.Set("Authorization", "Bearer "+h.Token)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return fmt.Errorf("asking a webhook: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // only so that the connection can be used again
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return nil
	case resp.StatusCode == http.StatusBadRequest, resp.StatusCode == http.StatusRequestEntityTooLarge,
		resp.StatusCode == http.StatusUnprocessableEntity:
		return refusedError{resp.Status}
	}
	return fmt.Errorf("asking a webhook: it answered %s", cut(resp.Status, MaxWord))
}

// withoutURL takes the URL out of an error: many webhooks have their password in it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (h *hook) count(result string) { h.metrics.Alerts.WithLabelValues(h.Name, result).Inc() }
