package extract

import (
	"maps"
	"path"
	"strings"
)

// formats are the readers, by name. Those of formats whose libraries may exhaust memory or the stack work in a
// worker.
func formats() map[string]format {
	all := map[string]format{
		"text": {read: readText},
		"html": {read: readHTML},
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
	}
	return workerReaderOf(mediaType)
}

// textReader is the reader for what looks like plain text: formats that begin like text are told by what the
// message or the name says.
func textReader(head []byte, label string, names []string) string {
	_, _ = head, label
	for _, name := range names {
		switch strings.ToLower(path.Ext(name)) {
		}
	}
	return "text"
}
