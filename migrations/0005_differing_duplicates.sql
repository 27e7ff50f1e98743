-- Duplicates whose content is another than that of the event that is stored.

ALTER TABLE :schema.import_batches
  ADD COLUMN differing bigint NOT NULL DEFAULT 0;           -- how many of its duplicates

ALTER TABLE :schema.import_chunks
  ADD COLUMN differing bigint NOT NULL DEFAULT 0,
  ADD COLUMN shadowed  jsonb  NOT NULL DEFAULT '{}';        -- records by key whose properties have it with another value

-- The first of them, with the fields that differ.
CREATE TABLE :schema.differing_duplicates (
  batch_id     bigint NOT NULL REFERENCES :schema.import_batches ON DELETE CASCADE,
  record       bigint,                            -- null: merged before an earlier chunk had the same id, and then given up
  line         bigint,
  event_id     uuid   NOT NULL,
  fields       text[] NOT NULL
);
CREATE INDEX differing_duplicates_batch ON :schema.differing_duplicates (batch_id, record);
