package notice

import (
	"congthu/filter"
)

// ruleRate names the rule whose findings say that a sender has sent too much.
const ruleRate = "rate"

// rateQuiet is how long a sender must have stayed within its limits before another alert is raised of it: the window in
// which the rule counts.
const rateQuiet = int64(60 * 60 * 1e9)

// overRate raises one alert of a sender that goes over its limits, in monitor mode too: somebody else may be using that
// mailbox, and what is counted and not stopped goes on.
func (w *Watcher) overRate(s Seen) {
	for _, f := range s.Findings {
		if f.Rule != ruleRate {
			continue
		}
		who := s
		who.Client = ""
		if !w.again(who.sender(), s.Time.UnixNano()) {
			w.raise(who.alert(RateExceeded, f.Rule, f.Clause))
		}
		return
	}
}

// again tells a sender that went over its limits within the last hour, and notes that it did now.
func (w *Watcher) again(sender string, at int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known := w.overOf.Get(sender)
	w.overOf.Add(sender, at)
	passed := at - last
	return known && passed < rateQuiet && -passed < rateQuiet // both ways: the clock may go back
}

// exceeded is what people read of it.
func exceeded() filter.Text {
	return filter.Text{Vietnamese: "Một hộp thư gửi quá nhiều thư trong một giờ; tài khoản có thể đã bị chiếm quyền",
		English: "A mailbox sends too much mail in an hour; somebody else may be using it"}
}
