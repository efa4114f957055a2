//go:build !long

package rules

// Of the forgeries, one in so many is tried; in the long run all are.
const (
	mutationStride = 397
	octetStride    = 31
)
