package filter

import (
	"errors"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// What became of a message is counted by who answered the client, and each door has only results that it can have.
func TestResultOfAnOutcome(t *testing.T) {
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		door        string
		disposition Disposition
		outcome     Outcome
		want        Result
	}{
		"milter passes":              {DoorMilter, Accept, Outcome{}, ResultPassed},
		"milter refuses":             {DoorMilter, Refuse, Outcome{Reply: "550 5.7.1 x"}, ResultStopped},
		"milter holds":               {DoorMilter, Hold, Outcome{Reply: "250 2.0.0 x"}, ResultStopped},
		"the MTA is gone":            {DoorMilter, Accept, Outcome{Err: broken}, ResultGone},
		"the next hop takes it":      {DoorRelay, Tag, Outcome{Reply: "250 2.0.0 queued", NextHop: "a:25"}, ResultPassed},
		"at the second try":          {DoorRelay, Accept, Outcome{Reply: "250 ok", NextHop: "a:25", Err: broken}, ResultPassed},
		"the next hop refuses":       {DoorRelay, Accept, Outcome{Reply: "554 5.7.1 no", NextHop: "a:25"}, ResultRefused},
		"the next hop defers":        {DoorRelay, Accept, Outcome{Reply: "452 4.3.1 full", NextHop: "a:25"}, ResultDeferred},
		"the next hop fails":         {DoorRelay, Accept, Outcome{Reply: "451 4.4.1 x", NextHop: "a:25", Err: broken}, ResultFailed},
		"relay refuses":              {DoorRelay, Refuse, Outcome{Reply: "550 5.7.1 x"}, ResultStopped},
		"relay defers":               {DoorRelay, Defer, Outcome{Reply: "451 4.3.0 x"}, ResultStopped},
		"the client did not wait":    {DoorRelay, Accept, Outcome{Err: broken}, ResultGone},
		"nor hear that it was taken": {DoorRelay, Accept, Outcome{NextHop: "a:25", Err: broken}, ResultGone},
	} {
		got := c.outcome.result(Verdict{Disposition: c.disposition})
		if got != c.want || !slices.Contains(Results(c.door), got) {
			t.Errorf("%s: %s, want %s of %v", name, got, c.want, Results(c.door))
		}
	}
}

// Each message counts once, and every result that an alert may watch is there from the start.
func TestOutcomesAreCounted(t *testing.T) {
	j := plainJudge(t)
	if got := testutil.CollectAndCount(j.metrics.Outcomes); got != len(Results(DoorMilter))+len(Results(DoorRelay)) {
		t.Errorf("%d series at the start", got)
	}
	tx := read(t, "From: a@b\r\n\r\nx")
	tx.Session.Door = DoorRelay
	j.Log(tx, Verdict{Disposition: Accept}, Outcome{Reply: "451 4.4.1 x", NextHop: "a:25", Err: errors.New("reset")})
	for _, r := range Results(DoorRelay) {
		want := 0.0
		if r == ResultFailed {
			want = 1
		}
		if got := testutil.ToFloat64(j.metrics.Outcomes.WithLabelValues(DoorRelay, string(r))); got != want {
			t.Errorf("%s: %v, want %v", r, got, want)
		}
	}
}
