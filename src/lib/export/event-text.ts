/**
 * How an event is written: the query and the options of COPY for each format. What is written here is what `ea import`
 * reads back as the same event, to the microsecond and to the last digit: `test/export/round-trip.db.test.ts`.
 */
import { type RawBuilder, sql } from 'kysely'
import { type EventFormat, limits } from '../core/event.js'

/** `"2025-08-31T12:00:00.5Z"`, in quotes, with no more digits than it needs, whatever the session's DateStyle. */
const quotedInstant = sql`rtrim(to_json(occurred_at AT TIME ZONE 'UTC')::text, '"') || 'Z"'`

/**
 * The properties as JSON text. jsonb puts a space after each colon and comma; where these alone make the text larger than
 * an import allows, they go. The size on disk is asked first because it costs nothing.
 */
const properties = sql`CASE
    WHEN pg_column_size(properties) > 2000 AND octet_length(properties::text) > ${sql.lit(limits.propertiesMaxBytes)}
    THEN regexp_replace(properties::text, '("(?:[^"\\\\]|\\\\.)*")|([,:]) ', '\\1\\2', 'g')
    ELSE properties::text
  END`

/** The columns of an event in a format, and how COPY writes them. */
export const eventText: Record<EventFormat, { readonly columns: RawBuilder<unknown>; readonly copyOptions: string }> = {
  csv: {
    columns: sql`event_id,
  btrim(${quotedInstant}, '"') AS occurred_at,
  user_id,
  event_type,
  ${properties} AS properties`,
    copyOptions: "(FORMAT csv, HEADER, ENCODING 'UTF8')",
  },
  ndjson: {
    columns: sql`'{"event_id":"' || event_id || '","occurred_at":' || ${quotedInstant}
    || ',"user_id":' || to_json(user_id) || ',"event_type":' || to_json(event_type)
    || ',"properties":' || ${properties} || '}'`,
    // COPY's text format would double backslashes. CSV quotes a value only when it holds the delimiter, the quote or a
    // line end, and JSON text holds no control characters at all: it goes out as it is.
    copyOptions: "(FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02', ENCODING 'UTF8')",
  },
}
