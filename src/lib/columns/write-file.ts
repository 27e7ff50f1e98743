/** One Parquet file of a column store: written beside its place, synced, and only then given its name. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { failpoint } from '../core/failpoint.js'
import { quotedName, quotedText } from '../os/duckdb.js'
import { syncFolder } from '../os/durable-files.js'
import { hashOf } from './checked-files.js'
import { type ColumnFile, columnName, isSameProperty, numberColumnName } from './column-list.js'
import { microsecondsTo2000 } from './copy-rows.js'

/**
 * Whether a text is a number for comparisons, as `isNumber` of the filters has it; the first two are cheap and true of each
 * number. JSON numbers always look so; a longer text than filters take is inexact and so never compared here.
 */
export const isNumberText = (text: string) =>
  `(${text} >= '-' AND ${text} < ':' AND regexp_full_match(${text}, '-?[0-9]+([.][0-9]+)?'))`
/** Doubles compare as the numbers do when none has more digits. */
export const hasManyDigits = (text: string) =>
  `(strlen(${text}) - contains(${text}, '-')::INT - contains(${text}, '.')::INT > 15)`
/** The number of a text as a double; NULL for other texts. */
export const numberOf = (text: string) => `CASE WHEN ${isNumberText(text)} THEN TRY_CAST(${text} AS DOUBLE) END`

/**
 * Writes what the table `events` has, sorted by user and time, and empties it.
 *
 * @param versions of the batches by their ids
 * @returns undefined when the table is empty
 */
export async function writeColumnFile(
  duck: DuckDBConnection,
  folder: string,
  properties: readonly (readonly string[])[],
  versions: ReadonlyMap<number, string>,
): Promise<ColumnFile | undefined> {
  const batches = await rowsOf(duck, 'SELECT batch_id::DOUBLE, count(*)::DOUBLE FROM events GROUP BY 1 ORDER BY 1')
  if (batches.length === 0) return undefined
  const numbers = properties.map(columnName).map(quotedName)
  const flags =
    numbers.length === 0
      ? []
      : (
          await rowsOf(
            duck,
            `SELECT ${numbers.map((text) => `count(*) FILTER (WHERE ${isNumberText(text)})::DOUBLE, count(*) FILTER (WHERE ${hasManyDigits(text)} AND ${isNumberText(text)})::DOUBLE`).join(', ')} FROM events`,
          )
        )[0]!
  const kinds = properties.map((path, index) => {
    const [all, inexact] = [Number(flags[2 * index]), Number(flags[2 * index + 1])]
    return { path: [...path], numbers: numbersOf(all, inexact) }
  })
  const select = [
    'batch_id',
    'user_id',
    `make_timestamp(occurred_at + ${microsecondsTo2000}) AS occurred_at`,
    'event_type',
    ...kinds.flatMap(({ path, numbers }) => {
      const text = quotedName(columnName(path))
      return numbers === 'exact' ? [text, `${numberOf(text)} AS ${quotedName(numberColumnName(path))}`] : [text]
    }),
  ]
  const file = await writeParquet(duck, folder, `SELECT ${select.join(', ')} FROM events`)
  await duck.run('TRUNCATE events')
  return {
    ...file,
    properties: kinds,
    batches: batches.map(([id, rows]) => ({ id: Number(id), version: versions.get(Number(id))!, rows: Number(rows) })),
  }
}

type Numbers = ColumnFile['properties'][number]['numbers']

/** @param count how many values are numbers, `inexact` how many of these are too long */
function numbersOf(count: number, inexact: number): Numbers {
  return count === 0 ? 'none' : inexact > 0 ? 'inexact' : 'exact'
}

/**
 * Makes one file of several, without the events that do not count any more.
 *
 * @param current of each file the batches that count
 * @returns undefined when none counts
 */
export async function mergeFiles(
  duck: DuckDBConnection,
  folder: string,
  properties: readonly (readonly string[])[],
  files: readonly ColumnFile[],
  current: ReadonlyMap<ColumnFile, readonly number[]>,
): Promise<ColumnFile | undefined> {
  const counting = files.filter((file) => current.get(file)!.length > 0)
  if (counting.length === 0) return undefined
  const kinds = properties.map((path) => {
    const found = counting.map((file) => file.properties.find((one) => isSameProperty(one.path, path))!.numbers)
    const isIn = (numbers: Numbers) => Number(found.includes(numbers))
    return { path: [...path], numbers: numbersOf(isIn('exact') + isIn('inexact'), isIn('inexact')) }
  })
  const selects = counting.map((file) => {
    const columns = kinds.flatMap(({ path, numbers }) => {
      const text = quotedName(columnName(path))
      const own = file.properties.find((one) => isSameProperty(one.path, path))!.numbers
      const number = quotedName(numberColumnName(path))
      return numbers === 'exact' ? [text, own === 'exact' ? number : `NULL::DOUBLE AS ${number}`] : [text]
    })
    return `SELECT ${['batch_id', 'user_id', 'occurred_at', 'event_type', ...columns].join(', ')}
      FROM read_parquet(${quotedText(join(folder, file.name))}) WHERE batch_id IN (${current.get(file)!.join(', ')})`
  })
  const merged = await writeParquet(duck, folder, selects.join('\nUNION ALL\n'))
  const batches = new Map<string, ColumnFile['batches'][number]>()
  for (const file of counting) {
    for (const batch of file.batches) {
      if (!current.get(file)!.includes(batch.id)) continue
      const key = `${batch.id} ${batch.version}`
      const rows = (batches.get(key)?.rows ?? 0) + batch.rows
      batches.set(key, { ...batch, rows })
    }
  }
  return { ...merged, properties: kinds, batches: [...batches.values()] }
}

async function writeParquet(duck: DuckDBConnection, folder: string, select: string) {
  const name = `${randomBytes(8).toString('hex')}.parquet`
  const path = join(folder, name)
  const part = `${path}.part`
  try {
    await duck.run(
      `COPY (${select} ORDER BY user_id, occurred_at) TO ${quotedText(part)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
    )
    failpoint('columns.written')
    const handle = await open(part, 'r+')
    await handle.sync().finally(() => handle.close())
    const [rows] = await rowsOf(duck, `SELECT sum(num_rows)::DOUBLE FROM parquet_file_metadata(${quotedText(part)})`)
    const sha256 = await hashOf(part)
    const { size: bytes } = await stat(part)
    await rename(part, path)
    await syncFolder(folder)
    failpoint('columns.renamed')
    return { name, rows: Number(rows![0]), bytes, sha256 }
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function rowsOf(duck: DuckDBConnection, statement: string): Promise<readonly unknown[][]> {
  return (await duck.runAndReadAll(statement)).getRows()
}
