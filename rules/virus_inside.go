package rules

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/virus"
)

// What is shown of the files inside of one leaf. Beyond, they are not inspected.
const (
	maxInside       = 2000      // files
	maxInsideOctets = 128 << 20 // octets of them together
)

// insideFiles are what engines may not find in a leaf: the files that lie in containers which they may not open. It is
// remembered by content.
type insideFiles struct {
	files []insideFile
	more  message.Reason // why files were left out; "" for none
	// wrapped are the paths of those containers: what in them could not be looked into was seen by no engine either.
	wrapped map[string]bool
}

type insideFile struct {
	path, sha256 string
	size         int64
}

// filesInside gathers them.
type filesInside struct {
	out    insideFiles
	had    map[string]bool // hashes
	octets int64
}

// newFilesInside begins the looking into one message.
func newFilesInside(context.Context) extract.NewConsumer {
	return func() extract.Consumer {
		return &filesInside{out: insideFiles{wrapped: map[string]bool{}}, had: map[string]bool{}}
	}
}

// File implements extract.Consumer.
func (r *filesInside) File(f *extract.File) {
	if f.Path == "" || f.Size == 0 || !r.out.wrapped[parentPath(f.Path)] || r.had[f.SHA256] {
		return
	}
	r.had[f.SHA256] = true
	switch {
	case len(r.out.files) >= maxInside:
		r.out.more = message.TooMany
	case r.octets+f.Size > maxInsideOctets:
		r.out.more = message.TooBig
	default:
		r.octets += f.Size
		r.out.files = append(r.out.files, insideFile{f.Path, f.SHA256, f.Size})
	}
}

// Fact implements extract.Consumer.
func (r *filesInside) Fact(f *extract.File, fact extract.Fact) {
	if fact == extract.Wrapped {
		r.out.wrapped[f.Path] = true
	}
}

// Text implements extract.Consumer.
func (r *filesInside) Text(*extract.File, extract.Text) {}

// PassOver implements extract.Passer: it wants no text.
func (r *filesInside) PassOver(*extract.File, extract.Text) bool { return true }

// Outcome implements extract.Consumer: an insideFiles.
func (r *filesInside) Outcome() (outcome any, sure bool) { return r.out, true }

// unshown tells what of a leaf neither an engine nor we looked into: a file that never came out of such a container, or further
// ones that were not counted. A file that did come out was shown, however little we read of it.
func (f insideFiles) unshown(l extract.Leaf, n message.NotInspected) bool {
	switch n.Reason {
	case message.TooBig, message.TooDeep:
		cameOut := slices.ContainsFunc(l.Files, func(file extract.File) bool { return file.Path == n.Part })
		return !cameOut && f.wrapped[parentPath(n.Part)]
	case message.TooMany, message.WorkerFailed:
		return f.wrapped[n.Part]
	}
	return false
}

// inside shows the files in containers that engines may not open. Their octets are read again only for an engine that does
// not know them yet.
func (s *virusScan) inside(m *message.Message, seen map[string]bool) error {
	if s.config.Inspector == nil || s.over() {
		return nil
	}
	found, err := s.config.Inspector.Inspect(s.whole, m)
	if err != nil {
		return fmt.Errorf("looking for files that scanners do not open: %w", err)
	}
	var wanted []extract.Wanted
	waiting := map[string]shown{} // by part
	for _, l := range found.Leaves {
		f, ok := l.Outcomes[filter.RuleVirus].(insideFiles)
		if !ok {
			continue
		}
		s.unshown(l, f)
		var paths []string
		for _, file := range f.files {
			if seen[file.sha256] {
				continue
			}
			seen[file.sha256] = true
			o := shown{part: l.Part.ID + file.path, again: true, Object: virus.Object{SHA256: file.sha256, Size: file.size}}
			if !s.known(o) {
				paths = append(paths, file.path)
				waiting[o.part] = o
			}
		}
		if len(paths) > 0 {
			wanted = append(wanted, extract.Wanted{Part: l.Part, Paths: paths})
		}
	}
	return s.open(wanted, waiting)
}

// unshown makes findings of what nobody looked into.
func (s *virusScan) unshown(l extract.Leaf, f insideFiles) {
	missed := slices.DeleteFunc(slices.Clone(l.NotInspected), func(n message.NotInspected) bool { return !f.unshown(l, n) })
	if f.more != "" {
		missed = append(missed, message.NotInspected{Reason: f.more})
	}
	for _, n := range missed {
		for _, e := range s.engines {
			s.miss(filter.Finding{Part: l.Part.ID + n.Part}, n.Reason, e)
		}
	}
}

// known takes what all engines said of an object before, without its octets.
func (s *virusScan) known(o shown) bool {
	var all []answered
	for _, e := range s.engines {
		if s.failed[e.Name()] != nil {
			continue
		}
		a, known := e.Known(s.ctx, o.Object)
		if !known {
			return false
		}
		all = append(all, answered{engine: e, answer: a})
		if s.config.InTurn && a.Kind == virus.Infected {
			break
		}
	}
	for _, said := range all {
		s.take(o, said)
	}
	return true
}

// open opens the files that wait, and shows them.
func (s *virusScan) open(wanted []extract.Wanted, waiting map[string]shown) error {
	if len(wanted) == 0 || s.over() {
		return nil
	}
	err := s.config.Inspector.Open(s.whole, wanted, func(p *message.Part, f *extract.File, octets io.ReaderAt) error {
		o, ok := waiting[p.ID+f.Path]
		if !ok || o.SHA256 != f.SHA256 || s.over() {
			return nil
		}
		delete(waiting, o.part)
		o.Open = func() io.Reader { return io.NewSectionReader(octets, 0, f.Size) }
		return s.show(o)
	})
	if err != nil || s.over() {
		return err
	}
	for _, part := range slices.Sorted(maps.Keys(waiting)) { // a worker failed this time
		for _, e := range s.engines {
			s.miss(filter.Finding{Part: part, PartSHA256: waiting[part].SHA256}, message.WorkerFailed, e)
		}
	}
	return nil
}

// over tells that nobody is left to look: the time is over, or all engines failed.
func (s *virusScan) over() bool {
	if s.ctx.Err() != nil {
		s.timeIsOver()
	}
	return len(s.failed) == len(s.engines)
}
