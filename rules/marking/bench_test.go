package marking_test

import (
	"strings"
	"testing"

	"congthu/rules/marking"
)

// BenchmarkSubject looks at an ordinary subject, which is always looked at closely.
func BenchmarkSubject(b *testing.B) {
	d := newDetector(b, marking.Own{})
	t := marking.Text{Kind: marking.Subject, Readings: []string{"V/v báo cáo tình hình thực hiện nhiệm vụ quý III và kế hoạch công tác quý IV"}}
	b.ReportAllocs()
	for b.Loop() {
		d.Find(t)
	}
}

// BenchmarkLetter looks at four kilobytes without a marking.
func BenchmarkLetter(b *testing.B) {
	d := newDetector(b, marking.Own{})
	letter := strings.Repeat("Kính gửi các đơn vị trực thuộc Bộ, đề nghị báo cáo tình hình thực hiện nhiệm vụ quý III.\n", 36)
	t := marking.Text{Kind: marking.Body, Readings: []string{letter}}
	b.SetBytes(int64(len(letter)))
	b.ReportAllocs()
	for b.Loop() {
		d.Find(t)
	}
}
