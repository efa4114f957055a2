package marking_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"congthu/filter/message"
	"congthu/rules/marking"
)

// batchItem is a labelled text of testdata/batch-*.jsonl, in the form that make evaluate reads. The batches were written for
// these tests, each before anybody looked at what the detector says of it; docs/marking.md has the figures of that first look.
type batchItem struct {
	ID    string        `json:"id"`
	Level marking.Level `json:"level"`
	Where string        `json:"where"`
	Text  string        `json:"text"`
	Note  string        `json:"note"`
}

// knownMisses are the texts that are not told as a careful reader tells them, with the reason.
func knownMisses() map[string]string {
	return map[string]string{
		"B087": "mật vụ is a word, and a file name has nothing that says that it is none",
		"B108": "letters without diacritics in a text that has them",
		"B121": "the name of a poem before a dash is written like a tag",
		"B191": "an advertisement that is written like a tag",
		"D031": "a code behind the level",
		"D091": "without diacritics a noun must stand directly before the level",
		"E111": "a joke that is written like a tag",
		"E164": "a banner's word that goes on in the next line",
		"G001": "a comma behind a level with one capital is no sign of a tag",
		"G013": "a question",
		"G092": "in small letters behind a sign in a file name",
		"G101": "a foreign banner with its letters spaced out",
		"G164": "an advertisement that is written like a banner",
		"H077": "gồm lists kinds of documents in rules",
		"I061": "loại is what goods are called too",
		"O055": "letters of two levels, one a cell, in small letters and in capitals",
		"O158": "a dish that is named so on the first line",
		"K057": "without diacritics a noun with a level must end the name",
	}
}

func readBatch(t *testing.T, path string) []batchItem {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []batchItem
	s := bufio.NewScanner(f)
	for s.Scan() {
		var i batchItem
		if err := json.Unmarshal(s.Bytes(), &i); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, i)
	}
	if err := s.Err(); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return out
}

// octets are the text as it travels: texts in old charsets are written as the Latin-1 view of their octets.
func (i batchItem) octets() string {
	if i.Where == "subject" && strings.HasPrefix(i.Text, "=?") {
		return message.DecodeText(i.Text)
	}
	if !strings.Contains(i.Note, "Latin-1") {
		return i.Text
	}
	var b strings.Builder
	for _, r := range i.Text {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func TestBatches(t *testing.T) {
	files, err := filepath.Glob("testdata/batch-*.jsonl")
	if err != nil || len(files) < 16 {
		t.Fatalf("%d batches: %v", len(files), err)
	}
	d := newDetector(t, marking.Own{})
	known := knownMisses()
	for _, path := range files {
		list := readBatch(t, path)
		marked, hits, false := 0, 0, 0
		for _, i := range list {
			got := found(d, kindOf(t, i.Where), i.octets())
			right := got.Score < marking.Medium
			if i.Level != marking.None {
				marked++
				right = !right && got.Level == i.Level
			}
			switch {
			case i.Level == marking.None && !right:
				false++
			case i.Level != marking.None && right:
				hits++
			}
			if _, is := known[i.ID]; right == is {
				t.Errorf("%s: %q: %+v, want %q (known: %q)", i.ID, i.Text, got, i.Level, known[i.ID])
			}
		}
		t.Logf("%s: %d of %d found, %d false of %d", path, hits, marked, false, len(list)-marked)
		if len(list) < 60 || float64(hits) < 0.95*float64(marked) || false > len(list)/50 {
			t.Errorf("%s: %d texts, %d of %d marked found, %d false", path, len(list), hits, marked, false)
		}
	}
}
