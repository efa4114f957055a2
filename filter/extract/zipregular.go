package extract

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
)

const (
	zipHeader = 30      // octets of a file's own header without its name and its extra field (APPNOTE.TXT 4.3.7)
	zipBefore = 2 << 10 // octets of those two together; a file with more is irregular
)

// irregular tells a zip that programs open and virus scanners may not: what the directory at its end says of a file and what
// stands before the file differ, sizes are those of zip64, or a method of compression is rare. ClamAV goes by what stands
// before the files, Explorer and 7-Zip by the directory.
func irregular(c content, z *zip.Reader) bool {
	for _, f := range z.File {
		if !regularEntry(c, f) {
			return true
		}
	}
	return false
}

func regularEntry(c content, f *zip.File) bool {
	const deflate64 = 9
	switch f.Method {
	case zip.Store, zip.Deflate, deflate64, zipBzip2:
	default:
		return false
	}
	body, err := f.DataOffset()
	if err != nil {
		return false
	}
	h := entryHeader(c, body)
	if h == nil {
		return false
	}
	le := binary.LittleEndian
	const encrypted, behind = 1, 8 // flags; sizes stand behind the file
	flags, packed, size := le.Uint16(h[6:]), uint64(le.Uint32(h[18:])), uint64(le.Uint32(h[22:]))
	same := packed == f.CompressedSize64 && size == f.UncompressedSize64
	return le.Uint16(h[8:]) == f.Method && flags&encrypted == f.Flags&encrypted && (same || flags&behind != 0 && f.Flags&behind != 0 && packed == 0 && size == 0)
}

// entryHeader is the header of a file in a zip whose octets begin at body, nil when there is none.
func entryHeader(c content, body int64) []byte {
	from := max(0, body-zipHeader-zipBefore)
	b := octetsAt(c, from, int(body-from))
	for end := len(b); end > 0; {
		i := bytes.LastIndex(b[:end], []byte("PK\x03\x04"))
		if i < 0 {
			return nil
		}
		if h := b[i:]; len(h) >= zipHeader {
			if name, extra := int(binary.LittleEndian.Uint16(h[26:])), int(binary.LittleEndian.Uint16(h[28:])); zipHeader+name+extra == len(h) {
				return h[:zipHeader]
			}
		}
		end = i
	}
	return nil
}
