package evidence

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Checkpoints that are refused at first come again, and the last one goes out before the log is closed.
func TestHTTPSink(t *testing.T) {
	got := make(chan string, 10)
	refuse := 2
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		b.ReadFrom(r.Body)
		if refuse--; refuse >= 0 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		got <- b.String()
	}))
	defer server.Close()
	dir := t.TempDir()
	o := options(dir)
	o.OffMachine = []CheckpointSink{NewHTTPSink(server.URL, nil)}
	l := mustOpen(t, o)
	mustAppend(t, l, verdictOf("M"))
	must(t, l.inWriter(t.Context(), func() error { l.w.checkpoint(); l.w.copyCheckpoints(); return nil }))
	var kept []Line
	select {
	case text := <-got:
		var err error
		kept, err = ReadCheckpoints(strings.NewReader(text))
		must(t, err)
	case <-time.After(time.Minute):
		t.Fatal("no checkpoint came")
	}
	if len(kept) != 1 || kept[0].Seq != 2 {
		t.Fatalf("got %+v", kept)
	}
	mustAppend(t, l, verdictOf("M"))
	mustClose(t, l)
	select {
	case text := <-got:
		more, err := ReadCheckpoints(strings.NewReader(text))
		must(t, err)
		kept = append(kept, more...)
	default:
	}
	if len(kept) != 2 || kept[1].Seq != 4 {
		t.Fatalf("when the log was closed it had sent %+v", kept)
	}
	if _, err := Verify(dir, publicKey(t, dir), kept...); err != nil {
		t.Error(err)
	}
}

// deadSink takes nothing, until whoever asks gives up.
type deadSink struct{ asked chan struct{} }

func (d deadSink) Checkpoint(ctx context.Context, _ Line) error {
	select {
	case d.asked <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

// A sink that never answers holds up neither records nor, for longer than sinkGoodbye, the end.
func TestSinkThatHangs(t *testing.T) {
	o := options(t.TempDir())
	d := deadSink{make(chan struct{}, 1)}
	o.CheckpointEvery, o.OffMachine = 1, []CheckpointSink{d}
	l := mustOpen(t, o)
	for range 10 {
		mustAppend(t, l, verdictOf("M"))
	}
	<-d.asked
	done := make(chan error)
	go func() { done <- l.Close() }()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(time.Minute):
		t.Fatal("the log waits for a sink that hangs")
	}
	verified(t, o.Dir)
}

// The address of a sink may have a password in it, and stands in no error.
func TestSinkKeepsItsAddress(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:1/hook/SECRET", "http://user:SECRET@127.0.0.1:1/", "http://127.0.0.1:1/\x7fSECRET"} {
		err := NewHTTPSink(address, nil).Checkpoint(t.Context(), Line{Raw: []byte("{}")})
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
