package extract

import (
	"bytes"
	"errors"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"congthu/internal/files"
)

// samplesOf are files of each kind that workers read.
func samplesOf(t testing.TB) map[string][]string {
	return map[string][]string{
		"pdf":     {sample(t, "letter.pdf"), sample(t, "packed.pdf"), sample(t, "locked.pdf")},
		"ole":     {sample(t, "letter.doc"), sample(t, "sheet.xls"), sample(t, "slides.ppt"), files.Outlook("subject", "body", files.Attachment{Name: "a.txt", Content: []byte("inside")}), compoundOf(map[string]string{"__properties_version1.0": "", "__substg1.0_1000001F": wide("body")})},
		"7z":      {sample(t, "plain.7z"), sample(t, "locked.7z")},
		"rar":     {rar4(0, "a.txt", "b.txt")},
		"tnef":    {tnefOf(tnefAttribute(1, tnefMessageProps, mapiOf(mapiProperty(mapiBody, mapiUnicode, wide("body")))))},
		"picture": pictures(t),
	}
}

// pictures are small ones in formats with readers of their own.
func pictures(t testing.TB) []string {
	m := image.NewPaletted(image.Rect(0, 0, 40, 30), palette.Plan9)
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	var out []string
	for _, write := range []func(io.Writer) error{
		func(w io.Writer) error { return png.Encode(w, m) },
		func(w io.Writer) error { return gif.Encode(w, m, nil) },
		func(w io.Writer) error { return jpeg.Encode(w, m, nil) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b.String())
	}
	return out
}

// mutate changes a few octets, cuts, or doubles a part.
func mutate(r *rand.Rand, file string) string {
	b := []byte(file)
	for range 1 + r.IntN(20) {
		at := r.IntN(len(b))
		switch r.IntN(4) {
		case 0:
			b[at] = byte(r.Uint32())
		case 1:
			b[at] ^= 1 << r.IntN(8)
		case 2:
			b[at] = []byte{0, 0xff, 0x7f, 0x80}[r.IntN(4)]
		default:
			n := min(len(b)-at, r.IntN(64))
			copy(b[r.IntN(len(b)-n+1):], b[at:at+n])
		}
	}
	if r.IntN(10) == 0 {
		b = b[:r.IntN(len(b))]
	}
	return string(b)
}

// Files that were changed by accident or on purpose are answered for: no crash, no hang, bounded memory.
func TestMutatedInWorkers(t *testing.T) { hurtWorkers(t, 50) }

func hurtWorkers(t *testing.T, rounds int) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p, counted := workersOf(t, compiled(t), 2, 30*time.Second)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for kind, files := range samplesOf(t) {
		r := rand.New(rand.NewPCG(seed, 0))
		failed := 0
		for range rounds {
			_, err := readIn(p, kind, mutate(r, files[r.IntN(len(files))]))
			if errors.Is(err, stop{WorkerFailed}) {
				failed++
			}
		}
		if most := rounds / 25; failed > most { // of 7z: its library takes what memory a header asks for
			t.Errorf("%s: %d of %d files killed their worker", kind, failed, rounds)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d octets stay in the gate", grown)
	}
	if f, err := readIn(p, "pdf", sample(t, "letter.pdf")); err != nil || !f.has(`body 2 "Trang hai."`) {
		t.Errorf("a good file afterwards: %v", err)
	}
	counted.mu.Lock()
	defer counted.mu.Unlock()
	t.Logf("workers killed: %d", counted.n["killed"])
}

// A 7z file of some hundred octets that asks for 3 GB kills its worker, not the gate, and the next file is read.
func TestDictionaryBomb(t *testing.T) {
	p, counted := workersOf(t, compiled(t), 1, 30*time.Second)
	if raceEnabled {
		t.Log("the race detector has no limit of memory: only that the file is answered for is tested")
	}
	f, err := readIn(p, "7z", bomb7z(18))
	if err != nil || len(f.lines) != 1 {
		t.Fatalf("with a dictionary of 2 MiB: %v, %v", f.lines, err)
	}
	_, err = readIn(p, "7z", bomb7z(39))
	if !raceEnabled && !errors.Is(err, stop{WorkerFailed}) {
		t.Errorf("%v", err)
	}
	if f, err := readIn(p, "7z", sample(t, "plain.7z")); err != nil || len(f.lines) == 0 {
		t.Errorf("the next file: %v", err)
	}
	counted.mu.Lock()
	defer counted.mu.Unlock()
	t.Logf("workers killed: %d", counted.n["killed"])
}
