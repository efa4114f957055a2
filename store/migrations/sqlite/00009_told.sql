-- Who was told of a held message stays known when the gate starts again.

-- +goose Up
-- When all officers were told that the message waits.
ALTER TABLE hold ADD COLUMN wait_noticed INTEGER NOT NULL DEFAULT 0;
-- Of older ones that was in memory; nobody is told again.
UPDATE hold SET wait_noticed = held;

-- Those who were told already of a message of which others are still to be told.
CREATE TABLE notice_heard (
    hold_id TEXT NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL,             -- of the notice
    address TEXT NOT NULL,
    told    INTEGER NOT NULL,
    PRIMARY KEY (hold_id, kind, address)
) STRICT;
