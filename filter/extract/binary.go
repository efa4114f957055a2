package extract

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Places in images of disks, in octets.
const (
	udfStart  = 0x8000 // volume recognition: a descriptor in each sector of 2048 octets (ECMA-167 part 2, 8.3)
	udfSector = 2048
	udfMost   = 16
	footer    = 512 // of images that are told by their end (VHD, DMG)
)

// binaryType tells files that run, and images that a machine mounts, where the first octets alone do not tell them or
// tell too much: two letters begin a program of DOS and many a letter.
func binaryType(head []byte, c content) (mediaType string, ok bool) {
	for _, sign := range [...]struct{ begins, mediaType string }{
		{"vhdxfile", "application/x-vhdx"}, {"conectix", "application/x-vhd"}, {"MSWIM\x00\x00\x00", "application/x-ms-wim"}, {"xar!", "application/x-xar"},
		{"Cr24", "application/x-chrome-extension"}, {"dex\n0", "application/vnd.android.dex"}, {"?_\x03\x00", "application/winhlp"},
		{"EHFA_HEADER_TAG", "application/x-erdas-hfa"},
	} {
		if bytes.HasPrefix(head, []byte(sign.begins)) {
			return sign.mediaType, true
		}
	}
	if t, ok := dosProgram(head, c); ok {
		return t, true
	}
	switch end := octetsAt(c, c.Size()-footer, 8); {
	case bytes.Equal(end, []byte("conectix")):
		return "application/x-vhd", true
	case bytes.HasPrefix(end, []byte("koly\x00\x00\x00")):
		return "application/x-apple-diskimage", true
	}
	for i := range int64(udfMost) {
		mark := octetsAt(c, udfStart+i*udfSector+1, 5)
		if len(mark) == 0 {
			break
		}
		if string(mark) == "NSR02" || string(mark) == "NSR03" {
			return "application/x-udf-image", true
		}
	}
	return "", false
}

// dosProgram tells a program of Windows or DOS by the header that the first one points to ([PE/COFF] 3.1), and one
// without by octets that no text has.
func dosProgram(head []byte, c content) (mediaType string, ok bool) {
	const second, text = 0x3c, 64
	if !bytes.HasPrefix(head, []byte("MZ")) && !bytes.HasPrefix(head, []byte("ZM")) {
		return "", false
	}
	if len(head) >= second+4 {
		if mark := octetsAt(c, int64(binary.LittleEndian.Uint32(head[second:])), 4); string(mark) == "PE\x00\x00" {
			return "application/vnd.microsoft.portable-executable", true
		}
	}
	for _, b := range head[:min(len(head), text)] {
		if b < ' ' && b != '\t' && b != '\r' && b != '\n' && b != '\f' && b != 0x1b {
			return "application/x-dosexec", head[0] == 'M'
		}
	}
	return "", false
}

// octetsAt are n octets of a file, or none when it has them not.
func octetsAt(c content, at int64, n int) []byte {
	if at < 0 || at > c.Size()-int64(n) {
		return nil
	}
	b := make([]byte, n)
	if _, err := c.ReadAt(b, at); err != nil && err != io.EOF {
		return nil
	}
	return b
}
