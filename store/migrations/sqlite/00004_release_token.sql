-- A release is known by a secret that only the gate and the released message have.

-- +goose Up
-- SHA-256, hex, of the secret of the last attempt; a release of an older version has none and passes no gate.
ALTER TABLE release ADD COLUMN token TEXT NOT NULL DEFAULT '';
DROP INDEX release_body;
