package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"congthu/filter"
	"congthu/internal/peer"
)

// cpuTime is the processor time of this process so far: others may share the machine.
func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A message that each level of nesting lets be read in two ways does not cost two to the power of its levels: judging
// it is within a small multiple of judging as much text as its leaves may hold, four times the message and 8 MiB.
func TestReadingsDoNotMultiplyCost(t *testing.T) {
	const levels, size = 14, 780_000
	j := newLookingJudge(t)
	text := strings.Repeat("Báo cáo kết quả quan trắc môi trường nước mặt tại các trạm thủy văn, mật độ đo đạc.\r\n", size/100)
	head := "From: <nvan@monre.gov.vn>\r\nTo: <vanthu@laocai.gov.vn>\r\nSubject: Gui tai lieu hop\r\nMIME-Version: 1.0\r\n"
	plain := "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text
	serial := 0
	inner := func() string { serial++; return plain + fmt.Sprintf("Kính thư %d\r\n", serial) } // else its hash were known
	judged(t, j, []byte(head+inner()))
	start := cpuTime(t)
	judged(t, j, []byte(head+"Content-Type: text/plain; charset=utf-8\r\n\r\n"+strings.Repeat(text, (4*size+8<<20)/size)))
	alone := cpuTime(t) - start
	shapes := map[string]func(i int) string{
		"one boundary": func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\nContent-Type: multipart/related; boundary=b%d\r\n\r\n--b%d\r\n", i, i, i)
		},
		"two boundaries": func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\nContent-Type: multipart/mixed; boundary=b%dx\r\n\r\n--b%d\r\n--b%dx\r\n", i, i, i, i)
		},
		"text too": func(i int) string {
			return fmt.Sprintf("Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		},
		"encoded": func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n--b%d\r\n", i, i)
		},
		"messages": func(int) string { return "Content-Type: message/rfc822\r\nContent-Type: message/global\r\n\r\n" },
	}
	for name, shape := range shapes {
		for field, fields := range map[string]string{"": "", ", a long subject and charsets": "Subject: " + strings.Repeat("Bá tư cáo ", 20_000) +
			"\r\nContent-Type: text/html; charset=x-viet-tcvn3\r\nContent-Type: text/plain; charset=viscii\r\n"} {
			mail := head
			for i := range levels {
				mail += shape(i)
			}
			mail += fields + inner()
			start := cpuTime(t)
			v := judged(t, j, []byte(mail))
			cost := cpuTime(t) - start
			if v.Err != nil || v.Disposition > filter.Hold {
				t.Errorf("%s%s: %s, %v", name, field, v.Disposition, v.Err)
			}
			most := time.Duration(8)
			if name == "encoded" { // reading and decoding have bounds of their own, sixteen times the message each
				most = 24
			}
			if cost > most*alone && !peer.Race() {
				t.Errorf("%s%s: judged in %s of processor time, as much text in %s: more than %d times", name, field, cost, alone, most)
			}
			t.Logf("%s%s: %.1f times", name, field, float64(cost)/float64(alone))
		}
	}
}
