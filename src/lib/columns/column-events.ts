/**
 * The events of a question as a relation of DuckDB: the files whose batches count in the question's snapshot, and the tail,
 * which is read from PostgreSQL in that snapshot. Whatever is unexpected is an error, and then PostgreSQL answers alone.
 *
 *   list ─ batches of the snapshot ─ files whose hash is right + tail (COPY) ─ view of DuckDB ─ statement of the stat
 */
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { type RawBuilder, sql } from 'kysely'
import { EaError } from '../core/errors.js'
import type { Transaction } from '../db/connect.js'
import { type Duckdb, openDuckdb, quotedName, quotedText } from '../os/duckdb.js'
import { propertyText } from '../rollups/sql/property-values.js'
import { isUnaltered } from './checked-files.js'
import {
  type ColumnFile,
  type ColumnList,
  columnName,
  isSameProperty,
  numberColumnName,
  readColumnList,
} from './column-list.js'
import { type CopiedColumn, copyRows, microsecondsTo2000 } from './copy-rows.js'
import { coverageOf, readVisibleBatches, type VisibleBatch } from './visible-batches.js'
import { hasManyDigits, isNumberText, numberOf } from './write-file.js'

/** What a question reads of events beside user, time and type. */
export interface ColumnNeeds {
  readonly properties: readonly (readonly string[])[]
  /** Those that are compared as numbers; each is one of `properties`. */
  readonly numbers: readonly (readonly string[])[]
}

/** What answered. */
export interface ColumnsRead {
  readonly files: number
  /** Events that no file has, and that PostgreSQL gave. */
  readonly tailEvents: number
}

/** Why the column store cannot answer, although nothing is wrong. */
export class NotInColumns extends Error {}

/** With more events than this in no file, PostgreSQL answers faster alone. */
const maxTailEvents = 200_000

let duckdb: Promise<Duckdb> | undefined

/** The DuckDB of this process; it keeps nothing but what it knows of files. */
function sharedDuckdb(): Promise<Duckdb> {
  const limits = { threads: 2, memory: '1GB', tempFolder: '' }
  duckdb ??= openDuckdb('The column store is read by DuckDB', limits).catch((error: unknown) => {
    duckdb = undefined
    throw error
  })
  return duckdb
}

/** The columns of the relation: `user_id`, `t` (microseconds since 1970), `event_type`, a text and a number for each property. */
export const textColumn = (index: number) => `p${index}`
export const numberColumn = (index: number) => `n${index}`

/** A column store that is there. */
export interface ColumnStore {
  readonly folder: string
  readonly list: ColumnList
}

/** @throws NotInColumns when there is none */
export async function columnStore({ columnsFolder: folder }: Pick<Transaction, 'columnsFolder'>): Promise<ColumnStore> {
  const list = folder === undefined ? undefined : await readColumnList(folder)
  if (folder === undefined || list === undefined) throw new NotInColumns('there is no column store')
  return { folder, list }
}

/**
 * Has `ask` run statements over the events that the snapshot sees.
 *
 * @param ask gets a connection of its own, and what is written after FROM
 * @throws NotInColumns; what DuckDB throws; EaError `query_timeout`; the reason of `signal`
 */
export async function askColumns<T>(
  tx: Transaction,
  { folder, list }: ColumnStore,
  needs: ColumnNeeds,
  { signal, timeoutMs }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
  ask: (duck: DuckDBConnection, events: string) => Promise<T>,
): Promise<{ answer: T; read: ColumnsRead }> {
  const missing = needs.properties.find((path) => !list.properties.some((kept) => isSameProperty(kept, path)))
  if (missing !== undefined) throw new NotInColumns(`${JSON.stringify(missing)} is not in it`)
  const usable = list.files.filter((file) =>
    needs.properties.every((path) => file.properties.some((kept) => isSameProperty(kept.path, path))),
  )
  const { current, tail } = coverageOf(usable, await readVisibleBatches(tx))
  const tailEvents = tail.reduce((sum, { events }) => sum + events, 0)
  if (tailEvents > maxTailEvents) throw new NotInColumns(`${tailEvents} events are not in its files yet`)
  const files = usable.filter((file) => current.get(file)!.length > 0)
  const compared = (file: ColumnFile, path: readonly string[]) =>
    file.properties.find((kept) => isSameProperty(kept.path, path))!.numbers
  if (files.some((file) => needs.numbers.some((path) => compared(file, path) === 'inexact'))) {
    throw new NotInColumns('a number has more than 15 digits')
  }
  const [unaltered, shared] = await Promise.all([
    Promise.all(files.map((file) => isUnaltered(folder, file))),
    sharedDuckdb(),
  ])
  const altered = files.find((_, index) => !unaltered[index])
  if (altered !== undefined) {
    throw new EaError('file_corrupt', `Damaged: ${join(folder, altered.name)}; \`ea columns build\` writes it again.`)
  }
  const duck = await shared.connect()
  return bounded(duck, { signal, timeoutMs }, async () => {
    const selects = files.map((file) => fileSelect(folder, file, current.get(file)!, needs))
    if (tail.length > 0) selects.push(await tailSelect(tx, duck, tail, needs, signal))
    if (selects.length === 0) throw new NotInColumns('it is empty')
    const answer = await ask(duck, `(${selects.join('\nUNION ALL\n')}) AS events`)
    return { answer, read: { files: files.length, tailEvents } }
  })
}

/** Ends a statement whose answer is not wanted any more, or when it takes too long; closes the connection in the end. */
async function bounded<T>(
  duck: DuckDBConnection,
  { signal, timeoutMs }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
  work: () => Promise<T>,
): Promise<T> {
  let isLate = false
  const stop = () => duck.interrupt()
  const onLate = () => {
    isLate = true
    stop()
  }
  const timer = timeoutMs === undefined ? undefined : setTimeout(onLate, timeoutMs)
  signal?.addEventListener('abort', stop)
  try {
    return await work()
  } catch (error) {
    signal?.throwIfAborted()
    if (!isLate) throw error
    throw new EaError('query_timeout', `The column store took longer than ${timeoutMs! / 1000} s for the question.`, {
      cause: error,
    })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
    duck.closeSync()
  }
}

function fileSelect(folder: string, file: ColumnFile, batches: readonly number[], needs: ColumnNeeds): string {
  const columns = needs.properties.flatMap((path, index) => {
    const text = `${quotedName(columnName(path))} AS ${textColumn(index)}`
    if (!needs.numbers.includes(path)) return [text]
    const { numbers } = file.properties.find((kept) => isSameProperty(kept.path, path))!
    const number = numbers === 'exact' ? quotedName(numberColumnName(path)) : 'NULL::DOUBLE'
    return [text, `${number} AS ${numberColumn(index)}`]
  })
  const isCurrent = batches.length === file.batches.length ? '' : ` WHERE batch_id IN (${batches.join(', ')})`
  return `SELECT ${['user_id', 'epoch_us(occurred_at) AS t', 'event_type', ...columns].join(', ')}
  FROM read_parquet(${quotedText(join(folder, file.name))})${isCurrent}`
}

async function tailSelect(
  tx: Transaction,
  duck: DuckDBConnection,
  tail: readonly VisibleBatch[],
  needs: ColumnNeeds,
  signal: AbortSignal | undefined,
): Promise<string> {
  const columns: CopiedColumn[] = [
    { name: 'occurred_at', kind: 'time' },
    { name: 'user_id', kind: 'text' },
    { name: 'event_type', kind: 'text' },
    ...needs.properties.map((_, index): CopiedColumn => ({ name: textColumn(index), kind: 'text' })),
  ]
  const expressions: RawBuilder<unknown>[] = [
    sql`occurred_at`,
    sql`user_id`,
    sql`event_type`,
    ...needs.properties.map((path) => propertyText(sql`properties`, path)),
  ]
  const query = sql`SELECT ${sql.join(expressions)} FROM ${tx.t.events}
    WHERE batch_id = ANY(${tail.map(({ id }) => id)}::bigint[])`
  const rows = await copyRows(tx, duck, 'tail', columns, query, signal)
  const expected = tail.reduce((sum, { events }) => sum + events, 0)
  if (rows !== expected) throw new Error(`the tail has ${rows} events and not ${expected}`)
  const compared = needs.properties.flatMap((path, index) => (needs.numbers.includes(path) ? [textColumn(index)] : []))
  if (compared.length > 0) {
    const inexact = compared.map((text) => `(${isNumberText(text)} AND ${hasManyDigits(text)})`).join(' OR ')
    const found = await duck.runAndReadAll(`SELECT 1 FROM tail WHERE ${inexact} LIMIT 1`)
    if (found.getRows().length > 0) throw new NotInColumns('a number has more than 15 digits')
  }
  const selected = needs.properties.flatMap((path, index) => {
    const text = textColumn(index)
    return needs.numbers.includes(path) ? [text, `${numberOf(text)} AS ${numberColumn(index)}`] : [text]
  })
  return `SELECT ${['user_id', `occurred_at + ${microsecondsTo2000} AS t`, 'event_type', ...selected].join(', ')} FROM tail`
}
