-- A stopped stepper's transaction ends sooner than Accept gives up on its lanes, which is after six times the lock_timeout. A role that
-- may not set it keeps what its administrator chose.
-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET idle_in_transaction_session_timeout = ''4s''', current_database());
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END $$;
-- +goose StatementEnd
