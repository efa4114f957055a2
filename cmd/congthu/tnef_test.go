package main

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// Attributes of TNEF (MS-OXTNEF 2.1.3.2).
const (
	tnefSignature    = 0x223E9F78
	tnefVersion      = 0x00089006
	tnefMessageClass = 0x00078008
	tnefRendering    = 0x00069002
	tnefTitle        = 0x00018010
	tnefData         = 0x0006800F
)

// tnefOf is a winmail.dat with one file in it.
func tnefOf(name string, file []byte) []byte {
	var b bytes.Buffer
	b.Write(binary.LittleEndian.AppendUint32(nil, tnefSignature))
	b.Write([]byte{1, 0}) // the key of attachments
	attribute := func(level byte, id uint32, data []byte) {
		b.WriteByte(level)
		b.Write(binary.LittleEndian.AppendUint32(nil, id))
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(data))))
		b.Write(data)
		sum := uint16(0)
		for _, c := range data {
			sum += uint16(c)
		}
		b.Write(binary.LittleEndian.AppendUint16(nil, sum))
	}
	attribute(1, tnefVersion, []byte{0, 0, 1, 0})
	attribute(1, tnefMessageClass, []byte("IPM.Microsoft Mail.Note\x00"))
	attribute(2, tnefRendering, []byte{1, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 0x20, 0, 0, 0, 0, 0})
	attribute(2, tnefTitle, append([]byte(name), 0))
	attribute(2, tnefData, file)
	return b.Bytes()
}

// Another program reads what the tests pack.
func TestTNEFIsRead(t *testing.T) {
	program, err := exec.LookPath("tnef")
	peer.Need(t, err == nil, "the program tnef (Debian package tnef)")
	cmd := exec.Command(program, "--list")
	cmd.Stdin = bytes.NewReader(tnefOf("tep.docx", []byte("noi dung")))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "tep.docx") {
		t.Errorf("%v: %s", err, out)
	}
}
