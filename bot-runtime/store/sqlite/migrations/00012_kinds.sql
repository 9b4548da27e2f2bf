-- Which skills are asked for, and the first who wait for them, are found without reading all who wait.
-- +goose Up
CREATE INDEX queue_kind ON queue (pool, skills, priority DESC, released DESC, since, conversation);
