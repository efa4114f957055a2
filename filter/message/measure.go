package message

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// measures are what decoding the leaves of one message gave. Readings of the same octets under the same
// encoding are decoded once, and all decoding together keeps a budget: a message may be read in so many ways
// that decoding each would cost a multiple of what the message is worth.
type measures struct {
	mu     sync.Mutex
	left   int64 // octets that may still be decoded
	of     map[measureKey]*measureOnce
	missed map[NotInspected]struct{}
}

// measureKey names octets and how they are decoded.
type measureKey struct {
	source *source
	body   Range
	enc    Encoding
}

// measureOnce keeps what one pass found.
type measureOnce struct {
	once    sync.Once
	m       Measure // its anomalies name no part
	err     error
	counted *Measure // what the scan found on its way, nil for nothing

	digestOnce sync.Once
	digest     string
	digestErr  error
}

func newMeasures(octets int64) *measures {
	return &measures{left: octets, of: map[measureKey]*measureOnce{}}
}

func (ms *measures) entry(k measureKey) *measureOnce {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	once := ms.of[k]
	if once == nil {
		once = new(measureOnce)
		ms.of[k] = once
	}
	return once
}

// counted keeps what a scan found.
func (ms *measures) counted(k measureKey, m Measure) { ms.entry(k).counted = &m }

// take tells whether n octets may still be decoded, and counts them.
func (ms *measures) take(n int64) bool {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if n > ms.left {
		return false
	}
	ms.left -= n
	return true
}

func (ms *measures) miss(part string, why Reason) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.missed == nil {
		ms.missed = map[NotInspected]struct{}{}
	}
	ms.missed[NotInspected{part, why}] = struct{}{}
}

// Measure decodes the part once, whoever asks how often, and tells what that gives. Once the message's
// decoding has cost workFactor times its size and workFloor octets more, further parts are not decoded:
// Measure.NotInspected says so, and Undecoded names them.
func (p *Part) Measure() (Measure, error) {
	ms := p.source.measures
	once := ms.entry(measureKey{p.source, p.Body, p.Encoding})
	once.once.Do(func() { once.m, once.err = p.measure(once.counted) })
	if once.err != nil {
		return Measure{}, fmt.Errorf("measuring part %q: %w", p.ID, once.err)
	}
	m := once.m
	if m.NotInspected != "" {
		ms.miss(p.ID, m.NotInspected)
	}
	if len(m.Anomalies) > 0 {
		m.Anomalies = []Anomaly{{p.ID, m.Anomalies[0].Kind}}
	}
	return m, nil
}

// measure decodes the part, or takes what was counted already. That counts like decoding: how much of a message
// is decoded does not depend on how it was read.
func (p *Part) measure(counted *Measure) (Measure, error) {
	if p.Encoding == Identity { // as it stands
		return Measure{Bytes: p.Body.Len()}, nil
	}
	if p.Encoding == Base64 {
		if !p.takeBudget() {
			return p.overBudget(), nil
		}
		if counted != nil {
			return *counted, nil
		}
		return countBase64(p.Raw())
	}
	return p.decodeTo(io.Discard)
}

// takeBudget tells whether the body may still be decoded once more, and counts that.
func (p *Part) takeBudget() bool {
	// Octets that are themselves decoded are decoded again on the way.
	return p.source.measures.take(p.Body.Len() * int64(1+p.source.nested))
}

func (p *Part) overBudget() Measure { return Measure{Bytes: p.Body.Len(), NotInspected: TooBig} }

// Digest is the SHA-256 of the decoded octets in hexadecimal, made once, whoever asks how often. It is ""
// for a part that was not decoded because the budget of Measure is spent. It costs as much as Measure
// again, so only those ask who need it.
func (p *Part) Digest() (string, error) {
	ms := p.source.measures
	once := ms.entry(measureKey{p.source, p.Body, p.Encoding})
	once.digestOnce.Do(func() {
		sum := sha256.New()
		m, err := p.decodeTo(sum)
		if once.digestErr = err; err == nil && m.NotInspected == "" {
			once.digest = hex.EncodeToString(sum.Sum(nil))
		}
	})
	if once.digestErr != nil {
		return "", fmt.Errorf("hashing part %q: %w", p.ID, once.digestErr)
	}
	if once.digest == "" {
		ms.miss(p.ID, TooBig)
	}
	return once.digest, nil
}

// Decoded spools the decoded octets, for formats that are read at random places, and remembers their hash for Digest:
// who asks for it does not decode once more. The error is ErrTooBig, ErrNoRoom or one of the message's own reader.
func (p *Part) Decoded(l Limits, b *Budget) (*Spool, error) {
	s := NewSpool(l, b)
	if _, err := io.Copy(s, p.Open()); err != nil {
		s.Close()
		return nil, err
	}
	once := p.source.measures.entry(measureKey{p.source, p.Body, p.Encoding})
	once.digestOnce.Do(func() { once.digest = s.SHA256() })
	return s, nil
}

// decodeTo writes the decoded octets to w, within the message's budget, and tells what that showed.
func (p *Part) decodeTo(w io.Writer) (Measure, error) {
	if !p.takeBudget() {
		return p.overBudget(), nil
	}
	r := newDecodeReader(p.Raw(), decoder{enc: p.Encoding})
	defer r.finish()
	n, err := r.WriteTo(w)
	if err != nil {
		return Measure{}, err
	}
	m := Measure{Bytes: n}
	if kind := r.dec.anomaly(); kind != "" {
		m.Anomalies = []Anomaly{{Kind: kind}}
	}
	return m, nil
}

// Measured are the anomalies of the message with those that only decoding its leaves shows. What it could
// not decode is in Undecoded.
func (m *Message) Measured() ([]Anomaly, error) {
	all := append([]Anomaly(nil), m.Anomalies...)
	for p := range m.Leaves() {
		got, err := p.Measure()
		if err != nil {
			return nil, err
		}
		all = append(all, got.Anomalies...)
	}
	return all, nil
}

// Undecoded are the parts that Measure was asked for so far and did not decode, because the message's
// decoding had cost too much, and those that Contents left out. They belong beside NotInspected.
func (m *Message) Undecoded() []NotInspected {
	if m.Root == nil || m.Root.source == nil {
		return nil
	}
	ms := m.Root.source.measures
	ms.mu.Lock()
	defer ms.mu.Unlock()
	var out []NotInspected
	for n := range ms.missed {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b NotInspected) int {
		return cmp.Or(strings.Compare(a.Part, b.Part), strings.Compare(string(a.Reason), string(b.Reason)))
	})
	return out
}
