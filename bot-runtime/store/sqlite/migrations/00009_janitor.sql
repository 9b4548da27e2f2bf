-- When a pod of the tenant was last told to sweep: one of them does, not each.
-- +goose Up
CREATE TABLE janitor (one BIGINT PRIMARY KEY, at BIGINT NOT NULL);
INSERT INTO janitor VALUES (1, 0);
