/**
 * All keys of a schema, held in memory and read again all the time, so that asking who a key belongs to costs nothing
 * and goes on while the database is away: those who send events must not be locked out then, because their events are
 * kept until it is back. It reads on a connection of its own, since the others may all be busy with long questions.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type pg from 'pg'
import { EaError } from '../core/errors.js'
import { type Database, sqlState, withSiblingPool } from '../db/connect.js'
import { asDatabaseError } from '../db/database-error.js'
import { hashKey } from './key-text.js'
import type { Scope } from './scopes.js'

/** A key that is not revoked. */
export interface KnownKey {
  readonly id: number
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
}

export interface KnownKeys {
  /** Whether the keys were read at least once. */
  readonly isRead: boolean
  /** Whether any reading found a key, expired or not; it never becomes false again. */
  readonly everAny: boolean
  /**
   * The key with this text, expired or not; undefined: there is none. One that is not known waits until the keys have
   * been read once more, so that a key works as soon as it is made.
   *
   * @throws EaError `database_unreachable` when it is not known and the keys cannot be read
   */
  find(key: string): Promise<KnownKey | undefined>
}

// With the time that reading takes: a key that is revoked must be refused within 2 s.
const refreshMs = 1_500
// However many unknown keys come.
const pauseMs = 250
// A connection that hangs is given up and made anew.
const timeoutMs = 2_000

/** Called when reading the keys begins to fail, with the error, and with undefined when it works again. */
export type OnKeysUnread = (failure: Error | undefined) => void

/**
 * Reads the keys, hands them to `use` and keeps them up to date until it ends.
 *
 * @param onUnread while reading fails, keys that are revoked go on to work: somebody should hear of it
 * @throws what the first reading throws, except when the database is just away
 */
export async function withKnownKeys<T>(
  db: Database,
  use: (known: KnownKeys) => Promise<T>,
  onUnread: OnKeysUnread = () => {},
): Promise<T> {
  const limits = { connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs }
  return withSiblingPool(db, 1, (own) => withKeysOf(own, use, onUnread), limits)
}

async function withKeysOf<T>(db: Database, use: (known: KnownKeys) => Promise<T>, onUnread: OnKeysUnread): Promise<T> {
  let byHash: ReadonlyMap<string, KnownKey> | undefined
  let everAny = false
  let failure: Error | undefined
  let beganAt = Number.NEGATIVE_INFINITY
  let reading = Promise.resolve()
  let coming: Promise<void> | undefined
  let isOver = false

  const read = async () => {
    try {
      byHash = await readKeys(db, db.pool)
      everAny ||= byHash.size > 0
      if (failure !== undefined) onUnread(undefined)
      failure = undefined
    } catch (error) {
      if (failure === undefined) onUnread(error as Error)
      failure = error as Error
    }
  }

  /** Reads the keys as they are after this call: one that is under way may have missed the newest. */
  const readAgain = () => {
    coming ??= (async () => {
      await reading
      await sleep(Math.max(0, beganAt + pauseMs - performance.now()), undefined, { ref: false })
      coming = undefined
      if (isOver) return
      beganAt = performance.now()
      reading = read()
      await reading
    })()
    return coming
  }

  await read()
  beganAt = performance.now()
  const timer = setInterval(readAgain, refreshMs).unref()
  try {
    // A table that is missing or may not be read will not fix itself.
    if (failure !== undefined && sqlState(failure)?.startsWith('42')) throw asDatabaseError(failure)
    return await use({
      get isRead() {
        return byHash !== undefined
      },
      get everAny() {
        return everAny
      },
      async find(key) {
        // Looking up a hash needs no constant time: how long it takes says something about the hash of what was sent,
        // and from that nobody comes nearer to a key.
        const hash = hashKey(key).toString('hex')
        const known = byHash?.get(hash)
        if (known) return known
        await readAgain()
        const found = byHash?.get(hash)
        if (found || failure === undefined) return found
        throw new EaError(
          'database_unreachable',
          `This key is not known, and the database cannot be asked for it: ${failure.message}`,
          { cause: failure },
        )
      },
    })
  } finally {
    isOver = true
    clearInterval(timer)
    await reading
  }
}

async function readKeys(db: Database, pool: pg.Pool): Promise<Map<string, KnownKey>> {
  const statement = sql`
    SELECT id, name, scopes, encode(secret_sha256, 'hex') AS hash,
           (extract(epoch FROM expires_at) * 1000)::float8 AS "expiresAtMs"
      FROM ${db.t.api_keys} WHERE revoked_at IS NULL`.compile(db.q)
  const { rows } = await pool.query<{
    id: number
    name: string
    scopes: Scope[]
    hash: string
    expiresAtMs: number | null
  }>(statement.sql)
  return new Map(
    rows.map(({ id, name, scopes, hash, expiresAtMs }) => [
      hash,
      { id, name, scopes, expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs) },
    ]),
  )
}
