-- Times are microseconds since 1970-01-01 UTC; 0 is "not yet". There are no steps down: a database of a
-- newer version is refused, and a backup is what one goes back to.

-- +goose Up
CREATE TABLE officer (
    id        TEXT PRIMARY KEY,
    address   TEXT NOT NULL,
    name      TEXT NOT NULL,
    unit      TEXT NOT NULL,
    recipient TEXT NOT NULL,           -- public key, "age1…"
    wrapped   BLOB NOT NULL,           -- identity under a passphrase; empty when it is not kept here
    added     INTEGER NOT NULL,
    removed   INTEGER NOT NULL
) STRICT;
-- One person is one officer: neither an address nor a key approves twice.
CREATE UNIQUE INDEX officer_address ON officer (address) WHERE removed = 0;
CREATE UNIQUE INDEX officer_recipient ON officer (recipient) WHERE removed = 0;

CREATE TABLE hold (
    id           TEXT PRIMARY KEY,     -- the transaction's; sorts by time
    state        TEXT NOT NULL,        -- held, expired, releasing, released, deleted
    held         INTEGER NOT NULL,
    half         INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    half_noticed INTEGER NOT NULL,
    end_noticed  INTEGER NOT NULL,
    door         TEXT NOT NULL,
    direction    TEXT NOT NULL,
    unit         TEXT NOT NULL,
    client       TEXT NOT NULL,
    queue_id     TEXT NOT NULL,
    reverse_path TEXT NOT NULL,
    envelope     TEXT NOT NULL,        -- hash of reverse-path and recipients
    marking      INTEGER NOT NULL,
    two_persons  INTEGER NOT NULL,
    sha256       TEXT NOT NULL,        -- of the message, hex
    body_sha256  TEXT NOT NULL,
    bytes        INTEGER NOT NULL,     -- of the message
    subject      BLOB NOT NULL,        -- under the hold's key; empty without one
    decided      INTEGER NOT NULL,
    decided_by   TEXT NOT NULL,
    reason       TEXT NOT NULL
) STRICT;
-- The same message of the same envelope is undecided once.
CREATE UNIQUE INDEX hold_message ON hold (sha256, envelope) WHERE state IN ('held', 'expired', 'releasing');
CREATE INDEX hold_state ON hold (state, held);

CREATE TABLE hold_recipient (
    hold_id   TEXT NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    n         INTEGER NOT NULL,
    recipient TEXT NOT NULL,           -- as it came
    mailbox   TEXT NOT NULL,           -- as it compares
    PRIMARY KEY (hold_id, n)
) STRICT;
CREATE INDEX hold_recipient_mailbox ON hold_recipient (mailbox, hold_id);

CREATE TABLE hold_rule (
    hold_id TEXT NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    n       INTEGER NOT NULL,
    rule    TEXT NOT NULL,
    clause  TEXT NOT NULL,
    PRIMARY KEY (hold_id, n)
) STRICT;

CREATE TABLE hold_chunk (
    hold_id TEXT NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    n       INTEGER NOT NULL,
    data    BLOB NOT NULL,             -- gzip under the hold's key
    PRIMARY KEY (hold_id, n)
) STRICT;

CREATE TABLE hold_access (
    hold_id    TEXT NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    officer_id TEXT NOT NULL REFERENCES officer (id) ON DELETE CASCADE,
    identity   BLOB NOT NULL,          -- the hold's key, under the officer's
    PRIMARY KEY (hold_id, officer_id)
) STRICT;
CREATE INDEX hold_access_officer ON hold_access (officer_id);

CREATE TABLE hold_approval (
    hold_id    TEXT NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    officer_id TEXT NOT NULL REFERENCES officer (id) ON DELETE CASCADE,
    approved   INTEGER NOT NULL,
    PRIMARY KEY (hold_id, officer_id)
) STRICT;

CREATE TABLE release (
    hold_id     TEXT PRIMARY KEY REFERENCES hold (id) ON DELETE CASCADE,
    body_sha256 TEXT NOT NULL,
    sender      TEXT NOT NULL,         -- reverse-path as it compares
    started     INTEGER NOT NULL,
    started_by  TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    reply       TEXT NOT NULL
) STRICT;
CREATE INDEX release_body ON release (body_sha256, sender);

-- A release goes through a gate once for each recipient: what submits it may split the envelope.
CREATE TABLE release_recipient (
    hold_id   TEXT NOT NULL REFERENCES release (hold_id) ON DELETE CASCADE,
    recipient TEXT NOT NULL,
    taken     INTEGER NOT NULL,
    PRIMARY KEY (hold_id, recipient)
) STRICT;

CREATE TABLE exception (
    id          TEXT PRIMARY KEY,
    part_sha256 TEXT NOT NULL,
    rule        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    who         TEXT NOT NULL,
    added       INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    ended       INTEGER NOT NULL,
    ended_by    TEXT NOT NULL,
    uses        INTEGER NOT NULL,
    last_used   INTEGER NOT NULL
) STRICT;

-- Counts changes, so that other processes see them at the cost of one row.
CREATE TABLE revision (
    name TEXT PRIMARY KEY,
    n    INTEGER NOT NULL
) STRICT;
INSERT INTO revision (name, n) VALUES ('exception', 0);
