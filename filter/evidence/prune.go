package evidence

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// retainEvery is how often retention is looked at.
const retainEvery = time.Hour

// Pruned tells what Prune removed.
type Pruned struct {
	Files   int
	Records uint64
	Seq     uint64 // of the last record removed; 0 when nothing was
}

// Prune removes closed files of which every record is older than before. First a root, signed and durable,
// takes their place as the beginning of the chain, so that Verify can tell pruning from tampering.
func (l *Log) Prune(ctx context.Context, before time.Time) (Pruned, error) {
	l.files.Lock()
	defer l.files.Unlock()
	root, first, err := l.prunable(before)
	if err != nil || root.Seq == 0 {
		return Pruned{}, err
	}
	if err := l.inWriter(ctx, func() error { return l.w.root(root, before) }); err != nil {
		return Pruned{}, fmt.Errorf("pruning the evidence: %w", err)
	}
	out := Pruned{Records: root.Count, Seq: root.Seq}
	if out.Files, err = removeFiles(l.opt.Dir, root.Seq); err != nil {
		return out, fmt.Errorf("pruning the evidence: %w", err)
	}
	l.opt.Log.Info("evidence was pruned", "first", first, "last", root.Seq, "files", out.Files)
	if err := l.pruneCheckpoints(ctx, root.Seq); err != nil {
		return out, fmt.Errorf("pruning the checkpoints: %w", err)
	}
	return out, nil
}

// prunable is the root that pruning would write: its Seq is 0 when nothing is old enough.
func (l *Log) prunable(before time.Time) (root Root, first uint64, err error) {
	files, err := listFiles(l.opt.Dir)
	if err != nil {
		return root, 0, err
	}
	for i := 1; i < len(files); i++ {
		// All of a file is older than the first record of the next.
		next, err := firstOf(l.opt.Dir, files[i])
		if err != nil {
			return root, 0, err
		}
		if next == nil || !next.Time.Before(before) {
			break
		}
		root.Seq, root.Hash, root.Count = next.Seq-1, next.Prev, next.Seq-files[0].first
	}
	if len(files) > 0 {
		first = files[0].first
	}
	return root, first, nil
}

// firstOf is the first record of a file; nil when it has none.
func firstOf(dir string, f logFile) (*Record, error) {
	r, f, err := openFile(dir, f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := newLineReader(r).next()
	if err != nil {
		return nil, nil // empty, or its first line is only being written
	}
	rec, err := Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.name(), err)
	}
	return &rec, nil
}

// root writes the root, and the act.
func (w *writer) root(root Root, before time.Time) error {
	if err := w.l.OK(); err != nil {
		return err
	}
	act, err := w.l.encode(Record{Kind: KindAct, Act: &Act{Who: gateItself, What: Prune, Object: "evidence",
		Reason: "retention", Details: map[string]string{"before": before.UTC().Format(time.RFC3339),
			"last": strconv.FormatUint(root.Seq, 10), "records": strconv.FormatUint(root.Count, 10)}}})
	if err != nil {
		return err
	}
	w.begin()
	w.add(act)
	w.addSigned(Record{Kind: KindRoot, Root: &root})
	// A root signs what was removed, not what stands before it.
	w.addSigned(Record{Kind: KindCheckpoint, Checkpoint: &Checkpoint{Seq: w.next.seq, Hash: w.next.hash}})
	if err := w.commit(); err != nil {
		return err
	}
	w.copyCheckpoints()
	return w.copyErr
}

// removeFiles removes the files of which every record is at or before last, oldest first.
func removeFiles(dir string, last uint64) (n int, err error) {
	files, err := listFiles(dir)
	if err != nil {
		return 0, err
	}
	for i := 0; i+1 < len(files) && files[i+1].first <= last+1; i++ {
		for _, packed := range []bool{false, true} {
			err := os.Remove(filepath.Join(dir, logFile{files[i].first, packed}.name()))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return n, err
			}
		}
		n++
	}
	return n, syncDir(dir)
}

// pruneCheckpoints leaves out of the separate file what signs only pruned records. The writer waits only
// while what came meanwhile is added.
func (l *Log) pruneCheckpoints(ctx context.Context, last uint64) error {
	path := filepath.Join(l.opt.Dir, checkpointsName)
	temp := path + tempEnd
	to, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	defer to.Close()
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(to)
	if err := eachCheckpoint(io.NewSectionReader(from, 0, info.Size()), func(c Line) {
		if c.Seq > last {
			out.Write(c.Raw) // an error comes again at Flush
			out.WriteByte('\n')
		}
	}); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return l.inWriter(ctx, func() error {
		if _, err := io.Copy(to, io.NewSectionReader(from, info.Size(), 1<<62)); err != nil {
			return err
		}
		if err := to.Sync(); err != nil {
			return err
		}
		if err := os.Rename(temp, path); err != nil {
			return err
		}
		return syncDir(l.opt.Dir)
	})
}

// retain prunes by retention, now and then.
func (w *writer) retain() {
	l := w.l
	now := l.opt.Now()
	if l.opt.Retention <= 0 || now.Sub(w.pruned).Abs() < retainEvery {
		return
	}
	w.pruned = now
	before := now.Add(-l.opt.Retention)
	l.wg.Go(func() {
		if _, err := l.Prune(context.Background(), before); err != nil && !errors.Is(err, ErrClosed) {
			l.opt.Log.Error("evidence could not be pruned", "error", err)
		}
	})
}
