package store

// The statements of the quarantine. They are standard SQL with what SQLite and PostgreSQL have in common:
// $1 parameters, ON CONFLICT, RETURNING. What only one of them knows is in sqlite.go and backup.go.
const (
	undecided = `('held', 'expired', 'releasing')`

	countUndecided = `SELECT count(*), coalesce(min(held), 0) FROM hold WHERE state IN ` + undecided

	// Officers.
	officerColumns = `id, address, name, unit, recipient, added, removed, length(wrapped) > 0`
	insertOfficer  = `INSERT INTO officer (id, address, name, unit, recipient, wrapped, added, removed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`
	selectOfficers = `SELECT ` + officerColumns + ` FROM officer WHERE removed = 0 ORDER BY address`
	selectOfficer  = `SELECT ` + officerColumns + ` FROM officer WHERE removed = 0 AND address = $1`
	selectWrapped  = `SELECT wrapped FROM officer WHERE removed = 0 AND address = $1`
	removeOfficer  = `UPDATE officer SET removed = $2, wrapped = $3 WHERE id = $1`
	dropAccess     = `DELETE FROM hold_access WHERE officer_id = $1`
	// Undecided messages that only this officer can open.
	countOrphans = `SELECT count(*) FROM hold h JOIN hold_access a ON a.hold_id = h.id
		WHERE a.officer_id = $1 AND h.state IN ` + undecided + `
		AND NOT EXISTS (SELECT 1 FROM hold_access b WHERE b.hold_id = h.id AND b.officer_id <> $1)`

	// Holding.
	selectSame = `SELECT id FROM hold WHERE sha256 = $1 AND envelope = $2 AND state IN ` + undecided
	insertHold = `INSERT INTO hold (id, state, held, half, expires, half_noticed, end_noticed, door, direction, unit, client,
		queue_id, reverse_path, envelope, marking, two_persons, sha256, body_sha256, bytes, subject, sender, decided, decided_by, reason)
		VALUES ($1, 'held', $2, $3, $4, 0, 0, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, '', '')`
	finishHold          = `UPDATE hold SET sha256 = $2, bytes = $3 WHERE id = $1`
	insertHoldRecipient = `INSERT INTO hold_recipient (hold_id, n, recipient, mailbox) VALUES ($1, $2, $3, $4)`
	insertHoldRule      = `INSERT INTO hold_rule (hold_id, n, rule, clause) VALUES ($1, $2, $3, $4)`
	insertChunk         = `INSERT INTO hold_chunk (hold_id, n, data) VALUES ($1, $2, $3)`
	insertAccess        = `INSERT INTO hold_access (hold_id, officer_id, identity) VALUES ($1, $2, $3)
		ON CONFLICT (hold_id, officer_id) DO NOTHING`

	// Reading what is held.
	heldColumns = `h.id, h.state, h.held, h.half, h.expires, h.door, h.direction, h.unit, h.client, h.queue_id, h.reverse_path,
		h.marking, h.two_persons, h.sha256, h.body_sha256, h.bytes, h.decided, h.decided_by, h.reason,
		h.confirmed, h.confirmed_by, h.confirmation,
		coalesce(r.attempt, 0), coalesce(r.started, 0), coalesce(r.open, 0),
		(SELECT count(*) FROM hold_approval p JOIN officer o ON o.id = p.officer_id WHERE p.hold_id = h.id AND o.removed = 0)`
	selectHeld       = `SELECT ` + heldColumns + ` FROM hold h LEFT JOIN release r ON r.hold_id = h.id`
	selectRecipients = `SELECT recipient FROM hold_recipient WHERE hold_id = $1 ORDER BY n`
	selectRules      = `SELECT rule, clause FROM hold_rule WHERE hold_id = $1 ORDER BY n`
	selectSealed     = `SELECT state, sha256, bytes, subject FROM hold WHERE id = $1`
	selectKeys       = `SELECT identity FROM hold_access WHERE hold_id = $1`
	selectChunk      = `SELECT data FROM hold_chunk WHERE hold_id = $1 AND n = $2`
	selectState      = `SELECT state FROM hold WHERE id = $1`
	selectUndecided  = `SELECT id FROM hold WHERE state IN ` + undecided + ` ORDER BY id`

	confirmHold = `UPDATE hold SET confirmed = $2, confirmed_by = $3, confirmation = $4
		WHERE id = $1 AND confirmed = 0 AND state IN ('held', 'expired')`

	// Deciding.
	decide = `UPDATE hold SET state = $2, decided = $3, decided_by = $4, reason = $5, subject = $6
		WHERE id = $1 AND state IN ` + undecided
	dropChunks     = `DELETE FROM hold_chunk WHERE hold_id = $1`
	dropKeys       = `DELETE FROM hold_access WHERE hold_id = $1`
	insertApproval = `INSERT INTO hold_approval (hold_id, officer_id, approved) VALUES ($1, $2, $3)
		ON CONFLICT (hold_id, officer_id) DO NOTHING`
	selectApproved = `SELECT h.two_persons, (SELECT count(*) FROM hold_approval p JOIN officer o ON o.id = p.officer_id
		WHERE p.hold_id = h.id AND o.removed = 0) FROM hold h WHERE h.id = $1`

	// Releasing.
	selectRelease = `SELECT h.state, h.reverse_path, h.body_sha256, coalesce(r.attempt, 0), coalesce(r.started, 0), coalesce(r.open, 0)
		FROM hold h LEFT JOIN release r ON r.hold_id = h.id WHERE h.id = $1`
	setReleasing  = `UPDATE hold SET state = 'releasing' WHERE id = $1`
	insertRelease = `INSERT INTO release (hold_id, body_sha256, sender, started, started_by, attempt, done, reply, token, open)
		VALUES ($1, $2, $3, $4, $5, $6, 0, '', $7, 1)
		ON CONFLICT (hold_id) DO UPDATE SET started = $4, started_by = $5, attempt = $6, token = $7, open = release.open + 1`
	prepareRecipient = `INSERT INTO release_recipient (hold_id, recipient, taken) VALUES ($1, $2, 0)
		ON CONFLICT (hold_id, recipient) DO UPDATE SET taken = 0`
	finishRelease = `UPDATE release SET done = $2, reply = $3 WHERE hold_id = $1`
	closeAttempt  = `UPDATE release SET open = open - 1 WHERE hold_id = $1 AND open > 0`
	// Only the attempt that began may give up, and only what no later one took over.
	failRelease = `UPDATE hold SET state = 'held' WHERE id = $1 AND state = 'releasing'
		AND EXISTS (SELECT 1 FROM release WHERE hold_id = $1 AND attempt = $2)`
	dropPasses    = `UPDATE release_recipient SET taken = $2 WHERE hold_id = $1 AND taken = 0`
	selectPassing = `SELECT r.body_sha256, r.sender, r.token FROM release r JOIN hold h ON h.id = r.hold_id
		WHERE r.hold_id = $1 AND (h.state = 'releasing' AND r.started > $2 OR h.state = 'released' AND r.done > $2)`
	takeRecipient   = `UPDATE release_recipient SET taken = $3 WHERE hold_id = $1 AND recipient = $2 AND taken = 0`
	returnRecipient = `UPDATE release_recipient SET taken = 0 WHERE hold_id = $1 AND recipient = $2`

	// The end of a hold's time.
	unstickReleases = `UPDATE hold SET state = 'held' WHERE state = 'releasing'
		AND EXISTS (SELECT 1 FROM release r WHERE r.hold_id = hold.id AND (r.started <= $1 OR r.started >= $2))`
	expireHolds = `UPDATE hold SET state = 'expired' WHERE state = 'held' AND expires <= $1`
	whereHalf   = ` WHERE h.state = 'held' AND h.half <= $1 AND h.half_noticed = 0 ORDER BY h.id LIMIT $2`
	whereEnded  = ` WHERE h.state = 'expired' AND h.end_noticed = 0 ORDER BY h.id LIMIT $1`
	whereGone   = ` WHERE h.state = 'expired' AND h.end_noticed > 0
		AND (h.end_noticed <= $1 OR h.marking) ORDER BY h.id LIMIT $2`
	whereWaiting = ` WHERE h.state = 'held' AND h.wait_noticed = 0 ORDER BY h.id LIMIT $1`
	noticedWait  = `UPDATE hold SET wait_noticed = $2 WHERE id = $1 AND wait_noticed = 0`
	noticedHalf  = `UPDATE hold SET half_noticed = $2 WHERE id = $1 AND half_noticed = 0`
	noticedEnd   = `UPDATE hold SET end_noticed = $2 WHERE id = $1 AND end_noticed = 0 AND state = 'expired'`
	forgetHolds  = `DELETE FROM hold WHERE state IN ('released', 'deleted') AND decided < $1`

	// Exceptions.
	exceptionColumns = `id, part_sha256, rule, reason, who, added, until, ended, ended_by, uses, last_used`
	insertException  = `INSERT INTO exception (id, part_sha256, rule, reason, who, added, until, ended, ended_by, uses, last_used)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', 0, 0)`
	endException     = `UPDATE exception SET ended = $2, ended_by = $3 WHERE id = $1 AND ended = 0`
	countOver        = `SELECT count(*) FROM exception WHERE ended = 0 AND until <= $1`
	overExceptions   = `UPDATE exception SET ended = until WHERE ended = 0 AND until <= $1`
	useException     = `UPDATE exception SET uses = uses + 1, last_used = $2 WHERE id = $1`
	selectExceptions = `SELECT ` + exceptionColumns + ` FROM exception ORDER BY id DESC LIMIT $1`
	selectActive     = `SELECT ` + exceptionColumns + ` FROM exception WHERE ended = 0 AND until > $1 ORDER BY id LIMIT $2`
	countActive      = `SELECT count(*) FROM exception WHERE ended = 0 AND until > $1`
	bumpExceptions   = `UPDATE revision SET n = n + 1 WHERE name = 'exception'`
	selectRevision   = `SELECT n FROM revision WHERE name = 'exception'`

	// Notices.
	tellNotice = `INSERT INTO notice_told (address, rule, told) VALUES ($1, $2, $3)
		ON CONFLICT (address, rule) DO UPDATE SET told = $3 WHERE notice_told.told <= $4 OR notice_told.told >= $5`
	insertNotice = `INSERT INTO notice (id, address, rule, notice, created, due, attempts, state, ended, reason)
		VALUES ($1, $2, $3, $4, $5, $5, 0, 'waiting', 0, '')`
	selectNotices = `SELECT id, notice, attempts FROM notice WHERE state = 'waiting' AND (due <= $1 OR due >= $2)
		ORDER BY due, id LIMIT $3`
	sentNotice   = `UPDATE notice SET state = 'sent', ended = $2, notice = '' WHERE id = $1 AND state = 'waiting'`
	failNotice   = `UPDATE notice SET attempts = attempts + 1, due = $2, reason = $3 WHERE id = $1 AND state = 'waiting'`
	giveUpNotice = `UPDATE notice SET attempts = attempts + 1, state = 'failed', ended = $2, reason = $3, notice = ''
		WHERE id = $1 AND state = 'waiting'`
	// Who heard of a message that is gone by now is of no use to anybody.
	insertHeard = `INSERT INTO notice_heard (hold_id, kind, address, told) SELECT id, $2, $3, $4 FROM hold WHERE id = $1
		ON CONFLICT (hold_id, kind, address) DO NOTHING`
	selectHeard = `SELECT address FROM notice_heard WHERE hold_id = $1 AND kind = $2`
	dropHeard   = `DELETE FROM notice_heard WHERE hold_id IN (SELECT id FROM hold WHERE state IN ('released', 'deleted'))`
	dropNotices = `DELETE FROM notice WHERE state <> 'waiting' AND ended < $1`
	dropTold    = `DELETE FROM notice_told WHERE told < $1`
)
