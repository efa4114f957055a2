package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
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
// own Message-ID. Another turn has other texts: a filter that remembers what it saw shall not know them.
func smallMails(n, turn int) []wire {
	out := make([]wire, n)
	for i := range out {
		rnd := rand.New(rand.NewPCG(uint64(i), uint64(turn)))
		plain := text(rnd, 1500)
		html := "<html><body><p>" + strings.ReplaceAll(text(rnd, 2100), "\r\n", "</p>\r\n<p>") + "</p></body></html>\r\n"
		msg := head(fmt.Sprintf("small-%d-%d", turn, i)) + "Content-Type: multipart/alternative; boundary=\"=_small\"\r\n\r\n" +
			"--=_small\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + plain +
			"--=_small\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(base64.StdEncoding.EncodeToString([]byte(html))) +
			"--=_small--\r\n"
		out[i] = peer.DotStuff([]byte(msg))
	}
	return out
}

// Sizes of attachments before base64, in octets. In the mix the sizes that the mails are called by are those on
// the wire.
const (
	largeAttachment  = 14_000_000
	mediumAttachment = 198_000 * 57 / 78
	bigAttachment    = 5_000_000 * 57 / 78
)

// attached are three mails with one attachment of that many octets each: a zip, a PDF and a JPEG.
func attached(name string, octets, turn int) ([]wire, error) {
	var out []wire
	for i, kind := range []string{"zip", "pdf", "jpg"} {
		raw, err := content(kind, uint64(3*turn+i), octets)
		if err != nil {
			return nil, fmt.Errorf("making a %s: %w", kind, err)
		}
		msg := head(fmt.Sprintf("%s-%d-%s", name, turn, kind)) + "Content-Type: multipart/mixed; boundary=\"=_large\"\r\n\r\n" +
			"--=_large\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nXin gui tep kem theo.\r\n" +
			"--=_large\r\nContent-Type: application/octet-stream; name=\"tep." + kind + "\"\r\nContent-Disposition: attachment; filename=\"tep." + kind +
			"\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines(base64.StdEncoding.EncodeToString(raw)) + "--=_large--\r\n"
		out = append(out, peer.DotStuff([]byte(msg)))
	}
	return out, nil
}

// content is a file of that kind, whole but for the picture's data; what is in it cannot be compressed.
func content(kind string, seed uint64, octets int) ([]byte, error) {
	raw := make([]byte, octets)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(raw) // never fails
	switch kind {
	case "pdf":
		return scannedPDF(raw), nil
	case "jpg":
		copy(raw, "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
	case "zip":
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.CreateHeader(&zip.FileHeader{Name: "so-lieu.bin", Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(raw[:octets-zipAround]); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
	return raw, nil
}

// scannedPDF is one page with one picture on it, as scanners make them, in as many octets as raw has, whose end is the
// picture's data.
func scannedPDF(raw []byte) []byte {
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /XObject << /I 5 0 R >> >> /Contents 4 0 R >>",
		"<< /Length 29 >>\nstream\nq 595 0 0 842 0 0 cm /I Do Q\n\nendstream",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.5\n")
	var at []int
	begin := func(text string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s", len(at), text)
	}
	for _, o := range objects {
		begin(o)
		b.WriteString("\nendobj\n")
	}
	data := raw[:len(raw)-pdfAround]
	begin(fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width 2480 /Height 3508 /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\nstream\n", len(data)))
	b.Write(data)
	b.WriteString("\nendstream\nendobj\n")
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, off := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", off)
	}
	tail := fmt.Sprintf("trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, table)
	b.WriteString("%" + strings.Repeat(" ", len(raw)-b.Len()-len(tail)-2) + "\n" + tail) // a comment fills it up
	return b.Bytes()
}

// pdfAround is more than what a PDF with one picture takes around its data, in octets.
const pdfAround = 1000

// zipAround is about what a zip with one member takes around its content, in octets.
const zipAround = 200

// mixed are n mails: of twenty, sixteen of 5 kB, three of 200 kB and one of 5 MB.
func mixed(n, turn int) ([]wire, error) {
	out := smallMails(n, turn)
	medium, err := attached("medium", mediumAttachment, turn)
	if err != nil {
		return nil, err
	}
	big, err := attached("big", bigAttachment, turn)
	if err != nil {
		return nil, err
	}
	for i := range out {
		switch i % 20 {
		case 4, 9, 17:
			out[i] = medium[i%len(medium)]
		case 11:
			out[i] = big[i/20%len(big)]
		}
	}
	return out, nil
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
