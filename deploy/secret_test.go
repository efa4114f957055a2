package deploy

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A secret is told in four places of a message, each time with another end.
const secret = "Bi-Mat-Qxz7914"

// marked is a letter with a formal marking and a secret in subject, text, file name and attachment.
func marked(key string, n int) letter {
	att := base64.StdEncoding.EncodeToString([]byte("TUYỆT MẬT\r\n\r\n" + secret + "-tep-" + strings.Repeat("so lieu ", 4000)))
	var lines strings.Builder
	for len(att) > 76 {
		lines.WriteString(att[:76] + "\r\n")
		att = att[76:]
	}
	lines.WriteString(att + "\r\n")
	return letter{key: key, subject: fmt.Sprintf("[TUYET MAT] %s-tieu-de %d", secret, n),
		fields: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_ranh\"\r\n",
		body: "--=_ranh\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nTUYỆT MẬT\r\n\r\n" + secret + "-noi-dung\r\n--=_ranh\r\n" +
			"Content-Type: text/plain; charset=utf-8; name=\"" + secret + "-ten-tep.txt\"\r\nContent-Disposition: attachment; filename=\"" + secret + "-ten-tep.txt\"\r\n" +
			"Content-Transfer-Encoding: base64\r\n\r\n" + lines.String() + "--=_ranh--\r\n"}
}

// TestSecretStaysNowhere sends marked mail through the gate, refused, dropped and held, and looks for its words in
// everything that the gate has left anywhere: raw, decompressed, in base64 and in hexadecimal.
func TestSecretStaysNowhere(t *testing.T) {
	for name, c := range map[string]struct {
		hookup
		more string
		code int
	}{
		"refused":          {hookup{start: postfixRoad(milterTCP)}, "", 550},
		"refused by relay": {hookup{start: postfixRoad(proxyFilter)}, "", 550},
		"dropped":          {hookup{start: contentFilterRoad, after: true}, "", 250},
		// A policy that would rather have an officer look.
		"held": {hookup{start: postfixRoad(milterTCP)}, "  marking: {outbound: hold, inbound: hold}\nmarking: {keep_content: true}\n", 250},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.begin(t)
			o := newOffice(t, r.gate, r.sink.Addr, c.more, "lan")
			for n := range 3 {
				for _, address := range []string{inside, outside} {
					m := marked(fmt.Sprintf("mat-%d", n), n).mail()
					want := c.code
					if address == outside {
						m.From = "a@khach.example"
					} else if c.after {
						continue // ours is refused, and Postfix returns it: Postfix's files are not the gate's
					}
					client, err := r.dial(address)
					must(t, err)
					a := sendOn(t, client, m)
					must(t, client.Quit())
					if a.Last().Code != want {
						t.Fatalf("from %s answered %s", address, a.Last())
					}
				}
			}
			must(t, r.mta.WaitEmpty(patience))
			o.do(t, 0, "store", "backup", filepath.Join(o.folder, "sao-luu.db"))
			must(t, r.gate.Stop()) // what it writes at its end is looked at too
			must(t, r.gate.Start())
			if n := len(r.sink.ByKey("mat-0")); n != 0 {
				t.Errorf("marked mail was delivered %d times", n)
			}
			o.marked(t)
			looked := 0
			for _, dir := range []string{o.gate.Dir, fmt.Sprintf("/proc/%d/cwd", o.gate.PID())} {
				looked += look(t, dir)
			}
			if s := o.gate.Output(); told(s) {
				t.Errorf("the gate's log tells it:\n%s", tail(s))
			}
			if looked < 6 {
				t.Errorf("only %d files were looked at", looked)
			}
			if name == "held" {
				o.sealed(t)
			}
		})
	}
}

// marked says that the messages were judged as marked, or this test would show nothing.
func (o *office) marked(t *testing.T) {
	t.Helper()
	n := 0
	for _, r := range o.records(t) {
		if r.Verdict == nil {
			continue
		}
		for _, f := range r.Verdict.Findings {
			if f.Rule == "marking" {
				n++
				break
			}
		}
	}
	if n < 3 {
		t.Fatalf("%d messages were found to be marked", n)
	}
}

// told tells whether a text has the secret, in any way in which somebody could have written it down.
func told(s string) bool {
	for _, w := range []string{secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret)))} {
		if strings.Contains(s, w) {
			return true
		}
	}
	for i := range 3 { // base64 has three ways to write it, by where it stands
		b := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", i) + secret))
		if strings.Contains(s, b[4:len(b)-4]) {
			return true
		}
	}
	return false
}

// look looks through every file of a folder and counts them.
func look(t *testing.T, dir string) (n int) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	must(t, err)
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if strings.HasPrefix(e.Name(), "core") {
			t.Errorf("%s is a core file", path)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		if told(string(b)) {
			t.Errorf("%s tells it", path)
		}
		if g, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			plain, err := io.ReadAll(g)
			if err != nil {
				return err
			}
			if told(string(plain)) {
				t.Errorf("%s tells it, decompressed", path)
			}
		}
		return nil
	}))
	return n
}

// sealed: what is held is opened with an officer's identity and with no other.
func (o *office) sealed(t *testing.T) {
	t.Helper()
	all := o.list(t)
	if len(all) == 0 {
		t.Fatal("nothing is held")
	}
	stranger := filepath.Join(o.folder, "la.age")
	must(t, os.WriteFile(stranger, []byte("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n"), 0o644))
	o.as(t, 2, "la", "quarantine", "show", all[0].ID)
	out, _ := o.as(t, 0, "lan", "quarantine", "show", all[0].ID)
	if !strings.Contains(out, secret+"-noi-dung") {
		t.Errorf("with the identity the message is shown as\n%s", out)
	}
	if strings.Contains(out, secret+"-tieu-de") {
		t.Error("the subject of marked mail was kept")
	}
}
