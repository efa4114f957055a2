package message

import (
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallMail is an ordinary mail of some 5 kB with a plain and an HTML text.
func smallMail() string {
	head := "Received: from mail.example.vn (mail.example.vn [192.0.2.7])\n\tby mx.example.gov.vn with ESMTPS id 4XyZ for <a@example.gov.vn>;\n\tMon, 6 Jan 2025 08:00:00 +0700\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.vn; s=s1;\n\tbh=" + strings.Repeat("A", 43) + "=;\n\tb=" + strings.Repeat("B", 170) + "\n" +
		"Message-ID: <1736125200.1@example.vn>\nDate: Mon, 6 Jan 2025 08:00:00 +0700\nMIME-Version: 1.0\n" +
		"From: =?UTF-8?B?Tmd1eeG7hW4gVsSDbiBB?= <a@example.vn>\nTo: b@example.gov.vn, c@example.gov.vn\n" +
		"Subject: =?UTF-8?B?QsOhbyBjw6FvIHR14bqnbg==?=\nUser-Agent: Mozilla Thunderbird\n" +
		"Content-Type: multipart/alternative;\n boundary=\"------------abcdefghijklmnop\"\nContent-Language: vi\n\n" +
		"This is a multi-part message in MIME format.\n--------------abcdefghijklmnop\n" +
		"Content-Type: text/plain; charset=UTF-8; format=flowed\nContent-Transfer-Encoding: 8bit\n\n"
	return crlf(head + strings.Repeat("Kính gửi các đồng chí, xin gửi báo cáo tuần.\n", 20) +
		"\n--------------abcdefghijklmnop\nContent-Type: text/html; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n" +
		strings.Repeat("<p>K=C3=ADnh g=E1=BB=ADi c=C3=A1c =C4=91=E1=BB=93ng ch=C3=AD, xin g=E1=BB=\n=ADi b=C3=A1o c=C3=A1o tu=E1=BA=A7n.</p>\n", 25) +
		"\n--------------abcdefghijklmnop--\n")
}

// base64Lines is n octets in base64, lines of 76.
func base64Lines(n int) string { return base64Text(randomBytes(n)) }

func largeMail(attachment int) string {
	return crlf("From: a@example.vn\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"=_b\"\n\n"+
		"--=_b\n\nhello\n--=_b\nContent-Type: application/pdf; name=\"a.pdf\"\nContent-Transfer-Encoding: base64\n\n") +
		base64Lines(attachment) + "--=_b--\r\n"
}

func BenchmarkReadSmall(b *testing.B) {
	raw := smallMail()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	r := strings.NewReader(raw)
	for b.Loop() {
		if _, err := Read(r, int64(len(raw)), DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWhole14MB is what a 14 MB attachment costs in all: spooled, hashed, read, measured. Nobody asks for
// the digest of the part.
func BenchmarkWhole14MB(b *testing.B) {
	raw := []byte(largeMail(14_000_000))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	start := cpuTime(b)
	defer func() {
		b.ReportMetric(float64((cpuTime(b)-start).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	}()
	for b.Loop() {
		s := NewSpool(DefaultLimits(), nil)
		for p := raw; len(p) > 0; {
			n := min(len(p), 128<<10)
			s.Write(p[:n])
			p = p[n:]
		}
		m, err := Read(s, s.Size(), DefaultLimits())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Measured(); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// cpuTime is what this process has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkScan14MB(b *testing.B) {
	raw := largeMail(14_000_000)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := Read(strings.NewReader(raw), int64(len(raw)), DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBase64(b *testing.B) { benchmarkDecode(b, Base64, base64Lines(3<<20)) }

func BenchmarkQuotedPrintable(b *testing.B) {
	line := "<p>K=C3=ADnh g=E1=BB=ADi c=C3=A1c =C4=91=E1=BB=93ng ch=C3=AD, xin g=\r\n"
	benchmarkDecode(b, QuotedPrintable, strings.Repeat(line, 4<<20/len(line)))
}

func benchmarkDecode(b *testing.B, enc Encoding, text string) {
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := newDecodeReader(strings.NewReader(text), decoder{enc: enc}).WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
