//go:build cgo

package extract

const withC = true
