package console

import "congthu/store"

// May tells whether a role has a right.
func May(role store.Role, right string) bool { return may(role, act(right)) }
