package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/emersion/go-smtp"
)

// A reload reads the list of officials again. One that cannot be used keeps the list that was read before, and the gauge says so.
func TestReloadOfficials(t *testing.T) {
	s := serve(t)
	list := filepath.Join(filepath.Dir(s.conf), "officials.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(name string) int { return s.answerTo(t, name) }
	reload := func(gauge string) {
		t.Helper()
		s.hup <- syscall.SIGHUP
		s.until(t, "/metrics", "congthu_config_last_reload_successful "+gauge)
	}
	const head = "name,addresses,unit\n"
	write(head + "Nguyễn Văn Hùng,,\n")
	s.write(t, "rules: {impersonation: {mode: enforce, inbound: refuse, officials: officials.csv}}\n")
	s.hup <- syscall.SIGHUP
	s.until(t, "/metrics", "congthu_config_last_reload_successful 1")
	for range 500 { // the gauge said so before
		if answer("Nguyen Van Hung") == 550 {
			break
		}
	}
	expect := func(when, name string, want int) {
		t.Helper()
		if got := answer(name); got != want {
			t.Errorf("%s, %s: %d, want %d", when, name, got, want)
		}
	}
	expect("with the list", "Nguyen Van Hung", 550)
	expect("with the list", "Tran Hong Ha", 250)
	for name, bad := range map[string]string{
		"a quote":      head + "Trần Hồng Hà,,\nNguyễn Văn \"Hùng\",,\n",
		"not in UTF-8": head + "Tr\xe2n H\xf4ng H\xe0,,\n",
	} {
		write(bad)
		reload("0")
		expect(name, "Nguyen Van Hung", 550)
		expect(name, "Tran Hong Ha", 250)
		write(head + "Nguyễn Văn Hùng,,\n")
		reload("1")
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	reload("0")
	expect("the file is gone", "Nguyen Van Hung", 550)
	write(head + "Trần Hồng Hà,,\n")
	reload("1")
	expect("with another list", "Tran Hong Ha", 550)
	expect("with another list", "Nguyen Van Hung", 250)
}

// answerTo is what a stranger is told who writes in this name.
func (s *served) answerTo(t *testing.T, name string) int {
	t.Helper()
	err := send(s.relay, sample{from: "x8@gmail.com", to: "an@monre.gov.vn", data: []byte("From: " + name + " <x8@gmail.com>\r\nSubject: Viec gap\r\n\r\nx\r\n")})
	var e *smtp.SMTPError
	switch {
	case errors.As(err, &e):
		return e.Code
	case err != nil:
		t.Fatal(err)
	}
	return 250
}
