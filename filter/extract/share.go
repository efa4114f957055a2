package extract

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html/atom"
)

// foreignShare tells a place on a share that may be a stranger's: a program that reads it shows that machine who its user
// is. A machine that only a local network knows is none: one whose name has no dot or an ending that nobody has in public, or
// with a private address.
func foreignShare(target string) bool {
	host, ok := shareHost(target)
	if !ok || host == "" {
		return false
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsUnspecified()
	}
	_, ending, dotted := cutLast(strings.TrimSuffix(host, "."), ".")
	if !dotted {
		return strings.Trim(host, "0123456789") == "" || strings.HasPrefix(host, "0x") // an address as one number
	}
	return !slices.Contains([]string{"local", "lan", "internal", "intranet", "corp", "home", "localdomain", "arpa"}, ending)
}

// shareHost is the machine of a share, "\\host\share" (MS-DTYP 2.2.57) or "file://host/share" (RFC 8089), as programs of
// Windows read them.
func shareHost(target string) (host string, ok bool) {
	if s, err := url.PathUnescape(target); err == nil {
		target = s
	}
	target = strings.ToLower(strings.ReplaceAll(strings.Trim(target, " \t\r\n\x00"), `\`, "/"))
	rest, scheme := target, false
	for _, s := range [...]string{"file:", "smb:", "cifs:"} {
		if after, is := strings.CutPrefix(rest, s); is {
			rest, scheme = after, true
		}
	}
	host = strings.TrimLeft(rest, "/")
	slashes := len(rest) - len(host)
	if slashes < 2 || scheme && slashes == 3 { // "file:///C:/a.docx"
		return "", false
	}
	if device, after, _ := strings.Cut(host, "/"); device == "?" || device == "." {
		host, ok = strings.CutPrefix(after, "unc/")
		if !ok {
			return "", false
		}
	}
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, "@") // a port, or "SSL"
	if name, _, is := strings.Cut(host, ":"); is && !strings.HasPrefix(host, "[") {
		if len(name) == 1 { // a drive
			return "", false
		}
		host = name
	}
	return host, true
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// startsProgram tells an address that a program of Windows is started with, though it looks like a link.
func startsProgram(address string) bool {
	scheme, _, ok := strings.Cut(strings.ToLower(strings.TrimSpace(address)), ":")
	return ok && slices.Contains([]string{"ms-msdt", "search-ms", "search", "ms-officecmd", "ms-appinstaller", "ms-its", "mk", "mhtml", "hcp", "vbscript"}, scheme)
}

// loadsFrom tells an address that a page loads from a foreign share without a click, or that it starts a program with. What
// begins with "//" is on the web.
func loadsFrom(tag atom.Atom, address string) bool {
	if tag == atom.A || tag == atom.Area {
		return false
	}
	address = strings.TrimSpace(address[:min(len(address), shareAddress)])
	share := strings.HasPrefix(address, `\\`) || len(address) > len("file:") && strings.EqualFold(address[:len("file:")], "file:")
	return share && foreignShare(address) || leadsOn(tag) && startsProgram(address)
}

// shareAddress is how many octets of an address are looked at.
const shareAddress = 1 << 10

// fieldLoads tells the code of a field that loads text or a picture from elsewhere (ECMA-376 part 1, 17.16.5.26 and following).
// Pictures from the web are ordinary in what is copied from a page.
func fieldLoads(code string) bool {
	words := strings.Fields(strings.ReplaceAll(code, `"`, " "))
	if len(words) < 2 {
		return false
	}
	text := strings.EqualFold(words[0], "INCLUDETEXT") || strings.EqualFold(words[0], "INCLUDE")
	if !text && !strings.EqualFold(words[0], "INCLUDEPICTURE") && !strings.EqualFold(words[0], "IMPORT") && !strings.EqualFold(words[0], "LINK") {
		return false
	}
	return slices.ContainsFunc(words[1:], func(w string) bool {
		w = strings.ReplaceAll(w, `\\`, `\`) // a backslash is written twice in a field
		if strings.HasPrefix(w, `\`) && !strings.HasPrefix(w, `\\`) && len(w) > 2 {
			w = `\` + w
		}
		return foreignShare(w) || text && (strings.HasPrefix(strings.ToLower(w), "http:") || strings.HasPrefix(strings.ToLower(w), "https:"))
	})
}
