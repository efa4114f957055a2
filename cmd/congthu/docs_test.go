package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what commands print into the documents")

// block is a fenced block of a document: its language, the file name after it, and its lines.
type block struct {
	lang, name, text string
	start, end       int // byte range of text in the document
}

var fence = regexp.MustCompile("(?ms)^```(\\w+)(?: ([^\n]+))?\n(.*?)^```$")

func blocks(doc string) []block {
	var out []block
	for _, m := range fence.FindAllStringSubmatchIndex(doc, -1) {
		b := block{lang: doc[m[2]:m[3]], text: doc[m[6]:m[7]], start: m[6], end: m[7]}
		if m[4] >= 0 {
			b.name = doc[m[4]:m[5]]
		}
		out = append(out, b)
	}
	return out
}

// mask hides what differs from run to run.
func mask(s string) string {
	s = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`).ReplaceAllString(s, "01KB7W0QJ5R3M9V2C8XZ4T6N1D")
	for _, m := range [][2]string{
		{`age1[0-9a-z]{58}`, "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d`, "2026-11-24 08:00"},
		{`\d+ octets in [\d.]+m?s`, "131072 octets in 21ms"},
		{`(p=MIIB)[A-Za-z0-9+/]{100,}`, "${1}IjANBgkqhkiG9w0BAQEFAAOCAQ8A..."}, // keys of DKIM
		{`(?m)^    "[A-Za-z0-9+/=]{100,}"`, `    "...wIDAQAB"`},
		{`(k=ed25519; p=)[A-Za-z0-9+/]{43}=`, "${1}11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
		{`file: /\S+/(\w+\.pem)`, "file: /etc/congthu/dkim/$1"},
	} {
		s = regexp.MustCompile(m[0]).ReplaceAllString(s, m[1])
	}
	return regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(s, "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")
}

// Every example of the documents is run: files named in the fence are written, console blocks are typed
// and must print what the document shows, YAML must load, and what shell blocks name must exist.
func TestDocuments(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	docs = append(docs, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "deploy", "README.md"))
	for _, file := range docs {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runDocument(t, string(b), bin, root)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(b), got); d != "" {
				t.Errorf("the document does not show what the commands print (go test ./cmd/congthu -run Documents -update):\n%s", d)
			}
		})
	}
}

// runDocument is the document with what its commands really print.
func runDocument(t *testing.T, doc, bin, root string) string {
	dir := t.TempDir()
	var out strings.Builder
	last := 0
	for _, b := range blocks(doc) {
		text := b.text
		switch b.lang {
		case "console":
			text = runConsole(t, b.text, dir, bin)
		case "sh":
			checkNamed(t, b.text, root)
		}
		if b.name != "" {
			if err := os.WriteFile(filepath.Join(dir, b.name), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if b.lang == "yaml" {
			if b.name == "" {
				t.Errorf("a YAML block without a file name is not tried out:\n%s", b.text)
			}
			if !strings.HasPrefix(b.name, "wrong") {
				if _, err := loadConfig(filepath.Join(dir, b.name)); err != nil {
					t.Errorf("%s does not load: %v", b.name, err)
				}
			}
		}
		out.WriteString(doc[last:b.start] + text)
		last = b.end
	}
	return out.String() + doc[last:]
}

func runConsole(t *testing.T, text, dir, bin string) string {
	state := filepath.Join(dir, "state") // as the service manager and the gate's first start leave it
	if err := os.MkdirAll(filepath.Join(state, "evidence"), 0o700); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		c := exec.Command("sh", "-c", command)
		c.Dir = dir
		c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "STATE_DIRECTORY="+state)
		b, err := c.CombinedOutput()
		if c.ProcessState == nil {
			t.Errorf("%s: %v", command, err)
		}
		out.WriteString(line + mask(string(b)))
	}
	return out.String()
}

// checkNamed holds shell examples, which change the machine and so are not run here, to files and make targets that exist.
func checkNamed(t *testing.T, text, root string) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^make (\w+)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
			t.Errorf("no make target %q", m[1])
		}
	}
	for _, path := range regexp.MustCompile(`\b(?:deploy|docs|scripts)/[\w./-]+`).FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			t.Errorf("%s is not there", path)
		}
	}
}
