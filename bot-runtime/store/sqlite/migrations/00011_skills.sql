-- What a hand-off asks of the person, parted by blanks: the conversation keeps it while it waits and while an agent holds it. A binary
-- that does not know skills asks for none.
-- +goose Up
ALTER TABLE queue ADD COLUMN skills TEXT NOT NULL DEFAULT '';
ALTER TABLE agent_slot ADD COLUMN skills TEXT NOT NULL DEFAULT '';
