-- Local times that the clocks of the import's zone skipped, and those that they showed twice.

ALTER TABLE :schema.import_chunks
  ADD COLUMN skipped_times  bigint NOT NULL DEFAULT 0,      -- records with one
  ADD COLUMN repeated_times bigint NOT NULL DEFAULT 0;
