package relay

import (
	"context"
	"fmt"
	"time"
)

// dialNextHop connects to addr, reads its greeting, begins TLS and asks for XCLIENT as the listener wants
// it, all before deadline.
func (s *Server) dialNextHop(ctx context.Context, addr string, deadline time.Time) (*nextHop, error) {
	h, err := s.securedBy(ctx, addr, deadline)
	if err != nil || !s.cfg.ClientFacts.wantsXclient() {
		return h, err
	}
	if err = h.askXclient(s, deadline); err != nil {
		_ = h.conn.Close()
		return nil, err
	}
	return h, nil
}

// securedBy connects to addr, reads its greeting and begins TLS.
func (s *Server) securedBy(ctx context.Context, addr string, deadline time.Time) (*nextHop, error) {
	h, err := s.greetedBy(ctx, addr, deadline)
	if err != nil || s.clientTLS == nil {
		return h, err
	}
	if err = h.secure(ctx, s, deadline); err == nil {
		return h, nil
	}
	_ = h.conn.Close()
	if s.cfg.NextHopTLS.Mode != TLSOpportunistic || isTimeout(err) || ctx.Err() != nil {
		return nil, err
	}
	s.log.Debug("next hop in clear", "error", err)
	return s.greetedBy(ctx, addr, deadline)
}

// greetedBy connects to addr and reads its greeting.
func (s *Server) greetedBy(ctx context.Context, addr string, deadline time.Time) (*nextHop, error) {
	conn, err := s.dial(ctx, addr, deadline)
	if err != nil {
		return nil, fmt.Errorf("connecting to next hop %s: %w", addr, err)
	}
	h := &nextHop{addr: addr, conn: conn, in: newInput(conn, s.blocks, maxReplyLine), times: &s.cfg.Timeouts, made: time.Now()}
	r, err := readReply(h.in, deadline)
	switch {
	case err != nil:
		err = fmt.Errorf("greeting of next hop %s: %w", addr, err)
	case r.class() != 2:
		err = fmt.Errorf("next hop %s greets with code %d", addr, r.code)
	default:
		return h, nil
	}
	_ = conn.Close()
	return nil, err
}
