package extract

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"congthu/filter/message"
)

// hesitant is a consumer that is sure of its outcome or not, and may see its message's time end.
type hesitant struct {
	sure bool
	end  func()
}

func (hesitant) File(*File)       {}
func (hesitant) Fact(*File, Fact) {}
func (h hesitant) Text(*File, Text) {
	if h.end != nil {
		h.end()
	}
}
func (h hesitant) Outcome() (any, bool) { return nil, h.sure }

func readMail(t *testing.T) *message.Message {
	t.Helper()
	const mail = "Content-Type: text/plain\r\n\r\nletter\r\n"
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// An outcome that depends on more than the leaf is not remembered.
func TestUnsureOutcome(t *testing.T) {
	for sure, want := range map[bool]int{true: 1, false: 2} {
		made := 0
		in, err := New(Options{Limits: DefaultLimits(), CacheSize: 10, Consumers: map[string]NewConsumers{"all": func(context.Context) NewConsumer {
			return func() Consumer { made++; return hesitant{sure: sure} }
		}}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := in.Inspect(t.Context(), readMail(t)); err != nil {
				t.Fatal(err)
			}
		}
		if made != want {
			t.Errorf("sure %v: looked into %d times, want %d", sure, made, want)
		}
	}
}

// What a consumer made of a leaf after its message's time had ended counts for nothing.
func TestTimeEndsInConsumer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	made := 0
	in, err := New(Options{Limits: DefaultLimits(), CacheSize: 10, Consumers: map[string]NewConsumers{"all": func(context.Context) NewConsumer {
		return func() Consumer { made++; return hesitant{sure: true, end: cancel} }
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Inspect(ctx, readMail(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that the time is over", err)
	}
	if _, err := in.Inspect(t.Context(), readMail(t)); err != nil || made != 2 {
		t.Errorf("again: looked into %d times, %v", made, err)
	}
}

// passer passes over the texts whose value has a sign, and keeps what it is told.
type passer struct {
	sign         string
	passed, read *[]string
}

func (passer) File(*File)       {}
func (passer) Fact(*File, Fact) {}
func (p passer) Text(_ *File, t Text) {
	*p.read = append(*p.read, t.Value)
}
func (p passer) PassOver(_ *File, t Text) bool {
	if p.sign == "" || !strings.Contains(t.Value, p.sign) {
		return false
	}
	*p.passed = append(*p.passed, t.Value)
	return true
}
func (passer) Outcome() (any, bool) { return nil, true }

// A consumer that passes over a text gets it as the file has it; each other gets it in NFC.
func TestPassOver(t *testing.T) {
	var passed, read, all []string
	w := &walk{job: &job{in: &Inspector{options: Options{Limits: DefaultLimits()}}}, consumers: map[string]Consumer{
		"a": passer{sign: "ga", passed: &passed, read: &read}, "b": passer{read: &all}}}
	s := &sink{walk: w, file: &File{}}
	for _, value := range []string{"thu\u031b\u0301 nha\u0302\u0301t", "\xff ga", "ba\u0300 ga"} {
		if err := s.text(Text{Kind: Body, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	for name, got := range map[string][2][]string{
		"passed over": {passed, {"\xff ga", "ba\u0300 ga"}},
		"read":        {read, {"thứ nhất"}},
		"all":         {all, {"thứ nhất", "\uFFFD ga", "bà ga"}},
	} {
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%s: %q, want %q", name, got[0], got[1])
		}
	}
}
