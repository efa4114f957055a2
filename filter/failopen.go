package filter

import "slices"

// fieldFailOpen names the engines that did not look at a message which passes because the policy says so.
const fieldFailOpen = "Congthu-Fail-Open"

// failedOpen lists the engines that did not look, each once.
func (v Verdict) failedOpen() []string {
	var engines []string
	if v.Unsigned == UnsignedFailed {
		engines = append(engines, EngineDKIM)
	}
	for _, f := range v.Findings {
		if f.FailOpen != "" && !slices.Contains(engines, f.FailOpen) {
			engines = append(engines, f.FailOpen)
		}
	}
	return engines
}
