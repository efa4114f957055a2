package extract

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// program is the beginning of a program of Windows: its second header stands at an offset.
func program(at int) string {
	b := make([]byte, at+64)
	copy(b, "MZ\x90\x00")
	binary.LittleEndian.PutUint32(b[0x3c:], uint32(at))
	copy(b[at:], "PE\x00\x00\x64\x86")
	return string(b)
}

func TestBinaryTypes(t *testing.T) {
	const exe, dos = "application/vnd.microsoft.portable-executable", "application/x-dosexec"
	at := func(n int, mark string, size int) string {
		b := make([]byte, size)
		copy(b[n:], mark)
		return string(b)
	}
	for _, tc := range []struct{ name, file, want string }{
		{"a program", program(128), exe},
		{"a program whose header stands far behind", program(60_000), exe},
		{"a program of DOS", "MZ\x50\x00\x02\x00\x00\x00" + strings.Repeat("\x01", 100), dos},
		{"only its first octets", "MZ\x90\x00", dos},
		{"a letter", "MZ là ký hiệu của đơn vị chúng tôi.\nKính gửi quý cơ quan\n", "text/plain"},
		{"two letters", "MZ", "text/plain"},
		{"a program that unpacks itself", program(128) + string(zipOf(t, "a.txt", "x")), exe},
		{"ELF", "\x7fELF\x02\x01\x01\x00" + strings.Repeat("\x00", 8) + "\x03\x00\x3e\x00" + strings.Repeat("\x00", 100), "application/x-sharedlib"},
		{"a disk, VHDX", "vhdxfile" + strings.Repeat("\x00", 100), "application/x-vhdx"},
		{"a disk, VHD", at(2048-512, "conectix", 2048), "application/x-vhd"},
		{"a disk, DMG", at(4096-512, "koly\x00\x00\x00\x04", 4096), "application/x-apple-diskimage"},
		{"a disk, UDF", at(0x8000+2*2048+1, "NSR02", 0x8000+8*2048), "application/x-udf-image"},
		{"a disk, ISO", at(0x8001, "CD001", 0x9000), "application/x-iso9660-image"},
		{"a shortcut", "L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00F" + strings.Repeat("\x00", 60), "application/x-ms-shortcut"},
		{"a help file", "ITSF\x03\x00\x00\x00\x60\x00\x00\x00" + strings.Repeat("\x00", 60), "application/vnd.ms-htmlhelp"},
		{"a satellite picture", "EHFA_HEADER_TAG\x00" + strings.Repeat("\x00", 60), "application/x-erdas-hfa"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.dat", octetStream, []byte(tc.file), DefaultLimits()).want(t, " is "+tc.want)
		})
	}
}

func TestOneNote(t *testing.T) {
	section := func(files ...string) []byte {
		var b bytes.Buffer
		b.WriteString("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3" + strings.Repeat("\x00", 1000))
		for _, f := range files {
			b.WriteString(fileData)
			b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(f))))
			b.WriteString(strings.Repeat("\x00", 12) + f)
		}
		return b.Bytes()
	}
	s := inspect(t, "a.one", octetStream, section(program(100), "<script>x</script>", "\x89PNG\r\n\x1a\n"+strings.Repeat("\x00", 40)), DefaultLimits())
	s.want(t, " is application/onenote", "/1 is application/vnd.microsoft.portable-executable", "/2 is text/html", "/3 is image/png")
	for n := range 1100 { // every beginning is answered for
		inspect(t, "a.one", octetStream, section("abc")[:n], DefaultLimits())
	}
	many := section(strings.Split(strings.Repeat("x", maxNotebookFiles+1), "")...)
	if s = inspect(t, "a.one", octetStream, many, DefaultLimits()); !strings.Contains(s.reasons(), "too many") {
		t.Errorf("%d files: %s", maxNotebookFiles+1, s.reasons())
	}
}

func TestBinaryMacros(t *testing.T) {
	utf16 := func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") + "\x00" }
	types := `<Types><Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>`
	inspect(t, "a.xlsb", octetStream, zipOf(t, "[Content_Types].xml", types, "xl/workbook.bin", utf16("_xlnm.Auto_Open"), "xl/macrosheets/sheet1.bin", "\x81\x01"), DefaultLimits()).
		want(t, " fact macro", " fact macro-autorun")
	inspect(t, "b.xlsb", octetStream, zipOf(t, "[Content_Types].xml", types, "xl/workbook.bin", utf16("Print_Area"), "xl/worksheets/sheet1.bin", "\x81\x01"), DefaultLimits()).
		want(t, "! fact macro", "! fact macro-autorun", "! fact archive")
	inspect(t, "c.zip", octetStream, zipOf(t, "a.txt", "x"), DefaultLimits()).want(t, " fact archive")
}

func TestInstallers(t *testing.T) {
	for class, want := range map[string]bool{"{000C1084-0000-0000-C000-000000000046}": true, "000c1086-0000-0000-c000-000000000046": true,
		"{00020906-0000-0000-C000-000000000046}": false, "": false} {
		if installs(class) != want {
			t.Errorf("%s installs: %v", class, !want)
		}
	}
	file := []byte(compoundOf(map[string]string{"!_StringData": "x"}))
	if s, _ := readBytes(readOLE, string(file)); s.has("fact installer") {
		t.Errorf("a file of no class installs")
	}
	root := bytes.Index(file, []byte("R\x00o\x00o\x00t\x00"))
	copy(file[root+80:], "\x84\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46") // where the class stands ([MS-CFB] 2.6.1)
	if s, _ := readBytes(readOLE, string(file)); !s.has("fact installer") {
		t.Errorf("a package of Windows Installer: %q", s.lines)
	}
}

func FuzzOneNote(f *testing.F) {
	fuzzReader(f, readOneNote, fileData+"\x03\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 12)+"abc", fileData+"\xff\xff\xff\xff\xff\xff\xff\xff")
}

func FuzzSmuggled(f *testing.F) {
	f.Add(`var d="` + strings.Repeat("UEsDBA", 40) + `";new Blob([atob(d)])`)
	f.Add(`eval(unescape('` + strings.Repeat("%41", 400) + `'))`)
	f.Fuzz(func(t *testing.T, script string) {
		s := smuggled{o: &tolerant{t: t}}
		s.begin()
		if err := s.add(script); err != nil {
			return
		}
		s.end()
		if len(s.code) > smallScript {
			t.Errorf("%d octets of a script are kept", len(s.code))
		}
		_ = s.address(script, true, true)
	})
}
