package extract

import (
	"strings"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"congthu/filter/message"
)

// annotations passes on notes, text boxes, stamps, fields and attached files of one page (PDF 1.7 section 12.5).
func (d *pdfDocument) annotations(page requests.Page, number int) error {
	n, err := d.lib.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: page})
	if err != nil {
		return d.damaged("counting annotations", err)
	}
	form := false
	for i := range min(n.Count, maxPDFAnnotations) {
		a, err := d.lib.FPDFPage_GetAnnot(&requests.FPDFPage_GetAnnot{Page: page, Index: i})
		if err != nil {
			d.damaged("finding an annotation", err)
			continue
		}
		kind, err := d.annotation(a.Annotation, number)
		d.lib.FPDFPage_CloseAnnot(&requests.FPDFPage_CloseAnnot{Annotation: a.Annotation})
		if err != nil {
			return err
		}
		form = form || kind == enums.FPDF_ANNOT_SUBTYPE_WIDGET
	}
	if n.Count > maxPDFAnnotations {
		d.out.miss(message.TooMany)
	}
	if form {
		return d.fields(page, number)
	}
	return nil
}

func (d *pdfDocument) annotation(ref references.FPDF_ANNOTATION, number int) (enums.FPDF_ANNOTATION_SUBTYPE, error) {
	is, err := d.lib.FPDFAnnot_GetSubtype(&requests.FPDFAnnot_GetSubtype{Annotation: ref})
	if err != nil {
		return 0, d.damaged("reading an annotation", err)
	}
	keys := []string{"Contents", "Subj"}
	switch is.Subtype {
	case enums.FPDF_ANNOT_SUBTYPE_WIDGET, enums.FPDF_ANNOT_SUBTYPE_POPUP:
		return is.Subtype, nil
	case enums.FPDF_ANNOT_SUBTYPE_STAMP:
		keys = append(keys, "Name")
	case enums.FPDF_ANNOT_SUBTYPE_FILEATTACHMENT:
		if err := d.attachedHere(ref); err != nil {
			return is.Subtype, err
		}
	}
	kind := Comment
	if is.Subtype == enums.FPDF_ANNOT_SUBTYPE_FREETEXT || is.Subtype == enums.FPDF_ANNOT_SUBTYPE_STAMP || is.Subtype == enums.FPDF_ANNOT_SUBTYPE_WATERMARK {
		kind = Body // it stands on the page for everybody to read
	}
	for _, key := range keys {
		v, err := d.lib.FPDFAnnot_GetStringValue(&requests.FPDFAnnot_GetStringValue{Annotation: ref, Key: key})
		if err != nil || strings.TrimSpace(v.Value) == "" {
			continue
		}
		if err := d.out.text(Text{Kind: kind, Page: number, Value: ownLines(v.Value)}); err != nil {
			return is.Subtype, err
		}
	}
	return is.Subtype, nil
}

// attachedHere passes on the file of an annotation that is one.
func (d *pdfDocument) attachedHere(ref references.FPDF_ANNOTATION) error {
	a, err := d.lib.FPDFAnnot_GetFileAttachment(&requests.FPDFAnnot_GetFileAttachment{Document: d.ref, Annotation: ref})
	if err != nil {
		return d.damaged("finding a file attached to a page", err)
	}
	return d.attachment(a.Attachment)
}

// fields passes on what is filled in on one page (PDF 1.7 section 12.7).
func (d *pdfDocument) fields(page requests.Page, number int) error {
	form, err := d.lib.GetForm(&requests.GetForm{Page: page})
	if err != nil {
		return d.damaged("reading a form", err)
	}
	for _, f := range form.Fields {
		values := f.Values
		if f.Value != nil {
			values = append(values, *f.Value)
		}
		for _, v := range values {
			if strings.TrimSpace(v) == "" {
				continue
			}
			if err := d.out.text(Text{Kind: Body, Page: number, Value: ownLines(v)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownLines makes a text lines of its own.
func ownLines(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	if !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return s
}
