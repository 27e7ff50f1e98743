/**
 * Rows out of the database as bytes, by COPY (query) TO STDOUT: as fast as the reader takes them, at flat memory.
 *
 * COPY takes no bind parameters, so each value of the query is written into it as a literal. Kysely's compiler does that
 * in the place where it would write `$1`: no text is searched or replaced. `test/export/literals.db.test.ts` sends hostile
 * values through it.
 */
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
} from 'kysely'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { EaError } from '../core/errors.js'
import { withCancel } from './cancel.js'
import type { Transaction } from './connect.js'

/** Takes the next bytes; what it throws ends the COPY. The bytes are its own. */
export type TakeBytes = (bytes: Buffer) => Promise<unknown>

/**
 * Sends what a query gives to `take`, piece by piece: the next one comes when `take` is done with this one. Pieces begin
 * and end anywhere, also inside a row. When `take` throws or `signal` aborts, the server stops, and the connection can be
 * used again.
 *
 * @param copyOptions as they stand in the statement: `(FORMAT csv, HEADER)`
 * @returns how many rows the server sent
 * @throws what `take` throws; the reason of `signal`; what the server throws
 * @example
 * await copyOut(tx, sql`SELECT user_id FROM ${tx.t.events}`, '(FORMAT csv)', async (bytes) => file.write(bytes))
 */
export async function copyOut(
  tx: Transaction,
  query: RawBuilder<unknown>,
  copyOptions: string,
  take: TakeBytes,
  signal?: AbortSignal,
): Promise<number> {
  const refused = new AbortController()
  const stop = signal === undefined ? refused.signal : AbortSignal.any([signal, refused.signal])
  return withCancel(tx.client, stop, async () => {
    const copy = tx.client.query(copyTo(`COPY (${withLiterals(query)}) TO STDOUT ${copyOptions}`))
    // An error after the last row is the error of the next statement, too.
    copy.on('error', () => {})
    const pieces = copy[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    let isOver = false
    const next = async () => {
      const piece = await pieces.next().catch((error: unknown) => {
        isOver = true
        throw error
      })
      isOver = piece.done === true
      return piece
    }
    try {
      for (let piece = await next(); piece.done !== true; piece = await next()) {
        await unlessAborted(take(piece.value), stop)
      }
    } catch (error) {
      // The statement is cancelled, and what is under way is thrown away, or the connection would wait for ever.
      if (!isOver) refused.abort()
      while (!isOver) await next().catch(() => {})
      throw signal?.aborted ? signal.reason : error
    }
    // The count comes after the last row, and the connection is free for this when it is there.
    await tx.client.query('SELECT')
    return copy.rowCount
  })
}

/** What `work` gives, or the reason of an abort that comes first. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/**
 * The statement with its values in it.
 *
 * @throws EaError `usage` for a text with NUL, `internal_error` for a value that is no text, number, boolean, bigint,
 * instant, null or list of these
 * @example
 * withLiterals(sql`SELECT ${"it's"}::text`) // SELECT 'it''s'::text
 */
export function withLiterals(query: RawBuilder<unknown>): string {
  return query.compile(literally).sql
}

class LiteralCompiler extends PostgresQueryCompiler {
  protected override appendValue(value: unknown): void {
    this.append(literal(value))
  }
}

/** Compiles and never runs. */
const literally = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new LiteralCompiler(),
  },
})

/** Always in quotes, numbers too: so PostgreSQL finds the type as it does for a parameter, and no sign meets another. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  return pg.escapeLiteral(Array.isArray(value) ? `{${value.map(element).join(',')}}` : textOf(value))
}

function element(value: unknown): string {
  return value === null || value === undefined ? 'NULL' : `"${textOf(value).replace(/["\\]/g, '\\$&')}"`
}

function textOf(value: unknown): string {
  if (typeof value === 'string') {
    // It would end the statement where it stands.
    if (value.includes('\0')) throw new EaError('usage', `${JSON.stringify(value)} holds NUL, which no text can hold.`)
    return value
  }
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value instanceof Date) return value.toISOString()
  throw new EaError('internal_error', `A value of type ${typeof value} cannot be written into a statement.`)
}
