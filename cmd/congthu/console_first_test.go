package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"congthu/internal/peer"
)

// firstStart is how long it may take from the first start to an administrator who is signed in.
const firstStart = 2 * time.Minute

// TestFirstAdministrator goes from a first start of the real binary, with a rule in monitor mode, to an administrator who
// is signed in, by the script in docs/console.md, and then asks the API as its example does.
func TestFirstAdministrator(t *testing.T) {
	_, err := exec.LookPath("curl")
	peer.Need(t, err == nil, "curl (Debian package curl)")
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	scripts := map[string]string{}
	manual, err := os.ReadFile("../../docs/console.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(string(manual)) {
		if b.lang == "sh" {
			scripts[b.name] = b.text
		}
	}
	begun := time.Now()
	relay := freeAddress("127.0.0.1:0")
	var hop practiceHop
	hopAddress, err := hop.start()
	if err != nil {
		t.Fatal(err)
	}
	defer hop.server.Close()
	link := startGate(t, dir, fmt.Sprintf("organisation: {domains: [monre.gov.vn], trusted_networks: [127.0.0.0/8]}\nrelay: [{name: r, listen: %q, next_hops: [%q], trusted_peers: []}]\n"+
		"admin: {listen: %q}\nevidence: {dir: %q}\nrules: {subject: {mode: monitor}}\n", relay, hopAddress, freeAddress("127.0.0.1:0"), filepath.Join(dir, "evidence")))
	site, _, _ := strings.Cut(link, "/setup#")
	password := "Mat.Khau-2026"
	out := shell(t, scripts["first-administrator.sh"], password+"\n", nil, link, "quan.tri")
	if !strings.Contains(out, "signed in: quan.tri") {
		t.Fatalf("the script says %q", out)
	}
	if took := time.Since(begun); took > firstStart {
		t.Errorf("it took %v", took)
	} else {
		t.Logf("signed in %v after the first start", took.Round(time.Millisecond))
	}
	if got := (&served{relay: relay}).send(t, ""); got != 250 {
		t.Errorf("a message without subject gets %d, want 250: the rule only monitors", got)
	}
	token := tokenOf(t, site, "quan.tri", password)
	var list struct{ Items []json.RawMessage }
	answer := shell(t, strings.ReplaceAll(scripts["api-example.sh"], "disposition=refuse&", ""), "", []string{"SITE=" + site, "TOKEN=" + token})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) { // until it is indexed
		if err := json.Unmarshal([]byte(answer), &list); err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		if len(list.Items) == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the API answers %s", answer)
		}
		answer = shell(t, strings.ReplaceAll(scripts["api-example.sh"], "disposition=refuse&", ""), "", []string{"SITE=" + site, "TOKEN=" + token})
	}
	if !strings.Contains(answer, `"rule":"subject"`) || !strings.Contains(answer, `"mode":"monitor"`) {
		t.Errorf("the API answers %s", answer)
	}
	if got := shell(t, scripts["api-example.sh"], "", []string{"SITE=" + site, "TOKEN=" + token}); !strings.Contains(got, `"items":[]`) {
		t.Errorf("refused messages: %s", got)
	}
}

// startGate starts the binary in dir and returns the address for the first administrator.
func startGate(t *testing.T, dir, conf string) (link string) {
	t.Helper()
	file := filepath.Join(dir, "congthu.yml")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(filepath.Join(dir, "congthu"), "serve", "--config", file)
	c.Env = append(os.Environ(), "STATE_DIRECTORY="+dir)
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := c.Wait(); err != nil {
			t.Error("the gate ended with", err)
		}
	})
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if link = regexp.MustCompile(`http://127\.0\.0\.1:\d+/setup#[A-Z2-7]{26}`).FindString(lines.Text()); link != "" {
			go io.Copy(io.Discard, said) // ends with the gate
			waitReady(t, link)
			return link
		}
	}
	t.Fatal("the gate printed no address for the first administrator")
	return ""
}

func waitReady(t *testing.T, link string) {
	t.Helper()
	site, _, _ := strings.Cut(link, "/setup#")
	for range 300 {
		resp, err := http.Get(site + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the gate does not get ready")
}

// shell runs a script and returns what it prints.
func shell(t *testing.T, script, stdin string, env []string, args ...string) string {
	t.Helper()
	if script == "" {
		t.Fatal("the manual has no such script")
	}
	c := exec.Command("sh", append([]string{"-c", script, "script"}, args...)...)
	c.Stdin, c.Env = strings.NewReader(stdin), append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// tokenOf signs in and makes a token, as somebody at a browser does.
func tokenOf(t *testing.T, site, name, password string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(path string, form url.Values) string {
		resp, err := client.PostForm(site+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v\n%s", path, resp.StatusCode, err, b)
		}
		return string(b)
	}
	page := post("/signin", url.Values{"name": {name}, "password": {password}})
	csrf := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page)
	if csrf == nil {
		t.Fatalf("nobody is signed in:\n%s", page)
	}
	made := regexp.MustCompile(`congthu_[A-Z2-7]+`).FindString(post("/tokens", url.Values{"csrf": {csrf[1]}, "label": {"siem"}, "role": {"auditor"}, "days": {"30"}}))
	if made == "" {
		t.Fatal("no token was made")
	}
	return made
}
