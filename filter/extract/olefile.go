package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/richardlehane/mscfb"

	"congthu/filter/message"
)

// Limits of an OLE2 compound file ([MS-CFB]).
const (
	maxOLEEntries = 20_000 // streams and storages
	maxOLEDepth   = 12     // of storages that are files of their own in each other
)

// storage is a directory of a compound file: its streams, and the storages in it.
type storage struct {
	file *compound
	path string // of names, each with "/" before it; "" for the root
}

// compound is a compound file. Streams are read when they are asked for.
type compound struct {
	streams  map[string]*mscfb.File // by path
	names    map[string][]string    // of streams, by their storage's path
	storages map[string][]string    // paths, by the path of the storage that they are in
	twice    bool                   // two streams have one name: programs differ in which they read
	class    string                 // of the root: the program that it belongs to
	size     int64
	left     int64 // octets that may be read out of it: streams may share sectors
}

// openCompound reads a compound file's directory.
func openCompound(c content) (*compound, error) {
	r, err := mscfb.New(c)
	if err != nil {
		return nil, fmt.Errorf("reading a compound file: %w", err)
	}
	if len(r.File) > maxOLEEntries {
		return nil, stop{message.TooMany}
	}
	f := &compound{streams: map[string]*mscfb.File{}, names: map[string][]string{}, storages: map[string][]string{},
		size: c.Size(), left: 4*c.Size() + 1<<20}
	if len(r.File) > 0 {
		f.class = r.ID()
	}
	for _, entry := range r.File {
		if len(entry.Path) > 2*maxOLEDepth {
			return nil, stop{message.TooDeep}
		}
		f.add(entry)
	}
	return f, nil
}

func (f *compound) add(entry *mscfb.File) {
	parent := ""
	for _, name := range entry.Path {
		parent += "/" + name
	}
	name := entryName(entry)
	path := parent + "/" + name
	if entry.FileInfo().IsDir() {
		f.storages[parent] = append(f.storages[parent], path)
		return
	}
	if _, twice := f.streams[path]; twice {
		f.twice = true
		return
	}
	f.streams[path] = entry
	f.names[parent] = append(f.names[parent], name)
}

// entryName is an entry's name with the control character that some begin with.
func entryName(f *mscfb.File) string {
	if f.Initial > 0 && f.Initial < ' ' {
		return string(rune(f.Initial)) + f.Name
	}
	return f.Name
}

// names are the streams right in the storage, in the file's order.
func (s storage) names() []string { return s.file.names[s.path] }

// storages are those right in the storage.
func (s storage) storages() []storage {
	var inner []storage
	for _, path := range s.file.storages[s.path] {
		inner = append(inner, storage{s.file, path})
	}
	return inner
}

// name is the last of the storage's path.
func (s storage) name() string { return s.path[strings.LastIndexByte(s.path, '/')+1:] }

func (s storage) has(name string) bool { return s.file.streams[s.path+"/"+name] != nil }

// stream is what a stream holds, as far as it can be read. No stream is longer than the file.
func (s storage) stream(name string) ([]byte, error) {
	f := s.file.streams[s.path+"/"+name]
	if f == nil {
		return nil, fmt.Errorf("no stream %q", name)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading a stream: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, min(s.file.size, s.file.left+1)))
	if s.file.left -= int64(len(b)); s.file.left < 0 {
		return nil, stop{message.TooBig}
	}
	if err != nil {
		return b, fmt.Errorf("reading a stream: %w", err)
	}
	return b, nil
}

// readOLE reads a compound file: documents of Word, Excel and PowerPoint before 2007, messages of Outlook, encrypted
// documents of later ones.
func readOLE(_ context.Context, in *input, o out) error {
	file, err := openCompound(in.content)
	if err != nil {
		return err
	}
	if installs(file.class) {
		o.fact(Installer)
	}
	d := &oleReader{out: o}
	if err := d.read(storage{file: file}, 0); err != nil {
		return err
	}
	if file.twice && d.bad == nil {
		d.bad = errors.New("reading a compound file: two streams have one name")
	}
	if !d.known {
		return stop{UnknownType}
	}
	return d.bad
}

// installs tells the files of Windows Installer: packages, patches, transforms.
func installs(class string) bool {
	switch strings.ToUpper(strings.Trim(class, "{}")) {
	case "000C1082-0000-0000-C000-000000000046", "000C1084-0000-0000-C000-000000000046", "000C1086-0000-0000-C000-000000000046":
		return true
	}
	return false
}

// oleReader reads the storages of one file.
type oleReader struct {
	out   out
	known bool  // some storage was one that it can read
	bad   error // the first damage; the rest is read all the same
}

// damage notes what could not be read and lets the rest be read; a limit ends the reading.
func (d *oleReader) damage(what string, err error) error {
	if err == nil {
		return nil
	}
	if s, ok := err.(stop); ok {
		return s
	}
	if d.bad == nil {
		d.bad = fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

// storageReaders are the kinds of storages, told by a stream that each has.
func (d *oleReader) storageReaders() []struct {
	stream string
	read   func(s storage, depth int) error
} {
	return []struct {
		stream string
		read   func(s storage, depth int) error
	}{
		{"EncryptedPackage", d.encrypted},
		{"\x06DataSpaces", d.encrypted},
		{"WordDocument", func(s storage, _ int) error { return d.word(s) }},
		{"Workbook", func(s storage, _ int) error { return d.excel(s, "Workbook") }},
		{"Book", func(s storage, _ int) error { return d.excel(s, "Book") }},
		{"PowerPoint Document", func(s storage, _ int) error { return d.powerPoint(s) }},
		{"__properties_version1.0", d.outlook},
		{"\x01Ole10Native", func(s storage, _ int) error { return d.native(s) }},
		{"Package", func(s storage, _ int) error { return d.whole(s, "Package") }},
		{"CONTENTS", func(s storage, _ int) error { return d.whole(s, "CONTENTS") }},
		{"_VBA_PROJECT", func(s storage, _ int) error { return d.vba(s) }},
		{"\x05SummaryInformation", func(s storage, _ int) error { return d.summary(s, "\x05SummaryInformation") }},
		{"\x05DocumentSummaryInformation", func(s storage, _ int) error { return d.summary(s, "\x05DocumentSummaryInformation") }},
	}
}

// read reads a storage and those in it.
func (d *oleReader) read(s storage, depth int) error {
	if depth > maxOLEDepth {
		return stop{message.TooDeep}
	}
	mail := false
	for _, kind := range d.storageReaders() {
		if !s.has(kind.stream) {
			continue
		}
		if !strings.HasPrefix(kind.stream, "\x05") {
			d.known = true
		}
		mail = mail || kind.stream == "__properties_version1.0"
		if err := d.damage(kind.stream, kind.read(s, depth)); err != nil {
			return err
		}
	}
	if mail {
		return nil // it reads its own storages
	}
	for _, inner := range s.storages() {
		if err := d.read(inner, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// encrypted answers for a document that a password protects ([MS-OFFCRYPTO] 2.3).
func (d *oleReader) encrypted(storage, int) error {
	d.out.fact(EncryptedFile)
	return stop{Encrypted}
}

// whole passes on a stream that is a file.
func (d *oleReader) whole(s storage, name string) error {
	b, err := s.stream(name)
	if err != nil {
		return d.out.member(nil, failed{err})
	}
	return d.out.member(nil, bytes.NewReader(b))
}
