package store

// The statements of the console's people, sessions and tokens.
const (
	userColumns = `name, display, role, officer, password, must_change, totp, totp_used, failed, locked_until, added, address`
	selectUser  = `SELECT ` + userColumns + ` FROM console_user WHERE name = $1 AND removed = 0`
	selectUsers = `SELECT ` + userColumns + ` FROM console_user WHERE removed = 0 ORDER BY name`
	insertUser  = `INSERT INTO console_user (` + userColumns + `, removed) VALUES ($1, $2, $3, $4, $5, $6, '', 0, 0, 0, $7, $8, 0)
		ON CONFLICT (name) DO UPDATE SET display = $2, role = $3, officer = $4, password = $5, must_change = $6, totp = '', totp_used = 0,
		failed = 0, locked_until = 0, added = $7, address = $8, removed = 0 WHERE console_user.removed > 0`
	updateUser     = `UPDATE console_user SET display = $2, role = $3, officer = $4, address = $5 WHERE name = $1 AND removed = 0`
	updatePassword = `UPDATE console_user SET password = $2, must_change = $3, failed = 0, locked_until = 0 WHERE name = $1 AND removed = 0`
	updateTOTP     = `UPDATE console_user SET totp = $2, totp_used = 0 WHERE name = $1 AND removed = 0`
	useTOTP        = `UPDATE console_user SET totp_used = $2 WHERE name = $1 AND removed = 0 AND totp_used < $2`
	failUser       = `UPDATE console_user SET failed = failed + 1 WHERE name = $1 AND removed = 0 RETURNING failed`
	lockUser       = `UPDATE console_user SET locked_until = $2 WHERE name = $1 AND removed = 0`
	clearUser      = `UPDATE console_user SET failed = 0, locked_until = 0 WHERE name = $1 AND removed = 0`
	removeUser     = `UPDATE console_user SET removed = $2, password = '', totp = '' WHERE name = $1 AND removed = 0`
	countAdmins    = `SELECT count(*) FROM console_user WHERE removed = 0 AND role = 'administrator' AND password <> '' AND name <> $1`

	insertSession = `INSERT INTO console_session (id, user, display, role, officer, csrf, created, seen, expires, address)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)`
	selectSession = `SELECT s.user, CASE WHEN s.role = '' THEN coalesce(u.display, '') ELSE s.display END,
		CASE WHEN s.role = '' THEN coalesce(u.role, '') ELSE s.role END,
		CASE WHEN s.role = '' THEN coalesce(u.officer, '') ELSE s.officer END,
		CASE WHEN s.role = '' THEN coalesce(u.address, '') ELSE s.address END,
		coalesce(u.must_change, 0), s.csrf, s.created, s.seen, s.expires
		FROM console_session s LEFT JOIN console_user u ON u.name = s.user AND u.removed = 0 AND s.role = ''
		WHERE s.id = $1 AND s.expires > $2 AND s.seen > $3 AND (s.role <> '' OR u.name IS NOT NULL)`
	seeSession        = `UPDATE console_session SET seen = $2 WHERE id = $1`
	deleteSession     = `DELETE FROM console_session WHERE id = $1`
	deleteSessions    = `DELETE FROM console_session WHERE user = $1 AND id <> $2`
	deleteOldSessions = `DELETE FROM console_session WHERE expires <= $1`

	insertInvite = `INSERT INTO console_invite (code, role, expires, address) VALUES ($1, $2, $3, $4)`
	selectInvite = `SELECT role, address FROM console_invite WHERE code = $1 AND expires > $2`
	deleteInvite = `DELETE FROM console_invite WHERE code = $1 OR expires <= $2`

	tokenColumns = `id, label, role, added_by, added, expires, used`
	insertToken  = `INSERT INTO console_token (id, hash, label, role, added_by, added, expires, used, removed) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)`
	selectTokens = `SELECT ` + tokenColumns + ` FROM console_token WHERE removed = 0 ORDER BY added DESC LIMIT 1000`
	selectToken  = `SELECT ` + tokenColumns + ` FROM console_token WHERE hash = $1 AND removed = 0 AND expires > $2`
	useToken     = `UPDATE console_token SET used = $2 WHERE id = $1`
	removeToken  = `UPDATE console_token SET removed = $2 WHERE id = $1 AND removed = 0`

	insertJudgement = `INSERT INTO console_judgement (message, rule, is_right, who, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (message, rule) DO UPDATE SET is_right = $3, who = $4, at = $5`
	selectPrecision = `SELECT rule, sum(is_right), count(*) FROM console_judgement WHERE at >= $1 GROUP BY rule ORDER BY rule`
	selectJudgement = `SELECT rule, is_right, who, at FROM console_judgement WHERE message = $1 ORDER BY rule`

	selectSenders = `SELECT sender, count(*) FROM message WHERE at >= $1 AND at < $2 AND disposition = $3
		GROUP BY sender ORDER BY count(*) DESC, sender LIMIT $4`
	selectMonitored = `SELECT rule, disposition, CAST(sum(messages) AS BIGINT) FROM daily_monitored WHERE day >= $1 AND day <= $2
		GROUP BY rule, disposition ORDER BY sum(messages) DESC, rule, disposition LIMIT 200`
	whereLongest = ` WHERE h.state = $1 ORDER BY h.held, h.id LIMIT $2`
)
