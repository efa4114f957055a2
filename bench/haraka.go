package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"congthu/internal/peer"
)

// harakaAccept takes every recipient, and answers the reverse lookup, for which there is no DNS server.
const harakaAccept = `exports.hook_rcpt = (next) => next(OK)
exports.hook_lookup_rdns = (next) => next(OK, 'may.bo.example')
`

// haraka makes a Haraka, as scripts/bench-peers installed it: one process that accepts all and forwards each
// mail to the next hop before it answers.
func haraka(listen, next, dir string) (*child, error) {
	program := filepath.Join(peer.Unpacked, "haraka/node_modules/.bin/haraka")
	if _, err := os.Stat(program); err != nil {
		return nil, errors.New("not installed (scripts/bench-peers)")
	}
	stock, err := os.ReadFile(filepath.Join(peer.Unpacked, "haraka/node_modules/Haraka/config/connection.ini"))
	if err != nil {
		return nil, fmt.Errorf("reading Haraka's configuration: %w", err)
	}
	host, port, err := net.SplitHostPort(next)
	if err != nil {
		return nil, fmt.Errorf("reading the next hop of Haraka: %w", err)
	}
	var connection strings.Builder
	for line := range strings.Lines(string(stock)) {
		if strings.HasPrefix(line, "bytes") {
			line = "bytes=60000000\n" // the largest mail, in octets
		}
		connection.WriteString(line)
	}
	dir = filepath.Join(dir, "haraka")
	if err := os.MkdirAll(filepath.Join(dir, "queue"), 0o755); err != nil {
		return nil, fmt.Errorf("making Haraka's folders: %w", err)
	}
	err = write(dir, map[string]string{
		"config/smtp.ini":         "listen=" + listen + "\nnodes=0\n",
		"config/plugins":          "bench_accept\nqueue/smtp_forward\n",
		"plugins/bench_accept.js": harakaAccept,
		"config/smtp_forward.ini": "host=" + host + "\nport=" + port + "\nenable_outbound=false\nmax_connections=1000\ntimeout=300\n",
		"config/me":               "gw.bo.example\n",
		"config/log.ini":          "[main]\nlevel=error\n",
		"config/loglevel":         "ERROR\n",
		"config/connection.ini":   connection.String(),
		"config/tls.ini":          "[main]\nenabled=false\n",
	})
	if err != nil {
		return nil, err
	}
	return &child{name: keyHaraka, ready: func() bool { return connects(listen) }, command: func() *exec.Cmd { return exec.Command(program, "-c", dir) }}, nil
}
