-- +goose Up
-- Where the file is, by its number on its file system: another one after a restore. The store writes where it found it.
CREATE TABLE lineage (one INTEGER PRIMARY KEY, name TEXT NOT NULL, here TEXT NOT NULL DEFAULT '');
INSERT INTO lineage (one, name) VALUES (1, '');
CREATE INDEX outbox_message_at ON outbox (message_at);
