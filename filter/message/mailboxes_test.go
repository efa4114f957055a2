package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shown is what one address field says: its addresses, "!" before them when it is not well-formed.
func shown(value string) string {
	h := &Header{Fields: []Field{{Name: "From", Raw: []byte("From: " + value + "\r\n")}}}
	list, strict := h.Addresses("From")
	var out []string
	if !strict {
		out = append(out, "!")
	}
	for _, a := range list {
		out = append(out, a.Local+"@"+a.Domain)
	}
	return strings.Join(out, " ")
}

// Whatever hides an address from one program and not from another hides it not from the gate.
func TestAddressesAsClientsReadThem(t *testing.T) {
	for _, test := range []struct{ value, want string }{
		// Comments and blanks beside the @ are ordinary (RFC 5322 section 3.4.1).
		{"An <nvan(c)@gmail.com>", "nvan@gmail.com"},
		{"An <nvan@(c)gmail.com>", "nvan@gmail.com"},
		{"nvan(x)@(y)gmail.com", "nvan@gmail.com"},
		{"nvan (x) @ (y(z)) gmail.com (w)", "nvan@gmail.com"},
		{"An <nvan @ gmail.com>", "nvan@gmail.com"},
		{`"a @ (b) c" <nvan @gmail.com>`, "nvan@gmail.com"},
		{`nvan(\))@gmail.com`, "nvan@gmail.com"},
		// Inside of the domain they are obsolete (section 4.4), and some programs stop there.
		{"An <nvan@gmail . com>", "! nvan@gmail nvan@gmail.com"},
		{"nvan@gmail.(x)com", "! nvan@gmail.com"},
		{"nvan@gmail(.)com", "! nvan@gmailcom"},
		{"nvan@gm(x)ail.com", "! nvan@gmail.com"},
		{"nvan@gmail.com. x", "! nvan@gmail.com nvan@gmail.com.x"},
		{"nvan@gmail.com\x0bx", "! nvan@gmail.com nvan@gmail.comx"},
		{"nvan@gmail\x0b.com", "! nvan@gmail nvan@gmail.com"},
		{"nvan@gm\x00ail.com", "! nvan@gm nvan@gmail.com"},
		{"nvan@gmail.com\u200b x", "! nvan@gmail.com"},
		{"nvan@gmail.com..", "! nvan@gmail.com"},
		{"nvan\x0b@gmail.com", "! nvan@gmail.com"},
		// A parenthesis or quote that nothing closes hides nothing.
		{"( nvan(c)@gmail.com", "! nvan@gmail.com"},
		{"((( <nvan@(gmail.com>", "! nvan@gmail.com"},
		{`nvan\(c)@gmail.com`, `! nvan@gmail.com`},
		{`"An nvan(c)@gmail.com`, "! nvan@gmail.com"},
		{`An" <nvan@gmail.com>`, "! nvan@gmail.com"},
		{`nvan@"gmail.com"`, "! nvan@gmail.com"},
		{`"nvan@gmail.com"`, "! nvan@gmail.com"},
		{`An "nvan(c)@gmail.com"`, "! nvan@gmail.com"},
		{`"nvan"@"gmail"."com"`, "! nvan@gmail.com"},
		{"nvan@[192.0.2.1]x", "! nvan@[192.0.2.1]"},
		{"nvan@]gmail.com", "! nvan@gmail.com"},
		{"nvan@gmail.com]", "! nvan@gmail.com"},
		{"[nvan@gmail.com]", "! nvan@gmail.com"},
		{"nvan@monre.gov.vn@gmail.com", "! nvan@monre.gov.vn monre.gov.vn@gmail.com"},
		{"<@monre.gov.vn:nvan@gmail.com>", "! nvan@gmail.com"},
		{"<@a.vn,@b.vn:nvan@gmail.com>", "! nvan@gmail.com"},
		{"mailto:nvan@gmail.com", "! nvan@gmail.com"},
		{"a@b.vn; nvan@gmail.com", "! a@b.vn nvan@gmail.com"},
		{"a@b.vn nvan@gmail.com", "! a@b.vn nvan@gmail.com"},
		// Addresses without an @ of their own.
		{"gmail.com!nvan", "! nvan@gmail.com"},
		{"<gmail.com!a!nvan>", "! a!nvan@gmail.com"},
		{"nvan%gmail.com", "! nvan@gmail.com"},
		{"nvan%a.vn%gmail.com", "! nvan%a.vn@gmail.com"},
		{"a%b.vn <x@c.vn", "! x@c.vn"},
		{"Giam 50% !", "!"},
		// A name is no address when an address stands behind it.
		{"nvan@gmail.com <nvan@monre.gov.vn>", "! nvan@monre.gov.vn"},
		{"An [lien he: nvan@gmail.com] <nvan@monre.gov.vn>", "! nvan@monre.gov.vn"},
		{"nvan@gmail.com An <nvan@monre.gov.vn>, b@gmail.com <b@monre.gov.vn>", "! nvan@monre.gov.vn b@monre.gov.vn"},
		{"nvan@gmail.com, An <nvan@monre.gov.vn>", "nvan@gmail.com nvan@monre.gov.vn"},
		{"x x nvan@gmail.com, An <nvan@monre.gov.vn>", "! nvan@gmail.com nvan@monre.gov.vn"},
		{"nvan@gmail.com <>", "! nvan@gmail.com"},
		{"nvan@gmail.com <x", "! nvan@gmail.com"},
		{"<nvan@monre.gov.vn> nvan@gmail.com", "! nvan@monre.gov.vn nvan@gmail.com"},
		{"<a@gmail.com> <nvan@monre.gov.vn>", "! a@gmail.com nvan@monre.gov.vn"},
		{"<a@gmail.com <nvan@monre.gov.vn>", "! a@gmail.com nvan@monre.gov.vn"},
		{"An < 3, nvan@gmail.com, B <b@monre.gov.vn>", "! nvan@gmail.com b@monre.gov.vn"},
		// Encoded-words: programs differ on what ends one.
		{"=?utf-8?Q?nvan=40gmail=2Ecom?=, a@b.vn", "! nvan@gmail.com a@b.vn"},
		{"=?utf-8?Q?nvan=40gmail=2Ecom?= <a@b.vn>", "a@b.vn"},
		{"=?utf-8?Q?nvan=40gmail=2Ecom?= <a@b.vn> x", "! a@b.vn"},
		{"=?utf-8?Q?=22nvan=40gmail=2Ecom=22?=", "! nvan@gmail.com"},
		{`=?utf-8?Q?"?= , nvan@gmail.com, "b <a@b.vn>`, "! nvan@gmail.com a@b.vn"},
		{"=?utf-8?Q?Nguyen,_An?= <a@b.vn>", "! a@b.vn"},
		{"=?utf-8?Q?a,nvan@gmail.com,?= <a@b.vn>", "! nvan@gmail.com a@b.vn"},
		{"nvan@=?utf-8?q?gmail.com?=", "! nvan@utf-8 nvan@gmail.com"},
		{"An <nvan@=?utf-8?b?Z21haWwuY29t?=>", "! nvan@utf-8 nvan@gmail.com"},
		{"nvan@gm=?utf-8?q?ail?=.com, b@a.vn", "! nvan@gm nvan@gmail.com b@a.vn"},
		{"nvan@ =?utf-8?q?gmail.com?=", "! nvan@utf-8 nvan@gmail.com"},
		{"=?utf-8?q?nvan=40gmail.com,?=@monre.gov.vn", "! ?=@monre.gov.vn =?utf-8?q?nvan=40gmail.com,?=@monre.gov.vn nvan@gmail.com"},
		// An atom may hold what no domain does; programs stop there.
		{"nvan@gmail.com?subject=x", "! nvan@gmail.com"},
		{"An <nvan@gmail.com?cc=b@a.vn>", "! nvan@gmail.com ?cc=b@a.vn"},
		{"nvan@gmail.com/x", "! nvan@gmail.com"},
		{"nvan@gmail.com#x, <b@gmail.com&c>", "! nvan@gmail.com b@gmail.com"},
		{"a?b/c=d@gmail.com", "a?b/c=d@gmail.com"},
		{"nobody", "!"}, {"<>", "!"}, {"@gmail.com", "!"}, {"nvan@", "!"},
	} {
		if got := shown(test.value); got != test.want {
			t.Errorf("%q:\ngot  %s\nwant %s", test.value, got, test.want)
		}
	}
}

// Of an address so long that a server may cut it, what may be left counts too; of others nothing does.
func TestAddressesThatAreCut(t *testing.T) {
	pad := func(n int) string { return strings.Repeat("x", n) }
	const address = "nvan@gmail.comx.vn"
	const left = " nvan@gmail.co nvan@gmail.com nvan@gmail.comx" // "gmail.comx.v" is no domain
	const long = address + left
	room := maxMailbox - len(`"" <>`) - len(address)
	many := strings.Repeat("abcdefg@h,", maxWhole/10)
	for _, test := range []struct{ name, value, want string }{
		{"short", `"` + pad(room) + `" <` + address + ">", address},
		{"long name", `"` + pad(room+1) + `" <` + address + ">", long},
		{"long comment before", "(" + pad(maxMailbox) + ") " + address, "! " + long},
		{"long comment behind", address + " (" + pad(maxMailbox) + ")", long},
		{"long and short", `"` + pad(maxMailbox) + `" <` + address + ">, b@b.yahoo.com", address + " b@b.yahoo.com" + left},
		{"long, not well-formed", `"` + pad(maxMailbox) + `" <` + address + "> x", "! " + long},
		{"many short ones", strings.Repeat("a@b.yahoo.com, ", 100) + "a@b.vn", strings.Repeat("a@b.yahoo.com ", 100) + "a@b.vn"},
		{"in a field that is cut", many + address, strings.ReplaceAll(many, ",", " ") + long},
		{"a literal", "(" + pad(maxMailbox) + ") a@[192.0.2.1]", "! a@[192.0.2.1]"},
	} {
		if got := shown(test.value); got != test.want {
			t.Errorf("%s: got %.200s\nwant %.200s", test.name, got, test.want)
		}
	}
}

// An address field that some program could take an address from and the gate cannot is not silent, nor is
// one with too many; a sender without an @, such as programs write, is no reason to refuse.
func TestAddressAnomalies(t *testing.T) {
	junk := func(n int) string { // not well-formed
		var b strings.Builder
		b.WriteString("@ ")
		for i := range n {
			fmt.Fprintf(&b, ", a%d@b", i)
		}
		return b.String() + ", nvan@gmail.com"
	}
	limits := DefaultLimits()
	limits.HeaderBytes = 2 << 20
	for _, test := range []struct {
		value string
		want  []AnomalyKind
		cut   bool
	}{
		{"An <nvan (c)@ gmail.com>", nil, false},
		{"MAILER-DAEMON", []AnomalyKind{MalformedAddress}, false},
		{"", []AnomalyKind{MalformedAddress}, false},
		{"<>", []AnomalyKind{MalformedAddress}, false},
		{"An <nvan@gmail.com", []AnomalyKind{MalformedAddress}, false},
		{"@gmail.com", []AnomalyKind{MalformedAddress, UnreadableAddress}, false},
		{"(nvan@gmail.com)", []AnomalyKind{MalformedAddress, UnreadableAddress}, false},
		{"=?utf-8?q?=40=40?=", []AnomalyKind{MalformedAddress, UnreadableAddress}, false},
		{"nvan\uff20gmail.com", []AnomalyKind{MalformedAddress, UnreadableAddress}, false},
		{junk(maxLenient - 1), []AnomalyKind{MalformedAddress}, false},
		{junk(maxLenient), []AnomalyKind{MalformedAddress, TooManyAddresses}, true},
	} {
		for _, field := range []string{"From", "Sender", "Reply-To"} {
			raw := field + ": " + test.value + "\r\n\r\nhi\r\n"
			m, err := Read(strings.NewReader(raw), int64(len(raw)), limits)
			if err != nil {
				t.Fatal(err)
			}
			var got []AnomalyKind
			for _, a := range m.Anomalies {
				if a.Kind != LineTooLong {
					got = append(got, a.Kind)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: %.60s (-want +got):\n%s", field, test.value, diff)
			}
			if cut := slices.Contains(m.NotInspected, NotInspected{"1", TooMany}); cut != test.cut {
				t.Errorf("%s: %.60s: not inspected %v", field, test.value, m.NotInspected)
			}
		}
	}
	if !UnreadableAddress.Ambiguous() || !TooManyAddresses.Ambiguous() || MalformedAddress.Ambiguous() {
		t.Error("which of them programs read differently")
	}
}

// many is by how much a field grows in the tests of time.
const many = 8

// grows tells how many times longer work takes for many times as much: about many when it is linear, many
// times many when it is quadratic. The least of several tries counts, since others use the machine.
func grows(work func(n int)) float64 {
	const n = 8 << 10
	least := func(n int) time.Duration {
		best := time.Duration(1 << 62)
		for range 2 {
			start := time.Now()
			work(n)
			best = min(best, time.Since(start))
		}
		return best
	}
	factor := 1e9
	for range 40 { // what is of the square never comes below; a machine that is busy does
		if factor = min(factor, float64(least(many*n))/float64(max(least(n), 1))); factor < many*many/2 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return factor
}

// Reading costs what the field is long, not its square.
func TestFieldsAreReadInLinearTime(t *testing.T) {
	for _, piece := range []string{
		`\"@`, `"@ `, `"`, `\"`, `"\"@`, "(", "(a", "((a)", ")(", "(;", ";(", ";a=(", "@", "a@", "@a", "a@b,", "a@b ", "a@[", "a@[ ", "<", "<a@b", "a@b <", ">", ":", "a:",
		"a . ", "a@b . ", ". ", " @", "a ", "=?", "=?a?q?", "=?a?q?(?=", "=?utf-8?q?a=40b?= ", "=?utf-8?q?a=40b?=,", `"a@b",`, "a!", "a%", "a.b%c.d ", "a.b!c ", "\x01", "a@b\x01c", ";a*0=b", ";a*=b", ";a=\"", ";a=b c",
	} {
		field := func(n int) string { return "x " + strings.Repeat(piece, n/len(piece)) }
		for what, read := range map[string]func(string){
			"addresses":  func(v string) { readAddresses(v) },
			"parameters": func(v string) { newEntity(entityHeader(v), 0) },
			"text":       func(v string) { DecodeText(v) },
		} {
			if what == "text" && !strings.Contains(piece, "=?") {
				continue
			}
			if f := grows(func(n int) { read(field(n)) }); f >= many*many/2 {
				t.Errorf("%s of %q: %d times as much takes %.0f times as long", what, piece, many, f)
			}
		}
	}
}

func entityHeader(v string) *Header {
	return &Header{Fields: []Field{
		{Name: "Content-Type", Raw: []byte("Content-Type: text/plain;" + v)},
		{Name: "Content-Disposition", Raw: []byte("Content-Disposition: attachment;" + v)},
	}}
}
