package main

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Keys of what is measured, as -through takes them.
const (
	keyMilterUnix  = "milter-unix"
	keyMilterTCP   = "milter-tcp"
	keyProxyFilter = "proxy-filter"
	keyRelay       = "relay"
	keyNullUnix    = "null-unix"
	keyNullTCP     = "null-tcp"
	keyHashUnix    = "hash-unix"
	keyHashTCP     = "hash-tcp"
	keyCopyFilter  = "copy-filter"
	keyCopyRelay   = "copy-relay"
	keyHashRelay   = "hash-relay"
	keyRspamd      = "rspamd"
	keyRspamdBare  = "rspamd-stripped"
	keyHaraka      = "haraka"

	basePostfix = "Postfix alone"
	baseDirect  = "straight to the sink"
)

// hookup is how a candidate is reached.
type hookup int

const (
	hookMilterUnix hookup = iota
	hookMilterTCP
	hookProxyFilter
	hookInline // no Postfix
)

// kind is one thing that can be measured.
type kind struct {
	key, label string
	hook       hookup
	role       string // the floor that this program plays; "" for the others
	slow       int    // gets one mail of so many, at least four; 0 is all
}

// kinds in the order of the tables: ours, floors, peers.
func kinds() []kind {
	return []kind{
		{key: keyMilterUnix, label: "**Congthu**, milter, unix", hook: hookMilterUnix},
		{key: keyMilterTCP, label: "**Congthu**, milter, TCP", hook: hookMilterTCP},
		{key: keyProxyFilter, label: "**Congthu**, proxy filter", hook: hookProxyFilter},
		{key: keyNullUnix, label: "floor: milter that does nothing, unix", hook: hookMilterUnix, role: roleNullMilter},
		{key: keyNullTCP, label: "floor: milter that does nothing, TCP", hook: hookMilterTCP, role: roleNullMilter},
		{key: keyHashUnix, label: "floor: milter that decodes and hashes, unix", hook: hookMilterUnix, role: roleHashMilter},
		{key: keyHashTCP, label: "floor: milter that decodes and hashes, TCP", hook: hookMilterTCP, role: roleHashMilter},
		{key: keyCopyFilter, label: "floor: proxy filter that copies octets", hook: hookProxyFilter, role: roleCopyRelay},
		{key: keyRspamd, label: "rspamd, milter, unix", hook: hookMilterUnix},
		{key: keyRspamdBare, label: "rspamd stripped, milter, unix", hook: hookMilterUnix},
		{key: keyRelay, label: "**Congthu**, relay", hook: hookInline},
		{key: keyCopyRelay, label: "floor: relay that copies octets", hook: hookInline, role: roleCopyRelay},
		{key: keyHashRelay, label: "floor: relay that copies, decodes and hashes", hook: hookInline, role: roleHashRelay},
		{key: keyHaraka, label: "Haraka, relay", hook: hookInline, slow: 4},
	}
}

// label names a candidate or a baseline in a table.
func label(key string) string {
	for _, k := range kinds() {
		if k.key == key {
			return k.label
		}
	}
	return key
}

// ours tells the doors of the gate, which are one process.
func (k kind) ours() bool {
	return slices.Contains([]string{keyMilterUnix, keyMilterTCP, keyProxyFilter, keyRelay}, k.key)
}

func (k kind) base() string {
	if k.hook == hookInline {
		return baseDirect
	}
	return basePostfix
}

// candidate is a kind that is there, with its addresses.
type candidate struct {
	kind
	server server
	load   string // where the load goes
	listen string // where the candidate listens, "unix:path" or "127.0.0.1:port"
}

// chosen are the kinds whose keys are in a list with commas; all of them when it is empty.
func chosen(list string) ([]kind, error) {
	if list == "" {
		return kinds(), nil
	}
	var out []kind
	keys := strings.Split(list, ",")
	for _, k := range kinds() {
		if i := slices.Index(keys, k.key); i >= 0 {
			out = append(out, k)
			keys = slices.Delete(keys, i, i+1)
		}
	}
	if len(keys) > 0 {
		return nil, fmt.Errorf("nothing is called %q; there are %s", strings.Join(keys, ","), strings.Join(allKeys(), ","))
	}
	return out, nil
}

func allKeys() []string {
	var out []string
	for _, k := range kinds() {
		out = append(out, k.key)
	}
	return out
}

// share is the part of a load that a slow candidate gets.
func (c candidate) share(l load) load {
	if c.slow > 0 && l.every == 0 {
		l.count = max(l.count/c.slow, min(l.count, 4))
	}
	return l
}

// make finds the server of a candidate that is not ours. An error means that it cannot be had here.
func (c *candidate) make(s *stand) (err error) {
	next := s.sinkAddr
	if c.hook == hookProxyFilter {
		next = s.reinject
	}
	switch {
	case c.role != "":
		c.server, err = own(c.role, c.listen, next)
	case c.key == keyRspamd:
		c.server, err = rspamd(c.key, rspamdFull, strings.TrimPrefix(c.listen, "unix:"), s.dir)
	case c.key == keyRspamdBare:
		c.server, err = rspamd(c.key, rspamdBare, strings.TrimPrefix(c.listen, "unix:"), s.dir)
	case c.key == keyHaraka:
		c.server, err = haraka(c.listen, next, s.dir)
	}
	return err
}

// place gives a candidate its addresses. Sockets lie in the folder that Postfix's daemons see.
func (c *candidate) place(s *stand) (err error) {
	if c.hook == hookMilterUnix {
		c.listen = "unix:" + filepath.Join(s.sockets, c.key+".sock")
	} else if c.listen, err = s.ports.Next(); err != nil {
		return err
	}
	c.load = c.listen
	if c.hook != hookInline {
		c.load, err = s.ports.Next()
	}
	return err
}

// connects tells that somebody listens on an address.
func connects(addr string) bool {
	network := "tcp"
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", path
	}
	c, err := net.DialTimeout(network, addr, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
