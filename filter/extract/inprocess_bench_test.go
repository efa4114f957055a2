package extract

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"congthu/filter/message"
)

// bigDocument is a document of 5 MB: a long text in runs, as Word writes them, and nothing else.
func bigDocument(b *testing.B) []byte {
	words := strings.Fields("thông báo họp giao ban các đơn vị trực thuộc về việc quan trắc môi trường nước mặt và không khí tại các trạm đo ở miền núi")
	random := rand.New(rand.NewPCG(1, 2))
	var body strings.Builder
	for body.Len() < 24<<20 {
		body.WriteString(`<w:p w:rsidR="00A77B3E" w:rsidRDefault="00A77B3E"><w:pPr><w:pStyle w:val="Normal"/><w:spacing w:after="120"/></w:pPr>`)
		for range 8 {
			fmt.Fprintf(&body, `<w:r w:rsidRPr="%08X"><w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman"/><w:sz w:val="28"/></w:rPr><w:t xml:space="preserve">`, random.Uint32())
			for range 12 {
				body.WriteString(words[random.IntN(len(words))] + " ")
			}
			body.WriteString(`</w:t></w:r>`)
		}
		body.WriteString(`</w:p>`)
	}
	return docx(b, body.String())
}

// BenchmarkDocument reads a document and, beside it, only unzips it: the ratio of the two is what reading costs.
func BenchmarkDocument(b *testing.B) {
	file := bigDocument(b)
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			if err := readAs(b, "zip", file); err != nil && err.Error() != (stop{message.TooBig}).Error() {
				b.Fatal(err)
			}
		}
	})
	b.Run("unzip", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				b.Fatal(err)
			}
			for _, f := range z.File {
				r, err := f.Open()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		}
	})
}
