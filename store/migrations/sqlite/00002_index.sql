-- An index of the evidence logs: everything here can be made again from their files.

-- +goose Up
CREATE TABLE position (
    gate     TEXT PRIMARY KEY,
    seq      INTEGER NOT NULL,         -- of the last record that is indexed
    hash     TEXT NOT NULL,
    -- Records up to this seq of days up to this one are in the statistics already.
    stat_seq INTEGER NOT NULL,
    stat_day TEXT NOT NULL
) STRICT;

CREATE TABLE message (
    gate           TEXT NOT NULL,
    seq            INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    id             TEXT NOT NULL,
    door           TEXT NOT NULL,
    listener       TEXT NOT NULL,
    queue_id       TEXT NOT NULL,
    client         TEXT NOT NULL,
    client_name    TEXT NOT NULL,
    helo           TEXT NOT NULL,
    login          TEXT NOT NULL,
    tls            TEXT NOT NULL,
    protocol       TEXT NOT NULL,
    reverse_path   TEXT NOT NULL,      -- as it came
    sender         TEXT NOT NULL,      -- as it compares
    direction      TEXT NOT NULL,
    unit           TEXT NOT NULL,
    disposition    TEXT NOT NULL,
    reply          TEXT NOT NULL,
    held           INTEGER NOT NULL,
    policy         TEXT NOT NULL,
    packs          TEXT NOT NULL,
    sha256         TEXT NOT NULL,
    bytes          INTEGER NOT NULL,
    error          TEXT NOT NULL,
    more_to        INTEGER NOT NULL,   -- recipients beyond those recorded
    more_findings  INTEGER NOT NULL,
    more_unseen    INTEGER NOT NULL,
    outcome_seq    INTEGER NOT NULL,   -- 0 until the outcome came
    outcome_at     INTEGER NOT NULL,
    outcome_reply  TEXT NOT NULL,
    outcome_error  TEXT NOT NULL,
    next_hop       TEXT NOT NULL,
    next_queue_id  TEXT NOT NULL,
    PRIMARY KEY (gate, seq)
) STRICT;
CREATE INDEX message_at ON message (at, gate, seq);
CREATE INDEX message_id ON message (id);
CREATE INDEX message_sha256 ON message (sha256);
CREATE INDEX message_queue_id ON message (queue_id) WHERE queue_id <> '';
CREATE INDEX message_next_queue_id ON message (next_queue_id) WHERE next_queue_id <> '';
CREATE INDEX message_sender ON message (sender, at);

CREATE TABLE message_recipient (
    gate      TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    n         INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    mailbox   TEXT NOT NULL,
    PRIMARY KEY (gate, seq, n),
    FOREIGN KEY (gate, seq) REFERENCES message (gate, seq) ON DELETE CASCADE
) STRICT;
CREATE INDEX message_recipient_mailbox ON message_recipient (mailbox, gate, seq);

CREATE TABLE message_finding (
    gate        TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    rule        TEXT NOT NULL,
    clause      TEXT NOT NULL,
    mode        TEXT NOT NULL,
    disposition TEXT NOT NULL,
    score       REAL NOT NULL,
    level       TEXT NOT NULL,
    part        TEXT NOT NULL,
    part_sha256 TEXT NOT NULL,
    detail      TEXT NOT NULL,
    PRIMARY KEY (gate, seq, n),
    FOREIGN KEY (gate, seq) REFERENCES message (gate, seq) ON DELETE CASCADE
) STRICT;
CREATE INDEX message_finding_rule ON message_finding (rule, gate, seq);
CREATE INDEX message_finding_part ON message_finding (part_sha256) WHERE part_sha256 <> '';

CREATE TABLE message_uninspected (
    gate   TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    part   TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (gate, seq, n),
    FOREIGN KEY (gate, seq) REFERENCES message (gate, seq) ON DELETE CASCADE
) STRICT;

CREATE TABLE act (
    gate    TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,
    what    TEXT NOT NULL,
    object  TEXT NOT NULL,
    reason  TEXT NOT NULL,
    details TEXT NOT NULL,             -- a JSON object
    PRIMARY KEY (gate, seq)
) STRICT;
CREATE INDEX act_at ON act (at, gate, seq);
CREATE INDEX act_object ON act (object);

-- clause '' counts messages; any other counts those on which a rule of that clause, enforced or monitored, found
-- something for which it asks more than to accept. A message to several mailboxes is one of its unit's and one of each mailbox.
CREATE TABLE daily_unit (
    gate        TEXT NOT NULL,
    day         TEXT NOT NULL,         -- 2006-01-02
    unit        TEXT NOT NULL,
    direction   TEXT NOT NULL,
    disposition TEXT NOT NULL,
    clause      TEXT NOT NULL,
    messages    INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (gate, day, unit, direction, disposition, clause)
) STRICT;
CREATE INDEX daily_unit_day ON daily_unit (day);

CREATE TABLE daily_mailbox (
    gate        TEXT NOT NULL,
    day         TEXT NOT NULL,
    mailbox     TEXT NOT NULL,
    unit        TEXT NOT NULL,
    direction   TEXT NOT NULL,
    disposition TEXT NOT NULL,
    clause      TEXT NOT NULL,
    messages    INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (gate, day, mailbox, unit, direction, disposition, clause)
) STRICT;
CREATE INDEX daily_mailbox_day ON daily_mailbox (day, mailbox);
