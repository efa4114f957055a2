-- +goose Up
CREATE TABLE notice (
    id       TEXT PRIMARY KEY,
    address  TEXT NOT NULL,
    rule     TEXT NOT NULL,
    notice   TEXT NOT NULL,            -- JSON
    created  INTEGER NOT NULL,
    due      INTEGER NOT NULL,         -- not before
    attempts INTEGER NOT NULL,
    state    TEXT NOT NULL,            -- waiting, sent, failed
    ended    INTEGER NOT NULL,
    reason   TEXT NOT NULL             -- of the last failure
) STRICT;
CREATE INDEX notice_due ON notice (state, due);

-- When an address was last told of a rule.
CREATE TABLE notice_told (
    address TEXT NOT NULL,
    rule    TEXT NOT NULL,
    told    INTEGER NOT NULL,
    PRIMARY KEY (address, rule)
) STRICT;
