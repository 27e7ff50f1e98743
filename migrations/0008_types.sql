-- Values that are not of the type that --types says, by that type as it is written there.

ALTER TABLE :schema.import_chunks
  ADD COLUMN mistyped jsonb NOT NULL DEFAULT '{}'; -- {"price=number": records}
