package console

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"congthu/filter/evidence"
	"congthu/filter/message"
	"congthu/store/review"
)

// Limits of what of a message is shown.
const (
	maxText  = 64 << 10 // octets of one text
	maxParts = 200      // parts listed
	maxLabel = 200      // characters of a name
)

// content is what an officer sees of a held message: text as text, and the rest by name.
type content struct {
	Subject string
	Parts   []contentPart
	More    bool // there are more parts
}

type contentPart struct {
	ID, Type, Name string
	Text           string // of text/plain; "" for anything else
	Cut            bool
	File           bool // can be downloaded
}

// opened reads a held message, which is put on record before. The spool is in memory and belongs to the caller.
func (c *Console) opened(r *request, o review.Officer, id string, what evidence.What) (*message.Message, *message.Spool, error) {
	reader, err := c.desk(r).View(r.Context(), o, id, what)
	if err != nil {
		return nil, nil, err
	}
	defer reader.Close()
	limits := message.DefaultLimits()
	spool := message.NewSpool(limits, nil)
	if _, err := io.Copy(spool, reader); err != nil {
		spool.Close()
		return nil, nil, err
	}
	m, err := message.Read(spool, spool.Size(), limits)
	if err != nil {
		spool.Close()
		return nil, nil, fmt.Errorf("reading held message %s: %w", id, err)
	}
	return m, spool, nil
}

func (c *Console) content(r *request, o review.Officer, id string, what evidence.What) (*content, error) {
	m, spool, err := c.opened(r, o, id, what)
	if err != nil {
		return nil, err
	}
	defer spool.Close()
	subject, err := r.store.Subject(r.Context(), id, o.Identity)
	if err != nil {
		return nil, err
	}
	out := &content{Subject: shown(subject, maxText)}
	for part := range m.Leaves() {
		if len(out.Parts) == maxParts {
			out.More = true
			break
		}
		p := contentPart{ID: part.ID, Type: shown(part.MediaType, maxLabel), Name: shown(part.Name, maxLabel), File: true}
		if part.MediaType == "text/plain" && part.Name == "" {
			b, err := io.ReadAll(io.LimitReader(part.Text(), maxText+1))
			if err != nil {
				return nil, fmt.Errorf("reading part %s of held message %s: %w", part.ID, id, err)
			}
			p.Cut = len(b) > maxText
			p.Text = shown(string(b[:min(len(b), maxText)]), maxText)
		}
		out.Parts = append(out.Parts, p)
	}
	return out, nil
}

// shown is a text with what changes how text is read made visible: controls, marks of direction, what has no width.
func shown(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > limit {
			b.WriteString("…")
			break
		}
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r == '\r':
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// downloadPart hands a part of a held message to an officer as a file, which is put on record. The name is ours:
// nothing from a message names a file.
func (c *Console) downloadPart(w http.ResponseWriter, r *request) error {
	o, err := c.officer(r)
	if err != nil {
		return err
	}
	id, want := r.PathValue("id"), r.form("part")
	h, err := r.store.Show(r.Context(), id)
	if err != nil {
		return err
	}
	if h.Marking {
		return errForm{"held.no-preview"}
	}
	m, spool, err := c.opened(r, o, id, evidence.ExportContent)
	if err != nil {
		return explained(err)
	}
	defer spool.Close()
	for part := range m.Leaves() {
		if part.ID != want {
			continue
		}
		name := "congthu-" + id + "-" + strings.NewReplacer("/", "-", ".", "-").Replace(part.ID) + ".unsafe"
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		_, err := io.Copy(w, part.Open())
		return c.gone(err)
	}
	return errNotFound
}
