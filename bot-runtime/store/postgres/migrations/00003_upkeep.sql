-- Indexes for what is swept each minute, and what a message that a platform took twice needs. Nothing uses
-- conversation_state.last_ext and outbox.resends any more; they stay for pods of the version before.
-- +goose Up
SET LOCAL statement_timeout = 0; -- the role's 5 s are not for the index of a large table
CREATE INDEX dead_at ON dead (at);
CREATE INDEX raw_event_at ON raw_event (at);
CREATE INDEX rating_at ON rating (at);
CREATE INDEX enquiry_at ON enquiry (at);
CREATE INDEX desk_event_at ON desk_event (at);
CREATE INDEX status_kept ON status (stored_at) WHERE kept;
CREATE INDEX conversation_revision ON conversation (revision) WHERE revision <> '';
ALTER TABLE outgoing ADD COLUMN second_id TEXT NOT NULL DEFAULT '';
ALTER TABLE send_budget ADD COLUMN doubled BIGINT NOT NULL DEFAULT 0;
