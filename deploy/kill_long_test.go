//go:build long

package deploy

const (
	kills        = 100
	killMessages = 2000
)
