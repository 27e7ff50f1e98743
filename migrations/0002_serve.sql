-- What `ea serve` stores: events that come over HTTP, answers that can be asked for again, and who may ask.

-- Events over HTTP: one batch per sender and hour, completed from its first commit, its counts growing.
ALTER TABLE :schema.import_batches
  DROP CONSTRAINT import_batches_source_check,
  ADD CONSTRAINT import_batches_source_check CHECK (source IN ('file', 'stdin', 'http')),
  ADD COLUMN hour timestamptz,                    -- the hour in which its events came; null for a file
  ADD CONSTRAINT import_batches_hour_check CHECK ((source = 'http') = (hour IS NOT NULL));
CREATE UNIQUE INDEX import_batches_http ON :schema.import_batches (file, hour)
  WHERE source = 'http' AND status = 'completed';

-- Events over HTTP whose id a batch owns that is still loading: decided by the transaction that ends that batch.
CREATE TABLE :schema.pending_events (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- in the order in which they came
  owner_id     bigint      NOT NULL REFERENCES :schema.import_batches ON DELETE CASCADE, -- the batch that is loading
  batch_id     bigint      NOT NULL REFERENCES :schema.import_batches ON DELETE CASCADE, -- the batch that they came with
  event_id     uuid        NOT NULL,
  occurred_at  timestamptz NOT NULL,
  user_id      text        NOT NULL COLLATE "C",
  event_type   text        NOT NULL COLLATE "C",
  properties   jsonb       NOT NULL
);
CREATE INDEX pending_events_owner ON :schema.pending_events (owner_id);

-- What was answered to a request with an Idempotency-Key.
CREATE TABLE :schema.http_answers (
  sender       text        NOT NULL,
  key          text        NOT NULL,
  body_sha256  bytea       NOT NULL CHECK (octet_length(body_sha256) = 32),
  status       smallint    NOT NULL,
  body         text        NOT NULL,
  answered_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT http_answers_pkey PRIMARY KEY (sender, key)
);
CREATE INDEX http_answers_answered_at ON :schema.http_answers (answered_at);

-- Which parts of which segments of a spool are stored, so that a crash between storing and removing doubles nothing.
CREATE TABLE :schema.drained_parts (
  segment      text        NOT NULL,
  part         integer     NOT NULL,
  drained_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT drained_parts_pkey PRIMARY KEY (segment, part)
);

-- Who may ask and send. Of a key only the hash is stored; it is random enough that a plain hash protects it.
CREATE TABLE :schema.api_keys (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name           text        NOT NULL CHECK (name <> ''),
  scopes         text[]      NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ '{read,write,admin}'),
  start          text        NOT NULL,            -- the first characters of the key, to recognise it
  secret_sha256  bytea       NOT NULL UNIQUE CHECK (octet_length(secret_sha256) = 32),
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at     timestamptz,
  revoked_at     timestamptz
);
CREATE UNIQUE INDEX api_keys_name ON :schema.api_keys (name) WHERE revoked_at IS NULL;
