//go:build !long

package deploy

// How often the gate is killed, and during how many messages. The build tag "long" takes more.
const (
	kills        = 10
	killMessages = 500
)
