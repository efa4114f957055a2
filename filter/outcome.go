package filter

// Result is what became of a message, in one word: a metric label.
type Result string

// The results. Those of a next hop are the relay door's: on the milter door what becomes of a message after its verdict is
// the MTA's.
const (
	ResultPassed   Result = "passed"            // it went on
	ResultStopped  Result = "stopped"           // the verdict itself was the answer: refused, held, deferred
	ResultRefused  Result = "next-hop-refused"  // the next hop answered 5xx
	ResultDeferred Result = "next-hop-deferred" // the next hop answered 4xx
	ResultFailed   Result = "next-hop-failed"   // the next hop was away, or went away: our 451 4.4.1
	ResultGone     Result = "client-gone"       // the client did not wait for its answer, and sends the message again
)

// Results lists those of a door.
func Results(door string) []Result {
	all := []Result{ResultPassed, ResultStopped, ResultGone}
	if door == DoorRelay {
		all = append(all, ResultRefused, ResultDeferred, ResultFailed)
	}
	return all
}

// Doors, as metrics and records name them.
const (
	DoorMilter = "milter"
	DoorRelay  = "relay"
)

// result says what became of a message that had such a verdict.
func (o Outcome) result(v Verdict) Result {
	switch {
	case o.Reply == "" && o.Err != nil:
		return ResultGone
	case !v.Passes():
		return ResultStopped
	case o.NextHop == "", o.Reply != "" && o.Reply[0] == '2':
		return ResultPassed
	case o.Err != nil:
		return ResultFailed
	case o.Reply != "" && o.Reply[0] == '5':
		return ResultRefused
	}
	return ResultDeferred
}
