-- What became of a message that was neither passed on nor refused.

-- +goose Up
ALTER TABLE message ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
-- The hold that an officer released the message from.
ALTER TABLE message ADD COLUMN released TEXT NOT NULL DEFAULT '';
