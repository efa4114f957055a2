-- The senders of held mail: who they are in the console, and what they confirm.

-- +goose Up
ALTER TABLE hold ADD COLUMN sender TEXT NOT NULL DEFAULT '';          -- reverse_path as it compares
ALTER TABLE hold ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;     -- when its sender confirmed that it is not classified; 0 for not
ALTER TABLE hold ADD COLUMN confirmed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN confirmation TEXT NOT NULL DEFAULT '';    -- the sender's reason
UPDATE hold SET sender = lower(reverse_path);
CREATE INDEX hold_sender ON hold (sender, id);
CREATE INDEX hold_confirmed ON hold (id) WHERE confirmed > 0;

-- The mailbox whose owner a person is: as an administrator or the sign-in server says, never the person; '' for none.
ALTER TABLE console_user ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE console_session ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE console_invite ADD COLUMN address TEXT NOT NULL DEFAULT '';
