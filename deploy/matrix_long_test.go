//go:build long

package deploy

import "testing"

// TestLongMatrix sends every message through every hook-up, with all combinations of TLS, DATA and BDAT that it
// knows. Between Postfix and a milter or a proxy filter there is neither; there the client has them.
func TestLongMatrix(t *testing.T) {
	all := roads()
	for _, h := range roads() {
		switch h.name {
		case "sendmail-milter-unix", "sendmail-milter-tcp", "exim-behind-queue": // know no BDAT, or no TLS here
			continue
		}
		for _, v := range []struct {
			name      string
			tls, bdat bool
		}{{", TLS", true, false}, {", BDAT", false, true}, {", TLS, BDAT", true, true}} {
			with := h
			with.name, with.tls, with.bdat = h.name+v.name, v.tls, v.bdat
			all = append(all, with)
			if h.name == "relay-before-postfix" && v.bdat {
				with.name, with.plain = with.name+" to DATA", true
				all = append(all, with)
			}
		}
	}
	matrix(t, all, append(sampleMails(t), identityMails()...))
}
