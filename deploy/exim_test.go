package deploy

import (
	"regexp"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// installs are the files that README.md has installed under a folder, by their names there.
func installs(t *testing.T, under string) []map[string]string {
	t.Helper()
	var out []map[string]string
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(file(t, "README.md"), -1) {
		files := map[string]string{}
		for _, m := range regexp.MustCompile(`(?m)^install -m 0644 deploy/(\S+) `+under+`/(\S+)`).FindAllStringSubmatch(block[1], -1) {
			files[m[2]] = file(t, m[1])
		}
		if len(files) > 0 {
			out = append(out, files)
		}
	}
	return out
}

// TestEximOnDebian puts the files where README.md says, into Debian's own configuration, and asks Exim what came
// of it and how it would route.
func TestEximOnDebian(t *testing.T) {
	peer.NeedExim(t)
	hookups := installs(t, "/etc/exim4/conf.d")
	if len(hookups) != 2 {
		t.Fatalf("README.md installs %d hook-ups of Exim, not 2", len(hookups))
	}
	for _, files := range hookups {
		options := []string{"local_interfaces", "acl_smtp_rcpt", "message_size_limit", "smtp_accept_max_nonmail_hosts", "bounce_return_body"}
		args := []string{}
		for _, o := range options {
			args = append(args, "-bP", o)
		}
		_, behind := files["router/050_congthu"]
		want := []string{"local_interfaces = <; [127.0.0.1]:10026 ; [127.0.0.1]:10027", "acl_smtp_rcpt = congthu_acl_rcpt",
			"message_size_limit = 40M", "smtp_accept_max_nonmail_hosts = ! 127.0.0.1"}
		if behind {
			want[0] = "local_interfaces = <; [0.0.0.0]:25 ; [127.0.0.1]:10029"
			want = append(want, "no_bounce_return_body")
		}
		for i, w := range want {
			said, err := peer.DebianExim(files, args[2*i:2*i+2]...)
			must(t, err)
			if strings.TrimSpace(said) != w {
				t.Errorf("Exim says %q, want %q", said, w)
			}
		}
		if !behind {
			continue
		}
		// -bt asks for mail of this machine's own programs, -bv whether a recipient exists.
		for arg, byGate := range map[string]bool{"-bt": true, "-bv": false} {
			said, err := peer.DebianExim(files, "-d+route", arg, "doi.tac@[192.0.2.7]")
			if routed := strings.Contains(said, "routed by congthu_ours router"); routed != byGate || byGate && err != nil {
				t.Errorf("exim %s goes to the gate: %v (%v)", arg, routed, err)
			}
		}
	}
}

// TestEximRelaysForNobody: the world reaches Exim from the gate's address, which must not make it one of ours.
func TestEximRelaysForNobody(t *testing.T) {
	t.Parallel()
	r := hookup{name: "relay-before-exim", start: relayBeforeExim}.begin(t)
	for _, tc := range []struct {
		client, to string
		taken      bool
	}{
		{outside, "doi.tac@khach.example", false},
		{outside, "van.thu@" + ours, true},
		{inside, "doi.tac@khach.example", true},
	} {
		c, err := r.dial(tc.client)
		must(t, err)
		m := letter{key: "relaying", subject: "Thu"}.mail()
		m.To = []string{tc.to}
		a := sendOn(t, c, m)
		must(t, c.Quit())
		if got := a.Last(); got.OK() != tc.taken || !tc.taken && (len(a.Rcpt) != 1 || !strings.Contains(a.Rcpt[0].String(), "relay not permitted")) {
			t.Errorf("from %s to %s: %s", tc.client, tc.to, got)
		}
	}
}
