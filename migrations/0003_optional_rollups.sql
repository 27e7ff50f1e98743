-- Rollups that are kept only where somebody asks for them, because each costs every import a part of its time.

CREATE TABLE :schema.optional_rollups (
  id          smallint    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  path        text[]      CHECK (cardinality(path) > 0), -- of a property: {country}
  event_type  text        COLLATE "C",                   -- or an event type
  added_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((path IS NULL) <> (event_type IS NULL)),
  CONSTRAINT optional_rollups_subject UNIQUE NULLS NOT DISTINCT (path, event_type)
);

-- For each value of such a property what user_days and days are for all events, in the same time zone. Events without the
-- property, and values of more than 255 characters, have no rows. Who writes here holds the visibility lock.
CREATE TABLE :schema.property_user_days (
  rollup     smallint NOT NULL,                   -- optional_rollups.id
  day        date     NOT NULL,
  first_day  date     NOT NULL,                   -- the user's first day with this value
  prev_day   date,                                -- the user's previous day with this value
  events     integer  NOT NULL CHECK (events > 0),
  value      text     NOT NULL COLLATE "C",       -- as ->> gives it
  user_id    text     NOT NULL COLLATE "C",
  CONSTRAINT property_user_days_pkey PRIMARY KEY (rollup, value, user_id, day)
) WITH (fillfactor = 90);

CREATE TABLE :schema.property_days (
  rollup        smallint NOT NULL,                -- optional_rollups.id
  day           date     NOT NULL,
  active_users  bigint   NOT NULL CHECK (active_users > 0),
  new_users     bigint   NOT NULL CHECK (new_users >= 0),
  events        bigint   NOT NULL CHECK (events > 0),
  value         text     NOT NULL COLLATE "C",
  CONSTRAINT property_days_pkey PRIMARY KEY (rollup, value, day)
);

-- For each such event type and user the times of all his events, sorted: what a funnel searches. It knows no time zone.
CREATE TABLE :schema.user_times (
  rollup   smallint      NOT NULL,                -- optional_rollups.id
  user_id  text          NOT NULL COLLATE "C",
  times    timestamptz[] NOT NULL CHECK (cardinality(times) > 0),
  CONSTRAINT user_times_pkey PRIMARY KEY (rollup, user_id)
) WITH (fillfactor = 90);
