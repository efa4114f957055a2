package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"congthu/internal/peer"
)

// holding are the rules of these tests: what bears the field X-Giu is held, X-Hai needs two officers, X-Cam is
// refused because of its attachment.
const holding = `rules:
  custom:giu: {mode: enforce, outbound: hold, inbound: hold, clause: "10.2", when: 'header("X-Giu").size() > 0', text_vi: Thư chờ cán bộ xem., text_en: An officer looks at this first.}
  custom:hai: {mode: enforce, outbound: hold, inbound: hold, clause: "10.2", when: 'header("X-Hai").size() > 0', text_vi: Thư chờ hai cán bộ xem., text_en: Two officers look at this first.}
  custom:cam: {mode: enforce, outbound: refuse, inbound: refuse, clause: "10.1", when: 'header("X-Cam").size() > 0 && attachments.size() > 0', part: 'attachments[0].part', text_vi: Tệp không được gửi., text_en: This file must not be sent.}
`

// office is a gate with officers who work at its command line, as the gate's user.
type office struct {
	gate   *peer.Gate
	folder string // of the officers' identities
	log    string // folder of the evidence; "" for the usual one
}

// evidence is the folder of the gate's log.
func (o *office) evidence() string {
	if o.log != "" {
		return o.log
	}
	return filepath.Join(o.gate.State(), "evidence")
}

// newOffice gives a gate that runs already a server for released mail and the rules of these tests, and its officers
// their keys. more are lines for the configuration.
func newOffice(t *testing.T, g *peer.Gate, release, more string, officers ...string) *office {
	t.Helper()
	o := &office{gate: g, folder: filepath.Join(g.Dir, "can-bo")}
	must(t, os.Mkdir(o.folder, 0o700))
	must(t, os.Chown(o.folder, unprivileged, unprivileged))
	must(t, g.Stop())
	g.Config += fmt.Sprintf("evidence: {dir: %q}\nstore: {dsn: %q, release: %q, two_persons: [\"custom:hai\"]}\n%s%s",
		filepath.Join(g.State(), "evidence"), "sqlite:"+filepath.Join(g.State(), "congthu.db"), release, holding, more)
	must(t, g.Start())
	for _, name := range officers {
		o.do(t, 0, "officer", "add", name+"@"+ours, "--name", name, "--new-key", o.identity(name))
	}
	if len(officers) > 0 {
		o.ready(t)
	}
	return o
}

// ready waits until the gate has seen that there are officers.
func (o *office) ready(t *testing.T) {
	t.Helper()
	must(t, peer.Wait(patience, "the gate to see its officers", func() bool {
		return strings.Contains(o.gate.Output(), "officers who can open held mail")
	}))
}

func (o *office) identity(name string) string { return filepath.Join(o.folder, name+".age") }

// run types a command and tells how it ended.
func (o *office) run(args ...string) (code int, stdout, stderr string, err error) {
	command := args
	switch args[0] + args[1] {
	case "logverify", "logexport":
	default:
		command = append(args, "--config", filepath.Join(o.gate.Dir, "congthu.yml"))
	}
	cmd := exec.Command(o.gate.Binary, command...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = o.gate.Dir, &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 0 {
		err = nil
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String(), err
}

// do types a command that must end with that exit code.
func (o *office) do(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	got, stdout, stderr, err := o.run(args...)
	must(t, err)
	if got != code {
		t.Fatalf("congthu %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, stdout, stderr)
	}
	return stdout, stderr
}

// as types a command of an officer.
func (o *office) as(t *testing.T, code int, officer string, args ...string) (stdout, stderr string) {
	t.Helper()
	return o.do(t, code, append(args, "--identity", o.identity(officer))...)
}

// heldMail is what the list says of one held message.
type heldMail struct {
	ID, State, From, Door, Direction, SHA256 string
	To, Why                                  []string
	Bytes                                    int64
	Persons, Approvals                       int
}

// list is what "quarantine list" shows.
func (o *office) list(t *testing.T, where ...string) (all []heldMail) {
	t.Helper()
	out, _ := o.do(t, 0, append([]string{"quarantine", "list", "--json"}, where...)...)
	for line := range strings.Lines(out) {
		var h heldMail
		must(t, json.Unmarshal([]byte(line), &h))
		all = append(all, h)
	}
	return all
}

// held is the one message that waits.
func (o *office) held(t *testing.T) heldMail {
	t.Helper()
	all := o.list(t)
	if len(all) != 1 {
		t.Fatalf("%d messages are held, want 1: %v", len(all), all)
	}
	return all[0]
}

// whole says that the evidence is.
func (o *office) whole(t *testing.T) string {
	t.Helper()
	out, _ := o.do(t, 0, "log", "verify", o.evidence())
	return out
}

// evidenceLine is what these tests read of a record.
type evidenceLine struct {
	Kind    string
	Verdict *struct {
		ID, Disposition, SHA256 string
		Held                    bool
		Findings                []struct {
			Rule       string
			PartSHA256 string `json:"part_sha256"`
			Exception  string
		}
	}
	Outcome *struct{ ID, Reply, Error string }
	Act     *struct {
		Who, What, Object, Reason string
		Details                   map[string]string
	}
}

// records are the records of the evidence.
func (o *office) records(t *testing.T) (all []evidenceLine) {
	t.Helper()
	out, _ := o.do(t, 0, "log", "export", o.evidence())
	for line := range strings.Lines(out) {
		var r evidenceLine
		must(t, json.Unmarshal([]byte(line), &r))
		all = append(all, r)
	}
	return all
}

// acts are who did what to something, in order.
func (o *office) acts(t *testing.T, object string) (all []string) {
	t.Helper()
	for _, r := range o.records(t) {
		if r.Act != nil && r.Act.Object == object {
			all = append(all, r.Act.Who+" "+r.Act.What)
		}
	}
	return all
}
