package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"congthu/filter/message"
	"congthu/internal/files"
	"congthu/internal/peer"
)

// outlookOf is a message that Outlook saved, with one file in it.
func outlookOf(name string, file []byte) []byte {
	return []byte(files.Outlook("Gui tai lieu hop", "Kinh gui anh chi.\r\n", files.Attachment{Name: name, Content: file}))
}

// Another program reads what the tests make: it gives the text and the file back as they were.
func TestOutlookIsRead(t *testing.T) {
	program, err := exec.LookPath("msgconvert")
	peer.Need(t, err == nil, "the program msgconvert (Debian package libemail-outlook-message-perl)")
	file := pageFiles(t, "marked")["docx"]
	dir := t.TempDir()
	path := filepath.Join(dir, "a.msg")
	if err := os.WriteFile(path, outlookOf("tep.docx", file), 0o600); err != nil {
		t.Fatal(err)
	}
	mail := filepath.Join(dir, "a.eml")
	if out, err := exec.Command(program, "--outfile", mail, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(mail)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Read(bytes.NewReader(raw), int64(len(raw)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	same := false
	for p := range m.Leaves() {
		content, err := io.ReadAll(p.Open())
		if err != nil {
			t.Fatal(err)
		}
		same = same || p.Name == "tep.docx" && bytes.Equal(content, file)
	}
	if subject := m.Header.Text("Subject"); !same || len(subject) != 1 || subject[0] != "Gui tai lieu hop" {
		t.Errorf("the file is there: %v; subject %q", same, subject)
	}
}
