package notice

import (
	"testing"
	"time"

	"congthu/filter"
)

// One alert tells of a mailbox that sends too much, whatever the mode, until it has been quiet for an hour.
func TestRateExceededOnce(t *testing.T) {
	w, raised := watch(t, Burst{}, Burst{})
	over := func(sender, login string, after time.Duration, m filter.Mode, d filter.Disposition) {
		s := seen(ruleRate, d, after)
		s.Sender, s.Login, s.Findings[0].Mode = sender, login, m
		s.Disposition = filter.Accept
		w.Observe(s)
	}
	for i := range 700 { // a thousand messages of which 700 go over, over two hours
		over("nvan@monre.gov.vn", "", time.Duration(i)*10*time.Second, filter.Monitor, filter.Defer)
	}
	over("x@monre.gov.vn", "ttbinh", 0, filter.Enforce, filter.Defer)
	over("y@monre.gov.vn", "TTBinh", time.Minute, filter.Enforce, filter.Defer)
	if len(*raised) != 2 || (*raised)[0] != "rate-exceeded nvan@monre.gov.vn " || (*raised)[1] != "rate-exceeded ttbinh " {
		t.Errorf("%q", *raised)
	}
	over("x@monre.gov.vn", "ttbinh", time.Minute+61*time.Minute, filter.Enforce, filter.Defer)
	if len(*raised) != 3 {
		t.Errorf("%q", *raised)
	}
	for i := range MaxSenders + 5 {
		over(string(rune('a'+i%26))+time.Duration(i).String()+"@monre.gov.vn", "", 0, filter.Monitor, filter.Defer)
	}
	if w.overOf.Len() != MaxSenders {
		t.Errorf("%d senders remembered", w.overOf.Len())
	}
	a := Alert{Kind: RateExceeded}
	if a.name() != "CongthuRateExceeded" || a.severity() != "warning" || a.text().Vietnamese == "" || a.text().English == (Alert{}).text().English {
		t.Errorf("%s %s %v", a.name(), a.severity(), a.text())
	}
}
