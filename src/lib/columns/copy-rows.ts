/**
 * Rows of PostgreSQL into a table of DuckDB: COPY in its binary format, whose fields become vectors without a text between.
 * A short text is stored inside of the vector, which is most of them; a longer one is handed over by itself.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { RawBuilder } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { copyOut } from '../db/copy-out.js'
import { duckdbModule, quotedName } from '../os/duckdb.js'

/** What a column is: `integer` and `time` have 8 bytes, a time counts microseconds since 2000. */
export interface CopiedColumn {
  readonly name: string
  readonly kind: 'integer' | 'time' | 'text'
}

/** Microseconds from 1970 to 2000, where PostgreSQL begins to count. */
export const microsecondsTo2000 = '946684800000000'

const chunkRows = 2048
const inlineBytes = 12

/**
 * Makes a temporary table and fills it.
 *
 * @param query gives the columns in this order; `integer` is a bigint
 * @param parts after so many rows at the latest they are taken out of the table, which is empty again then
 * @returns how many rows the query gave
 */
export async function copyRows(
  tx: Transaction,
  duck: DuckDBConnection,
  table: string,
  columns: readonly CopiedColumn[],
  query: RawBuilder<unknown>,
  signal?: AbortSignal,
  parts?: { readonly rows: number; take(): Promise<void> },
): Promise<number> {
  const { DuckDBDataChunk, VARCHAR, BIGINT } = await duckdbModule()
  const { default: bindings } = await import('@duckdb/node-bindings')
  const described = columns.map(({ name, kind }) => `${quotedName(name)} ${kind === 'text' ? 'VARCHAR' : 'BIGINT'}`)
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${quotedName(table)} (${described.join(', ')})`)
  const types = columns.map(({ kind }) => (kind === 'text' ? VARCHAR : BIGINT))
  const isText = columns.map(({ kind }) => kind === 'text')
  const cells = isText.map((text) => new Uint8Array(chunkRows * (text ? 16 : 8)))
  const valid = columns.map(() => new Uint8Array(chunkRows / 8).fill(255))
  const long: { row: number; bytes: Uint8Array }[][] = columns.map(() => [])
  const chunk = DuckDBDataChunk.create(types)
  const appender = await duck.createAppender(table, null, 'temp')
  let row = 0
  let appended = 0

  const append = () => {
    if (row === 0) return
    chunk.reset()
    chunk.rowCount = row
    for (const [column, text] of isText.entries()) {
      const vector = bindings.data_chunk_get_vector(chunk.chunk, column)
      bindings.copy_data_to_vector(vector, 0, cells[column]!.buffer as ArrayBuffer, 0, row * (text ? 16 : 8))
      for (const { row, bytes } of long[column]!) bindings.vector_assign_string_element_len(vector, row, bytes)
      bindings.vector_ensure_validity_writable(vector)
      bindings.copy_data_to_vector_validity(vector, 0, valid[column]!.buffer as ArrayBuffer, 0, chunkRows / 8)
      valid[column]!.fill(255)
      long[column] = []
    }
    appender.appendDataChunk(chunk)
    appended += row
    row = 0
  }

  /** Reads the row that begins at `at`; -1 when not all of it is there. */
  const readRow = (bytes: Buffer, at: number): number => {
    let from = at + 2
    for (let column = 0; column < isText.length; column++) {
      if (from + 4 > bytes.length) return -1
      const length = bytes.readInt32BE(from)
      from += 4
      if (length < 0) {
        valid[column]![row >> 3]! &= ~(1 << (row & 7))
        continue
      }
      if (from + length > bytes.length) return -1
      const cell = cells[column]!
      if (!isText[column]) for (let byte = 0; byte < 8; byte++) cell[row * 8 + byte] = bytes[from + 7 - byte]!
      else if (length > inlineBytes) long[column]!.push({ row, bytes: bytes.subarray(from, from + length) })
      else {
        const to = row * 16
        cell.fill(0, to, to + 16)
        cell[to] = length
        for (let byte = 0; byte < length; byte++) cell[to + 4 + byte] = bytes[from + byte]!
      }
      from += length
    }
    return from
  }

  /** A row of which only a part was there is read again as a whole. */
  const forgetRow = () => {
    for (const column of columns.keys()) {
      valid[column]![row >> 3]! |= 1 << (row & 7)
      if (long[column]!.at(-1)?.row === row) long[column]!.pop()
    }
  }

  let rest: Buffer = Buffer.alloc(0)
  let isFirst = true
  try {
    const rows = await copyOut(
      tx,
      query,
      '(FORMAT binary)',
      async (piece) => {
        const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece])
        let at = 0
        if (isFirst) {
          if (bytes.length < headerBytes) {
            rest = bytes
            return
          }
          at = headerBytes
          isFirst = false
        }
        while (at + 2 <= bytes.length && bytes.readInt16BE(at) >= 0) {
          const end = readRow(bytes, at)
          if (end < 0) {
            forgetRow()
            break
          }
          at = end
          if (++row === chunkRows) append()
        }
        rest = bytes.subarray(at)
        if (parts === undefined || appended < parts.rows) return
        appender.flushSync()
        await parts.take()
        appended = 0
      },
      signal,
    )
    append()
    return rows
  } finally {
    appender.closeSync()
  }
}

/** The signature, the flags and the length of nothing more. */
const headerBytes = 19
