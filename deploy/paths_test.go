package deploy

import (
	"strings"
	"testing"
)

// oddPaths sends mail of ours under reverse-paths and From fields that Postfix takes and reads its own way.
// Through every way none of them passes: by the milter the judge reads them as Postfix does, the relay
// does not take such a path.
func (s *stand) oddPaths(t *testing.T) {
	for key, path := range map[string]string{
		"comment-before": "nvan(c)@gmail.com", "comment-after": "nvan@(c)gmail.com", "comment-end": "nvan@gmail.com(c)",
		"bang": "gmail.com!nvan", "percent": "nvan%gmail.com", "blank": "nvan@gmail . com",
		"quoted": `"nvan@gmail.com"`, "quoted-domain": `nvan@"gmail.com"`,
	} {
		key = s.kind + "-path-" + key
		m := letter{key: key, subject: "Hop giao ban"}.mail()
		m.From = path
		got := s.send(t, inside, m)
		switch last := got.Last(); {
		case s.kind == proxyFilter && strings.HasPrefix(last.String(), "501 5.1.7 "):
		case s.kind != proxyFilter && strings.HasPrefix(last.String(), "450 4.7.1 [9.1] "): // free-mail defers here
		case !got.Dot && last.Code/100 == 5 && s.kind != proxyFilter: // this Postfix does not take it
			t.Logf("%s: Postfix itself says %s", path, last)
		default:
			t.Errorf("<%s>: %s", path, last)
		}
		s.notDelivered(t, key)
	}
	for key, field := range map[string]string{"reply-comment": "nvan(x)@(y)gmail.com", "reply-bang": "gmail.com!nvan", "reply-blank": "An <nvan@gmail . com>"} {
		key = s.kind + "-path-" + key
		got := s.send(t, inside, letter{key: key, subject: "Hop giao ban", fields: "Reply-To: " + field + "\r\n"}.mail()).Last()
		if !strings.HasPrefix(got.String(), "450 4.7.1 [9.1] ") {
			t.Errorf("Reply-To: %s: %s", field, got)
		}
		s.notDelivered(t, key)
	}
}
