package notice

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"congthu/filter"
)

// The operators' page shows what is true: its template loads and works, its alert is the one that is sent, its kinds and
// fields are those that there are.
func TestDocument(t *testing.T) {
	b, err := os.ReadFile("../../docs/notices.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	for _, k := range Kinds() {
		if !strings.Contains(doc, "`"+string(k)+"`") {
			t.Errorf("%s is not in the document", k)
		}
	}
	example := regexp.MustCompile("(?s)```template held-sender.txt\n(.*?)```").FindStringSubmatch(doc)
	if example == nil {
		t.Fatal("no example of a template")
	}
	all, err := LoadTemplates(folder(t, map[string]string{"held-sender.txt": example[1]}), nil, Words{Contact: "phòng ATTT"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := all.Render(samples(HeldSender)[0])
	if err != nil || r.Failed != nil || !strings.Contains(r.Text, "Quy tắc subject, khoản 3 Điều 9.") || !strings.HasSuffix(r.Text, "Liên hệ: phòng ATTT\n") {
		t.Errorf("%q %v %v", r.Text, r.Failed, err)
	}
	for _, m := range regexp.MustCompile("`\\.(\\w+)`").FindAllStringSubmatch(doc, -1) {
		known := false
		for _, of := range []any{Data{}, ItemData{}, ReasonData{}, filter.Text{}} {
			_, has := reflect.TypeOf(of).FieldByName(m[1])
			known = known || has
		}
		if !known {
			t.Errorf("there is no field .%s", m[1])
		}
	}
	alert := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(doc)
	got, err := report{Alert: marking(""), gate: "gate1", first: noon, last: noon, count: 1, ids: []string{"01JDEXAMPLE000000000000000"}, lasts: time.Minute}.plain()
	var indented bytes.Buffer
	if err != nil || json.Indent(&indented, got, "", "  ") != nil || alert == nil || indented.String()+"\n" != alert[1] {
		t.Errorf("an alert is %s, %v", indented.String(), err)
	}
}
