package evidence

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// serveControl serves l's socket until the test ends.
func serveControl(t testing.TB, l *Log) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.ServeControl(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the socket is there", func() bool {
		_, err := os.Stat(filepath.Join(l.Dir(), socketName))
		return err == nil
	})
}

func TestActsReachTheRunningGate(t *testing.T) {
	for name, dir := range map[string]string{
		"short": t.TempDir(),
		"long":  filepath.Join(t.TempDir(), strings.Repeat("d", 60), strings.Repeat("e", 60)), // no room in a socket's address
	} {
		t.Run(name, func(t *testing.T) {
			l := mustOpen(t, options(dir))
			mustAppend(t, l, verdictOf("M"))
			serveControl(t, l)
			info, err := os.Stat(filepath.Join(dir, socketName))
			must(t, err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("the socket has mode %04o", info.Mode().Perm())
			}
			var wg sync.WaitGroup
			for range maxControl / 2 {
				wg.Go(func() {
					if _, err := AppendAct(context.Background(), dir, "", Act{Who: "can.bo@mae.gov.vn", What: Release, Object: "H1",
						Details: map[string]string{"to": "a@mae.gov.vn\n"}}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			got := records(t, dir)
			if len(got) != 1+maxControl/2 {
				t.Fatalf("%d records", len(got))
			}
			last := got[len(got)-1]
			if last.Act.What != Release || last.Act.Object != "H1" || last.Act.Details["to"] != "a@mae.gov.vn\n" || last.Gate != "gate1" {
				t.Errorf("the act is %+v", last.Act)
			}
			if _, err := AppendAct(t.Context(), dir, "", Act{Who: "x", What: "dance"}); err == nil || !strings.Contains(err.Error(), "dance") {
				t.Errorf("an act that is none: %v", err)
			}
		})
	}
}

func TestActsWithoutAGate(t *testing.T) {
	s := makeSample(t, 3)
	last := uint64(len(s.lines))
	// What a gate that was killed left behind is no gate.
	listener, err := listenControl(s.dir)
	must(t, err)
	must(t, listener.Close())
	seq, err := AppendAct(t.Context(), s.dir, "", Act{Who: "can.bo@mae.gov.vn", What: Delete, Object: "H1"})
	if err != nil || seq != last+1 {
		t.Fatalf("record %d: %v", seq, err)
	}
	verified(t, s.dir)
	got := records(t, s.dir)
	if a := got[last]; a.Act == nil || a.Act.What != Delete || a.Gate != "gate1" {
		t.Errorf("record %d is %+v", a.Seq, a)
	}
	// In the name that the gate has now, also into a log that has no record yet.
	empty := t.TempDir()
	for _, dir := range []string{s.dir, empty} {
		if _, err := AppendAct(t.Context(), dir, "gate2", Act{Who: "x", What: View}); err != nil {
			t.Fatal(err)
		}
		if got := records(t, dir); got[len(got)-1].Gate != "gate2" {
			t.Errorf("%+v", got[len(got)-1])
		}
	}
	if _, err := AppendAct(t.Context(), filepath.Join(s.dir, "none"), "", Act{Who: "x", What: View}); err == nil {
		t.Error("an act was recorded in a directory that is not there")
	}
	// A gate that has the log but no socket yet: the act waits for it.
	l := mustOpen(t, options(s.dir))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := AppendAct(ctx, s.dir, "", Act{Who: "x", What: View}); err == nil {
		t.Error("an act was recorded although the log was locked")
	}
	mustClose(t, l)
}

// What a hostile process of the same user may write.
func TestControlSocketTakesAnything(t *testing.T) {
	l := mustOpen(t, options(t.TempDir()))
	serveControl(t, l)
	for _, request := range []string{"", "\n", "{}\n", "null\n", "[]\n", `{"what":"view"` + "\n", strings.Repeat("x", maxControlLine+1)} {
		conn, err := net.Dial("unix", filepath.Join(l.Dir(), socketName))
		must(t, err)
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		conn.Write([]byte(request))
		conn.(*net.UnixConn).CloseWrite()
		var answer controlAnswer
		if err := json.NewDecoder(conn).Decode(&answer); err == nil && answer.Error == "" {
			t.Errorf("%.20q was answered with %+v", request, answer)
		}
		conn.Close()
	}
	// Connections beyond the limit are closed, and the socket works again afterwards.
	var open []net.Conn
	for range maxControl * 2 {
		conn, err := net.Dial("unix", filepath.Join(l.Dir(), socketName))
		must(t, err)
		open = append(open, conn)
	}
	last := open[len(open)-1]
	last.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, err := last.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("connection %d: read %d, %v", len(open), n, err)
	}
	for _, c := range open {
		c.Close()
	}
	eventually(t, "the socket takes acts again", func() bool {
		_, err := AppendAct(t.Context(), l.Dir(), "", Act{Who: "x", What: View})
		return err == nil
	})
	if seq, _ := l.Tail(); seq != 1 {
		t.Errorf("%d records, want the last act alone", seq)
	}
}
