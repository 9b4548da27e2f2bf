-- +goose Up
-- What was fetched of the data sets that come from elsewhere, and how the last try went.
CREATE TABLE source (
  name TEXT PRIMARY KEY,
  origin TEXT NOT NULL, wish TEXT NOT NULL, hash TEXT NOT NULL DEFAULT '', body BYTEA NOT NULL DEFAULT '', state BYTEA NOT NULL DEFAULT '',
  failed BOOLEAN NOT NULL DEFAULT FALSE, checked_at BIGINT NOT NULL DEFAULT 0, leased_until BIGINT NOT NULL DEFAULT 0
);
