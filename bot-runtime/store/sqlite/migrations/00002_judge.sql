-- How new the program is that judged a bundle: a newer one judges it again. 0 is nobody, or a program that did not say.
-- +goose Up
ALTER TABLE bundle ADD COLUMN judge BIGINT NOT NULL DEFAULT 0;
