package mailauth

import (
	"crypto/sha256"
	"fmt"
	"io"
)

// hashBodies reads the body once and hashes it in every form that a signature asks for.
func (v *verifier) hashBodies(body io.Reader, signatures []*signature, c *chain) error {
	all := signatures
	if s := c.messageSignature(); s != nil {
		all = append(append([]*signature{}, all...), s)
	}
	wanted := map[bodyForm][]*signature{}
	for _, s := range all {
		if s.fault.result == "" {
			wanted[s.form] = append(wanted[s.form], s)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	forms := make([]bodyForm, 0, len(wanted))
	for f := range wanted {
		forms = append(forms, f)
	}
	hashes, err := hashBody(body, forms)
	if err != nil {
		return err
	}
	for f, list := range wanted {
		for _, s := range list {
			s.hash = hashes[f]
		}
	}
	return nil
}

// hashBody reads a body to its end.
func hashBody(body io.Reader, forms []bodyForm) (map[bodyForm]*bodyHash, error) {
	canons := map[bool]*bodyCanon{}
	hashes := map[bodyForm]*limitedHash{}
	for _, f := range forms {
		if canons[f.relaxed] == nil {
			canons[f.relaxed] = &bodyCanon{relaxed: f.relaxed, buf: make([]byte, 0, canonBuffer)}
		}
		if hashes[f] == nil {
			hashes[f] = &limitedHash{sha256.New(), f.length}
			canons[f.relaxed].to = append(canons[f.relaxed].to, hashes[f])
		}
	}
	if body != nil {
		buf := make([]byte, canonBuffer)
		for {
			n, err := body.Read(buf)
			for _, c := range canons {
				_, _ = c.Write(buf[:n])
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("read body: %w", err)
			}
		}
	}
	out := map[bodyForm]*bodyHash{}
	for _, c := range canons {
		c.close()
	}
	for f, h := range hashes {
		out[f] = &bodyHash{h.Sum(nil), canons[f.relaxed].length}
	}
	return out, nil
}
