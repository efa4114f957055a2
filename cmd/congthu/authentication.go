package main

import (
	"time"

	"congthu/filter/policy"
	"congthu/rules"
	"congthu/signing/mailauth"
)

// authenticator is what asks SPF, DKIM, ARC and DMARC; nil without resolvers. What it remembers of the DNS lives as long
// as the configuration.
func authenticator(c *policy.Config) rules.Authenticator {
	if len(c.Authentication.Resolvers) == 0 {
		return nil
	}
	return mailauth.New(mailauth.NewResolver(c.Authentication.NameServers()),
		mailauth.Limits{Time: time.Duration(c.Authentication.Timeout), Header: int64(c.Limits.Header), Fields: c.Limits.HeaderFields}, time.Now)
}
