package rules

import (
	"context"

	"congthu/filter/extract"
	"congthu/rules/content"
)

// maxWordFiles is how many files in one leaf are told apart; what is in further ones counts for the leaf.
const maxWordFiles = 64

// wordsFound is what was found in one leaf of a message. It holds no text.
type wordsFound struct {
	files []wordsFile
	cut   bool
}

// wordsFile is what was found in one file.
type wordsFile struct {
	path, sha256 string
	counts       content.Counts
}

// fileWords looks for an administrator's words in one leaf and the files in it.
type fileWords struct {
	ctx     context.Context // of the message: the methods of a consumer carry none
	work    *content.Work   // that the message may still cost
	lexicon *content.Lexicon
	found   wordsFound
	at      map[string]int // in found.files, by path
	points  content.Counts // of all files

	file   *extract.File
	is     extract.Text // the text at hand, without page and value
	scan   *content.Scan
	counts map[readingOf]content.Counts // by file and reading, until the file ends
}

// readingOf is one reading of a file: all its texts in that reading count together.
type readingOf struct {
	file    *extract.File
	reading int
}

// newFilesWords begins the looking into one message: all its leaves share one work.
func newFilesWords(l *content.Lexicon) extract.NewConsumers {
	return func(ctx context.Context) extract.NewConsumer {
		work := content.NewWork()
		return func() extract.Consumer {
			return &fileWords{ctx: ctx, work: work, lexicon: l, at: map[string]int{}, points: content.Counts{}, counts: map[readingOf]content.Counts{}}
		}
	}
}

// File implements extract.Consumer.
func (w *fileWords) File(*extract.File) { w.end() }

// Fact implements extract.Consumer. Facts are other rules' matter.
func (w *fileWords) Fact(*extract.File, extract.Fact) {}

// Text implements extract.Consumer. Pages follow each other: a phrase may go over to the next.
func (w *fileWords) Text(f *extract.File, t extract.Text) {
	if t.Kind == extract.Label || w.lexicon.Points(w.points) >= content.MaxPoints {
		return
	}
	value := t.Value
	t.Value, t.Page = "", 0
	if w.scan == nil || w.file != f || w.is != t {
		w.end()
		w.file, w.is = f, t
		r := readingOf{f, t.Reading}
		if w.counts[r] == nil {
			w.counts[r] = content.Counts{}
		}
		w.scan = w.lexicon.Scan(w.ctx, w.work, w.counts[r])
	}
	w.scan.Write(value)
}

// end ends the text at hand and keeps what was found in it.
func (w *fileWords) end() {
	if w.scan == nil {
		return
	}
	w.scan.End()
	w.scan = nil
	counts := w.counts[readingOf{w.file, w.is.Reading}]
	if len(counts) == 0 {
		return
	}
	w.points.Most(counts)
	path, sha256 := w.file.Path, w.file.SHA256
	i, known := w.at[path]
	if !known && len(w.found.files) >= maxWordFiles {
		path, sha256 = "", ""
		i, known = w.at[path]
	}
	if !known {
		i = len(w.found.files)
		w.at[path] = i
		w.found.files = append(w.found.files, wordsFile{path: path, sha256: sha256, counts: content.Counts{}})
	}
	w.found.files[i].counts.Most(counts)
}

// Outcome implements extract.Consumer: a wordsFound. Where the message's work did not suffice, other leaves had their part
// in that.
func (w *fileWords) Outcome() (outcome any, sure bool) {
	w.end()
	w.found.cut = w.work.Cut()
	return w.found, !w.found.cut
}
