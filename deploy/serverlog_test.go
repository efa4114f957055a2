package deploy

import (
	"regexp"
	"strings"
	"time"
)

// queueLog is what a server's log tells of the messages of a load, by their keys.
type queueLog struct {
	entered map[string][]time.Time // came from the gate behind the queue
	unsure  map[string]int         // times that the server did not know whether the next hop had the message
}

// readLog reads the log of Postfix (with the content_filter files) or Exim (with the behind-queue files); of
// other roads nothing is found.
func readLog(log string) queueLog {
	q := queueLog{map[string][]time.Time{}, map[string]int{}}
	keys, fromGate := map[string]string{}, map[string]bool{} // by queue id
	for line := range strings.Lines(log) {
		if m := postfixLine.FindStringSubmatch(line); m != nil {
			q.postfix(m, keys, fromGate)
		} else if m := eximLine.FindStringSubmatch(line); m != nil {
			q.exim(m, keys)
		}
	}
	return q
}

var (
	postfixLine = regexp.MustCompile(`^([A-Z][a-z]{2} [ 0-9]\d [0-9:]{8}) \S+ (postfix/[a-z/]+)\[\d+\]: ([0-9A-F]{6,}): (.*)`)
	eximLine    = regexp.MustCompile(`^(\d{4}-\d\d-\d\d [0-9:]{8}) (\w{6}-\w{6}-\w{2}) (.*)`)
	eximKey     = regexp.MustCompile(` id=([^@ ]+)@`)
)

// postfix reads a line; the second listener calls itself postfix/congthu.
func (q queueLog) postfix(m []string, keys map[string]string, fromGate map[string]bool) {
	program, id, text := m[2], m[3], m[4]
	switch {
	case program == "postfix/congthu/smtpd" && strings.HasPrefix(text, "client="):
		fromGate[id] = true
	case strings.HasPrefix(text, "message-id=<"):
		keys[id], _, _ = strings.Cut(text[len("message-id=<"):], "@")
		at, err := time.ParseInLocation("2006 "+time.Stamp, time.Now().Format("2006 ")+m[1], time.Local)
		if err == nil && fromGate[id] {
			q.entered[keys[id]] = append(q.entered[keys[id]], at)
		}
	case strings.Contains(text, "sent more than once"):
		q.unsure[keys[id]]++
	}
}

// exim reads a line; the gate comes from 127.0.0.1, no client does.
func (q queueLog) exim(m []string, keys map[string]string) {
	id, text := m[2], m[3]
	switch {
	case strings.HasPrefix(text, "<= "):
		key := eximKey.FindStringSubmatch(text)
		if key == nil {
			return
		}
		keys[id] = key[1]
		at, err := time.ParseInLocation(time.DateTime, m[1], time.Local)
		if err == nil && strings.Contains(text, " [127.0.0.1] ") {
			q.entered[keys[id]] = append(q.entered[keys[id]], at)
		}
	case strings.Contains(text, "closed connection in response to"):
		q.unsure[keys[id]]++
	}
}
