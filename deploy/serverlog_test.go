package deploy

import (
	"regexp"
	"strings"
)

var (
	postfixLine = regexp.MustCompile(`postfix/[a-z/]+\[\d+\]: ([0-9A-F]{6,}): (.*)`)
	eximLine    = regexp.MustCompile(`^\d{4}-\d\d-\d\d [0-9:]{8} (\w{6}-\w{6}-\w{2}) (.*)`)
	// Exim's words after the whole message, or its last chunk, was sent.
	eximDoubt = regexp.MustCompile(`closed connection in response to (pipelined )?(end of data|BDAT)`)
	logKey    = regexp.MustCompile(`^message-id=<([^@>]+)@|^<= .* id=([^@ ]+)@`)
)

// readDoubts reads the log of Postfix or Exim: how often, by a message's key, the server did not know whether
// the next hop had the message. Sendmail's is empty.
func readDoubts(log string) map[string]int {
	unsure, keys := map[string]int{}, map[string]string{} // keys by queue id
	for line := range strings.Lines(log) {
		m := postfixLine.FindStringSubmatch(line)
		if m == nil {
			if m = eximLine.FindStringSubmatch(line); m == nil {
				continue
			}
		}
		id, text := m[1], m[2]
		if key := logKey.FindStringSubmatch(text); key != nil {
			keys[id] = key[1] + key[2]
		}
		if strings.Contains(text, "sent more than once") || eximDoubt.MatchString(text) {
			unsure[keys[id]]++
		}
	}
	return unsure
}
