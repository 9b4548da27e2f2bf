-- +goose Up
-- A server names the history that its data has: another one after a restore, and after a standby took over. What cannot be
-- asked, as on some managed databases, is the empty name.
-- +goose StatementBegin
CREATE FUNCTION loket_lineage() RETURNS TEXT LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT system_identifier::text FROM pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8);
EXCEPTION WHEN OTHERS THEN
  RETURN '';
END $$;
-- +goose StatementEnd
CREATE TABLE lineage (one BIGINT PRIMARY KEY, name TEXT NOT NULL) WITH (fillfactor = 10);
INSERT INTO lineage VALUES (1, '');
CREATE INDEX outbox_message_at ON outbox (message_at);
