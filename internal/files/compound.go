// Package files makes files in formats that no Go library writes, from the published formats, for tests.
package files

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

const (
	cfbNone = 0xffffffff
	cfbEnd  = 0xfffffffe
	cfbFAT  = 0xfffffffd
)

// Compound makes a compound file ([MS-CFB]) of streams, in storages that "/" parts off. Names in a storage stand in
// each other's right, which every reader takes.
func Compound(streams map[string]string) string {
	c := newCompoundMaker()
	c.storage(0, "", streams)
	return c.file()
}

// compoundMaker makes compound files with sectors of 512 octets.
type compoundMaker struct {
	entries [][]byte
	data    []byte   // sectors behind the table's
	fat     []uint32 // of those
	long    []int    // entries with sectors of their own

	short      []byte // sectors of 64 octets, of streams under 4096
	shortFAT   []uint32
	shortTable uint32
}

func newCompoundMaker() *compoundMaker {
	m := &compoundMaker{}
	m.entry("Root Entry", 5)
	return m
}

func (m *compoundMaker) entry(name string, kind byte) int {
	e := make([]byte, 128)
	units := utf16.Encode([]rune(name))
	for i, u := range units {
		binary.LittleEndian.PutUint16(e[2*i:], u)
	}
	binary.LittleEndian.PutUint16(e[64:], uint16(2*len(units)+2))
	e[66], e[67] = kind, 1
	for _, at := range []int{68, 72, 76} {
		binary.LittleEndian.PutUint32(e[at:], cfbNone)
	}
	binary.LittleEndian.PutUint32(e[116:], cfbEnd)
	m.entries = append(m.entries, e)
	return len(m.entries) - 1
}

// chain appends content in sectors of its own and returns the first.
func (m *compoundMaker) chain(b []byte) uint32 {
	first := len(m.fat)
	for at := 0; at < len(b); at += 512 {
		sector := make([]byte, 512)
		copy(sector, b[at:])
		m.data = append(m.data, sector...)
		m.fat = append(m.fat, uint32(len(m.fat)+1))
	}
	m.fat[len(m.fat)-1] = cfbEnd
	return uint32(first)
}

// shortChain is chain for short streams.
func (m *compoundMaker) shortChain(b []byte) uint32 {
	first := len(m.shortFAT)
	for at := 0; at < len(b); at += 64 {
		sector := make([]byte, 64)
		copy(sector, b[at:])
		m.short = append(m.short, sector...)
		m.shortFAT = append(m.shortFAT, uint32(len(m.shortFAT)+1))
	}
	m.shortFAT[len(m.shortFAT)-1] = cfbEnd
	return uint32(first)
}

// storage makes the entries of one storage.
func (m *compoundMaker) storage(parent int, prefix string, streams map[string]string) {
	last := -1
	link := func(entry int) {
		if last < 0 {
			binary.LittleEndian.PutUint32(m.entries[parent][76:], uint32(entry))
		} else {
			binary.LittleEndian.PutUint32(m.entries[last][72:], uint32(entry))
		}
		last = entry
	}
	seen := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(streams)) {
		rest, ok := strings.CutPrefix(path, prefix)
		name, _, deeper := strings.Cut(rest, "/")
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		if deeper {
			e := m.entry(name, 1)
			link(e)
			m.storage(e, prefix+name+"/", streams)
			continue
		}
		e := m.entry(name, 2)
		link(e)
		content := []byte(streams[path])
		binary.LittleEndian.PutUint64(m.entries[e][120:], uint64(len(content)))
		if len(content) >= 4096 {
			binary.LittleEndian.PutUint32(m.entries[e][116:], m.chain(content))
			m.long = append(m.long, e)
		} else if len(content) > 0 {
			binary.LittleEndian.PutUint32(m.entries[e][116:], m.shortChain(content))
		}
	}
}

func (m *compoundMaker) file() string {
	root := m.entries[0]
	if len(m.short) > 0 {
		binary.LittleEndian.PutUint32(root[116:], m.chain(m.short))
		binary.LittleEndian.PutUint64(root[120:], uint64(len(m.short)))
		m.long = append(m.long, 0)
		var table []byte
		for _, next := range m.shortFAT {
			table = binary.LittleEndian.AppendUint32(table, next)
		}
		m.shortTable = m.chain(append(table, bytes.Repeat([]byte{0xff}, (512-len(table)%512)%512)...))
	}
	tables := 1
	for used := len(m.fat) + len(m.entries)/4 + 1; tables*128 < used+tables; {
		tables++
	}
	for _, e := range m.long { // streams begin behind the table of sectors
		at := m.entries[e][116:]
		binary.LittleEndian.PutUint32(at, binary.LittleEndian.Uint32(at)+uint32(tables))
	}
	directory := m.chain(slices.Concat(append(m.entries, make([]byte, 128))...))
	head := make([]byte, 512)
	copy(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	put := func(at int, v uint32) { binary.LittleEndian.PutUint32(head[at:], v) }
	put(24, 0x0003003e)
	put(28, 0x0009fffe)
	put(32, 6)
	put(44, uint32(tables))
	put(48, directory+uint32(tables))
	put(56, 4096)
	put(60, cfbEnd)
	if len(m.short) > 0 {
		put(60, m.shortTable+uint32(tables))
		put(64, uint32((len(m.shortFAT)+127)/128))
	}
	put(68, cfbEnd)
	for i := range 109 {
		put(76+4*i, cfbNone)
		if i < tables {
			put(76+4*i, uint32(i))
		}
	}
	table := make([]byte, 512*tables)
	for i := range table {
		table[i] = 0xff
	}
	for i := range tables {
		binary.LittleEndian.PutUint32(table[4*i:], cfbFAT)
	}
	for i, next := range m.fat {
		if next != cfbEnd {
			next += uint32(tables)
		}
		binary.LittleEndian.PutUint32(table[4*(tables+i):], next)
	}
	return string(head) + string(table) + string(m.data)
}
