package extract

import (
	"bytes"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// formats are the readers, by name. Those of formats whose libraries may exhaust memory or the stack work in a
// worker.
func formats() map[string]format {
	all := map[string]format{
		"text":     {read: readText},
		"doubtful": {read: readDoubtful},
		"mbox":     {read: readMbox, wraps: true},
		"emlx":     {read: readEmlx, wraps: true},
		"uu":       {read: readUU, wraps: true},
		"html":     {read: readHTML, wraps: true},
		"xml":      {read: readXML, wraps: true},
		"rtf":      {read: readRTF, wraps: true},
		"calendar": {read: readCalendar, wraps: true},
		"message":  {read: readMessage, wraps: true},
		"zip":      {read: readZip}, // documents too: OOXML, OpenDocument
		"tar":      {read: readTar},
		"mso":      {read: readActiveMime, wraps: true},
		"gzip":     {read: readGzip},
		"bzip2":    {read: readBzip2, wraps: true},
		"zstd":     {read: readZstd, wraps: true},
		"xz":       {read: readXZ, worker: true, wraps: true},
		"lzma":     {read: readLZMA, worker: true, wraps: true},
		"lzip":     {read: readLzip, worker: true, wraps: true},
		"cms":      {read: readCMS, wraps: true},
		"pgp":      {read: readOpenPGP},
		"onenote":  {read: readOneNote, wraps: true},
	}
	maps.Copy(all, workerFormats())
	for name, f := range all {
		f.name = name
		all[name] = f
	}
	return all
}

// readerOf is the reader for a media type as the content says it.
func readerOf(mediaType string) (name string, ok bool) {
	switch mediaType {
	case "text/plain":
		return "text", true
	case "text/html", "application/xhtml+xml":
		return "html", true
	case "text/xml", "application/xml", "image/svg+xml":
		return "xml", true
	case "text/rtf", "application/rtf":
		return "rtf", true
	case "text/calendar", "text/vcard":
		return "calendar", true
	case "message/rfc822":
		return "message", true
	case "application/zip":
		return "zip", true
	case "application/x-tar":
		return "tar", true
	case "application/gzip":
		return "gzip", true
	case "application/x-bzip2":
		return "bzip2", true
	case "application/x-xz":
		return "xz", true
	case "application/zstd":
		return "zstd", true
	case "application/onenote":
		return "onenote", true
	}
	return workerReaderOf(mediaType)
}

// textReader is the reader for what looks like plain text: formats that begin like text are told by their own first
// words, and by what the message or the name says.
func textReader(head []byte, label string, names []string) string {
	if decode, ok := wideText(head); ok {
		if decoded, err := io.ReadAll(decode(bytes.NewReader(head[:len(head)&^3]))); err == nil {
			head = decoded
		}
	}
	begins := bytes.TrimLeft(head[:min(len(head), 1<<10)], "\xef\xbb\xbf \t\r\n")
	start := strings.ToLower(string(begins[:min(len(begins), 32)])) // longer than every sign
	for _, sign := range [...]struct{ begins, reader string }{
		{"<?xml", "xml"}, {"<svg", "xml"}, {"<!doctype html", "html"}, {"<html", "html"}, {"<head", "html"}, {"<body", "html"}, {"{\\rt", "rtf"},
		{"begin:vcalendar", "calendar"}, {"begin:vcard", "calendar"},
	} {
		if strings.HasPrefix(start, sign.begins) {
			return sign.reader
		}
	}
	if label == "text/html" || label == "application/xhtml+xml" {
		return "html"
	}
	alone := !strings.HasPrefix(label, "text/") || hasEnding(names, ".eml", ".mht", ".mhtml", ".mbox", ".emlx") // a letter may quote a mail
	if alone && looksLikeMail(head) {
		return "message"
	}
	if name := mailFile(head); name != "" && (alone || len(names) > 0) {
		return name
	}
	for _, name := range names {
		switch strings.ToLower(path.Ext(name)) {
		case ".html", ".htm", ".xhtml", ".shtml", ".hta", ".mht", ".mhtml":
			return "html"
		case ".ics", ".vcf":
			return "calendar"
		case ".svg":
			return "xml"
		}
	}
	return "text"
}

// hasEnding tells whether one of the names has one of the endings, which are in small letters.
func hasEnding(names []string, endings ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(endings, strings.ToLower(path.Ext(name))) })
}
