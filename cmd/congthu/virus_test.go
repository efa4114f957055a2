package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/ulikunitz/xz/lzma"

	"congthu/filter"
	"congthu/filter/policy"
	"congthu/internal/peer"
	"congthu/rules"
)

// scanner is a clamd with the limits that an administrator is given.
func scanner(t testing.TB, more string) *peer.Clamd {
	t.Helper()
	peer.NeedClamd(t)
	limits, err := os.ReadFile("../../deploy/clamav/clamd.conf")
	if err != nil {
		t.Fatal(err)
	}
	c := &peer.Clamd{Conf: more + string(limits)} // the first of two lines counts
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(c.Dir) })
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// infected are letters with EICAR in all the ways in which mail carries a file, by their name.
func infected(t testing.TB) map[string][]byte {
	t.Helper()
	eicar := []byte(peer.EICAR())
	letter := func(fields, body string) []byte {
		return []byte("From: <nvan@monre.gov.vn>\r\nTo: <vanthu@laocai.gov.vn>\r\nSubject: Gui tai lieu\r\nMIME-Version: 1.0\r\n" + fields + "\r\n" + body)
	}
	var quoted strings.Builder
	for i, c := range eicar { // every octet encoded: nothing of it is there to be seen
		fmt.Fprintf(&quoted, "=%02X", c)
		if i%20 == 19 {
			quoted.WriteString("=\r\n")
		}
	}
	junk := base64.StdEncoding.EncodeToString(eicar)
	junk = junk[:10] + "*!\r\n" + junk[10:40] + "\r\n\x01" + junk[40:]
	nested := carrying("application/octet-stream", "a.bin", eicar)
	out := map[string][]byte{
		"plain":             letter("", "Kinh gui.\r\n"+peer.EICAR()+"\r\n"),
		"base64":            nested,
		"quoted-printable":  letter("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: quoted-printable\r\n", quoted.String()),
		"uuencoded":         letter("", "Kinh gui.\r\n\r\n"+uuencoded("a.txt", eicar)+"\r\n"),
		"base64 with junk":  letter("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n", junk),
		"zip":               carrying("application/zip", "a.zip", zipped(t, "a.txt", eicar)),
		"nested zip":        carrying("application/zip", "a.zip", zipped(t, "b.zip", zipped(t, "a.txt", eicar))),
		"first of two zips": carrying("application/zip", "a.zip", append(zipped(t, "a.txt", eicar), zipped(t, "b.txt", []byte("x"))...)),
		"last of two zips":  carrying("application/zip", "a.zip", append(zipped(t, "b.txt", []byte("x")), zipped(t, "a.txt", eicar)...)),
		"tar.gz":            carrying("application/gzip", "a.tar.gz", tarred(t, "a.txt", eicar)),
		"nested message":    carrying("message/rfc822", "", nested),
		"message as a file": carrying("application/octet-stream", "thu.eml", nested),
		"docx":              carrying("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", zipped(t, "word/document.xml", eicar)),
		"winmail.dat":       carrying("application/ms-tnef", "winmail.dat", tnefOf("a.txt", eicar)),
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 20_000) // of few letters, so that none of it stands in the file as it is
	src := rand.New(rand.NewPCG(1, 2))
	for i := range text {
		text[i] = "etaoin shrdluETA"[src.IntN(16)]
	}
	packed := z.EncodeAll(append(text, eicar...), nil)
	out["zstandard"] = carrying("application/zstd", "a.txt.zst", packed)
	out["zstandard in a zip"] = carrying("application/zip", "a.zip", zipped(t, "a.zst", packed))
	out["zstandard in a mail in a zip"] = carrying("application/zip", "a.zip", zipped(t, "a.eml", carrying("application/zstd", "a.zst", packed)))
	out["zstandard in winmail.dat"] = carrying("application/ms-tnef", "winmail.dat", tnefOf("a.zst", packed))
	out["zstandard, uuencoded"] = carrying("text/plain", "a.uue", []byte(uuencoded("a.zst", packed)))
	out["7z with Deflate"] = carrying("application/x-7z-compressed", "a.7z", sevenZip(t, eicar))
	out["7z with Deflate in a docx"] = carrying("application/octet-stream", "a.docx", zipped(t, "word/embeddings/a.7z", sevenZip(t, eicar)))
	out["zip64"] = carrying("application/zip", "a.zip", zip64(t, eicar))
	out["zip without a directory"] = carrying("application/zip", "a.zip", bytes.Split(zipped(t, "a.txt", eicar), []byte("PK\x01\x02"))[0])
	out["in a calendar"] = carrying("text/calendar", "a.ics", []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nATTACH;ENCODING=BASE64;VALUE=BINARY:"+
		strings.Join(strings.SplitAfter(base64.StdEncoding.EncodeToString(eicar), "T"), "\r\n ")+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	out["LZMA alone"] = carrying("application/octet-stream", "a.txt.lzma", inLZMA(t, eicar))
	out["LZMA alone in a zip"] = carrying("application/zip", "a.zip", zipped(t, "a.txt.lzma", inLZMA(t, eicar)))
	out["in a card"] = carrying("text/vcard", "a.vcf", []byte("BEGIN:VCARD\r\nVERSION:4.0\r\nPHOTO:data:image/png;base64,"+base64.StdEncoding.EncodeToString(zipped(t, "a.txt", eicar))+"\r\nEND:VCARD\r\n"))
	if signed := signedOpaquely(t, nested); signed != nil {
		out["opaque signature"] = signed
	}
	return out
}

// deflated is a file in DEFLATE.
func deflated(t testing.TB, file []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(file)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// inLZMA is a file that LZMA compressed alone.
func inLZMA(t testing.TB, file []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := lzma.WriterConfig{DictCap: 1 << 16}.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sevenZip is a 7z archive of one short file in DEFLATE, which ClamAV does not open.
func sevenZip(t testing.TB, file []byte) []byte {
	t.Helper()
	packed := deflated(t, file)
	if len(file) > 127 || len(packed) > 127 { // lengths of one octet
		t.Fatalf("%d and %d octets", len(file), len(packed))
	}
	header := "\x01\x04\x06\x00\x01\x09" + string([]byte{byte(len(packed))}) + "\x00" + // one stream behind the first header
		"\x07\x0b\x01\x00\x01\x03\x04\x01\x08\x0c" + string([]byte{byte(len(file))}) + "\x00\x00" + // one coder, 04 01 08
		"\x05\x01\x11\x05\x00a\x00\x00\x00\x00\x00" // one file, "a"
	start := binary.LittleEndian.AppendUint64(nil, uint64(len(packed)))
	start = binary.LittleEndian.AppendUint64(start, uint64(len(header)))
	start = binary.LittleEndian.AppendUint32(start, crc32.ChecksumIEEE([]byte(header)))
	b := append([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(start))...)
	return append(append(append(b, start...), packed...), header...)
}

// zip64 is a zip as programs write it that do not know how long a file gets: its sizes stand in an extra field (APPNOTE.TXT
// 4.5.3).
func zip64(t testing.TB, file []byte) []byte {
	t.Helper()
	packed := deflated(t, file)
	sizes := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64([]byte{1, 0, 16, 0}, uint64(len(file))), uint64(len(packed)))
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "a.txt", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(file), Extra: sizes,
		CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(file))})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(packed)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	out := b.Bytes()
	copy(out[18:26], "\xff\xff\xff\xff\xff\xff\xff\xff") // of the header before the file (APPNOTE.TXT 4.3.7)
	return out
}

// uuencoded is a file as uuencode(1) writes it.
func uuencoded(name string, file []byte) string {
	enc := func(b byte) byte { return b&0x3f + ' ' }
	var b strings.Builder
	fmt.Fprintf(&b, "begin 644 %s\r\n", name)
	for len(file) > 0 {
		n := min(45, len(file))
		line := append(append([]byte{}, file[:n]...), 0, 0)
		b.WriteByte(enc(byte(n)))
		for i := 0; i < n; i += 3 {
			b.Write([]byte{enc(line[i] >> 2), enc(line[i]<<4 | line[i+1]>>4), enc(line[i+1]<<2 | line[i+2]>>6), enc(line[i+2])})
		}
		b.WriteString("\r\n")
		file = file[n:]
	}
	b.WriteString(" \r\nend\r\n")
	return b.String()
}

// signedOpaquely is a mail inside of a signature (RFC 8551 section 3.5.2), as openssl makes it.
func signedOpaquely(t testing.TB, mail []byte) []byte {
	t.Helper()
	_, err := exec.LookPath("openssl")
	peer.Need(t, err == nil, "openssl")
	dir := t.TempDir()
	run := func(stdin []byte, args ...string) []byte {
		c := exec.Command("openssl", args...)
		c.Dir, c.Stdin = dir, bytes.NewReader(stdin)
		out, err := c.Output()
		if err != nil {
			t.Fatalf("openssl %s: %v", args[0], err)
		}
		return out
	}
	run(nil, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=nvan@monre.gov.vn", "-days", "2")
	der := run(mail, "cms", "-sign", "-binary", "-nodetach", "-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER")
	return carrying("application/pkcs7-mime; smime-type=signed-data", "smime.p7m", der)
}

// A real clamd finds EICAR in every wrapper, and so does check: 550 5.7.1 with the clause, its name for ours only.
func TestCheckFindsViruses(t *testing.T) {
	c := scanner(t, "")
	dir := t.TempDir()
	conf := filepath.Join(dir, "congthu.yml")
	if err := os.WriteFile(conf, []byte("organisation: {domains: [monre.gov.vn]}\nvirus: {clamd: [\"unix:"+c.Socket()+"\"]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, direction string, mail []byte) (v struct {
		Disposition string
		Reply       struct{ Text string }
		Findings    []filter.Finding
	}, exit int) {
		t.Helper()
		p, stdout, stderr := newProgram(t, string(mail))
		exit = p.run([]string{"check", "--config", conf, "--json", "--direction", direction, "-"})
		if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
			t.Fatalf("%v\n%s%s", err, stdout, stderr)
		}
		return v, exit
	}
	for name, mail := range infected(t) {
		t.Run(name, func(t *testing.T) {
			for _, direction := range []string{"outbound", "inbound"} {
				v, exit := check(t, direction, mail)
				if exit != exitFindings || v.Disposition != "refuse" || !strings.HasPrefix(v.Reply.Text, "[11.5] Thu co chua ma doc.") {
					t.Errorf("%s: exit %d, %s %q\n%+v", direction, exit, v.Disposition, v.Reply.Text, v.Findings)
				}
				if told := strings.Contains(v.Reply.Text, peer.EICARName); told != (direction == "outbound") {
					t.Errorf("%s: %q", direction, v.Reply.Text)
				}
				if !foundVirus(v.Findings, "clamd: "+peer.EICARName) {
					t.Errorf("%s: the finding does not name it: %+v", direction, v.Findings)
				}
			}
		})
	}
	if v, exit := check(t, "outbound", carrying("application/zip", "a.zip", zipped(t, "a.txt", []byte("Kinh gui anh chi.")))); exit != exitFine || foundVirus(v.Findings, "") {
		t.Errorf("an innocent letter: exit %d, %+v", exit, v.Findings)
	}
}

// newJudgeOf judges mails as the gate does with a configuration.
func newJudgeOf(t testing.TB, conf string) *filter.Judge {
	t.Helper()
	c, err := policy.Parse("virus.yml", []byte(conf), rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	look, err := newLooking(prometheus.NewRegistry(), slog.New(slog.DiscardHandler), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { look.close() })
	p, err := buildPolicy(c, nil, look)
	if err != nil {
		t.Fatal(err)
	}
	j, err := filter.NewJudge(p, 1, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func foundVirus(list []filter.Finding, detail string) bool {
	for _, f := range list {
		if f.Rule == filter.RuleVirus && (f.Detail == detail || detail == "") {
			return true
		}
	}
	return false
}

// The same by way of a real ICAP server.
func TestCheckOverICAP(t *testing.T) {
	peer.NeedCICAP(t)
	c := scanner(t, "")
	var ports peer.Ports
	addr, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	server := &peer.CICAP{Addr: addr, Clamd: c.Socket()}
	if err := server.Prepare(); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(server.Dir)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	j := newJudgeOf(t, "organisation: {domains: [monre.gov.vn]}\nvirus: {icap: [\""+server.URL()+"\"]}\n")
	for _, file := range [][]byte{[]byte(peer.EICAR()), append(bytes.Repeat([]byte("Kinh gui anh chi. "), 10_000), peer.EICAR()...)} {
		v := judged(t, j, carrying("application/octet-stream", "a.bin", file))
		if !strings.HasPrefix(v.Reply.String(), "550 5.7.1 [11.5] ") || !foundVirus(v.Findings, "icap: "+peer.EICARName) {
			t.Errorf("%s\n%+v", v.Reply, v.Findings)
		}
	}
	if v := judged(t, j, carrying("application/octet-stream", "a.bin", []byte("Kinh gui anh chi."))); v.Disposition != filter.Accept {
		t.Errorf("%s", v.Reply)
	}
}

// clamd calls an archive fine that unpacks to 300 MB of nothing. Here it is not inspected.
func TestArchiveBomb(t *testing.T) {
	c := scanner(t, "")
	bomb := zipped(t, "a.bin", make([]byte, 300<<20))
	j := newJudgeOf(t, "organisation: {domains: [monre.gov.vn]}\nvirus: {clamd: [\"unix:"+c.Socket()+"\"]}\nrules: {uninspected: {mode: enforce}}\n")
	v := judged(t, j, carrying("application/zip", "a.zip", bomb))
	named := false
	for _, n := range v.NotInspected {
		named = named || strings.HasPrefix(n.Part, "2") && n.Reason == "too big"
	}
	if !named || v.Disposition != filter.Hold || foundVirus(v.Findings, "") {
		t.Errorf("%s, %v, %+v", v.Disposition, v.NotInspected, v.Findings)
	}
}

// What is over clamd's own limit is held in a gate that enforces the virus rule, whatever else may stay unread.
func TestOverStreamMaxLength(t *testing.T) {
	c := scanner(t, "StreamMaxLength 1M\n")
	mail := carrying("application/octet-stream", "a.bin", bytes.Repeat([]byte("0123456789abcdef"), 200_000))
	for policy, want := range map[string]filter.Disposition{"": filter.Hold, ", too_big: refuse": filter.Refuse, ", too_big: accept": filter.Accept} {
		j := newJudgeOf(t, fmt.Sprintf("organisation: {domains: [monre.gov.vn]}\nvirus: {clamd: [{address: \"unix:%s\"%s}]}\n", c.Socket(), policy))
		v := judged(t, j, mail)
		open := false
		for _, f := range v.Add {
			open = open || f.Name == "Congthu-Fail-Open" && f.Value == "clamd"
		}
		if v.Disposition != want || open != (want == filter.Accept) {
			t.Errorf("%q: %s, header %v, %+v", policy, v.Disposition, open, v.Findings)
		}
	}
}

// An engine on another machine needs the marking rule.
func TestRemoteEngineNeedsMarking(t *testing.T) {
	for conf, want := range map[string]int{
		"virus: {clamd: [\"tcp:192.0.2.1:3310\"]}\nrules: {marking: {mode: off}}\n":                    exitConfig,
		"virus: {icap: [\"icap://192.0.2.1/x\"]}\nrules: {marking: {mode: off}}\n":                     exitConfig,
		"virus: {icap: [\"icap://192.0.2.1/x\"]}\nrules: {marking: {mode: off}, virus: {mode: off}}\n": exitFine,
		"virus: {icap: [\"icap://127.0.0.1/x\"]}\nrules: {marking: {mode: off}}\n":                     exitFine,
		"virus: {icap: [\"icap://192.0.2.1/x\"]}\nrules: {marking: {mode: monitor}}\n":                 exitFine,
	} {
		file := filepath.Join(t.TempDir(), "congthu.yml")
		if err := os.WriteFile(file, []byte("organisation: {domains: [monre.gov.vn]}\nmilter: [{listen: \"tcp:127.0.0.1:8890\"}]\n"+conf), 0o600); err != nil {
			t.Fatal(err)
		}
		p, _, stderr := newProgram(t, "")
		if got := p.run([]string{"config", "check", "--config", file}); got != want {
			t.Errorf("%s: exit %d, want %d\n%s", conf, got, want, stderr)
		}
	}
}
