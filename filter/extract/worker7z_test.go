package extract

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"congthu/filter/message"
)

func Test7z(t *testing.T) {
	for _, tc := range []struct {
		name string
		want []string
		err  error
	}{
		{"plain.7z", []string{`member ["letter.fodt"] 2855 octets, beginning "<?xml version=\"1.0\" ", error <nil>`}, nil},
		{"locked.7z", []string{`member ["make.sh"] 0 octets, beginning "", error not inspected: encrypted`}, nil},
		{"hidden.7z", []string{"fact encrypted"}, stop{Encrypted}},
	} {
		file := sample(t, tc.name)
		f, err := readBytes(read7z, file)
		if err != tc.err {
			t.Errorf("%s: %v", tc.name, err)
		}
		wants(t, f, tc.want...)
		for n := 0; n < len(file); n += 11 {
			readBytes(read7z, file[:n])
		}
	}
}

// bomb7z is an archive of one empty LZMA2 stream whose dictionary is as big as its one octet says.
func bomb7z(dictionary byte) string {
	packed := "\x00" // the end of LZMA2
	header := "\x01\x04\x06\x00\x01\x09\x01\x00" + "\x07\x0b\x01\x00\x01\x21\x21\x01" + string([]byte{dictionary}) + "\x0c\x64\x00\x00" + "\x05\x01\x11\x05\x00a\x00\x00\x00\x00\x00"
	start := make([]byte, 20)
	binary.LittleEndian.PutUint64(start, uint64(len(packed)))
	binary.LittleEndian.PutUint64(start[8:], uint64(len(header)))
	binary.LittleEndian.PutUint32(start[16:], crc32.ChecksumIEEE([]byte(header)))
	b := append([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(start))...)
	return string(b) + string(start) + packed + header
}

// rar4 makes a rar archive of files that are stored; flags are those of each file's header.
func rar4(flags uint16, names ...string) string {
	block := func(kind byte, flags uint16, body, data string) string {
		b := binary.LittleEndian.AppendUint16([]byte{kind}, flags)
		b = binary.LittleEndian.AppendUint16(b, uint16(7+len(body)))
		b = append(b, body...)
		return string(binary.LittleEndian.AppendUint16(nil, uint16(crc32.ChecksumIEEE(b)))) + string(b) + data
	}
	out := "Rar!\x1a\x07\x00" + block(0x73, 0, "\x00\x00\x00\x00\x00\x00", "")
	for _, name := range names {
		data := "inside " + name
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(data)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
		b = append(b, 0)
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(data)))
		b = append(b, 0, 0, 0, 0, 20, 0x30)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
		b = append(b, 0, 0, 0, 0)
		if flags&0x400 != 0 {
			name += "saltsalt"
		}
		out += block(0x74, 0x8000|flags, string(b)+name, data)
	}
	return out + block(0x7b, 0, "", "")
}

func TestRAR(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		want       []string
		err        error
	}{
		{"stored", rar4(0, "a.txt", "dir/b.txt"), []string{`member ["a.txt"] 12 octets, beginning "inside a.txt", error <nil>`,
			`member ["dir/b.txt"] 16 octets, beginning "inside dir/b.txt", error <nil>`}, nil},
		{"encrypted", rar4(0x404, "a.txt", "b.txt"), []string{`member ["a.txt"] 0 octets, beginning "", error not inspected: encrypted`,
			`member ["b.txt"] 0 octets, beginning "", error not inspected: encrypted`}, nil},
	} {
		f, err := readBytes(readRAR, tc.file)
		if err != tc.err {
			t.Errorf("%s: %v", tc.name, err)
		}
		wants(t, f, tc.want...)
		for n := range len(tc.file) {
			readBytes(readRAR, tc.file[:n])
		}
	}
}

// Archives that no reader is there for are not inspected, whatever they are called.
func TestUnknownArchives(t *testing.T) {
	iso := strings.Repeat("\x00", 0x8001) + "CD001" + strings.Repeat("\x00", 3000)
	for name, file := range map[string]string{"cab": "MSCF\x00\x00\x00\x00" + strings.Repeat("\x00", 60), "arj": "\x60\xea\x2b\x00\x22\x0b\x01\x0b\x10\x00\x02" + strings.Repeat("\x00", 40),
		"lha": "\x24\x9d-lh5-\x00\x01\x00\x00\x00\x02" + strings.Repeat("\x00", 30), "ace": "\x12\x34\x31\x00\x00\x00\x90**ACE**\x14\x14\x02\x00", "iso": iso} {
		if f, known := tell(formats(), []byte(file[:min(len(file), headBytes)]), memory(file), "text/plain", []string{"a.txt"}); known {
			t.Errorf("%s is told as %s", name, f.mediaType)
		}
	}
}

func TestPicture(t *testing.T) {
	chunk := func(kind, data string) string {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		b = append(append(b, kind...), data...)
		return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
	}
	picture := func(width, height uint32, more ...string) string {
		size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
		return "\x89PNG\r\n\x1a\n" + chunk("IHDR", string(size)+"\x08\x00\x00\x00\x00") + strings.Join(more, "") + chunk("IDAT", "") + chunk("IEND", "")
	}
	exif := "II*\x00\x08\x00\x00\x00\x02\x00" + "\x0e\x01\x02\x00\x06\x00\x00\x00\x26\x00\x00\x00" + "\x9b\x9c\x01\x00\x04\x00\x00\x00T\x00!\x00" + "\x00\x00\x00\x00about\x00"
	for _, tc := range []struct {
		name, file string
		want       []string
		err        error
	}{
		{"texts", picture(10, 10, chunk("tEXt", "Title\x00of it"), chunk("iTXt", "Comment\x00\x00\x00vi\x00\x00bảng"), chunk("eXIf", exif)),
			[]string{"miss no text", `property=Title "of it"`, `property=Comment "bảng"`, `property=ImageDescription "about"`, `property=XPTitle "T!"`}, nil},
		{"too many pixels", picture(100_000, 100_000), nil, stop{message.TooBig}},
		{"bmp", "BM" + strings.Repeat("\x00", 16) + "\x00\x00\x01\x00\x00\x00\xff\xff", nil, stop{message.TooBig}},
		{"tiff", exif, []string{"miss no text", `property=ImageDescription "about"`}, nil},
	} {
		f, err := readBytes(readPicture, tc.file)
		if err != tc.err {
			t.Errorf("%s: %v", tc.name, err)
		}
		wants(t, f, tc.want...)
		for n := range len(tc.file) {
			readBytes(readPicture, tc.file[:n])
		}
	}
}
