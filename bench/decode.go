package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"hash"
)

// decoder is the least that any filter of content does: it joins the lines of what is written to it, decodes
// them from base64 and hashes the result with SHA-256. What is no base64 is hashed as it is.
type decoder struct {
	sum     hash.Hash
	joined  []byte // octets without line ends, not yet decoded
	decoded []byte
}

func newDecoder() *decoder { return &decoder{sum: sha256.New()} }

// Write never fails.
func (d *decoder) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		line, rest, _ := bytes.Cut(p, []byte("\n"))
		d.joined = append(d.joined, bytes.TrimSuffix(line, []byte("\r"))...)
		p = rest
	}
	whole := len(d.joined) &^ 3 // base64 decodes four octets at a time
	d.hash(d.joined[:whole])
	d.joined = append(d.joined[:0], d.joined[whole:]...)
	return n, nil
}

func (d *decoder) hash(p []byte) {
	if need := base64.StdEncoding.DecodedLen(len(p)); cap(d.decoded) < need {
		d.decoded = make([]byte, need)
	}
	n, err := base64.StdEncoding.Decode(d.decoded[:cap(d.decoded)], p)
	if err != nil {
		d.sum.Write(p)
		return
	}
	d.sum.Write(d.decoded[:n])
}

// end is the hash of the message; the next one begins.
func (d *decoder) end() [sha256.Size]byte {
	d.hash(d.joined)
	d.joined = d.joined[:0]
	var out [sha256.Size]byte
	d.sum.Sum(out[:0])
	d.sum.Reset()
	return out
}
