package filter

import (
	"context"
	"log/slog"
)

// Outcome is what became of a message after its verdict.
type Outcome struct {
	// Reply is what the client was told: the verdict's, or the next hop's own line. "" when the
	// client was gone.
	Reply   string
	NextHop string // address of the next hop that took or refused the message; "" on the milter door
	Err     error  // what went wrong while acting on the verdict
}

// Log counts a message and writes the one line about it; doors call it once for each message, after they
// acted on its last verdict. It holds no content: no subject, no text, no file
// name (invariant 5).
func (j *Judge) Log(tx *Transaction, v Verdict, o Outcome) {
	j.count(tx, v)
	j.metrics.Outcomes.WithLabelValues(tx.Session.Door, string(o.result(v))).Inc()
	j.keeper.Outcome(tx, v, o)
	level := slog.LevelInfo
	if v.Err != nil || o.Err != nil {
		level = slog.LevelError
	}
	if !j.log.Enabled(context.Background(), level) {
		return
	}
	s := tx.Session
	attrs := []slog.Attr{
		slog.String("id", tx.ID), slog.String("door", s.Door), slog.String("listener", s.Listener), slog.String("queue_id", tx.QueueID),
		slog.String("direction", string(v.Direction)), slog.String("disposition", v.Disposition.String()),
		slog.String("reverse_path", tx.ReversePath.String()), slog.Int("recipients", len(tx.Recipients)),
		slog.String("helo", s.Helo), slog.Bool("authenticated", s.Login != ""),
		slog.Any("findings", v.Findings), slog.Any("not_inspected", v.NotInspected),
		slog.String("reply", o.Reply), slog.String("policy", v.Policy),
	}
	if s.Client.IsValid() {
		attrs = append(attrs, slog.String("client", s.Client.String()))
	}
	if tx.Message != nil {
		attrs = append(attrs, slog.Int64("bytes", tx.Message.Size), slog.String("sha256", tx.SHA256))
	}
	if o.NextHop != "" {
		attrs = append(attrs, slog.String("next_hop", o.NextHop))
	}
	if v.Held {
		attrs = append(attrs, slog.Bool("held", true), slog.String("hold", v.Hold))
	}
	if len(v.Signed) > 0 {
		attrs = append(attrs, slog.Any("signed", v.Signed))
	}
	if v.Unsigned != "" {
		attrs = append(attrs, slog.String("unsigned", string(v.Unsigned)))
	}
	if tx.Released != "" {
		attrs = append(attrs, slog.String("released", tx.Released))
	}
	if v.Err != nil {
		attrs = append(attrs, slog.String("error", v.Err.Error()))
	}
	if o.Err != nil {
		attrs = append(attrs, slog.String("outcome_error", o.Err.Error()))
	}
	j.log.LogAttrs(context.Background(), level, "message", attrs...)
}
