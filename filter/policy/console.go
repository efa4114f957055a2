package policy

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Console is the security team's pages.
type Console struct {
	Listen string     `yaml:"listen"` // host:port; "" shows the pages on admin.listen, "none" shows none
	TLS    ConsoleTLS `yaml:"tls"`
	Allow  []Network  `yaml:"allow"` // clients that may reach the pages; none named: everybody who reaches the address
	URL    WebAddress `yaml:"url"`   // where people find the pages, for links: https://congthu.monre.gov.vn
	OIDC   OIDC       `yaml:"oidc"`
}

// ConsoleTLS is the certificate of a console with an address of its own.
type ConsoleTLS struct {
	Certificate string `yaml:"certificate"` // PEM file, read again when it changes
	Key         string `yaml:"key"`         // PEM file
}

// OIDC is an OpenID Connect provider whose people may sign in to the console.
type OIDC struct {
	Issuer       WebAddress `yaml:"issuer"` // "" for none
	ClientID     string     `yaml:"client_id"`
	ClientSecret string     `yaml:"client_secret"` // file:/path of the secret
	CA           string     `yaml:"ca"`            // PEM file with the roots for the provider; "" for the system's
	RolesClaim   string     `yaml:"roles_claim"`   // claim of the id token that lists a person's groups
	// Which groups have which role. Who is in several has the first of these.
	Administrator []string `yaml:"administrator"`
	Officer       []string `yaml:"officer"`
	Auditor       []string `yaml:"auditor"`
	Sender        []string `yaml:"sender"` // who sees what is held of the own mail, and confirms
}

// HasConsole tells whether pages are shown at all.
func (c *Config) HasConsole() bool {
	return c.Console.Listen != None && (c.Console.Listen != "" || c.Admin.Listen != "")
}

// ConfirmURL is where senders of held mail confirm, an address without a slash at its end: "" when notices have no link
// there.
func (c *Config) ConfirmURL() string {
	if !bool(c.Notices.Confirm) || !c.HasConsole() || !c.HasStore() {
		return ""
	}
	return strings.TrimRight(string(c.Console.URL), "/")
}

// checkConsole finds what is wrong in the section console.
func (c *Config) checkConsole(bad func(path, format string, args ...any)) {
	k := c.Console
	own := k.Listen != "" && k.Listen != None
	if own {
		if err := hostPort(k.Listen); err != nil {
			bad("console.listen", "%v", err)
		}
	}
	if (k.TLS.Certificate == "") != (k.TLS.Key == "") {
		bad("console.tls", "needs both certificate and key")
	}
	for key, path := range map[string]string{"certificate": k.TLS.Certificate, "key": k.TLS.Key} {
		if path != "" && !filepath.IsAbs(path) {
			bad("console.tls."+key, "%q is no file: write a path from the root", path)
		}
	}
	if k.TLS.Certificate != "" && !own {
		bad("console.tls", "is for an address of the console's own: write console.listen too")
	}
	if !strings.HasPrefix(string(k.URL), "http") && k.URL != "" {
		bad("console.url", "%q is no web address", k.URL)
	}
	c.checkOIDC(bad)
}

func (c *Config) checkOIDC(bad func(path, format string, args ...any)) {
	o := c.Console.OIDC
	if o.Issuer == "" {
		return
	}
	at := func(key string) string {
		path := "console.oidc." + key
		if _, ok := c.origins[path]; ok {
			return path
		}
		return "console.oidc"
	}
	for key, v := range map[string]string{"client_id": o.ClientID, "client_secret": o.ClientSecret, "roles_claim": o.RolesClaim} {
		if v == "" {
			bad(at(key), "needs %s", key)
		}
	}
	if path, ok := strings.CutPrefix(o.ClientSecret, "file:"); o.ClientSecret != "" && (!ok || !filepath.IsAbs(path)) {
		bad(at("client_secret"), "is no place of a secret: write file:/path, and the secret into that file")
	}
	if c.Console.URL == "" {
		bad(at("issuer"), "needs console.url: where the provider sends people back to")
	}
	if len(o.Administrator)+len(o.Officer)+len(o.Auditor)+len(o.Sender) == 0 {
		bad(at("administrator"), "needs groups for a role: administrator, officer, auditor or sender, for example %s", fmt.Sprintf("auditor: [%q]", "kiem-tra"))
	}
}
