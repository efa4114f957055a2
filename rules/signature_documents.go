package rules

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/signing"
)

const (
	maxDocuments  = 16   // signed documents of one message that are verified; beyond, one finding says so
	maxPDFPreface = 1024 // octets in which a PDF begins (ISO 32000-2 annex I, what readers accept)
)

// documentsOf verifies the signatures of PDF files in a message. What they say is said of the document: a good one asks for nothing, any
// other is told to the recipient, whoever sent the mail.
func (s *signatures) documentsOf(m *message.Message) error {
	for p := range m.Contents() {
		if !mayBePDF(p) {
			continue
		}
		signed, err := signedPDF(s.ctx, p)
		if err != nil {
			return err
		}
		if !signed {
			continue
		}
		if s.documents++; s.documents > maxDocuments {
			s.add(p, filter.Finding{Disposition: filter.Tag, Detail: detailDocuments + detailDocument}, false)
			return nil
		}
		if err := s.document(p); err != nil {
			return fmt.Errorf("verifying a document: %w", err)
		}
	}
	return nil
}

// mayBePDF leaves out texts, which may write of PDF files, and signatures, which may hold one.
func mayBePDF(p *message.Part) bool {
	named := slices.ContainsFunc(p.Names, func(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".pdf") })
	return named || !strings.HasPrefix(p.MediaType, "text/") && !mayBeCMS(p)
}

// signedPDF tells a PDF that may be signed, from one pass over it: most are not, and are not copied.
func signedPDF(ctx context.Context, p *message.Part) (bool, error) {
	r := bufio.NewReaderSize(p.Open(), 64<<10)
	begin, err := r.Peek(maxPDFPreface)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if !bytes.Contains(begin, []byte("%PDF-")) {
		return false, nil
	}
	word := []byte("/ByteRange")
	buffer := make([]byte, 64<<10)
	kept := 0 // octets of the window before, for a word across two
	for {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		n, err := r.Read(buffer[kept:])
		window := buffer[:kept+n]
		if bytes.Contains(window, word) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept = copy(buffer, window[max(0, len(window)-len(word)+1):])
	}
}

func (s *signatures) document(p *message.Part) error {
	spool := message.NewSpool(message.Limits{WireBytes: p.Body.Len(), MemoryBytes: s.config.Limits.MemoryBytes}, s.config.Budget)
	defer spool.Close()
	if _, err := io.Copy(spool, p.Open()); err != nil {
		return fmt.Errorf("keeping a PDF: %w", err)
	}
	d, err := signing.VerifyPDF(s.ctx, spool, spool.Size(), s.options)
	if err != nil || d.State == signing.Unsigned {
		return err
	}
	f := filter.Finding{Disposition: filter.Tag, Detail: string(d.State)}
	if d.State == signing.Valid {
		f.Disposition = filter.Accept
	}
	if d.Reason != "" {
		f.Detail += ": " + string(d.Reason)
	}
	f.Detail += detailDocument
	f = s.add(p, f, false)
	for _, one := range d.Signatures {
		if s.seen != nil {
			s.seen(f, one.Result)
		}
	}
	return nil
}
