package extract

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
)

// CacheVariable names the environment variable that tells a worker the directory of compiled code (PoolOptions.Env).
// Whoever can write there runs code in the worker.
const CacheVariable = "CONGTHU_WORKER_CACHE"

// workerFormats are the readers that work in a worker.
func workerFormats() map[string]format {
	pdf := newPDFReader(os.Getenv(CacheVariable))
	return map[string]format{
		"pdf":     {worker: true, wraps: true, read: pdf.read, warm: pdf.warm},
		"ole":     {worker: true, wraps: true, read: readOLE},
		"tnef":    {worker: true, wraps: true, read: readTNEF},
		"7z":      {worker: true, wraps: true, read: read7z},
		"rar":     {worker: true, wraps: true, read: readRAR},
		"picture": {worker: true, read: readPicture},
	}
}

// workerReaderOf is the reader in a worker for a media type as the content says it.
func workerReaderOf(mediaType string) (name string, ok bool) {
	switch mediaType {
	case "application/pdf":
		return "pdf", true
	case "application/x-ole-storage":
		return "ole", true
	case "application/vnd.ms-tnef":
		return "tnef", true
	case "application/x-7z-compressed":
		return "7z", true
	case "application/x-rar-compressed", "application/x-rar", "application/vnd.rar":
		return "rar", true
	}
	if strings.HasPrefix(mediaType, "image/") && mediaType != "image/svg+xml" {
		return "picture", true
	}
	return "", false
}

// unreadable tells archives, programs and images of disks that no reader is there for: whatever the message calls them,
// they are no text.
func unreadable(head []byte, c content) (mediaType string, ok bool) {
	if mediaType, ok := binaryType(head, c); ok {
		return mediaType, true
	}
	o := &octets{b: head}
	switch {
	case bytes.HasPrefix(head, []byte("MSCF\x00\x00\x00\x00")):
		return "application/vnd.ms-cab-compressed", true
	case bytes.HasPrefix(head, []byte("\x60\xea")) && o.u16(2) <= 2600 && o.u8(4) >= 30:
		return "application/x-arj", true
	case bytes.Equal(o.at(7, 7), []byte("**ACE**")):
		return "application/x-ace-compressed", true
	case bytes.HasPrefix(o.at(2, 5), []byte("-lh")) && o.u8(6) == '-', bytes.HasPrefix(o.at(2, 5), []byte("-lz")) && o.u8(6) == '-':
		return "application/x-lzh-compressed", true
	}
	const volume = 0x8001 // of ISO 9660, behind 16 sectors that anything may fill
	mark := make([]byte, 5)
	if n, _ := c.ReadAt(mark, volume); n == len(mark) && string(mark) == "CD001" {
		return "application/x-iso9660-image", true
	}
	return "", false
}

// Where readers of PDF look for its header and trailer (PDF 1.7, annex H.3, notes 13 and 18), in octets.
const (
	pdfHeader  = 1024
	pdfTrailer = 1024
)

// magic tells formats that mimetype does not know, or not where other programs do.
func magic(head []byte, c content) (name, mediaType string, ok bool) {
	switch {
	case isTNEF(head):
		return "tnef", "application/vnd.ms-tnef", true
	case bytes.HasPrefix(head, []byte("ActiveMime")):
		return "mso", "application/x-mso", true
	case isTar(head): // its first file's beginning is in the head too, and may look like anything
		return "tar", "application/x-tar", true
	}
	return lzmaMagic(head)
}

// isTar tells a tar by its first header's checksum (POSIX.1-2024, pax, "ustar Interchange Format").
func isTar(head []byte) bool {
	const header, at, size = 512, 148, 8
	if len(head) < header {
		return false
	}
	sum := int64(size) * ' '
	for i, b := range head[:header] {
		if i < at || i >= at+size {
			sum += int64(b)
		}
	}
	said, err := strconv.ParseInt(strings.Trim(string(head[at:at+size]), " \x00"), 8, 64)
	return err == nil && said == sum && sum > size*' '
}

// pdfMark begins a PDF file.
const pdfMark = "%PDF-"

// hiddenPDF tells a PDF file behind something else, which every program opens as one.
func hiddenPDF(head []byte, c content) bool {
	i := bytes.Index(head[:min(len(head), pdfHeader)], []byte(pdfMark))
	if i <= 0 {
		return false
	}
	tail := make([]byte, min(c.Size(), pdfTrailer))
	if _, err := c.ReadAt(tail, c.Size()-int64(len(tail))); err != nil && err != io.EOF {
		return false
	}
	return bytes.Contains(tail, []byte("%%EOF"))
}
