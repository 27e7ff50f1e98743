-- What other programs may read: names and columns that later releases keep. `user_days` and `days` are tables already.

-- The events that count: those of batches that are completed, one row for each.
CREATE VIEW :schema.visible_events AS
  SELECT event_id, occurred_at, user_id, event_type, properties, batch_id
  FROM :schema.events
  WHERE batch_id <> ALL (ARRAY(SELECT id FROM :schema.import_batches WHERE status = 'loading'));

COMMENT ON VIEW :schema.visible_events IS 'One row for each event that counts: of batches that are completed.';
COMMENT ON TABLE :schema.user_days IS 'One row for each user and day with an event, in the reporting time zone (settings.reporting_tz).';
COMMENT ON COLUMN :schema.user_days.first_day IS 'The first day of the user ever.';
COMMENT ON COLUMN :schema.user_days.prev_day IS 'The day of the user before this one; null on the first.';
COMMENT ON TABLE :schema.days IS 'One row for each day with an event, in the reporting time zone (settings.reporting_tz).';
