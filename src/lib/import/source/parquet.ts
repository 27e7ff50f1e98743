/**
 * Parquet as lines of JSON, one for each row, made by DuckDB where its package is installed. DuckDB streams the rows; their text is
 * put together by SQL that is made of the types of the columns, so that no number passes through a double: decimals and big
 * integers keep every digit.
 */
import { resolve } from 'node:path'
import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api'
import { EaError } from '../../core/errors.js'
import { openDuckdb, quotedName, quotedText } from '../../os/duckdb.js'

/** Whether a head is that of a Parquet file. */
export const isParquet = (head: Buffer) => head.toString('latin1', 0, 4) === 'PAR1'

export interface ParquetRows {
  /** Lines of JSON, each with its end. */
  readonly blocks: AsyncIterable<Buffer>
  /** The share of the rows that were read so far. */
  doneShare(): number
  /** Frees the memory of DuckDB; what is being read ends first. */
  close(): void
}

/**
 * @throws EaError `duckdb_missing`, `file_corrupt`; also while reading
 */
export async function openParquet(path: string): Promise<ParquetRows> {
  const duckdb = await openDuckdb(`Parquet (${path}) is read by DuckDB`, limits, { path })
  const connection = await duckdb.connect()
  let rowsRead = 0
  const close = () => {
    connection.closeSync()
    duckdb.close()
  }
  try {
    await connection.run(`SET TimeZone = 'UTC'`)
    const file = quotedText(exactly(resolve(path)))
    const { rows, statement } = await asDamage(path, () => rowsOf(connection, file))
    async function* blocks(): AsyncGenerator<Buffer> {
      const result = await asDamage(path, () => connection.stream(statement))
      for (;;) {
        const chunk = await asDamage(path, () => result.fetchChunk())
        if (!chunk || chunk.rowCount === 0) return
        rowsRead += chunk.rowCount
        yield* linesOf(chunk.getColumnValues(0) as string[])
      }
    }
    return { blocks: blocks(), doneShare: () => (rows === 0 ? 1 : rowsRead / rows), close }
  } catch (error) {
    close()
    throw error
  }
}

const blockChars = 256 * 1024

/** Values one below the other, in blocks of some length. */
function* linesOf(values: readonly string[]): Generator<Buffer> {
  let from = 0
  let chars = 0
  for (const [index, value] of values.entries()) {
    chars += value.length
    if (chars < blockChars && index < values.length - 1) continue
    yield Buffer.from(`${values.slice(from, index + 1).join('\n')}\n`)
    from = index + 1
    chars = 0
  }
}

/** One thread keeps the rows in their order without holding many; nothing is ever written. */
const limits = { threads: 1, memory: '1GB', tempFolder: '' }

/** How many rows there are, and the statement that makes a line of each. */
async function rowsOf(connection: DuckDBConnection, file: string) {
  const source = `read_parquet(${file}, hive_partitioning = false)`
  const head = await connection.stream(`SELECT * FROM ${source} LIMIT 0`)
  const names = head.columnNames()
  const types = head.columnTypes()
  const members = names.map((name, index) => [name, jsonText(quotedName(name), types[index]!, 0)] as const)
  const count = await connection.runAndReadAll(`SELECT sum(num_rows)::DOUBLE FROM parquet_file_metadata(${file})`)
  return {
    rows: Number(count.getRows()[0]?.[0] ?? 0),
    statement: `SELECT ${objectText(members)} FROM ${source}`,
  }
}

/** The SQL of the JSON of a value as text: NULL is NULL. */
function jsonText(value: string, type: DuckDBType, depth: number): string {
  if ('entryNames' in type) {
    const members = type.entryNames.map((name, index) => {
      return [name, jsonText(`struct_extract(${value}, ${quotedText(name)})`, type.entryTypes[index]!, depth)] as const
    })
    return `CASE WHEN ${value} IS NOT NULL THEN ${objectText(members)} END`
  }
  if ('keyType' in type) {
    const entry = `v${depth}`
    const member = `${stringText(`${entry}.key`)} || ':' || ${orNull(jsonText(`${entry}.value`, type.valueType, depth + 1))}`
    return `'{' || ${joined(`map_entries(${value})`, entry, member)} || '}'`
  }
  if ('valueType' in type) {
    const element = `v${depth}`
    return `'[' || ${joined(value, element, orNull(jsonText(element, type.valueType, depth + 1)))} || ']'`
  }
  const name = type.alias ?? String(type).replace(/\(.*/, '')
  if (/^(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL)$/.test(name)) return text(value)
  // NaN and Infinity are no JSON.
  if (name === 'FLOAT' || name === 'DOUBLE') {
    return `CASE WHEN isfinite(${value}) THEN ${text(value)} ELSE ${stringText(value)} END`
  }
  if (name === 'JSON') {
    const oneLine = `replace(replace(${text(value)}, chr(10), ' '), chr(13), ' ')`
    return `CASE WHEN json_valid(${text(value)}) THEN ${oneLine} ELSE ${stringText(value)} END`
  }
  if (name.startsWith('TIMESTAMP')) {
    const iso = `replace(${text(value)}, ' ', 'T')`
    // With a zone it is an instant, which DuckDB writes in UTC: `2025-01-31 10:20:30.5+00`.
    return `'"' || ${/TZ|WITH TIME ZONE/.test(name) ? `replace(${iso}, '+00', 'Z')` : iso} || '"'`
  }
  return stringText(value)
}

const text = (value: string) => `CAST(${value} AS VARCHAR)`
const stringText = (value: string) => `CAST(to_json(${text(value)}) AS VARCHAR)`
const orNull = (json: string) => `coalesce(${json}, 'null')`
const joined = (list: string, element: string, of: string) =>
  `array_to_string(list_transform(${list}, lambda ${element}: ${of}), ',')`
const objectText = (members: readonly (readonly [name: string, json: string])[]) =>
  members.length === 0
    ? `'{}'`
    : `'{' || ${members.map(([name, json]) => `${quotedText(`${JSON.stringify(name)}:`)} || ${orNull(json)}`).join(` || ',' || `)} || '}'`

/** DuckDB takes a path for a pattern. */
const exactly = (path: string) => path.replaceAll(/[*?[]/g, '[$&]')

/** What DuckDB cannot read is damaged; its first line says where. */
async function asDamage<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n')
    const details = { details: { path }, cause: error }
    if (!/^Out of Memory/.test(reason)) throw new EaError('file_corrupt', `Damaged: ${path} (${reason})`, details)
    throw new EaError('file_not_readable', `DuckDB needs more memory for ${path} than the 1 GB that it may have.`, {
      ...details,
      suggestions: ['Write it with smaller row groups, or convert it to NDJSON.'],
    })
  }
}
