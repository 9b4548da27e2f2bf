-- Indexes for what is swept each minute, and what a message that a platform took twice needs. Nothing uses
-- conversation_state.last_ext and outbox.resends any more; they stay for pods of the version before.
-- +goose Up
CREATE INDEX dead_at ON dead (at);
CREATE INDEX raw_event_at ON raw_event (at);
CREATE INDEX rating_at ON rating (at);
CREATE INDEX enquiry_at ON enquiry (at);
CREATE INDEX desk_event_at ON desk_event (at);
CREATE INDEX status_kept ON status (stored_at) WHERE kept;
CREATE INDEX conversation_revision ON conversation (revision) WHERE revision <> '';
ALTER TABLE outgoing ADD COLUMN second_id TEXT NOT NULL DEFAULT '';
ALTER TABLE send_budget ADD COLUMN doubled BIGINT NOT NULL DEFAULT 0;

-- The key has the time in it, as on PostgreSQL.
CREATE TABLE seen_by_day (
  channel TEXT NOT NULL, ext_hash BLOB NOT NULL, msg_at BIGINT NOT NULL,
  PRIMARY KEY (channel, ext_hash, msg_at)
) WITHOUT ROWID;
INSERT INTO seen_by_day SELECT channel, ext_hash, msg_at FROM seen;
DROP TABLE seen;
ALTER TABLE seen_by_day RENAME TO seen;
CREATE INDEX seen_at ON seen (msg_at);
