-- Messages go when they are past retention, not when their whole month is. Rows lie in the order of their time, so that an index of
-- ranges of pages is small, costs next to nothing to keep, and tells at once that there is nothing to delete.
-- +goose Up
SET LOCAL statement_timeout = 0; -- the role's 5 s are not for the index of a large table
CREATE INDEX message_stored_at ON message USING brin (stored_at) WITH (autosummarize = on);
