-- Times are microseconds since 1970 by the database's clock (columns at and msg_at: by the platform's); 0 is never.
-- +goose Up
CREATE SEQUENCE row_id;

CREATE TABLE contact (id BIGINT PRIMARY KEY, last_agent TEXT NOT NULL DEFAULT '');
CREATE TABLE identity (
  scope TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
  contact BIGINT NOT NULL,
  closed_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (scope, kind, value)
);
CREATE INDEX identity_contact ON identity (contact);
CREATE TABLE conversation (
  id BIGINT PRIMARY KEY,
  contact BIGINT NOT NULL, channel TEXT NOT NULL,
  display_name TEXT NOT NULL DEFAULT '', language TEXT NOT NULL DEFAULT '',
  owner TEXT NOT NULL DEFAULT 'bot', pool TEXT NOT NULL DEFAULT '', agent TEXT NOT NULL DEFAULT '',
  revision TEXT NOT NULL DEFAULT '',
  UNIQUE (contact, channel)
) WITH (fillfactor = 80);
CREATE TABLE conversation_state (
  conversation BIGINT PRIMARY KEY,
  version BIGINT NOT NULL DEFAULT 0, format BIGINT NOT NULL DEFAULT 0, state BYTEA,
  last_in_at BIGINT NOT NULL DEFAULT 0, last_ext TEXT NOT NULL DEFAULT ''
) WITH (fillfactor = 70);
-- Partitions by month are made ahead by the store; the default one takes what none was made for.
CREATE TABLE message (
  id BIGINT NOT NULL,
  stored_at BIGINT NOT NULL,
  conversation BIGINT NOT NULL,
  dir TEXT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL,
  ext_id TEXT NOT NULL DEFAULT '', out_id TEXT NOT NULL DEFAULT '',
  author TEXT NOT NULL DEFAULT '', agent TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (id, stored_at)
) PARTITION BY RANGE (stored_at);
CREATE INDEX message_conversation ON message (conversation, id);
CREATE TABLE message_default PARTITION OF message DEFAULT;
CREATE TABLE seen (
  channel TEXT NOT NULL, ext_hash BYTEA NOT NULL, msg_at BIGINT NOT NULL,
  PRIMARY KEY (channel, ext_hash, msg_at)
) PARTITION BY RANGE (msg_at);
CREATE TABLE seen_default PARTITION OF seen DEFAULT;
CREATE TABLE inbox (
  id BIGINT PRIMARY KEY,
  conversation BIGINT NOT NULL, kind TEXT NOT NULL,
  message_at BIGINT NOT NULL DEFAULT 0,
  name TEXT NOT NULL DEFAULT '', agent TEXT NOT NULL DEFAULT '', generation BIGINT NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX inbox_conversation ON inbox (conversation, id);
CREATE TABLE runnable (
  conversation BIGINT PRIMARY KEY,
  run_at BIGINT NOT NULL, fails BIGINT NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT ''
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX runnable_run_at ON runnable (run_at);
CREATE TABLE timer (
  conversation BIGINT NOT NULL, name TEXT NOT NULL, generation BIGINT NOT NULL, due_at BIGINT NOT NULL,
  PRIMARY KEY (conversation, name)
);
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE outgoing (
  id TEXT PRIMARY KEY,
  conversation BIGINT NOT NULL, channel TEXT NOT NULL,
  message_id BIGINT NOT NULL, message_at BIGINT NOT NULL, class TEXT NOT NULL,
  progress BIGINT NOT NULL DEFAULT 0, failed BOOLEAN NOT NULL DEFAULT FALSE, reason TEXT NOT NULL DEFAULT '',
  external_id TEXT NOT NULL DEFAULT '', attempt BIGINT NOT NULL DEFAULT 0, claimed_at BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 80);
CREATE INDEX outgoing_external ON outgoing (channel, external_id) WHERE external_id <> '';
CREATE INDEX outgoing_at ON outgoing (message_at);
CREATE TABLE outbox (
  conversation BIGINT NOT NULL, seq BIGINT NOT NULL,
  id TEXT NOT NULL UNIQUE, message_at BIGINT NOT NULL,
  state TEXT NOT NULL, class TEXT NOT NULL,
  attempt BIGINT NOT NULL DEFAULT 0, claimed_at BIGINT NOT NULL DEFAULT 0, lease_until BIGINT NOT NULL DEFAULT 0,
  unknown_at BIGINT NOT NULL DEFAULT 0, resends BIGINT NOT NULL DEFAULT 0, expires_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (conversation, seq)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE out_lane (
  conversation BIGINT PRIMARY KEY,
  channel TEXT NOT NULL, state TEXT NOT NULL, due_at BIGINT NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX out_lane_due ON out_lane (state, due_at);
CREATE TABLE send_budget (
  channel TEXT PRIMARY KEY,
  tokens BIGINT NOT NULL DEFAULT 0, at BIGINT NOT NULL DEFAULT 0,
  paused_until BIGINT NOT NULL DEFAULT 0, paused_reason TEXT NOT NULL DEFAULT '',
  flowed_at BIGINT NOT NULL DEFAULT 0, accepted_at BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE status (
  id BIGINT PRIMARY KEY,
  channel TEXT NOT NULL, external_id TEXT NOT NULL, ref TEXT NOT NULL,
  delivery TEXT NOT NULL, at BIGINT NOT NULL, code BIGINT NOT NULL, reason TEXT NOT NULL,
  stored_at BIGINT NOT NULL, kept BOOLEAN NOT NULL DEFAULT FALSE
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX status_ref ON status (ref) WHERE ref <> '';
CREATE INDEX status_external ON status (channel, external_id);
CREATE INDEX status_pending ON status (id) WHERE NOT kept;
CREATE TABLE dead (
  id BIGINT PRIMARY KEY,
  kind TEXT NOT NULL, ref TEXT NOT NULL, conversation BIGINT NOT NULL,
  reason TEXT NOT NULL, attempts BIGINT NOT NULL, body TEXT NOT NULL, at BIGINT NOT NULL
);
CREATE TABLE raw_event (id BIGINT PRIMARY KEY, channel TEXT NOT NULL, kind TEXT NOT NULL, body BYTEA, at BIGINT NOT NULL);

CREATE TABLE pool (
  name TEXT PRIMARY KEY,
  arrived BIGINT NOT NULL DEFAULT 0, finished BIGINT NOT NULL DEFAULT 0,
  slots BIGINT NOT NULL DEFAULT 0, absent BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE agent (
  pool TEXT NOT NULL, agent TEXT NOT NULL,
  available BOOLEAN NOT NULL DEFAULT FALSE, seen_at BIGINT NOT NULL, idle_since BIGINT NOT NULL,
  PRIMARY KEY (pool, agent)
) WITH (fillfactor = 50);
CREATE TABLE session (
  token_hash BYTEA PRIMARY KEY,
  pool TEXT NOT NULL, agent TEXT NOT NULL, expires_at BIGINT NOT NULL, idle_until BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE TABLE queue (
  conversation BIGINT PRIMARY KEY,
  pool TEXT NOT NULL, priority BIGINT NOT NULL, since BIGINT NOT NULL, summary TEXT NOT NULL,
  released BOOLEAN NOT NULL DEFAULT FALSE, seen_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX queue_pool ON queue (pool, since);
CREATE TABLE agent_slot (
  pool TEXT NOT NULL, agent TEXT NOT NULL, slot BIGINT NOT NULL,
  conversation BIGINT NOT NULL UNIQUE,
  priority BIGINT NOT NULL, summary TEXT NOT NULL, queued_at BIGINT NOT NULL, assigned_at BIGINT NOT NULL,
  PRIMARY KEY (pool, agent, slot)
);
CREATE TABLE draft (conversation BIGINT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE desk_seq (one BIGINT PRIMARY KEY, seq BIGINT NOT NULL) WITH (fillfactor = 10);
INSERT INTO desk_seq VALUES (1, 0);
CREATE TABLE desk_event (
  seq BIGINT PRIMARY KEY,
  kind TEXT NOT NULL, pool TEXT NOT NULL, agent TEXT NOT NULL,
  conversation BIGINT NOT NULL, message_id BIGINT NOT NULL, at BIGINT NOT NULL
);
CREATE INDEX desk_event_pool ON desk_event (pool, seq);
CREATE TABLE rating (
  id BIGINT PRIMARY KEY,
  conversation BIGINT NOT NULL, score BIGINT NOT NULL, pool TEXT NOT NULL, agent TEXT NOT NULL, at BIGINT NOT NULL
);
CREATE TABLE enquiry (id BIGINT PRIMARY KEY, conversation BIGINT NOT NULL, at BIGINT NOT NULL);

CREATE TABLE bundle_head (one BIGINT PRIMARY KEY, version BIGINT NOT NULL, hash TEXT NOT NULL);
INSERT INTO bundle_head VALUES (1, 0, '');
CREATE TABLE bundle (version BIGINT PRIMARY KEY, hash TEXT NOT NULL, body BYTEA, judged BOOLEAN NOT NULL DEFAULT FALSE);
CREATE TABLE object (hash TEXT PRIMARY KEY, body BYTEA, retired_at BIGINT NOT NULL DEFAULT 0);
CREATE TABLE live (
  kind TEXT NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL, generation BIGINT NOT NULL,
  PRIMARY KEY (kind, name)
);
CREATE TABLE verdict (
  kind TEXT NOT NULL, name TEXT NOT NULL, verdict BYTEA,
  PRIMARY KEY (kind, name)
);
CREATE TABLE pod (
  name TEXT PRIMARY KEY,
  roles TEXT NOT NULL, bundle TEXT NOT NULL, started BIGINT NOT NULL, seen_at BIGINT NOT NULL, report BYTEA
) WITH (fillfactor = 50);

-- A vanished node must not hold its locks for two hours, nor a forgotten transaction. Set on the role within this database,
-- because pgbouncer in transaction mode keeps no SET; a role that may not do it keeps what its administrator chose.
-- +goose StatementBegin
DO $$
DECLARE setting TEXT;
BEGIN
  FOREACH setting IN ARRAY ARRAY['statement_timeout = ''5s''', 'lock_timeout = ''1s''', 'idle_in_transaction_session_timeout = ''10s''',
      'tcp_keepalives_idle = 15', 'tcp_keepalives_interval = 5', 'tcp_keepalives_count = 3'] LOOP
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET ', current_database()) || setting;
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END $$;
-- +goose StatementEnd
