package signing

import (
	"bytes"
	"context"
	"testing"
)

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

func TestMadeByHand(t *testing.T) {
	p := newPKI(t)
	content := []byte("Content-Type: text/plain\r\n\r\nhello\r\n")
	for name, id := range map[string]identity{"rsa": p.person(p.rsa), "p256": p.person(p.p256), "ed": p.person(p.ed)} {
		m := made{content: content, signers: []madeSigner{{by: id}}}
		m.certs = append(m.certs, id.cert, p.sub.cert)
		if r := verify(t, m.der(), content, p.options()); r.State != Valid {
			t.Errorf("%s: %s", name, detail(r))
		}
		m.opaque = true
		if r := verify(t, loosen(m.der(), 7), nil, p.options()); r.State != Valid {
			t.Errorf("%s opaque loose: %s", name, detail(r))
		}
	}
}
