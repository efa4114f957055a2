-- How many attempts of a release there are of which nobody said that they delivered nothing.

-- +goose Up
ALTER TABLE release ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
-- Of older attempts that is not known.
UPDATE release SET open = 1 WHERE hold_id IN (SELECT id FROM hold WHERE state IN ('held', 'expired', 'releasing'));
