-- What the console's pages read when there are millions of messages.

-- +goose Up
-- Each serves one condition of a search in the order of its lists; the first counts senders too.
CREATE INDEX message_disposition ON message (disposition, at, gate, seq, sender);
CREATE INDEX message_client ON message (client, at, gate, seq);
CREATE INDEX message_held ON message (at, gate, seq) WHERE held;
CREATE INDEX message_finding_clause ON message_finding (clause, gate, seq);

-- daily_mailbox added up, without clauses.
CREATE TABLE monthly_mailbox (
    month       TEXT NOT NULL,         -- 2006-01
    mailbox     TEXT NOT NULL,
    unit        TEXT NOT NULL,
    direction   TEXT NOT NULL,
    disposition TEXT NOT NULL,
    gate        TEXT NOT NULL,
    messages    INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (month, mailbox, unit, direction, disposition, gate)
) STRICT, WITHOUT ROWID;
INSERT INTO monthly_mailbox SELECT substr(day, 1, 7), mailbox, unit, direction, disposition, gate, sum(messages), sum(bytes)
    FROM daily_mailbox WHERE clause = '' GROUP BY substr(day, 1, 7), mailbox, unit, direction, disposition, gate;

-- Messages on which a rule in monitor mode asked for more than to accept.
CREATE TABLE daily_monitored (
    day         TEXT NOT NULL,         -- 2006-01-02
    rule        TEXT NOT NULL,
    disposition TEXT NOT NULL,         -- that the rule asked for
    gate        TEXT NOT NULL,
    messages    INTEGER NOT NULL,
    PRIMARY KEY (day, rule, disposition, gate)
) STRICT, WITHOUT ROWID;
-- Of older mail by Vietnam's days, as statistics count unless something else is asked for.
INSERT INTO daily_monitored SELECT date(m.at / 1000000 + 25200, 'unixepoch'), x.rule, x.disposition, m.gate, count(DISTINCT m.seq)
    FROM message_finding x JOIN message m ON m.gate = x.gate AND m.seq = x.seq
    WHERE x.mode = 'monitor' AND x.disposition <> 'accept' GROUP BY 1, 2, 3, 4;
