package message

import (
	"slices"
	"strings"
)

// nameList gathers file names.
type nameList struct {
	list  []string
	first string // as given, before other ways to read it
	twice bool
	odd   bool
}

func (n *nameList) addAll(st structured, param string) {
	for _, extended := range []bool{true, false} { // RFC 2231 wins where both are given
		for _, p := range st.params {
			if p.name == param && p.extended == extended {
				n.add(p)
			}
		}
	}
}

func (n *nameList) add(p param) {
	value := p.value
	n.odd = n.odd || p.odd || !p.extended && !isASCII(value)
	if p.other != "" && !p.quoted { // "filename=a b.exe": most show all of it
		value, p.other = p.other, value
	}
	name := fileName(value, p.extended)
	if strings.Contains(name, "=?") {
		n.odd = true
	}
	if name == "" {
		return
	}
	if len(n.list) == 0 {
		n.first = name
	} else if !strings.EqualFold(name, n.first) { // no program or file type depends on case
		n.twice = true
	}
	n.keep(name)
	if p.other != "" {
		n.keep(fileName(p.other, p.extended))
	}
}

func (n *nameList) keep(name string) {
	if name != "" && !slices.Contains(n.list, name) {
		n.list = append(n.list, name)
	}
}

// fileName decodes a name; runs of blanks count as one, since folding changes them.
func fileName(v string, decoded bool) string {
	if decoded {
		if strings.Contains(v, "=?") { // some senders encode twice, and clients decode twice
			v = DecodeText(v)
		}
		v = NFC(v)
	} else {
		v = DecodeText(v)
	}
	if strings.Contains(v, "  ") || strings.ContainsAny(v, "\t\r\n") || strings.TrimSpace(v) != v {
		v = strings.Join(strings.Fields(v), " ")
	}
	return v
}
