package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	pdferrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"congthu/filter/message"
)

// Limits of a PDF file.
const (
	maxPDFPages       = 5000      // looked at
	maxPDFAnnotations = 2000      // of a page
	maxPDFAttachments = 1000      // of the file
	pdfMemoryPages    = 256 << 4  // memory of the PDF library: 256 MiB in pages of 64 KiB
	pdfStart          = time.Hour // for an instance: whoever waits kills the worker sooner
)

// pdfReader reads PDF files with PDFium, compiled to WebAssembly: it sees no file system, no network and no memory but
// its own. Its compiled code is kept in a directory for the next process. It belongs to one worker.
type pdfReader struct {
	start func() (pdfium.Pool, error)
	pages int // looked at

	elements int // of the structure, looked at
}

// newPDFReader makes a reader; its library starts when it is first needed. Without a directory nothing is kept.
func newPDFReader(cacheDir string) *pdfReader {
	return &pdfReader{start: sync.OnceValues(func() (pdfium.Pool, error) { return startPDFium(cacheDir) }), pages: maxPDFPages, elements: maxPDFElements}
}

func startPDFium(cacheDir string) (pdfium.Pool, error) {
	ctx := context.Background()
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(pdfMemoryPages)
	if cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		if err != nil {
			return nil, fmt.Errorf("opening the directory of compiled code: %w", err)
		}
		config = config.WithCompilationCache(cache)
	}
	pool, err := webassembly.Init(webassembly.Config{
		Context: ctx, MaxTotal: 1, RuntimeConfig: config,
		FSConfig: wazero.NewFSConfig(), // no directory at all; nil would be the whole file system
		Stdout:   io.Discard, Stderr: io.Discard,
	})
	if err != nil {
		return nil, fmt.Errorf("starting the PDF library: %w", err)
	}
	return pool, nil
}

// warm starts the library before the first file waits for it.
func (p *pdfReader) warm() error {
	pool, err := p.start()
	if err != nil {
		return err
	}
	one, err := pool.GetInstance(pdfStart)
	if err != nil {
		return fmt.Errorf("starting the PDF library: %w", err)
	}
	return one.Close()
}

// read reads a PDF file in a library of its own, which nothing of another file has touched.
func (p *pdfReader) read(_ context.Context, in *input, o out) error {
	pool, err := p.start()
	if err != nil {
		return stop{WorkerFailed}
	}
	lib, err := pool.GetInstance(pdfStart)
	if err != nil {
		return stop{WorkerFailed}
	}
	defer lib.Close()
	file, err := wholeFile(in.content)
	if err != nil {
		return err
	}
	names := pdfNamesOf(file)
	for _, fact := range slices.Sorted(maps.Keys(names.facts)) {
		o.fact(fact)
	}
	if err := pdfRawProperties(file, o, in.limits); err != nil {
		return err
	}
	opened, err := lib.OpenDocument(&requests.OpenDocument{File: &file})
	if errors.Is(err, pdferrors.ErrPassword) || errors.Is(err, pdferrors.ErrSecurity) {
		o.fact(EncryptedFile)
		return stop{Encrypted}
	}
	if err != nil {
		return fmt.Errorf("opening a PDF file: %w", err)
	}
	d := &pdfDocument{lib: lib, ref: opened.Document, out: o, raw: file, pages: p.pages, elements: p.elements, xmlDepth: in.limits.XMLDepth,
		tells: names.tells}
	return d.read()
}

// pdfDocument is an open PDF file.
type pdfDocument struct {
	lib   pdfium.Pdfium
	ref   references.FPDF_DOCUMENT
	out   out
	raw   []byte
	pages int   // looked at
	bad   error // the first damage; the rest is read all the same

	xmlDepth int
	tells    bool // its structure may say texts that stand for what is drawn
	elements int  // of the structure, left to look at; negative when there are more
}

func (d *pdfDocument) read() error {
	if err := d.properties(); err != nil {
		return err
	}
	if n, err := d.lib.FPDFDoc_GetJavaScriptActionCount(&requests.FPDFDoc_GetJavaScriptActionCount{Document: d.ref}); err == nil && n.JavaScriptActionCount > 0 {
		d.out.fact(Script)
	}
	pages, err := d.lib.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: d.ref})
	if err != nil {
		return fmt.Errorf("counting pages: %w", err)
	}
	for i := range min(pages.PageCount, d.pages) {
		if err := d.page(i); err != nil {
			return err
		}
	}
	if pages.PageCount > d.pages {
		d.out.miss(message.TooMany)
	}
	for _, more := range []func() error{d.outline, d.form, d.attachments} {
		if err := more(); err != nil {
			return err
		}
	}
	return d.bad
}

// damaged notes that something could not be read.
func (d *pdfDocument) damaged(what string, err error) error {
	if d.bad == nil {
		d.bad = fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// properties passes on the document information dictionary (PDF 1.7 section 14.3.3) and the labels that Office adds to
// it under names of its own.
func (d *pdfDocument) properties() error {
	for _, tag := range []string{"Title", "Subject", "Keywords", "Author", "Category", "Comments", "Company"} {
		if err := d.property(Property, tag); err != nil {
			return err
		}
	}
	for _, tag := range labelNames(d.raw) {
		if err := d.property(Label, tag); err != nil {
			return err
		}
	}
	return nil
}

func (d *pdfDocument) property(kind Kind, tag string) error {
	v, err := d.lib.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: d.ref, Tag: tag})
	if err != nil || strings.TrimSpace(v.Value) == "" {
		return nil // most have none
	}
	return d.out.text(Text{Kind: kind, Name: tag, Value: v.Value})
}

// page passes on what one page shows.
func (d *pdfDocument) page(index int) error {
	loaded, err := d.lib.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: d.ref, Index: index})
	if err != nil {
		return d.damaged("loading a page", err)
	}
	page := requests.Page{ByReference: &loaded.Page}
	defer d.lib.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page})
	chars, err := d.letters(page)
	if err != nil {
		return d.damaged("reading a page", err)
	}
	w := newWriter(d.out, Body)
	w.as.Page = index + 1
	if n := writePDFText(w, pdfPieces(chars)); n == 0 {
		if objects, err := d.lib.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page}); err != nil || objects.Count > 0 {
			d.out.miss(NoText)
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := d.alternatives(page, index+1); err != nil {
		return err
	}
	return d.annotations(page, index+1)
}

// letters are those of a page, with their fonts when they may be in an old one: to ask for fonts takes far longer.
func (d *pdfDocument) letters(page requests.Page) ([]*responses.GetPageTextStructuredChar, error) {
	ask := requests.GetPageTextStructured{Page: page, Mode: requests.GetPageTextStructuredModeChars}
	shown, err := d.lib.GetPageTextStructured(&ask)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, c := range shown.Chars {
		text.WriteString(c.Text)
	}
	if !mayBeLegacy(text.String()) {
		return shown.Chars, nil
	}
	ask.CollectFontInformation = true
	if shown, err = d.lib.GetPageTextStructured(&ask); err != nil {
		return nil, err
	}
	return shown.Chars, nil
}

// attachments passes on the files that the document carries (PDF 1.7 section 7.11.4).
func (d *pdfDocument) attachments() error {
	n, err := d.lib.FPDFDoc_GetAttachmentCount(&requests.FPDFDoc_GetAttachmentCount{Document: d.ref})
	if err != nil {
		return d.damaged("counting attached files", err)
	}
	for i := range min(n.AttachmentCount, maxPDFAttachments) {
		a, err := d.lib.FPDFDoc_GetAttachment(&requests.FPDFDoc_GetAttachment{Document: d.ref, Index: i})
		if err != nil {
			d.damaged("finding an attached file", err)
			continue
		}
		if err := d.attachment(a.Attachment); err != nil {
			return err
		}
	}
	if n.AttachmentCount > maxPDFAttachments {
		d.out.miss(message.TooMany)
	}
	return nil
}

func (d *pdfDocument) attachment(ref references.FPDF_ATTACHMENT) error {
	var names []string
	if name, err := d.lib.FPDFAttachment_GetName(&requests.FPDFAttachment_GetName{Attachment: ref}); err == nil && name.Name != "" {
		names = append(names, name.Name)
	}
	file, err := d.lib.FPDFAttachment_GetFile(&requests.FPDFAttachment_GetFile{Attachment: ref})
	if err != nil {
		return d.out.member(names, failed{err})
	}
	return d.out.member(names, bytes.NewReader(file.Contents))
}
