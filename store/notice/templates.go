package notice

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"
)

// builtin is the templates that the binary carries: the catalogue of what notices say.
//
//go:embed templates/*.txt templates/*.html
var builtin embed.FS

// Limits of templates.
const (
	// MaxTemplate is the size of a template file, in octets.
	MaxTemplate = 64 << 10
	// MaxRendered is the size of a body that a template makes, in octets.
	MaxRendered = 1 << 20
	// MaxSubject is the length of a subject, in characters; a longer one is cut.
	MaxSubject = 150
)

// Errors of templates.
var (
	ErrTemplateName  = errors.New("no notice has a template of this name")
	ErrTemplateSize  = errors.New("template over 64 KiB")
	ErrTemplateUTF8  = errors.New("template is not UTF-8")
	ErrRenderedSize  = errors.New("text made by the template over 1 MiB")
	ErrEmptySubject  = errors.New("the template makes no subject")
	ErrEmptyRendered = errors.New("the template makes no text")
)

// commonName is the template that all others may call.
const commonName = "common"

// Templates make the texts of notices. They never change after they are loaded.
type Templates struct {
	own   map[Kind]pair // only the kinds for which the administrator has files
	ours  map[Kind]pair
	zone  *time.Location
	words Words
}

// pair is the two bodies of one kind.
type pair struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// Words are what the configuration puts into every notice.
type Words struct {
	Organisation string // who signs; "" is the gate itself
	Contact      string // whom to ask: a name, a telephone number, a mailbox; "" says only "your security officer"
	Console      string // web address, without a slash at its end, of the pages where senders confirm; "" gives no link
}

// Rendered is the text of one notice.
type Rendered struct {
	Subject, Text, HTML string
	// Failed is why the administrator's template was not used. The texts are then the built-in ones.
	Failed error
}

// LoadTemplates reads the built-in templates and, over them, the files of the same names in dir ("" for none):
// KIND.txt, KIND.html, common.txt, common.html. Each is tried with sample messages: an error names file, line
// and field, and nothing of dir is used. Times are shown in zone, nil for Vietnam's.
func LoadTemplates(dir string, zone *time.Location, w Words) (*Templates, error) {
	if zone == nil {
		zone = time.FixedZone("ICT", 7*60*60)
	}
	t := &Templates{own: map[Kind]pair{}, ours: map[Kind]pair{}, zone: zone, words: w}
	files := map[string]string{}
	if err := readTemplates(builtin, "templates", files); err != nil {
		return nil, fmt.Errorf("built-in templates: %w", err)
	}
	if err := t.parse(files, t.ours, Kinds()); err != nil {
		return nil, fmt.Errorf("built-in templates: %w", err)
	}
	if dir == "" {
		return t, nil
	}
	known, own := map[string]string{}, map[string]string{}
	if err := readTemplates(os.DirFS(dir), ".", own); err != nil {
		return nil, fmt.Errorf("templates in %s: %w", dir, err)
	}
	for name := range files {
		known[name] = files[name]
	}
	for name, text := range own {
		if _, ok := known[name]; !ok {
			return nil, fmt.Errorf("template %s: %w", filepath.Join(dir, name), ErrTemplateName)
		}
		known[name] = text
	}
	if err := t.parse(known, t.own, touched(own)); err != nil {
		return nil, fmt.Errorf("templates in %s: %w", dir, err)
	}
	for k, p := range t.own {
		if err := t.try(k, p); err != nil {
			return nil, fmt.Errorf("templates in %s: %w", dir, err)
		}
	}
	return t, nil
}

// readTemplates reads the template files of a folder. Others in it are left alone.
func readTemplates(from fs.FS, dir string, into map[string]string) error {
	entries, err := fs.ReadDir(from, dir)
	if err != nil {
		return fmt.Errorf("reading the folder: %w", err)
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); e.IsDir() || ext != ".txt" && ext != ".html" {
			continue
		}
		name := e.Name()
		f, err := from.Open(strings.TrimPrefix(dir+"/"+name, "./"))
		if err != nil {
			return fmt.Errorf("opening %s: %w", name, err)
		}
		var b limited
		b.limit, b.err = MaxTemplate, ErrTemplateSize
		_, err = b.from(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		if i := invalidUTF8(b.Bytes()); i >= 0 {
			return fmt.Errorf("%s:%d: %w", name, 1+bytes.Count(b.Bytes()[:i], []byte("\n")), ErrTemplateUTF8)
		}
		into[name] = strings.TrimPrefix(strings.ReplaceAll(b.String(), "\r\n", "\n"), "\ufeff")
	}
	return nil
}

// touched lists the kinds that the administrator's files change.
func touched(own map[string]string) []Kind {
	if len(own) == 0 {
		return nil
	}
	return slices.DeleteFunc(Kinds(), func(k Kind) bool {
		for _, name := range []string{string(k), commonName} {
			for _, ext := range []string{".txt", ".html"} {
				if _, ok := own[name+ext]; ok {
					return false
				}
			}
		}
		return true
	})
}

func (t *Templates) parse(files map[string]string, into map[Kind]pair, kinds []Kind) error {
	for _, k := range kinds {
		p := pair{texttemplate.New(commonName + ".txt"), htmltemplate.New(commonName + ".html")}
		p.text.Funcs(texttemplate.FuncMap(t.funcs())).Option("missingkey=error")
		p.html.Funcs(htmltemplate.FuncMap(t.funcs())).Option("missingkey=error")
		for _, name := range []string{commonName, string(k)} {
			if name != commonName {
				p.text, p.html = p.text.New(name+".txt"), p.html.New(name+".html")
			}
			if _, err := p.text.Parse(files[name+".txt"]); err != nil {
				return fmt.Errorf("reading a template: %w", err)
			}
			if _, err := p.html.Parse(files[name+".html"]); err != nil {
				return fmt.Errorf("reading a template: %w", err)
			}
		}
		into[k] = p
	}
	return nil
}

// funcs are what a template may call beside Go's own.
func (t *Templates) funcs() map[string]any {
	return map[string]any{
		"ngay": func(at time.Time) string { return at.In(t.zone).Format("15:04 ngày 02/01/2006") },
		"date": func(at time.Time) string { return at.In(t.zone).Format("2006-01-02 15:04 -07:00") },
	}
}

// try renders a pair with samples.
func (t *Templates) try(k Kind, p pair) error {
	for _, n := range samples(k) {
		if _, err := t.render(p, n); err != nil {
			return err
		}
	}
	return nil
}

// Render makes the texts of a notice. A template of the administrator's that fails gives way to the built-in
// one: the notice goes out, and Rendered.Failed says why.
func (t *Templates) Render(n Notice) (Rendered, error) {
	own, ok := t.own[n.Kind]
	var failed error
	if ok {
		r, err := t.render(own, n)
		if err == nil {
			return r, nil
		}
		failed = err
	}
	ours, ok := t.ours[n.Kind]
	if !ok {
		return Rendered{}, fmt.Errorf("notice %s of kind %q: %w", n.ID, n.Kind, ErrTemplateName)
	}
	r, err := t.render(ours, n)
	r.Failed = failed
	return r, err
}

func (t *Templates) render(p pair, n Notice) (r Rendered, err error) {
	data := t.data(n)
	var subject, text, html limited
	for _, body := range []struct {
		into *limited
		name string
		run  func() error
	}{
		{&subject, p.text.Name(), func() error { return p.text.ExecuteTemplate(&subject, "subject", data) }},
		{&text, p.text.Name(), func() error { return p.text.Execute(&text, data) }},
		{&html, p.html.Name(), func() error { return p.html.Execute(&html, data) }},
	} {
		body.into.limit, body.into.err = MaxRendered, ErrRenderedSize
		err := body.run()
		if errors.Is(err, ErrRenderedSize) { // Go's packages say file and line of their own errors only
			err = fmt.Errorf("%s: %w", body.name, err)
		}
		if err != nil {
			return r, fmt.Errorf("making a notice: %w", err)
		}
	}
	r = Rendered{Subject: strings.Join(strings.Fields(strings.ToValidUTF8(subject.String(), "?")), " "), Text: text.String(), HTML: html.String()}
	if r.Subject == "" {
		return r, fmt.Errorf("%s: %w", p.text.Name(), ErrEmptySubject)
	}
	if utf8.RuneCountInString(r.Subject) > MaxSubject {
		r.Subject = string([]rune(r.Subject)[:MaxSubject-1]) + "…"
	}
	switch {
	case strings.TrimSpace(r.Text) == "":
		return r, fmt.Errorf("%s: %w", p.text.Name(), ErrEmptyRendered)
	case strings.TrimSpace(r.HTML) == "":
		return r, fmt.Errorf("%s: %w", p.html.Name(), ErrEmptyRendered)
	}
	return r, nil
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return -1
}
