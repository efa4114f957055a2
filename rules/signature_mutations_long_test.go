//go:build long

package rules

const (
	mutationStride = 1
	octetStride    = 1
)
