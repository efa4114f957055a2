package deploy

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// wordDocument is a .docx with these paragraphs (ECMA-376 part 1, section 11.3.10).
func wordDocument(t *testing.T, paragraphs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	text := ""
	for _, p := range paragraphs {
		text += "<w:p><w:r><w:t>" + p + "</w:t></w:r></w:p>"
	}
	for _, f := range [][2]string{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + text + `</w:body></w:document>`},
	} {
		w, err := z.Create(f[0])
		must(t, err)
		_, err = w.Write([]byte(f[1]))
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// withDocument is a letter that only says something in its document.
func withDocument(key, name string, document []byte) letter {
	coded := base64.StdEncoding.EncodeToString(document)
	var lines strings.Builder
	for len(coded) > 0 {
		n := min(76, len(coded))
		lines.WriteString(coded[:n] + "\r\n")
		coded = coded[n:]
	}
	return letter{key: key, subject: "Gui tai lieu hop", fields: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_tai-lieu\"\r\n",
		body: "--=_tai-lieu\r\nContent-Type: text/plain\r\n\r\nKinh gui anh chi.\r\n--=_tai-lieu\r\nContent-Type: application/octet-stream; name=\"" + name +
			"\"\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines.String() + "--=_tai-lieu--\r\n"}
}

// TestMarkedDocument: through a real Postfix, at both doors, a stamp in a document is refused with its clause within a
// second, its clean twin passes as it was sent, and nothing of the document is left anywhere.
func TestMarkedDocument(t *testing.T) {
	paper := func(stamp string, n int) []byte {
		return wordDocument(t, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", fmt.Sprintf("Số: %d/BC-VĐĐ", 12+n), stamp, "BÁO CÁO", "Mật độ trạm đo là 3 trạm. "+secret+"-trong-tep")
	}
	for name, kind := range map[string]string{"milter": milterTCP, "relay": proxyFilter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := hookup{start: postfixRoad(kind)}
			r := h.begin(t)
			o := newOffice(t, r.gate, r.sink.Addr, "", "lan")
			client, err := r.dial(inside)
			must(t, err)
			var took []time.Duration
			for n := range 5 { // the last two times the hash is known
				for _, which := range []string{"marked", "clean"} {
					stamp, code := "TUYỆT MẬT", 550
					if which == "clean" {
						stamp, code = "V/v bảo mật số liệu", 250
					}
					start := time.Now()
					a := sendOn(t, client, withDocument(fmt.Sprintf("%s-%d", which, n), secret+"-ten-tep.docx", paper(stamp, min(n, 2))).mail())
					if a.Last().Code != code || code == 550 && !strings.Contains(a.Last().String(), "5.7.1 [10.1]") {
						t.Errorf("the %s document, time %d, is answered %s", which, n+1, a.Last())
					}
					if code == 550 {
						took = append(took, time.Since(start))
					}
				}
			}
			slices.Sort(took)
			if median := took[len(took)/2]; median > time.Second && !peer.Race() {
				t.Errorf("a marked document is refused in %s, want a second at most", median)
			}
			must(t, client.Quit())
			must(t, r.mta.WaitEmpty(patience))
			if n := len(r.sink.ByKey("marked-0")); n != 0 {
				t.Errorf("the marked document was delivered %d times", n)
			}
			if n := len(r.sink.ByKey("clean-0")); n != 1 {
				t.Errorf("the clean document was delivered %d times", n)
			}
			o.marked(t)
			must(t, r.gate.Stop())
			must(t, r.gate.Start())
			look(t, o.gate.Dir)
			if s := o.gate.Output(); told(s) {
				t.Errorf("the gate's log tells it:\n%s", tail(s))
			}
		})
	}
}
