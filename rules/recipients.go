package rules

import (
	"fmt"
	"strconv"
	"strings"
)

// maxNamedRecipients is how many recipients a finding names by their place.
const maxNamedRecipients = 10

// whichRecipients says which of n recipients a finding concerns, by their places in the envelope from 1:
// "recipient 2 of 5", "recipients 1 3 of 5"; only "recipient" when there is no other.
func whichRecipients(places []int, n int) string {
	switch {
	case n <= 1:
		return "recipient"
	case len(places) == 1:
		return fmt.Sprintf("recipient %d of %d", places[0], n)
	}
	var named []string
	for _, p := range places[:min(len(places), maxNamedRecipients)] {
		named = append(named, strconv.Itoa(p))
	}
	text := "recipients " + strings.Join(named, " ")
	if more := len(places) - len(named); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + fmt.Sprintf(" of %d", n)
}
