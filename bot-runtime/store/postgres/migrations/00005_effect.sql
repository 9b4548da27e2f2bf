-- Outside calls of dialogs. A pod that claims one is the only one that ever makes it; after expires_at nobody waits for it.
-- +goose Up
CREATE TABLE effect (
  id TEXT PRIMARY KEY,
  conversation BIGINT NOT NULL, generation BIGINT NOT NULL, request TEXT NOT NULL,
  claimed BOOLEAN NOT NULL DEFAULT FALSE, expires_at BIGINT NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX effect_conversation ON effect (conversation);
CREATE INDEX effect_expires ON effect (expires_at);
ALTER TABLE inbox ADD COLUMN body TEXT NOT NULL DEFAULT ''; -- of an answer
