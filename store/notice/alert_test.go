package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/filter"
)

// hookServer is a webhook that remembers what it got; answer may spoil it.
type hookServer struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	heads  []http.Header
}

func newHookServer(t testing.TB, answer http.HandlerFunc) *hookServer {
	t.Helper()
	s := &hookServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.bodies, s.heads = append(s.bodies, string(b)), append(s.heads, r.Header)
		s.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *hookServer) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies...)
}

// alerting runs an Alerter until the test ends.
func alerting(t testing.TB, o AlerterOptions) (a *Alerter, stop func()) {
	t.Helper()
	o.Gate, o.Now, o.Log = "gate1", time.Now, quiet()
	if o.Metrics == nil {
		o.Metrics = metrics()
	}
	a, err := NewAlerter(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { a.Run(ctx) })
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); wg.Wait() }) }
	t.Cleanup(stop)
	return a, stop
}

func marking(id string) Alert {
	return Alert{Kind: MarkingRefused, Time: noon, Direction: filter.Outbound, Unit: "vanphong", Sender: "nvan@monre.gov.vn", Client: "10.0.0.7",
		Rule: "marking", Clause: "10.1", Level: "TOI_MAT", ID: id}
}

func TestPlainJSON(t *testing.T) {
	s := newHookServer(t, nil)
	a, stop := alerting(t, AlerterOptions{Webhooks: []Webhook{{Name: "chat", URL: s.URL + "/x", Format: PlainJSON, Token: "t0k"}}})
	a.Raise(marking("01JD"))
	stop()
	const want = `{"alert":"marking-refused","severity":"critical","gate":"gate1","first":"2026-11-24T05:00:00Z","last":"2026-11-24T05:00:00Z","count":1,` +
		`"direction":"outbound","unit":"vanphong","sender":"nvan@monre.gov.vn","client":"10.0.0.7","rule":"marking","clause":"10.1","level":"TOI_MAT",` +
		`"ids":["01JD"],"text":{"en":"Mail with a secrecy marking was refused","vi":"Cổng thư đã từ chối thư có dấu hiệu chứa bí mật nhà nước"}}`
	if d := cmp.Diff([]string{want}, s.got()); d != "" {
		t.Fatal(d)
	}
	if h := s.heads[0]; h.Get("Authorization") != "Bearer t0k" || h.Get("Content-Type") != "application/json" {
		t.Errorf("%v", h)
	}
}

func TestAlertmanagerFormat(t *testing.T) {
	s := newHookServer(t, nil)
	a, stop := alerting(t, AlerterOptions{Interval: time.Hour, Webhooks: []Webhook{{Name: "am", URL: s.URL + "/api/v2/alerts", Format: Alertmanager}}})
	a.Raise(marking("01JD"))
	a.Trouble(EvidenceTrouble, fmt.Errorf("writing the evidence log: %w", errors.New("no space\nleft on device")))
	stop()
	var got []managed
	for _, body := range s.got() {
		var list []managed
		d := json.NewDecoder(strings.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&list); err != nil || len(list) != 1 {
			t.Fatalf("%v: %s", err, body)
		}
		got = append(got, list...)
	}
	if len(got) != 2 {
		t.Fatalf("%d alerts", len(got))
	}
	want := managed{
		Labels: map[string]string{"alertname": "CongthuMarkingRefused", "severity": "critical", "gate": "gate1", "direction": "outbound", "unit": "vanphong",
			"sender": "nvan@monre.gov.vn", "client": "10.0.0.7", "rule": "marking", "level": "TOI_MAT"},
		Annotations: map[string]string{"summary": "Mail with a secrecy marking was refused", "summary_vi": "Cổng thư đã từ chối thư có dấu hiệu chứa bí mật nhà nước",
			"count": "1", "clause": "10.1", "ids": "01JD"},
		StartsAt: noon, EndsAt: noon.Add(2 * time.Hour),
	}
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Error(d)
	}
	if got[1].Labels["alertname"] != "CongthuEvidenceTrouble" || got[1].Annotations["reason"] != "writing the evidence log: no space left on device" {
		t.Errorf("%+v", got[1])
	}
}

func TestWebhookConfiguration(t *testing.T) {
	for _, w := range [][]Webhook{
		{{Name: "a", URL: "ftp://x/", Format: PlainJSON}}, {{Name: "a", URL: "http:///x", Format: PlainJSON}}, {{Name: "a", URL: "", Format: PlainJSON}},
		{{Name: "a", URL: "http://x/", Format: "xml"}}, {{Name: "a", URL: "http://\x00/", Format: PlainJSON}},
		{{Name: "a", URL: "http://x/", Format: PlainJSON}, {Name: "a", URL: "http://y/", Format: PlainJSON}},
	} {
		if _, err := NewAlerter(AlerterOptions{Webhooks: w, Now: time.Now, Log: quiet(), Metrics: metrics()}); err == nil || !strings.Contains(err.Error(), `"a"`) {
			t.Errorf("%+v: %v", w, err)
		}
	}
}

// 500 twice, then well: the alert comes once, whole. 400 is never tried again. A redirect is not followed.
func TestWebhookAnswers(t *testing.T) {
	elsewhere := newHookServer(t, nil)
	for _, tc := range []struct {
		name    string
		answers []int
		tries   int
		sent    int
		givenUp int
	}{
		{"well", []int{200}, 1, 1, 0},
		{"202", []int{202}, 1, 1, 0},
		{"500, 503, well", []int{500, 503, 200}, 3, 1, 0},
		{"429, well", []int{429, 204}, 2, 1, 0},
		{"400", []int{400, 200}, 1, 0, 1},
		{"413", []int{413, 200}, 1, 0, 1},
		{"422", []int{422, 200}, 1, 0, 1},
		{"redirect, well", []int{307, 200}, 2, 1, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := 0
			s := newHookServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", elsewhere.URL)
				w.WriteHeader(tc.answers[min(n, len(tc.answers)-1)])
				n++
			})
			m := metrics()
			a, stop := alerting(t, AlerterOptions{Metrics: m, Webhooks: []Webhook{{Name: "a", URL: s.URL, Format: PlainJSON, Retry: time.Millisecond}}})
			a.Raise(marking("01JD"))
			eventually(t, "an end", func() bool {
				return counted(m.Alerts, "a", resultSent)+counted(m.Alerts, "a", resultGivenUp) == 1
			})
			stop()
			if len(s.got()) != tc.tries || counted(m.Alerts, "a", resultSent) != tc.sent || counted(m.Alerts, "a", resultGivenUp) != tc.givenUp ||
				counted(m.Alerts, "a", resultRetried) != tc.tries-1 {
				t.Errorf("%d tries", len(s.got()))
			}
		})
	}
	if len(elsewhere.got()) != 0 {
		t.Error("an alert went where the configuration does not say")
	}
}

// One webhook hangs; Raise does not wait, the other webhook gets everything, what is too much is counted, and
// once the first comes back it gets what waited.
func TestHangingWebhook(t *testing.T) {
	hang := make(chan bool)
	release := sync.OnceFunc(func() { close(hang) })
	defer release()
	bad := newHookServer(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	good := newHookServer(t, nil)
	m := metrics()
	a, stop := alerting(t, AlerterOptions{Metrics: m, Webhooks: []Webhook{
		{Name: "bad", URL: bad.URL, Format: PlainJSON, Timeout: time.Hour},
		{Name: "good", URL: good.URL, Format: PlainJSON}}})
	const over = 20
	for i := range MaxWaiting + 1 + over {
		alert := marking(fmt.Sprint(i))
		alert.Sender = fmt.Sprintf("u%d@monre.gov.vn", i)
		a.Raise(alert)
		want := i + 1
		eventually(t, "the good one has it", func() bool { return counted(m.Alerts, "good", resultSent) == want })
		if i == 0 {
			eventually(t, "the bad one hangs", func() bool { return len(bad.got()) == 1 })
		}
	}
	if got := counted(m.Alerts, "bad", resultDropped); got != over {
		t.Errorf("%d dropped", got)
	}
	release()
	eventually(t, "what waited arrives", func() bool { return counted(m.Alerts, "bad", resultSent) == MaxWaiting+1 })
	stop()
}

// Times out, is tried again, comes back.
func TestWebhookTimesOut(t *testing.T) {
	var mu sync.Mutex
	tries := 0
	s := newHookServer(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		tries++
		first := tries == 1
		mu.Unlock()
		if first {
			<-r.Context().Done()
		}
	})
	m := metrics()
	a, stop := alerting(t, AlerterOptions{Metrics: m, Webhooks: []Webhook{{Name: "a", URL: s.URL, Format: PlainJSON, Timeout: 200 * time.Millisecond, Retry: time.Millisecond}}})
	a.Raise(marking("01JD"))
	eventually(t, "it arrives", func() bool { return counted(m.Alerts, "a", resultSent) == 1 })
	stop()
	if counted(m.Alerts, "a", resultRetried) < 1 {
		t.Error("the first try did not time out")
	}
}

// An answer without an end costs neither memory nor the next alert.
func TestWebhookTalksOnAndOn(t *testing.T) {
	s := newHookServer(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
				return
			}
		}
	})
	m := metrics()
	a, stop := alerting(t, AlerterOptions{Metrics: m, Webhooks: []Webhook{{Name: "a", URL: s.URL, Format: PlainJSON}}})
	a.Raise(marking("1"))
	a.Trouble(StoreTrouble, errOut)
	eventually(t, "both are done", func() bool { return counted(m.Alerts, "a", resultSent) == 2 })
	stop()
}

// tripper answers without a network, for tests in a bubble of time.
type tripper struct {
	mu     sync.Mutex
	got    []plainReport
	at     []time.Duration
	start  time.Time
	answer func(try int, r *http.Request) (*http.Response, error)
	tries  int
}

func (f *tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.tries++
	try := f.tries
	f.mu.Unlock()
	if f.answer != nil {
		if resp, err := f.answer(try, r); resp != nil || err != nil {
			return resp, err
		}
	}
	var p plainReport
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got, f.at = append(f.got, p), append(f.at, time.Since(f.start))
	return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
}

// The first alert of a key goes at once; the others of the interval come as one, with their number and ids; then it is quiet.
func TestAlertsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tripper{start: time.Now()}
		a, stop := alerting(t, AlerterOptions{Interval: time.Minute, Webhooks: []Webhook{
			{Name: "a", URL: "http://x/", Format: PlainJSON, Client: &http.Client{Transport: f}}}})
		for i := range 1 + MaxIDs + 5 {
			alert := marking(fmt.Sprint(i))
			alert.Time = noon.Add(time.Duration(i) * time.Second)
			a.Raise(alert)
		}
		other := marking("other")
		other.Sender = "b@monre.gov.vn"
		a.Raise(other)
		time.Sleep(10 * time.Minute)
		stop()
		var got []string
		for i, p := range f.got {
			got = append(got, fmt.Sprintf("%s %s ×%d, %d ids, %s–%s", f.at[i].Round(10*time.Second), p.Sender, p.Count, len(p.IDs), p.First.Format("05"), p.Last.Format("05")))
		}
		want := []string{"0s nvan@monre.gov.vn ×1, 1 ids, 00–00", "0s b@monre.gov.vn ×1, 1 ids, 00–00", "1m0s nvan@monre.gov.vn ×25, 20 ids, 01–25"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if len(a.gathered) != 0 {
			t.Errorf("%d keys are kept for nothing", len(a.gathered))
		}
	})
}

// What was gathered when the gate stops still leaves; a webhook that hangs then has three seconds.
func TestAlertsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &tripper{start: time.Now()}
		m := metrics()
		hang := &tripper{answer: func(_ int, r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		a, stop := alerting(t, AlerterOptions{Metrics: m, Webhooks: []Webhook{
			{Name: "a", URL: "http://x/", Format: PlainJSON, Client: &http.Client{Transport: f}},
			{Name: "hangs", URL: "http://x/", Format: PlainJSON, Client: &http.Client{Transport: hang}, Timeout: time.Hour}}})
		a.Raise(marking("1"))
		a.Raise(marking("2"))
		synctest.Wait()
		before := time.Now()
		stop()
		if took := time.Since(before); took != lastChance {
			t.Errorf("stopping took %s", took)
		}
		if len(f.got) != 2 || f.got[1].IDs[0] != "2" {
			t.Errorf("%+v", f.got)
		}
		if counted(m.Alerts, "hangs", resultGivenUp) != 1 || counted(m.Alerts, "hangs", resultDropped) != 1 {
			t.Error("what did not arrive is not counted")
		}
		a.Raise(marking("3")) // after the end: counted, nothing more
		b := marking("4")
		b.Sender = "late@monre.gov.vn"
		a.Raise(b)
		if counted(m.Alerts, "a", resultDropped) != 1 {
			t.Error("an alert after the end is not counted")
		}
	})
}

// A webhook that is away for more than an hour costs the alert, which is counted, and not the next one.
func TestAlertGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics()
		f := &tripper{start: time.Now()}
		f.answer = func(int, *http.Request) (*http.Response, error) {
			if time.Since(f.start) < AlertGiveUp+2*time.Minute {
				return &http.Response{StatusCode: 500, Status: "500 no", Body: http.NoBody}, nil
			}
			return nil, nil
		}
		a, stop := alerting(t, AlerterOptions{Metrics: m, Webhooks: []Webhook{{Name: "a", URL: "http://x/", Format: PlainJSON, Client: &http.Client{Transport: f}}}})
		a.Raise(marking("1"))
		a.Trouble(StoreTrouble, errOut)
		time.Sleep(3 * time.Hour)
		stop()
		if counted(m.Alerts, "a", resultGivenUp) != 1 || len(f.got) != 1 || f.got[0].Alert != StoreTrouble {
			t.Errorf("%d given up, %+v", counted(m.Alerts, "a", resultGivenUp), f.got)
		}
		if f.tries > 80 {
			t.Errorf("%d tries in an hour", f.tries)
		}
	})
}

func TestManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, stop := alerting(t, AlerterOptions{Webhooks: []Webhook{{Name: "a", URL: "http://x/", Format: PlainJSON, Client: &http.Client{Transport: &tripper{}}}}})
		for i := range 2 * MaxKeys {
			alert := marking("1")
			alert.Sender = fmt.Sprint(i, "@monre.gov.vn")
			a.Raise(alert)
		}
		if len(a.gathered) != MaxKeys {
			t.Errorf("%d keys", len(a.gathered))
		}
		stop()
	})
}

// The URL of a webhook often holds its password: no log has it.
func TestErrorsDoNotShowTheURL(t *testing.T) {
	h, err := newHook(Webhook{Name: "a", URL: "http://127.0.0.1:1/hook/pa55word", Format: PlainJSON}, quiet(), metrics())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.post(t.Context(), report{}); err == nil || strings.Contains(err.Error(), "pa55word") {
		t.Error(err)
	}
}

func TestAlertIsCleaned(t *testing.T) {
	a := Alert{Sender: "a\r\nb@" + strings.Repeat("x", 1000), Client: "2001:db8::1\n<b>", Reason: strings.Repeat("ữ\n", 500), ID: strings.Repeat("i", 100), Rule: "custom:x y"}.clean()
	if len(a.Sender) > MaxAddress || strings.ContainsAny(a.Sender+a.Client+a.Reason, "\r\n<>") || !strings.HasPrefix(a.Client, "2001:db8::1") ||
		len(a.Reason) > MaxReason || len(a.ID) > MaxWord || a.Rule != "custom:x?y" {
		t.Errorf("%+v", a)
	}
}
