package files

import (
	"encoding/binary"
	"fmt"
	"unicode/utf16"
)

// Types of properties ([MS-OXCDATA] 2.11.1).
const (
	ptInteger32 = 0x0003
	ptString    = 0x001f
	ptBinary    = 0x0102
)

// Attachment is a file that a message carries.
type Attachment struct {
	Name    string
	Content []byte
}

// Outlook makes a message as Outlook saves it ([MS-OXMSG]): its properties in streams, each attachment in a storage of
// its own.
func Outlook(subject, body string, attachments ...Attachment) string {
	streams := map[string]string{}
	for _, name := range []string{"00020102", "00030102", "00040102"} { // 2.2.3: the mapping of named properties, here none
		streams["__nameid_version1.0/__substg1.0_"+name] = ""
	}
	header := make([]byte, 32) // 2.4.1.1
	binary.LittleEndian.PutUint32(header[12:], uint32(len(attachments)))
	binary.LittleEndian.PutUint32(header[20:], uint32(len(attachments)))
	m := properties{streams: streams, table: header}
	m.text(0x001a, "IPM.Note")
	m.text(0x0037, subject)
	m.text(0x0c1a, "Nguyen Van An")
	m.text(0x0c1f, "nvan@monre.gov.vn")
	m.text(0x1000, body)
	m.number(0x340d, 0x00040000) // PidTagStoreSupportMask: strings are Unicode
	m.end()
	for i, a := range attachments {
		p := properties{streams: streams, storage: fmt.Sprintf("__attach_version1.0_#%08X/", i), table: make([]byte, 8)}
		p.binary(0x3701, a.Content)
		p.text(0x3704, a.Name)
		p.number(0x3705, 1) // PidTagAttachMethod: the content is here
		p.text(0x3707, a.Name)
		p.number(0x0e21, uint32(i))
		p.end()
	}
	return Compound(streams)
}

// properties writes those of one object ([MS-OXMSG] 2.4).
type properties struct {
	streams map[string]string
	storage string // with "/" at its end; "" for the message
	table   []byte
}

func (p *properties) entry(id, kind uint16, value uint32) {
	p.table = binary.LittleEndian.AppendUint32(p.table, uint32(id)<<16|uint32(kind))
	p.table = binary.LittleEndian.AppendUint32(p.table, 6) // may be read and written
	p.table = binary.LittleEndian.AppendUint64(p.table, uint64(value))
}

func (p *properties) number(id uint16, v uint32) { p.entry(id, ptInteger32, v) }

func (p *properties) text(id uint16, s string) {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	p.entry(id, ptString, uint32(len(b)+2)) // 2.4.2.2: with a terminator that the stream has not
	p.streams[fmt.Sprintf("%s__substg1.0_%04X%04X", p.storage, id, ptString)] = string(b)
}

func (p *properties) binary(id uint16, b []byte) {
	p.entry(id, ptBinary, uint32(len(b)))
	p.streams[fmt.Sprintf("%s__substg1.0_%04X%04X", p.storage, id, ptBinary)] = string(b)
}

func (p *properties) end() { p.streams[p.storage+"__properties_version1.0"] = string(p.table) }
