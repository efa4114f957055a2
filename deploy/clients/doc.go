// Package clients has no code: it is the folder of what a mail server's administrator copies so that people see the
// gate's warnings. Its tests run these very files.
package clients
