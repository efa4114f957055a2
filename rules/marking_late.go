package rules

import (
	"strings"

	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/marking"
)

// lateReach is how many lines on either side of what may be a stamp are looked at, behind the text that is looked at whole: as far as
// the detector looks for the first page of a paper.
const lateReach = 12

// late looks, in text that is passed over, for the stamp of another paper that begins there: an annex, the next letter of a scan.
// In a paper about state secrets stamps are shown and none is meant.
func (m *fileMarks) late(b *begun, value string) {
	if b.about {
		return
	}
	if b.waits { // for the lines behind it
		b.waits = false
		m.lateWindow(b.file, string(b.tail)+value[:beginning(value, lateReach)])
	}
	for at := 0; at < len(value); {
		i := nextStamp(value[at:])
		if i < 0 {
			return
		}
		i += at
		from, to := lastLines(value[:i], lateReach), i+beginning(value[i:], lateReach)
		at = i + beginning(value[i:], 1)
		if !stampLine(value[max(0, strings.LastIndexByte(value[:i], '\n')+1):at]) {
			continue
		}
		if to == len(value) {
			b.waits = true // what is left of the text is kept
			return
		}
		window := value[from:to]
		if from == 0 {
			window = string(b.tail) + window
		}
		m.lateWindow(b.file, window)
	}
}

// nextStamp is where the word that ends every level begins next, in capitals, with its marks apart or not; -1 for nowhere.
func nextStamp(s string) int {
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], 'M')
		if i < 0 {
			return -1
		}
		at += i
		for _, marked := range [...]string{"\u1eac", "A\u0323\u0302", "\u00c2\u0323"} {
			if strings.HasPrefix(s[at+1:], marked) {
				return at
			}
		}
	}
}

// stampLine tells a line so short that it may be a stamp.
func stampLine(line string) bool {
	const most = 200 // octets, with what decorates it
	return len(line) <= most
}

func (m *fileMarks) lateWindow(f *extract.File, window string) {
	m.find(f, marking.Text{Kind: marking.Attachment, Readings: []string{message.CleanNFC(window)}, Continued: true, Late: true})
}

// aboutSecrets tells a text that speaks of state secrets by their name in law.
func aboutSecrets(s string) bool {
	for _, name := range [...]string{"bí mật nhà nước", "Bí mật nhà nước", "BÍ MẬT NHÀ NƯỚC", "Bí mật Nhà nước"} {
		if strings.Contains(s, name) {
			return true
		}
	}
	return false
}
