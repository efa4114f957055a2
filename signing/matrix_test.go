package signing

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// update writes the table into the documentation.
func update() bool {
	return flag.Lookup("update") != nil && flag.Lookup("update").Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write docs/signatures.md's table")
	os.Exit(m.Run())
}

// matrixCase is one signature and what must become of it.
type matrixCase struct {
	name string
	by   string // what makes it
	want string // state, and its reason
	make func(p *pki) sample
}

// sample is one signature with what it covers.
type sample struct {
	cms     []byte
	content []byte // nil: it is in the signature
	o       Options
	notes   []Note // that must be there
	check   func(t *testing.T, r Result)
}

// letter is a MIME entity as it stands in a multipart/signed.
func letter() []byte {
	return []byte("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nKính gửi Văn phòng Bộ,\r\n\r\ntài nguyên nước\r\n")
}

func matrix() []matrixCase {
	var all []matrixCase
	for _, part := range [][]matrixCase{algorithmCases(), weakCases(), formCases(), chainCases(), addressCases(), forgedCases(), hostileCases(),
		constraintAttacks(), certificateAttacks(), messageAttacks()} {
		all = append(all, part...)
	}
	return all
}

// Every algorithm, form and defect has the state that it must have. The table is printed, and docs/signatures.md has it.
func TestMatrix(t *testing.T) {
	p := newPKI(t)
	cases := matrix()
	if len(cases) < 60 {
		t.Errorf("only %d cases", len(cases))
	}
	var table strings.Builder
	table.WriteString("| signature | made with | state |\n|---|---|---|\n")
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.name] {
			t.Errorf("two cases are named %q", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			p.t = t
			s := c.make(p)
			r := verify(t, s.cms, s.content, s.o)
			if got := detail(r); got != c.want {
				t.Errorf("%s, want %s (%+v)", got, c.want, r.Signers)
			}
			for _, n := range s.notes {
				if !hasNote(r, n) {
					t.Errorf("no note %q in %q", n, r.Notes)
				}
			}
			if s.check != nil {
				s.check(t, r)
			}
		})
		fmt.Fprintf(&table, "| %s | %s | `%s` |\n", c.name, c.by, c.want)
	}
	p.t = t
	t.Log("\n" + table.String())
	holdTable(t, "matrix", table.String())
}

func hasNote(r Result, n Note) bool {
	for _, other := range r.Notes {
		if other == n {
			return true
		}
	}
	return false
}

// holdTable holds docs/signatures.md to a table, or writes it there.
func holdTable(t *testing.T, name, table string) {
	t.Helper()
	const file = "../docs/signatures.md"
	begin, end := "<!-- "+name+": written by go test ./signing -update -->\n", "<!-- end of "+name+" -->\n"
	text := string(must(os.ReadFile(file)))
	head, rest, found := strings.Cut(text, begin)
	old, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for %s", file, name)
	}
	switch {
	case old == table:
	case update():
		if err := os.WriteFile(file, []byte(head+begin+table+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has another table of %s: go test ./signing -update writes it", file, name)
	}
}

// verify verifies CMS over content, or opens it when content is nil.
func verify(t testing.TB, cms, content []byte, o Options) Result {
	t.Helper()
	var r Result
	var err error
	if content != nil {
		r, err = Verify(context.Background(), bytes.NewReader(cms), bytes.NewReader(content), o)
	} else {
		r, err = Open(context.Background(), bytes.NewReader(cms), &bytes.Buffer{}, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func detail(r Result) string {
	if r.Reason == "" {
		return string(r.State)
	}
	return string(r.State) + ": " + string(r.Reason)
}

// programCMS signs the letter with openssl cms; args are further ones.
func (p *pki) programCMS(id identity, args ...string) []byte {
	all := []string{"cms", "-sign", "-binary", "-outform", "DER", "-in", p.file(".eml", letter()), "-out", "OUT",
		"-signer", p.certFile(id.cert), "-inkey", p.keyFile(id.key), "-certfile", p.certFile(p.sub.cert)}
	return p.openssl(append(all, args...)...)
}

// detachedBy and opaqueBy are what openssl cms makes of the letter.
func detachedBy(key func(*pki) identity, args ...string) func(*pki) sample {
	return func(p *pki) sample {
		return sample{cms: p.programCMS(key(p), args...), content: letter(), o: p.options()}
	}
}

func opaqueBy(key func(*pki) identity, args ...string) func(*pki) sample {
	return func(p *pki) sample {
		return sample{cms: p.programCMS(key(p), append(args, "-nodetach")...), o: p.options()}
	}
}

// handMade is a detached signature made by hand, changed by f.
func handMade(f func(p *pki, m *made)) func(*pki) sample {
	return func(p *pki) sample {
		id := p.person(p.p256)
		m := made{content: letter(), signers: []madeSigner{{by: id}}}
		f(p, &m)
		for _, s := range m.signers {
			m.certs = append(m.certs, s.by.cert)
		}
		m.certs = append(m.certs, p.sub.cert)
		s := sample{cms: m.der(), content: letter(), o: p.options()}
		if m.opaque {
			s.content = nil
		}
		return s
	}
}
