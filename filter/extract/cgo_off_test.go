//go:build !cgo

package extract

const withC = false
