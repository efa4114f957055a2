package main

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
)

//go:embed samples/*.eml
var sampleFiles embed.FS

// sample is one mail of the demonstration.
type sample struct {
	name     string
	from, to string // envelope; from may be the null reverse-path
	data     []byte // CRLF
}

// demoSamples are the embedded mails and two big ones that are made here.
func demoSamples() ([]sample, error) {
	var out []sample
	files, err := fs.Glob(sampleFiles, "samples/*.eml")
	if err != nil {
		return nil, fmt.Errorf("listing the sample mails: %w", err)
	}
	for _, file := range files {
		b, err := sampleFiles.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a sample mail: %w", err)
		}
		s := sample{name: strings.TrimSuffix(strings.TrimPrefix(file, "samples/"), ".eml"),
			data: bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))}
		s.from, s.to = "nvan@monre.gov.vn", "stnmt@laocai.gov.vn"
		switch {
		case bytes.HasPrefix(b, []byte("From: MAILER-DAEMON")):
			s.from = ""
		case bytes.HasPrefix(b, []byte("From: Partner")):
			s.from, s.to = "partner@example.com", "cntt@monre.gov.vn"
		case bytes.Contains(b, []byte("To: cong.dan@gmail.com")):
			s.to = "cong.dan@gmail.com"
		}
		out = append(out, s)
	}
	return append(out, bigSample("13-attachment-of-14-MB", 14_000_000), bigSample("14-attachment-of-16-MiB", 16<<20)), nil
}

// bigSample is a letter with one attachment of so many octets.
func bigSample(name string, octets int) sample {
	raw := make([]byte, octets)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	var b bytes.Buffer
	b.WriteString("From: Nguyen Van An <nvan@monre.gov.vn>\r\nTo: So TNMT <stnmt@laocai.gov.vn>\r\n" +
		"Subject: Ban do hien trang su dung dat\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_map\"\r\n\r\n" +
		"--=_map\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nKem theo ban do.\r\n" +
		"--=_map\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"bando.bin\"\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\n")
	line := make([]byte, 76)
	for len(raw) > 0 {
		n := min(57, len(raw))
		base64.StdEncoding.Encode(line, raw[:n])
		b.Write(line[:base64.StdEncoding.EncodedLen(n)])
		b.WriteString("\r\n")
		raw = raw[n:]
	}
	b.WriteString("--=_map--\r\n")
	return sample{name: name, from: "nvan@monre.gov.vn", to: "stnmt@laocai.gov.vn", data: b.Bytes()}
}
