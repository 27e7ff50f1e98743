/**
 * Staging: a temp table per chunk that lives no longer than its transaction. COPY writes the rows in file order, so the
 * place of a row is the number `n` by which a staged record is known. Header names never become identifiers.
 */
import { type RawBuilder, sql } from 'kysely'
import pg from 'pg'
import { EaError } from '../core/errors.js'
import { sqlState, type Transaction } from '../db/connect.js'
import { copyIn } from '../db/copy-in.js'
import type { Chunk, Rows } from './split/chunk.js'
import type { StagingLayout } from './sql/staging-columns.js'

/** The staging table, for SQL. */
export const staging: RawBuilder<unknown> = sql.raw('pg_temp.ea_staging')

/** What a merge passed over, for SQL; there is none before it found an id that is stored already (reassign-earlier.ts). */
export const passedTable: RawBuilder<unknown> = sql.raw('pg_temp.ea_passed')

/**
 * Copies the good records of a chunk into a new staging table.
 *
 * @param copyOptions the options of COPY that fit the splitter's output
 * @throws the server's data error when a value does not fit its typed column
 */
export async function stageChunk(
  tx: Transaction,
  chunk: Pick<Chunk, 'good' | 'copyData'>,
  layout: StagingLayout,
  copyOptions: string,
): Promise<void> {
  const columns = Array.from(
    { length: layout.columns },
    (_, index) => `c${index + 1} ${layout.types.get(index) ?? 'text'}`,
  )
  await tx.client.query(`CREATE TEMP TABLE ea_staging (${columns.join(', ')}) ON COMMIT DROP`)
  await copyRecords(tx, `COPY pg_temp.ea_staging FROM STDIN ${copyOptions}`, chunk.copyData, chunk.good).catch(
    (error: unknown) => {
      throw isTooWide(error, layout) ? tooWide(layout) : error
    },
  )
}

/** Copies the rows of a chunk into `events`. Their ids must be new: otherwise the server's unique violation is thrown. */
export async function copyToEvents(tx: Transaction, rows: Rows): Promise<void> {
  const events = `${pg.escapeIdentifier(tx.schema)}.events`
  const columns = 'event_id, occurred_at, batch_id, user_id, event_type, properties'
  await copyRecords(tx, `COPY ${events} (${columns}) FROM STDIN WITH (FORMAT binary)`, [rows.data], rows.count)
}

/** Copies the rows of a chunk into a new staging table that has the fields of an event: `stagedRows` reads it. */
export async function stageRows(tx: Transaction, rows: Rows): Promise<void> {
  await tx.client.query(`CREATE TEMP TABLE ea_staging (n int, event_id uuid, occurred_at timestamptz,
    user_id text COLLATE "C", event_type text COLLATE "C", properties jsonb) ON COMMIT DROP`)
  await copyRecords(tx, 'COPY pg_temp.ea_staging FROM STDIN WITH (FORMAT binary)', [rows.data], rows.count)
}

/** What validation would say of rows: each is an event. */
export const stagedRows: RawBuilder<unknown> = sql`
  SELECT n, event_id, occurred_at, user_id, event_type, properties, NULL::text AS code, NULL::text[] AS shadowed,
         NULL::text[] AS mistyped FROM ${staging}`

/** @throws EaError `internal_error` when PostgreSQL counts other rows than the splitter: a bug */
async function copyRecords(tx: Transaction, statement: string, data: Iterable<Buffer>, records: number): Promise<void> {
  const copied = await copyIn(tx, statement, data)
  if (copied === records) return
  throw new EaError('internal_error', `A chunk has ${records} records, but PostgreSQL copied ${copied}.`)
}

/** A row must fit into a page of 8 kB, however short its values are. */
function isTooWide(error: unknown, layout: StagingLayout): boolean {
  return layout.strict && layout.columns > 300 && sqlState(error) === '54000'
}

function tooWide({ columns }: StagingLayout): EaError {
  return new EaError(
    'header_invalid',
    `The file has ${columns} columns, and a record with too many of them set to be staged.`,
    {
      suggestions: ['Keep the columns that matter (about 400 may be set in one record), or write the file as NDJSON.'],
    },
  )
}

/** Drops what a chunk left before the transaction ends, so that the next chunk of the same transaction can have its own. */
export async function dropStaging(tx: Transaction): Promise<void> {
  await tx.client.query('DROP TABLE IF EXISTS pg_temp.ea_staging, pg_temp.ea_passed')
}
