-- What a rating counts: csat, from 1 to 5, or nps, from 0 to 10.
-- +goose Up
ALTER TABLE rating ADD COLUMN scale TEXT NOT NULL DEFAULT 'csat';
