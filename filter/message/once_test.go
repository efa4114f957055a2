package message

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// What several rules need is worked out once, for each key and each message.
func TestOnce(t *testing.T) {
	read := func() *Message {
		m, err := Read(strings.NewReader("From: a@b\r\n\r\nx"), 13, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	type key int
	m, calls := read(), 0
	work := func() (any, error) { calls++; return calls, errors.New("said again") }
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if v, err := m.Once(key(1), work); v != 1 || err == nil {
				t.Errorf("%v, %v", v, err)
			}
		})
	}
	wg.Wait()
	if v, _ := m.Once(key(2), work); v != 2 {
		t.Errorf("another key: %v", v)
	}
	if v, _ := read().Once(key(1), work); v != 3 {
		t.Errorf("another message: %v", v)
	}
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a panic was swallowed")
				}
			}()
			m.Once(key(3), func() (any, error) { panic("x") })
		}()
	}
}
