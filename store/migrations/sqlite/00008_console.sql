-- Who may sign in to the console, and who is. Secrets stand here only as hashes; the key of the second factor must be
-- known to be checked, and is all that a copy of this database gives away of it.

-- +goose Up
CREATE TABLE console_user (
    name          TEXT PRIMARY KEY,      -- as it compares: lower case
    display       TEXT NOT NULL,         -- the person's name
    role          TEXT NOT NULL,         -- administrator, officer, auditor
    officer       TEXT NOT NULL,         -- address of the officer that this person is; '' for none
    password      TEXT NOT NULL,         -- argon2id, encoded; '' for people of an OpenID provider
    must_change   INTEGER NOT NULL,
    totp          TEXT NOT NULL,         -- key, base32; '' without a second factor
    totp_used     INTEGER NOT NULL,      -- the last time step that was used: a code counts once
    failed        INTEGER NOT NULL,      -- attempts since the last that was right
    locked_until  INTEGER NOT NULL,
    added         INTEGER NOT NULL,
    removed       INTEGER NOT NULL
) STRICT;

CREATE TABLE console_session (
    id       TEXT PRIMARY KEY,           -- SHA-256 of the cookie, hex
    user     TEXT NOT NULL,
    display  TEXT NOT NULL,
    role     TEXT NOT NULL,              -- of an OpenID provider's claims, else ''
    officer  TEXT NOT NULL,
    csrf     TEXT NOT NULL,
    created  INTEGER NOT NULL,
    seen     INTEGER NOT NULL,
    expires  INTEGER NOT NULL
) STRICT;
CREATE INDEX console_session_user ON console_session (user);

-- Codes that let somebody make the first account, or their own.
CREATE TABLE console_invite (
    code    TEXT PRIMARY KEY,            -- SHA-256, hex
    role    TEXT NOT NULL,
    expires INTEGER NOT NULL
) STRICT;

CREATE TABLE console_token (
    id       TEXT PRIMARY KEY,
    hash     TEXT NOT NULL UNIQUE,       -- SHA-256, hex
    label    TEXT NOT NULL,
    role     TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added    INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    used     INTEGER NOT NULL,
    removed  INTEGER NOT NULL
) STRICT;

-- What officers said of findings: right or wrong, once for each message and rule.
CREATE TABLE console_judgement (
    message TEXT NOT NULL,               -- the transaction's id
    rule    TEXT NOT NULL,
    is_right INTEGER NOT NULL,
    who     TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (message, rule)
) STRICT;
