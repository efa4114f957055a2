package store

// The statements of the index. See statements_quarantine.go for what they may use.
const (
	selectPosition = `SELECT seq, hash, stat_seq, stat_day FROM position WHERE gate = $1`
	countPositions = `SELECT count(*) FROM position WHERE seq = $1 AND hash = $2`
	setPosition    = `INSERT INTO position (gate, seq, hash, stat_seq, stat_day) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (gate) DO UPDATE SET seq = $2, hash = $3, stat_seq = $4, stat_day = $5`

	verdictColumns = `id, door, listener, queue_id, client, client_name, helo, login, tls, protocol, reverse_path, direction, unit,
		disposition, reply, held, policy, packs, sha256, bytes, error, more_to, more_findings, more_unseen, dropped, released`
	insertMessage = `INSERT INTO message (gate, seq, at, sender, ` + verdictColumns + `,
		outcome_seq, outcome_at, outcome_reply, outcome_error, next_hop, next_queue_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
		$25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)`
	insertRecipient = `INSERT INTO message_recipient (gate, seq, n, recipient, mailbox) VALUES ($1, $2, $3, $4, $5)`
	insertFinding   = `INSERT INTO message_finding (gate, seq, n, rule, clause, mode, disposition, score, level, part, part_sha256, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	insertUninspected = `INSERT INTO message_uninspected (gate, seq, n, part, reason) VALUES ($1, $2, $3, $4, $5)`
	insertAct         = `INSERT INTO act (gate, seq, at, who, what, object, reason, details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	// The newest verdict before the outcome is the one that it belongs to.
	setOutcome = `UPDATE message SET outcome_seq = $3, outcome_at = $4, outcome_reply = $5, outcome_error = $6, next_hop = $7,
		next_queue_id = $8, held = (held OR $9)
		WHERE gate = $1 AND seq = (SELECT max(seq) FROM message WHERE gate = $1 AND id = $2)`
	pruneMessages = `DELETE FROM message WHERE gate = $1 AND seq <= $2`
	pruneActs     = `DELETE FROM act WHERE gate = $1 AND seq <= $2`
	dropMessages  = `DELETE FROM message WHERE gate = $1`
	dropActs      = `DELETE FROM act WHERE gate = $1`
	dropUnits     = `DELETE FROM daily_unit WHERE gate = $1 AND day > $2`
	dropMailboxes = `DELETE FROM daily_mailbox WHERE gate = $1 AND day > $2`
	// Days up to $2 stay counted: of their month what they have is all that is left.
	dropMonths = `DELETE FROM monthly_mailbox WHERE gate = $1 AND month >= substr($2, 1, 7)`
	sumMonth   = `INSERT INTO monthly_mailbox (month, mailbox, unit, direction, disposition, gate, messages, bytes)
		SELECT substr(day, 1, 7), mailbox, unit, direction, disposition, gate, sum(messages), sum(bytes) FROM daily_mailbox
		WHERE gate = $1 AND clause = '' AND day >= substr($2, 1, 7) AND day <= $2
		GROUP BY substr(day, 1, 7), mailbox, unit, direction, disposition, gate`
	dropMonitored = `DELETE FROM daily_monitored WHERE gate = $1 AND day > $2`

	countUnit = `INSERT INTO daily_unit (gate, day, unit, direction, disposition, clause, messages, bytes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (gate, day, unit, direction, disposition, clause)
		DO UPDATE SET messages = daily_unit.messages + $7, bytes = daily_unit.bytes + $8`
	countMailbox = `INSERT INTO daily_mailbox (gate, day, mailbox, unit, direction, disposition, clause, messages, bytes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (gate, day, mailbox, unit, direction, disposition, clause)
		DO UPDATE SET messages = daily_mailbox.messages + $8, bytes = daily_mailbox.bytes + $9`
	countMonth = `INSERT INTO monthly_mailbox (month, mailbox, unit, direction, disposition, gate, messages, bytes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (month, mailbox, unit, direction, disposition, gate)
		DO UPDATE SET messages = monthly_mailbox.messages + $7, bytes = monthly_mailbox.bytes + $8`
	countMonitored = `INSERT INTO daily_monitored (day, rule, disposition, gate, messages) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (day, rule, disposition, gate) DO UPDATE SET messages = daily_monitored.messages + $5`

	selectMessages = `SELECT m.gate, m.seq, m.at, ` + verdictColumns + `, outcome_seq, outcome_at, outcome_reply, outcome_error,
		next_hop, next_queue_id FROM message m`
	selectBoundary = `SELECT m.at, m.gate, m.seq FROM message m`
	// At most $2 are counted.
	countRule               = `SELECT count(*) FROM (SELECT 1 FROM message_finding WHERE rule = $1 LIMIT $2) t`
	countClause             = `SELECT count(*) FROM (SELECT 1 FROM message_finding WHERE clause = $1 LIMIT $2) t`
	countRecipient          = `SELECT count(*) FROM (SELECT 1 FROM message_recipient WHERE mailbox = $1 LIMIT $2) t`
	selectMessageRecipients = `SELECT recipient FROM message_recipient WHERE gate = $1 AND seq = $2 ORDER BY n`
	selectFindings          = `SELECT rule, clause, mode, disposition, score, level, part, part_sha256, detail
		FROM message_finding WHERE gate = $1 AND seq = $2 ORDER BY n`
	selectUninspected = `SELECT part, reason FROM message_uninspected WHERE gate = $1 AND seq = $2 ORDER BY n`
	selectActs        = `SELECT m.gate, m.seq, m.at, m.who, m.what, m.object, m.reason, m.details FROM act m`

	selectUnits = `SELECT d.day, '', d.unit, d.direction, d.disposition, d.clause,
		CAST(sum(d.messages) AS BIGINT), CAST(sum(d.bytes) AS BIGINT) FROM daily_unit d`
	groupUnits = ` GROUP BY d.day, d.unit, d.direction, d.disposition, d.clause ORDER BY d.day, d.unit, d.direction, d.disposition, d.clause`
	// $1 to $2 are whole months; $3 to $4 and $5 to $6 days before and after them.
	selectTotals = `SELECT t.mailbox, t.disposition, CAST(sum(t.messages) AS BIGINT), CAST(sum(t.bytes) AS BIGINT) FROM (
		SELECT mailbox, unit, disposition, messages, bytes FROM monthly_mailbox WHERE month >= $1 AND month <= $2
		UNION ALL SELECT mailbox, unit, disposition, messages, bytes FROM daily_mailbox WHERE day >= $3 AND day <= $4 AND clause = ''
		UNION ALL SELECT mailbox, unit, disposition, messages, bytes FROM daily_mailbox WHERE day >= $5 AND day <= $6 AND clause = ''
		) t WHERE ($7 = '' OR t.unit = $7) GROUP BY t.mailbox, t.disposition ORDER BY t.mailbox, t.disposition`
	selectMailboxes = `SELECT d.day, d.mailbox, d.unit, d.direction, d.disposition, d.clause,
		CAST(sum(d.messages) AS BIGINT), CAST(sum(d.bytes) AS BIGINT) FROM daily_mailbox d`
	groupMailboxes = ` GROUP BY d.day, d.mailbox, d.unit, d.direction, d.disposition, d.clause
		ORDER BY d.day, d.mailbox, d.unit, d.direction, d.disposition, d.clause`
)
