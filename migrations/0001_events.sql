-- The tables of one project, all in one schema (`:schema` is replaced by its quoted name).
-- Never edited after a release: a change is a new file with the next number.

CREATE TABLE :schema.settings (
  one           boolean PRIMARY KEY DEFAULT true CHECK (one),
  reporting_tz  text    NOT NULL DEFAULT 'UTC',   -- the days of the rollups are days in this zone
  data_version  bigint  NOT NULL DEFAULT 0        -- grows whenever what is visible changes
);
INSERT INTO :schema.settings DEFAULT VALUES;

-- Fixed-width columns first: no padding between them, and the wide one last.
CREATE TABLE :schema.events (
  event_id     uuid        NOT NULL,
  occurred_at  timestamptz NOT NULL,
  batch_id     bigint      NOT NULL,
  user_id      text        NOT NULL COLLATE "C",
  event_type   text        NOT NULL COLLATE "C",
  properties   jsonb       NOT NULL DEFAULT '{}',
  CONSTRAINT events_pkey PRIMARY KEY (event_id)
);
CREATE INDEX events_occurred_at_brin ON :schema.events USING brin (occurred_at) WITH (autosummarize = on);
CREATE INDEX events_batch_id_brin    ON :schema.events USING brin (batch_id)    WITH (autosummarize = on);

-- One row per import. An event counts when the batch that owns it is `completed`.
CREATE TABLE :schema.import_batches (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source       text        NOT NULL CHECK (source IN ('file', 'stdin')),
  file         text        NOT NULL,              -- the path as it was given, `-` for stdin
  sha256       bytea       CHECK (octet_length(sha256) = 32), -- of the decompressed content; null while stdin loads
  status       text        NOT NULL DEFAULT 'loading' CHECK (status IN ('loading', 'completed', 'failed', 'undone')),
  stale        boolean     NOT NULL DEFAULT false, -- an owner of its duplicates was undone: import its file again
  reading      jsonb       NOT NULL,              -- how its records were read: all that decides what they mean
  chunk_bytes  integer     NOT NULL CHECK (chunk_bytes > 0),
  read         bigint      NOT NULL DEFAULT 0,
  inserted     bigint      NOT NULL DEFAULT 0,
  duplicates   bigint      NOT NULL DEFAULT 0,
  rejected     bigint      NOT NULL DEFAULT 0,
  bytes        bigint      NOT NULL DEFAULT 0,    -- of the decompressed content
  seconds      double precision NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at  timestamptz,
  failure      text,                              -- the code of the error that failed it
  CHECK (status <> 'completed' OR read = inserted + duplicates + rejected)
);
CREATE INDEX import_batches_sha256 ON :schema.import_batches (sha256);
CREATE INDEX import_batches_open ON :schema.import_batches (id) WHERE status = 'loading';

-- One row per merged chunk, written by the transaction that merged it: its key makes a chunk merge exactly once.
CREATE TABLE :schema.import_chunks (
  batch_id     bigint  NOT NULL REFERENCES :schema.import_batches ON DELETE CASCADE,
  chunk        integer NOT NULL,                  -- counts from 0 in file order
  read         bigint  NOT NULL,
  inserted     bigint  NOT NULL,
  duplicates   bigint  NOT NULL,
  rejected     bigint  NOT NULL,
  byte_from    bigint  NOT NULL,                  -- [byte_from, byte_to) of the decoded content
  byte_to      bigint  NOT NULL,
  merged_by    xid8    NOT NULL,                  -- the transaction: tells the chunk of an event of a loading batch
  owners       jsonb   NOT NULL DEFAULT '{}',     -- how many of its duplicates each other batch owns: {"7": 12}
  CONSTRAINT import_chunks_pkey PRIMARY KEY (batch_id, chunk)
);

-- How many duplicates of a completed batch are owned by which other batch.
CREATE TABLE :schema.import_overlaps (
  batch_id     bigint NOT NULL REFERENCES :schema.import_batches ON DELETE CASCADE,
  owner_id     bigint NOT NULL REFERENCES :schema.import_batches ON DELETE CASCADE,
  duplicates   bigint NOT NULL CHECK (duplicates > 0),
  CONSTRAINT import_overlaps_pkey PRIMARY KEY (batch_id, owner_id)
);
CREATE INDEX import_overlaps_owner ON :schema.import_overlaps (owner_id);

CREATE TABLE :schema.rejected_records (
  batch_id     bigint NOT NULL REFERENCES :schema.import_batches ON DELETE CASCADE,
  record       bigint NOT NULL,                   -- counts from 1, the header is not a record
  line         bigint NOT NULL,                   -- counts from 1, the header's line too
  byte_offset  bigint NOT NULL,                   -- of its first byte in the decoded content
  code         text   NOT NULL,
  detail       text,
  raw          bytea  NOT NULL,                   -- its untouched bytes, without the line end
  CONSTRAINT rejected_records_pkey PRIMARY KEY (batch_id, record)
);

-- Who may import now. A token is random and never comes back; a chunk holds a key-share lock on its row until it commits.
CREATE TABLE :schema.import_lease (
  token           bigint PRIMARY KEY,
  one             boolean     NOT NULL DEFAULT true UNIQUE CHECK (one),
  host            text        NOT NULL,
  boot_id         text        NOT NULL,
  pid             integer     NOT NULL,
  process_start   text        NOT NULL,
  doing           text        NOT NULL,           -- for people: `import events.csv`
  acquired_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  heartbeat_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Rollups: derived from the events of completed batches, refreshed in the transaction that changes what is visible.

-- One row per user and active day.
CREATE TABLE :schema.user_days (
  day        date    NOT NULL,
  first_day  date    NOT NULL,                    -- the user's first day ever
  prev_day   date,                                -- the user's previous active day
  events     integer NOT NULL CHECK (events > 0),
  user_id    text    NOT NULL COLLATE "C",
  CONSTRAINT user_days_pkey PRIMARY KEY (user_id, day)
) WITH (fillfactor = 90);
CREATE INDEX user_days_day_brin ON :schema.user_days USING brin (day) WITH (autosummarize = on);

CREATE TABLE :schema.days (
  day           date    NOT NULL,
  active_users  bigint  NOT NULL CHECK (active_users > 0),
  new_users     bigint  NOT NULL CHECK (new_users >= 0),
  events        bigint  NOT NULL CHECK (events > 0),
  CONSTRAINT days_pkey PRIMARY KEY (day)
);

CREATE TABLE :schema.event_type_days (
  day         date   NOT NULL,
  event_type  text   NOT NULL COLLATE "C",
  events      bigint NOT NULL CHECK (events > 0),
  CONSTRAINT event_type_days_pkey PRIMARY KEY (day, event_type)
);
