package extract

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"congthu/filter/message"
)

func gzipped(t testing.TB, name string, content io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Name = name
	if _, err := io.Copy(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, content io.Reader, options ...zstd.EOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, append(options, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarred(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: 5, Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "M\xe1\xba\xacT")
	}
	if err := w.WriteHeader(&tar.Header{Name: "link", Linkname: "MẬT.doc", Typeflag: tar.TypeSymlink}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchives(t *testing.T) {
	inside := zipOf(t, "../MẬT.txt", "MẬT", "thư mục/", "", "a\x00b.txt", "hai", "/etc/x", "ba")
	for _, tc := range []struct {
		name string
		file []byte
		want []string
	}{
		{"zip", inside, []string{" is application/zip", " file-name  0: ../MẬT.txt", "/1 body  0: MẬT", " file-name  0: a\x00b.txt", "/2 body  0: hai", " file-name  0: /etc/x", "! file-name  0: thư mục/"}},
		{"zip in gzip", gzipped(t, "b.zip", bytes.NewReader(inside)), []string{" file-name  0: b.zip", "/1/1 body  0: MẬT", "/1 file-name  0: ../MẬT.txt"}},
		{"tar", tarred(t, "../a.txt", "/b"), []string{" is application/x-tar", " file-name  0: ../a.txt", "/1 body  0: MẬT", "/2 body  0: MẬT", " file-name  0: link", " file-name  0: MẬT.doc"}},
		{"tar.gz", gzipped(t, "", bytes.NewReader(tarred(t, "a.txt"))), []string{" file-name  0: a.tar", "/1/1 body  0: MẬT"}},
		{"zstd", zstded(t, strings.NewReader("MẬT")), []string{" is application/zstd", "/1 body  0: MẬT"}},
		{"text before a zip", append([]byte("\x00\x01\x02MZ"+strings.Repeat("\x90", 5000)), inside...), []string{"/1 body  0: MẬT"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := inspect(t, "a.tgz", octetStream, tc.file, DefaultLimits())
			s.want(t, tc.want...)
			if s.reasons() != "" {
				t.Errorf("not inspected: %s", s.reasons())
			}
		})
	}
}

// The code pages that names in old archives are in.
func TestZipNames(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"M\xc2\xf2T_c\xf4ng_v\xe3n.doc", "C\xe9t\x82.txt"} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, NonUTF8: true})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "x")
	}
	z.Close()
	inspect(t, "a.zip", octetStream, b.Bytes(), DefaultLimits()).want(t, " file-name  0: MẬT_công_văn.doc", " file-name  0: CΘté.txt")
}

// What is encrypted is named, and the rest is read.
func TestEncryptedZip(t *testing.T) {
	file := zipOf(t, "a.txt", "một", "b.txt", "hai", "c.txt", "ba")
	at := 0
	for range 2 { // the second entry of the directory
		at += bytes.Index(file[at+1:], []byte("PK\x01\x02")) + 1
	}
	encrypted := slices.Clone(file)
	encrypted[at+8] |= 1
	s := inspect(t, "a.zip", octetStream, encrypted, DefaultLimits())
	s.want(t, "/1 body  0: một", "/3 body  0: ba", " fact encrypted", "!/2 body  0: hai")
	if s.reasons() != "1/2 encrypted" {
		t.Errorf("not inspected: %s", s.reasons())
	}
	unknown := slices.Clone(file)
	binary.LittleEndian.PutUint16(unknown[at+10:], 98)
	s = inspect(t, "a.zip", octetStream, unknown, DefaultLimits())
	s.want(t, "/1 body  0: một", "/3 body  0: ba")
	if s.reasons() != "1/2 unknown type" {
		t.Errorf("an unknown method: %s", s.reasons())
	}
	s = inspect(t, "a.odt", octetStream, zipOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "\x00\x01",
		"META-INF/manifest.xml", `<manifest><file-entry><encryption-data/></file-entry></manifest>`), DefaultLimits())
	s.want(t, " fact encrypted")
	if s.reasons() != "1 encrypted" {
		t.Errorf("an encrypted odt: %s", s.reasons())
	}
}

// Bombs are answered within the limits, whatever they unpack to, and quickly: what is read is counted.
func TestBombs(t *testing.T) {
	const size = 40 << 20 // octets; several times what a file of this size may unpack to
	zeros := func() io.Reader { return &repeated{s: strings.Repeat("\x00", 4<<10), left: size} }
	var inZip bytes.Buffer
	z := zip.NewWriter(&inZip)
	w, err := z.Create("a.txt")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(w, zeros())
	z.Close()
	var inDocument bytes.Buffer
	z = zip.NewWriter(&inDocument)
	w, _ = z.Create("[Content_Types].xml")
	io.WriteString(w, "<Types/>")
	w, _ = z.Create("word/document.xml")
	io.WriteString(w, "<w:document><w:t>")
	io.Copy(w, &repeated{s: strings.Repeat("MẬT ", 1<<10), left: size})
	z.Close()
	documents := make([]string, 0, 10)
	for i := range 5 {
		documents = append(documents, strings.Repeat("x", i+1)+".docx", string(inDocument.Bytes()[:]))
	}
	for _, tc := range []struct {
		name string
		file []byte
		why  message.Reason
	}{
		{"zip", inZip.Bytes(), message.TooBig},
		{"gzip of 300 MB", bytes.Repeat(gzipped(t, "", &repeated{s: strings.Repeat("\x00", 4<<10), left: 1 << 20}), 300), message.TooBig},
		{"zstd", zstded(t, zeros()), message.TooBig},
		{"a document's text", inDocument.Bytes(), message.TooBig},
		{"documents in a zip", zipOf(t, documents[:10]...), message.TooBig},
		{"a window of zstd", zstded(t, &repeated{s: strings.Repeat("ab", 2<<10), left: 33 << 20}, zstd.WithWindowSize(64<<20)), message.TooBig},
	} {
		start := time.Now()
		s := inspect(t, "a.bin", octetStream, tc.file, DefaultLimits())
		if !slices.ContainsFunc(s.missed, func(n message.NotInspected) bool { return n.Reason == tc.why }) {
			t.Errorf("%s: not inspected: %s", tc.name, s.reasons())
		}
		t.Logf("%s: %d octets answered in %v", tc.name, len(tc.file), time.Since(start))
	}
}

// Archives in archives, and more files than anyone sends.
func TestManyMembers(t *testing.T) {
	file := zipOf(t, "MẬT.txt", "MẬT")
	for range 12 {
		file = zipOf(t, "a.zip", string(file))
	}
	s := inspect(t, "a.zip", octetStream, file, DefaultLimits())
	if s.reasons() != "1"+strings.Repeat("/1", 9)+" too deep" {
		t.Errorf("nested: %s", s.reasons())
	}
	l := DefaultLimits()
	l.Members = 500
	if s = inspect(t, "a.zip", octetStream, repeatedEntry(t, 10_000), l); s.reasons() != "1 "+string(message.TooMany) || !slices.Contains(s.lines, "/500 body  0: x") {
		t.Errorf("10 000 files: %s", s.reasons())
	}
	if s = inspect(t, "a.zip", octetStream, repeatedEntry(t, 60_000), l); s.reasons() != "1 "+string(message.TooMany) || len(s.lines) > 1 {
		t.Errorf("a directory of 60 000 files: %s, %d lines", s.reasons(), len(s.lines))
	}
}

// repeatedEntry is a zip whose directory names its one file many times.
func repeatedEntry(t testing.TB, times int) []byte {
	file := zipOf(t, "a", "x")
	directory, end := bytes.Index(file, []byte("PK\x01\x02")), bytes.Index(file, []byte("PK\x05\x06"))
	tail := slices.Clone(file[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(times))
	binary.LittleEndian.PutUint16(tail[10:], uint16(times))
	binary.LittleEndian.PutUint32(tail[12:], uint32(times*(end-directory)))
	return slices.Concat(file[:directory], bytes.Repeat(file[directory:end], times), tail)
}

// A zip without its directory is read entry by entry, and what is in it stands beside the damage.
func TestCutZip(t *testing.T) {
	file := zipOf(t, "a.txt", "một", "b.txt", strings.Repeat("hai\n", 1000), "c.txt", "ba")
	cut := file[:bytes.Index(file, []byte("PK\x01\x02"))]
	s := inspect(t, "a.zip", octetStream, cut, DefaultLimits())
	s.want(t, "/1 body  0: một", "/2 body  0: hai", "/3 body  0: ba")
	if s.reasons() != "1 damaged" {
		t.Errorf("not inspected: %s", s.reasons())
	}
	var b bytes.Buffer // stored, its length in the header
	name := "kho.txt"
	content := []byte("MẬT")
	b.WriteString("PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	binary.Write(&b, binary.LittleEndian, []uint32{crc32.ChecksumIEEE(content), uint32(len(content)), uint32(len(content))})
	binary.Write(&b, binary.LittleEndian, []uint16{uint16(len(name)), 0})
	b.WriteString(name)
	b.Write(content)
	inspect(t, "a.zip", octetStream, b.Bytes(), DefaultLimits()).want(t, "/1 body  0: MẬT", " file-name  0: kho.txt")
}

// xz says itself how much memory its reader takes: it is read in a worker, which a file that asks for 4 GB kills.
func TestXZ(t *testing.T) {
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "MẬT")
	w.Close()
	file := b.Bytes()
	if s := inspect(t, "a.xz", octetStream, file, DefaultLimits()); s.reasons() != "1 "+string(WorkerFailed) {
		t.Errorf("without workers: %s", s.reasons())
	}
	program, err := Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"GOTRACEBACK=none", "REAL=1", CacheVariable + "=" + compiled(t)}
	if raceEnabled {
		env = append(env, "RACE=1")
	}
	p, err := NewPool(PoolOptions{Command: []string{program, WorkerArgument}, Env: env, Workers: 1, Deadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s := inspectWith(t, p, "a.txt.xz", octetStream, file, DefaultLimits())
	s.want(t, " is application/x-xz", "/1 body  0: MẬT", " file-name  0: a.txt")
	if raceEnabled {
		return // the limit of address space is not set then
	}
	// The header of the first block, at 12: size, flags, filter, size of its properties, dictionary, padding, checksum.
	header := file[12 : 12+4*int(file[12])]
	header[4] = 40
	binary.LittleEndian.PutUint32(file[12+len(header):], crc32.ChecksumIEEE(header))
	if s := inspectWith(t, p, "a.txt.xz", octetStream, file, DefaultLimits()); s.reasons() != "1 "+string(WorkerFailed) {
		t.Errorf("a dictionary of 4 GB: %s", s.reasons())
	}
	inspectWith(t, p, "a.gz", octetStream, gzipped(t, "", strings.NewReader("MẬT")), DefaultLimits()).want(t, "/1 body  0: MẬT")
}

// bzip2 as bzip2 writes it.
func TestBzip2(t *testing.T) {
	file := "BZh91AY&SY\x16)\xa2\x83\x00\x00\x00\x06\x19\x00\x02\x04\x00\x00\x04\x00\x10 \x00 \x00!\x83A\x9a\tpqw$S\x85\t\x01b\x9a(0"
	s := inspect(t, "a.tbz2", octetStream, []byte(file), DefaultLimits())
	s.want(t, " is application/x-bzip2", "/1 body  0: MẬT", " file-name  0: a.tar")
	s = inspect(t, "a.bz2", octetStream, []byte(file[:len(file)-8]), DefaultLimits())
	if s.reasons() != "1/1 damaged" {
		t.Errorf("cut off: %s", s.reasons())
	}
}

func TestNestedMessage(t *testing.T) {
	mail := "From: a@example.test\r\nTo: b@example.test\r\nSubject: =?utf-8?Q?M=E1=BA=ACT?=\r\nmsip_labels: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html; charset=windows-1258\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>M=C2=F2T\r\n" +
		"--b\r\nContent-Type: text/plain; charset=x-viet-tcvn3\r\n\r\nTUY\xd6T M\xcbT\r\n" +
		"--b\r\nContent-Type: application/zip; name=\"a.zip\"\r\nContent-Transfer-Encoding: binary\r\n\r\n" + string(zipOf(t, "b.txt", "trong")) +
		"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: trong thu\r\n\r\nsau\r\n--b--\r\n"
	s := inspect(t, "a.zip", octetStream, zipOf(t, "a.eml", mail), DefaultLimits())
	s.want(t, "/1 is message/rfc822", "/1 property Subject 0: MẬT", "/1 label msip_labels 0: x", "/1 body  0: MẬT", "/1 body  0: TUYỆT MẬT", "/1/1/1 body  0: trong",
		"/1 property Subject 0: trong thu", "/1 body  0: sau")
	quoted := []byte("From: a\nSubject: x\nTo: y\n\nMẬT")
	inspect(t, "a.txt", "text/plain; charset=utf-8", quoted, DefaultLimits()).want(t, " is text/plain", " body  0: From: a", " body  0: MẬT")
	inspect(t, "a.eml", "text/plain; charset=utf-8", quoted, DefaultLimits()).want(t, " is message/rfc822", " property Subject 0: x")
	inspect(t, "a.txt", octetStream, []byte("Kính gửi: các đơn vị\nSubject: x\nTo: y\n"), DefaultLimits()).want(t, " is text/plain")
}
