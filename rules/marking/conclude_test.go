package marking_test

import (
	"math"
	"slices"
	"testing"

	"congthu/rules/marking"
	"congthu/rules/pack"
)

func TestConclude(t *testing.T) {
	cell := marking.Evidence{Class: marking.Cell, Level: marking.Mat, Score: 0.90}
	field := marking.Evidence{Class: marking.Field, Level: marking.Mat, Score: 0.95}
	low := marking.Evidence{Class: marking.Prose, Level: marking.Mat, Score: 0.20}
	higher := marking.Evidence{Class: marking.Prose, Level: marking.TuyetMat, Score: 0.65}
	faint := marking.Evidence{Class: marking.Cell, Level: marking.TuyetMat, Score: 0.40}
	foreign := marking.Evidence{Class: marking.Banner, Level: marking.Other, Score: 0.80, Hold: true}
	portion := marking.Evidence{Class: marking.Portion, Level: marking.Other, Score: 0.80, Hold: true}
	for _, test := range []struct {
		name string
		all  []marking.Evidence
		want marking.Conclusion
	}{
		{"nothing", nil, marking.Conclusion{}},
		{"one", []marking.Evidence{cell}, marking.Conclusion{Class: marking.Cell, Level: marking.Mat, Score: 0.90}},
		{"a second class adds", []marking.Evidence{cell, field}, marking.Conclusion{Class: marking.Field, Level: marking.Mat, Score: 0.99}},
		{"what is too faint does not", []marking.Evidence{cell, low}, marking.Conclusion{Class: marking.Cell, Level: marking.Mat, Score: 0.90}},
		{"a higher level takes over", []marking.Evidence{cell, higher}, marking.Conclusion{Class: marking.Cell, Level: marking.TuyetMat, Score: 0.95}},
		{"not when it is faint", []marking.Evidence{field, faint}, marking.Conclusion{Class: marking.Field, Level: marking.Mat, Score: 0.99}},
		{"holding is never more", []marking.Evidence{foreign, portion}, marking.Conclusion{Class: marking.Banner, Level: marking.Other, Score: 0.80, Hold: true}},
		{"beside a level it adds", []marking.Evidence{foreign, cell}, marking.Conclusion{Class: marking.Cell, Level: marking.Mat, Score: 0.95}},
		{"a level below it lets it be more", []marking.Evidence{foreign, higher}, marking.Conclusion{Class: marking.Banner, Level: marking.TuyetMat, Score: 0.85}},
	} {
		for range 2 {
			got := marking.Conclude(test.all)
			if math.Abs(got.Score-test.want.Score) > 1e-9 {
				t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
			}
			got.Score = test.want.Score
			if got != test.want {
				t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
			}
			slices.Reverse(test.all)
		}
	}
}

func TestLabels(t *testing.T) {
	const guid = "MSIP_Label_0f1e2d3c-1111-4a4a-8b8b-223344556677"
	own := marking.Own{Labels: []pack.LabelLevel{{Name: "0f1e2d3c-1111-4a4a-8b8b-223344556677", Level: "TUYET_MAT"}, {Name: "Nhạy cảm", Level: "MAT"},
		{Name: "Secret Garden"}}}
	plain, mapped := newDetector(t, marking.Own{}), newDetector(t, own)
	for _, test := range []struct {
		d           *marking.Detector
		name, value string
		level       marking.Level
	}{
		{plain, "SIO-Label", `marking="TỐI MẬT"; fgcolor=red; bgcolor=white`, marking.ToiMat},
		{plain, "SIO-Label", `marking="UNCLASSIFIED"; type=":x"`, marking.None},
		{plain, "SIO-Label", `marking="NATO SECRET"; type=":x"`, marking.Other},
		{plain, "SIO-Label", `fgcolor="MẬT"; marking="Public"`, marking.None},
		{plain, "msip_labels", guid + "_Enabled=true; " + guid + "_Name=Mat; " + guid + "_SiteId=1", marking.Mat},
		{plain, "msip_labels", guid + "_Name=Mat - Bi mat nha nuoc", marking.Mat},
		{plain, "msip_labels", guid + "_Name=General", marking.None},
		{plain, "msip_labels", guid + "_Name=Noi bo", marking.None},
		{plain, "msip_labels", guid + "_Name=Bao mat", marking.None},
		{plain, "X-Protective-Marking", "VER=2018.6, NS=gov.au, SEC=SECRET", marking.Other},
		{plain, "X-Protective-Marking", "[SEC=UNCLASSIFIED]", marking.None},
		{plain, "Sensitivity", "Company-Confidential", marking.None},
		{plain, "Sensitivity", "Personal", marking.None},
		{plain, "X-Classification", "Tuyệt mật", marking.TuyetMat},
		{mapped, "msip_labels", guid + "_Enabled=true; " + guid + "_Name=Cap 1", marking.TuyetMat},
		{mapped, "X-Label", "NHẠY CẢM", marking.Mat},
		{mapped, "X-Label", "secret garden", marking.None},
	} {
		got := marking.Conclude(test.d.Find(marking.Text{Kind: marking.Label, Name: test.name, Readings: []string{test.value}}))
		if got.Level != test.level || test.level != marking.None && got.Score < marking.High {
			t.Errorf("%s: %s: %+v, want %s", test.name, test.value, got, test.level)
		}
	}
	keyword := marking.Conclude(plain.Find(marking.Text{Kind: marking.Property, Name: "Keywords", Readings: []string{"Mật"}}))
	if keyword.Level != marking.Mat || keyword.Score != 0.80 {
		t.Errorf("a keyword: %+v", keyword)
	}
	if got := plain.Find(marking.Text{Kind: marking.Property, Name: "Keywords", Readings: []string{"mật độ, dân số"}}); len(got) > 0 {
		t.Errorf("an innocent keyword: %+v", got)
	}
}

// ESS security labels (RFC 2634 section 3.2).
func TestClassified(t *testing.T) {
	for n, marked := range map[int]bool{0: false, 1: false, 2: true, 5: true} {
		if got := marking.Classified(n); (len(got) > 0) != marked {
			t.Errorf("classification %d: %+v", n, got)
		}
	}
}

// An organisation's own markings are found wherever those of the pack are.
func TestOwnMarkings(t *testing.T) {
	d := newDetector(t, marking.Own{Names: []pack.Level{{Name: "hạn chế", Level: "OTHER"}, {Name: "độc quyền nội bộ", Level: "MAT"}}})
	for _, test := range []struct {
		kind  marking.Kind
		text  string
		level marking.Level
	}{
		{marking.Body, "HẠN CHẾ\nKính gửi", marking.Other},
		{marking.Subject, "[Hạn chế] Báo cáo", marking.Other},
		{marking.Body, "Độ mật: Hạn chế", marking.Other},
		{marking.Subject, "ĐỘC QUYỀN NỘI BỘ - họp", marking.Mat},
		{marking.Subject, "[MẬT] họp", marking.Mat},
	} {
		if got := found(d, test.kind, test.text); got.Level != test.level || got.Score < marking.High {
			t.Errorf("%q: %+v, want %s", test.text, got, test.level)
		}
	}
	if got := found(d, marking.Body, "Cần hạn chế in ấn."); got.Score >= marking.Low {
		t.Errorf("a sentence: %+v", got)
	}
}

func TestNewRefuses(t *testing.T) {
	p, err := pack.BuiltInSecrecy("")
	if err != nil {
		t.Fatal(err)
	}
	for name, own := range map[string]marking.Own{
		"no level":        {Names: []pack.Level{{Name: "kín", Level: "SECRET"}}},
		"capitals":        {Names: []pack.Level{{Name: "KÍN", Level: "MAT"}}},
		"no letters":      {Names: []pack.Level{{Name: "12", Level: "MAT"}}},
		"an empty label":  {Labels: []pack.LabelLevel{{Name: " ", Level: "MAT"}}},
		"a label's level": {Labels: []pack.LabelLevel{{Name: "abc", Level: "kín"}}},
		"too many":        {Names: make([]pack.Level, 201)},
		"too many labels": {Labels: make([]pack.LabelLevel, 201)},
	} {
		if _, err := marking.New(p, own); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The ESS security label (RFC 2634 section 3.2): the organisation's word first, then the privacy mark and the classification.
func TestSecurityLabel(t *testing.T) {
	own := marking.Own{Labels: []pack.LabelLevel{{Name: "1.2.704.9.1/4", Level: "TOI_MAT"}, {Name: "1.2.704.9.1", Level: "MAT"}, {Name: "1.2.704.9.2"}}}
	plain, mapped := newDetector(t, marking.Own{}), newDetector(t, own)
	for _, test := range []struct {
		d     *marking.Detector
		label marking.SecurityLabel
		level marking.Level
	}{
		{plain, marking.SecurityLabel{Policy: "1.2.704.9.1", Classification: 4}, marking.Other},
		{plain, marking.SecurityLabel{Policy: "1.2.704.9.1", Classification: 1}, marking.None},
		{plain, marking.SecurityLabel{Policy: "1.2.704.9.1", Classification: -1}, marking.None},
		{plain, marking.SecurityLabel{Policy: "1.2.704.9.1", Classification: 200}, marking.Other},
		{plain, marking.SecurityLabel{Policy: "1.2.704.9.1", Classification: 0, PrivacyMark: "MẬT"}, marking.Mat},
		{plain, marking.SecurityLabel{Policy: "1.2.704.9.1", Classification: 4, PrivacyMark: "Tối mật; không sao chụp"}, marking.ToiMat},
		{plain, marking.SecurityLabel{Policy: "1.2.704.9.1", PrivacyMark: "Company Confidential"}, marking.None},
		{plain, marking.SecurityLabel{Policy: "1.2.704.9.1", PrivacyMark: "bảo mật"}, marking.None},
		{mapped, marking.SecurityLabel{Policy: "1.2.704.9.1", Classification: 4}, marking.ToiMat},
		{mapped, marking.SecurityLabel{Policy: "1.2.704.9.1", Classification: 1}, marking.Mat},
		{mapped, marking.SecurityLabel{Policy: "1.2.704.9.2", Classification: 5}, marking.None},
		{mapped, marking.SecurityLabel{Policy: "1.2.704.9.11", Classification: 0}, marking.None},
		{mapped, marking.SecurityLabel{Policy: "1.2.704.9.11", Classification: 3}, marking.Other},
	} {
		got := marking.Conclude(test.d.SecurityLabel(test.label))
		if got.Level != test.level || test.level != marking.None && got.Score < marking.High {
			t.Errorf("%+v: %+v, want %s", test.label, got, test.level)
		}
	}
}
