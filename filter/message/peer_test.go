package message

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	"github.com/google/go-cmp/cmp"
)

// TestAgreesWithGoMessage compares the trees and the decoded octets of ordinary mail with those of
// an independent reader.
func TestAgreesWithGoMessage(t *testing.T) {
	files, err := filepath.Glob("testdata/read/[01]*.eml")
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]string{"small mail": smallMail(), "large mail": largeMail(1_000_000)}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		samples[filepath.Base(file)] = crlf(string(raw))
	}
	for name, raw := range samples {
		if strings.HasPrefix(name, "02") || strings.HasPrefix(name, "03") || strings.HasPrefix(name, "08") {
			continue // go-message wants a header with an end, and does not know multipart/digest
		}
		t.Run(name, func(t *testing.T) {
			e, err := gomessage.Read(strings.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			var want, got strings.Builder
			peerTree(t, e, "", &want)
			ownTree(t, read(t, raw).Root, "", &got)
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Errorf("trees (-go-message +ours):\n%s", diff)
			}
		})
	}
}

func peerTree(t *testing.T, e *gomessage.Entity, indent string, b *strings.Builder) {
	t.Helper()
	mediaType, _, err := e.Header.ContentType()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(b, "%s%s", indent, mediaType)
	if mr := e.MultipartReader(); mr != nil {
		b.WriteByte('\n')
		for {
			child, err := mr.NextPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			peerTree(t, child, indent+"  ", b)
		}
	}
	if mediaType == "message/rfc822" {
		inner, err := gomessage.Read(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
		peerTree(t, inner, indent+"  ", b)
		return
	}
	body, err := io.ReadAll(e.Body) // text is decoded from its charset, which is UTF-8 in the samples
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(b, " %q\n", body)
}

func ownTree(t *testing.T, p *Part, indent string, b *strings.Builder) {
	t.Helper()
	fmt.Fprintf(b, "%s%s", indent, p.MediaType)
	if p.Leaf() {
		body, err := io.ReadAll(p.Open())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(b, " %q", body)
	}
	b.WriteByte('\n')
	for _, c := range p.Children {
		ownTree(t, c, indent+"  ", b)
	}
	if len(p.Readings) > 0 {
		t.Errorf("part %q of ordinary mail is read more than one way", p.ID)
	}
}
