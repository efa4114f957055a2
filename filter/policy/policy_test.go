package policy_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"congthu/filter"
	"congthu/filter/policy"
)

var update = flag.Bool("update", false, "write the .want files")

// settings stand for the rules that exist.
func settings() map[string]filter.Setting {
	s := filter.Setting{Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Tag}
	return map[string]filter.Setting{"subject": s, "attachment-size": s, "free-mail": s, "uninspected": {Mode: filter.Monitor},
		"mailbox-name": {Mode: filter.Monitor, Outbound: filter.Accept, Inbound: filter.Accept}}
}

// Every broken file must fail as expected, and not by chance.
func TestBadConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/bad-*.yml")
	if err != nil || len(files) < 10 {
		t.Fatalf("too few samples: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := policy.Load(file, settings())
			if err == nil {
				t.Fatal("loaded")
			}
			got := err.Error() + "\n"
			want := strings.TrimSuffix(file, ".yml") + ".want"
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			b, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(b), got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLoadUnreadable(t *testing.T) {
	for _, path := range []string{"testdata/none.yml", "testdata"} {
		_, err := policy.Load(path, settings())
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("Load(%q) = %v", path, err)
		}
	}
}

// What Show writes is a configuration that means the same.
func TestShowRoundTrip(t *testing.T) {
	for _, data := range []string{"", "# only a comment\n", read(t, "testdata/good-full.yml")} {
		c, err := policy.Parse("a.yml", []byte(data), settings())
		if err != nil {
			t.Fatal(err)
		}
		var shown bytes.Buffer
		if err := c.Show(&shown); err != nil {
			t.Fatal(err)
		}
		again, err := policy.Parse("b.yml", shown.Bytes(), settings())
		if err != nil {
			t.Fatalf("what Show wrote does not load: %v\n%s", err, shown.String())
		}
		if c.Hash() != again.Hash() {
			t.Errorf("hash changed by a round trip:\n%s", shown.String())
		}
		if c.Hash() == c.Hash("pack 2") {
			t.Error("the hash does not cover the packs")
		}
	}
}

func TestShowNamesOrigins(t *testing.T) {
	c, err := policy.Parse("congthu.yml", []byte(read(t, "testdata/good-full.yml")), settings())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Show(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`domains: [monre.gov.vn, mae.gov.vn, xn--b-8xm.vn]`, "# congthu.yml:2",
		"message_size: 50MB", "# congthu.yml:13",
		"recipients: 1000", "# default",
		`mode: "0660"`,
	} {
		if !strings.Contains(b.String(), want) && !strings.Contains(b.String(), strings.ReplaceAll(want, `"`, "")) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestDefaultsOfListElements(t *testing.T) {
	c, err := policy.Parse("a.yml", []byte(read(t, "testdata/good-full.yml")), settings())
	if err != nil {
		t.Fatal(err)
	}
	if c.Milter[0].Connections != 2000 || c.Milter[1].Name != "milter2" || c.Milter[1].Direction.Filter() != filter.Outbound {
		t.Errorf("milter: %+v", c.Milter)
	}
	if len(c.Relay[0].TrustedPeers) != 0 {
		t.Errorf("an empty list must stay empty: %v", c.Relay[0].TrustedPeers)
	}
	if c.Organisation.AuthservID != "monre.gov.vn" {
		t.Errorf("authserv_id %q", c.Organisation.AuthservID)
	}
	if c.Settings()["free-mail"].Mode != filter.Monitor || c.Settings()["subject"].Mode != filter.Enforce {
		t.Errorf("settings: %+v", c.Settings())
	}
	if c.Reasons()["too deep"] != filter.Refuse || c.Reasons()["damaged"] != filter.Hold {
		t.Errorf("reasons: %v", c.Reasons())
	}
}

// A change in one configuration must not show in the next one's defaults.
func TestConfigurationsShareNothing(t *testing.T) {
	s := settings()
	if _, err := policy.Parse("a.yml", []byte("rules: {uninspected: {reasons: {damaged: refuse}}}"), s); err != nil {
		t.Fatal(err)
	}
	c, err := policy.Parse("b.yml", nil, s)
	if err != nil {
		t.Fatal(err)
	}
	if c.Reasons()["damaged"] != filter.Hold {
		t.Error("the first configuration changed the second")
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yml")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		c, err := policy.Parse("f.yml", data, settings())
		if err != nil {
			return
		}
		for name, r := range c.Rules {
			if !strings.HasPrefix(name, policy.CustomPrefix) {
				continue
			}
			for column := range len(r.When) + 2 {
				e := &policy.Error{}
				if !errors.As(c.ProblemIn("rules."+name+".when", 1, column, "no"), &e) || e.Line < 1 || e.Line > bytes.Count(data, []byte("\n"))+1 {
					t.Fatalf("column %d of %q stands at %+v", column, r.When, e)
				}
			}
		}
		var b bytes.Buffer
		if err := c.Show(&b); err != nil {
			t.Fatal(err)
		}
		if again, err := policy.Parse("g.yml", b.Bytes(), settings()); err != nil || again.Hash() != c.Hash() {
			t.Fatalf("round trip: %v\n%s", err, b.String())
		}
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A file saved by a Windows editor begins with a mark that nobody sees.
func TestByteOrderMark(t *testing.T) {
	c, err := policy.Parse("f", []byte("\ufefforganisation: {domains: [monre.gov.vn]}\n"), settings())
	if err != nil || len(c.Organisation.Domains) != 1 {
		t.Errorf("%v", err)
	}
}

// The database stands beside the evidence, unless the file says where.
func TestDatabaseBesideEvidence(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "sqlite:/var/lib/congthu/congthu.db",
		"evidence: {dir: /srv/a/evidence/}": "sqlite:/srv/a/congthu.db",
		"evidence: {dir: none}":             "none",
		"evidence: {dir: /srv/a/evidence}\nstore: {dsn: none}":             "none",
		"evidence: {dir: /srv/a/evidence}\nstore: {dsn: \"sqlite:/b.db\"}": "sqlite:/b.db",
	} {
		t.Setenv("STATE_DIRECTORY", "")
		c, err := policy.Parse("f", []byte(text), settings())
		if err != nil || c.Store.DSN != want {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
}
