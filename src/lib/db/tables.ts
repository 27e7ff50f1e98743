/** The tables of the migrations as Kysely sees them, and their quoted names for SQL that is written as SQL. */
import { type ColumnType, type Generated, type RawBuilder, sql } from 'kysely'

export interface Tables {
  settings: { one: Generated<boolean>; reporting_tz: Generated<string>; data_version: Generated<number> }
  events: {
    event_id: string
    occurred_at: Date
    batch_id: number
    user_id: string
    event_type: string
    properties: ColumnType<Record<string, unknown>, string, string>
  }
  import_batches: {
    id: Generated<number>
    source: string
    file: string
    sha256: Buffer | null
    status: Generated<string>
    stale: Generated<boolean>
    reading: ColumnType<Record<string, unknown>, string, string>
    chunk_bytes: number
    read: Generated<number>
    inserted: Generated<number>
    duplicates: Generated<number>
    differing: Generated<number>
    rejected: Generated<number>
    bytes: Generated<number>
    seconds: Generated<number>
    created_at: Generated<Date>
    finished_at: Date | null
    failure: string | null
    hour: Date | null
    sender: string | null
  }
  import_chunks: {
    batch_id: number
    chunk: number
    read: number
    inserted: number
    duplicates: number
    differing: Generated<number>
    rejected: number
    byte_from: number
    byte_to: number
    merged_by: string
    owners: ColumnType<Record<string, number>, string, string>
    shadowed: ColumnType<Record<string, number>, string, string>
    mistyped: ColumnType<Record<string, number>, string | undefined, string>
    skipped_times: Generated<number>
    repeated_times: Generated<number>
  }
  import_overlaps: { batch_id: number; owner_id: number; duplicates: number }
  differing_duplicates: {
    batch_id: number
    record: number | null
    line: number | null
    event_id: string
    fields: string[]
  }
  rejected_records: {
    batch_id: number
    record: number
    line: number
    byte_offset: number
    code: string
    detail: string | null
    raw: Buffer
  }
  import_lease: {
    token: number
    one: Generated<boolean>
    host: string
    boot_id: string
    pid: number
    process_start: string
    doing: string
    acquired_at: Generated<Date>
    heartbeat_at: Generated<Date>
  }
  user_days: { day: string; first_day: string; prev_day: string | null; events: number; user_id: string }
  days: { day: string; active_users: number; new_users: number; events: number }
  event_type_days: { day: string; event_type: string; events: number }
  optional_rollups: {
    id: Generated<number>
    path: string[] | null
    event_type: string | null
    added_at: Generated<Date>
  }
  property_user_days: {
    rollup: number
    day: string
    first_day: string
    prev_day: string | null
    events: number
    value: string
    user_id: string
  }
  property_days: {
    rollup: number
    day: string
    active_users: number
    new_users: number
    events: number
    value: string
  }
  user_times: { rollup: number; user_id: string; times: Date[] }
  pending_events: {
    id: Generated<number>
    owner_id: number
    batch_id: number
    event_id: string
    occurred_at: Date
    user_id: string
    event_type: string
    properties: ColumnType<Record<string, unknown>, string, string>
  }
  http_answers: {
    sender: string
    key: string
    body_sha256: Buffer
    status: number
    body: string
    answered_at: Generated<Date>
    batch_ids: Generated<string[]>
  }
  drained_parts: { segment: string; part: number; drained_at: Generated<Date> }
  api_keys: {
    id: Generated<number>
    name: string
    scopes: string[]
    start: string
    secret_sha256: Buffer
    created_at: Generated<Date>
    expires_at: Date | null
    revoked_at: Date | null
  }
}

/** A quoted, schema-qualified table name for each table: `sql\`SELECT count(*) FROM ${t.events}\``. */
export type TableNames = { readonly [name in keyof Tables]: RawBuilder<unknown> }

const names: readonly (keyof Tables)[] = [
  'settings',
  'events',
  'import_batches',
  'import_chunks',
  'import_overlaps',
  'differing_duplicates',
  'rejected_records',
  'import_lease',
  'user_days',
  'days',
  'event_type_days',
  'optional_rollups',
  'property_user_days',
  'property_days',
  'user_times',
  'pending_events',
  'http_answers',
  'drained_parts',
  'api_keys',
]

export function tableNames(schema: string): TableNames {
  return Object.fromEntries(names.map((name) => [name, sql.id(schema, name)])) as unknown as TableNames
}
