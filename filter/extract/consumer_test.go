package extract

import (
	"context"
	"errors"
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
