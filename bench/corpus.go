package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"congthu/internal/peer"
)

// words are what the small mails are written with.
const words = "Kính gửi các đơn vị trực thuộc Bộ đề nghị báo cáo tình hình thực hiện nhiệm vụ quý III năm nay theo " +
	"mẫu gửi kèm trước ngày mười lăm tháng này để Văn phòng tổng hợp trình Lãnh đạo Bộ xem xét cho ý kiến chỉ đạo"

// wire is a message with dots doubled and the final dot, as it is written after DATA.
type wire []byte

// smallMails are n mails of 5 kB: multipart/alternative, Vietnamese subject and text, each with its
// own Message-ID.
func smallMails(n int) []wire {
	out := make([]wire, n)
	for i := range out {
		rnd := rand.New(rand.NewPCG(uint64(i), 5))
		plain := text(rnd, 1500)
		html := "<html><body><p>" + strings.ReplaceAll(text(rnd, 2100), "\r\n", "</p>\r\n<p>") + "</p></body></html>\r\n"
		msg := head(fmt.Sprintf("small-%d", i)) + "Content-Type: multipart/alternative; boundary=\"=_small\"\r\n\r\n" +
			"--=_small\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + plain +
			"--=_small\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(base64.StdEncoding.EncodeToString([]byte(html))) +
			"--=_small--\r\n"
		out[i] = peer.DotStuff([]byte(msg))
	}
	return out
}

// largeMails are three mails with one attachment of 14 MB each (19 MB on the wire).
func largeMails() []wire {
	var out []wire
	for i, kind := range []string{"zip", "pdf", "jpg"} {
		raw := make([]byte, 14_000_000)
		rnd := rand.NewChaCha8([32]byte{byte(i)})
		rnd.Read(raw) // never fails
		msg := head("large-"+kind) + "Content-Type: multipart/mixed; boundary=\"=_large\"\r\n\r\n" +
			"--=_large\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nXin gui tep kem theo.\r\n" +
			"--=_large\r\nContent-Type: application/octet-stream; name=\"tep." + kind + "\"\r\nContent-Disposition: attachment; filename=\"tep." + kind +
			"\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(base64.StdEncoding.EncodeToString(raw)) + "--=_large--\r\n"
		out = append(out, peer.DotStuff([]byte(msg)))
	}
	return out
}

func head(id string) string {
	return "Received: from may (may.bo.example [10.0.0.9]) by mx.bo.example; Tue, 06 Oct 2026 08:00:00 +0700\r\n" +
		"Message-ID: <" + id + "@bo.example>\r\nDate: Tue, 06 Oct 2026 08:00:00 +0700\r\n" +
		"From: =?utf-8?B?VsSDbiBwaMOybmcgQuG7mQ==?= <van.phong@bo.example>\r\nTo: <don.vi@bo.example>\r\n" +
		"Subject: =?utf-8?B?QsOhbyBjw6FvIHF1w70gSUlJ?=\r\nMIME-Version: 1.0\r\n"
}

// text is about size octets of lines of words.
func text(rnd *rand.Rand, size int) string {
	all := strings.Fields(words)
	var b strings.Builder
	for line := 0; b.Len() < size; {
		w := all[rnd.IntN(len(all))]
		if line += len(w) + 1; line > 72 {
			b.WriteString("\r\n")
			line = len(w)
		} else if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String() + "\r\n"
}

// lines breaks base64 into lines of 76.
func lines(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/38 + 2)
	for len(s) > 76 {
		b.WriteString(s[:76])
		b.WriteString("\r\n")
		s = s[76:]
	}
	b.WriteString(s + "\r\n")
	return b.String()
}
