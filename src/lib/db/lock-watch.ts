/**
 * Says who is waited for: looks, on a connection of its own, whether the transactions of a database wait for locks of
 * others. It never ends anything; a command goes on when the lock is free.
 */
import { sql } from 'kysely'
import { EaError } from '../core/errors.js'
import { type Database, sqlState, withSiblingPool } from './connect.js'

/** A session that holds a lock, or is before us in the queue for it. */
interface LockHolder {
  /** Of its backend: what pg_terminate_backend takes. Null for a prepared transaction. */
  readonly pid: number | null
  readonly application: string | null
  readonly user: string | null
  /** `active`, `idle in transaction`; null when the role may not see it. */
  readonly state: string | null
  /** How long ago its statement began; null when the role may not see it. */
  readonly queryAgeS: number | null
}

interface Blocked {
  /** The table, when the lock is one of a table. */
  readonly table: string | null
  readonly waitedMs: number
  readonly holders: readonly LockHolder[]
}

/** Told, for people, who is waited for. */
export type OnBlocked = (text: string) => void

const toldAfterMs = 5_000
const lookEveryMs = 1_000
/** A transaction that is younger is not looked at, so that quick commands never need the connection. */
const youngMs = 2_000

/**
 * Runs `use`, and tells `onBlocked` once for each holder that it has waited for.
 *
 * @throws EaError `lock_timeout`, which names the holder, when a lock took longer than `db.lockTimeoutMs`
 */
export async function withLockWatch<T>(
  db: Database,
  onBlocked: OnBlocked | undefined,
  use: (db: Database) => Promise<T>,
): Promise<T> {
  const limitMs = db.lockTimeoutMs
  if (onBlocked === undefined && limitMs === undefined) return use(db)
  const watch = new LockWatch(db, onBlocked ?? (() => {}), limitMs)
  try {
    return await use(db)
  } catch (error) {
    if (limitMs !== undefined && sqlState(error) === '55P03') throw lockTimeout(limitMs, watch.lastSeen, error)
    throw error
  } finally {
    await watch.stop()
  }
}

class LockWatch {
  /** What was waited for when it was looked at last. */
  lastSeen: Blocked | undefined
  readonly #db: Database
  readonly #onBlocked: OnBlocked
  readonly #scale: number
  readonly #told = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #blockedSince: number | undefined
  #looking: Promise<void> | undefined
  #finish = () => {}

  constructor(db: Database, onBlocked: OnBlocked, limitMs: number | undefined) {
    this.#db = db
    this.#onBlocked = onBlocked
    // A short limit must still be able to name who was waited for.
    this.#scale = limitMs === undefined ? 1 : Math.min(1, limitMs / (2 * (youngMs + lookEveryMs)))
    this.#timer = setInterval(() => this.#start(), Math.max(20, lookEveryMs * this.#scale)).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#finish()
    await this.#looking
  }

  /** Opens the connection when a transaction takes long, and keeps it. */
  #start(): void {
    if (this.#looking !== undefined || !this.#isLong()) return
    const stopped = new Promise<void>((resolve) => {
      this.#finish = resolve
    })
    this.#looking = withSiblingPool(this.#db, 1, (own) => this.#look(own, stopped)).catch(() => {})
  }

  #isLong(): boolean {
    const youngest = performance.now() - youngMs * this.#scale
    return [...this.#db.running.values()].some((beganMs) => beganMs < youngest)
  }

  async #look(own: Database, stopped: Promise<void>): Promise<void> {
    let isOver = false
    void stopped.then(() => {
      isOver = true
    })
    while (!isOver) {
      // Who cannot look says nothing: the command itself will tell what is wrong.
      if (this.#isLong()) this.#note(await blockedOf(own, [...this.#db.running.keys()]).catch(() => undefined))
      else this.#blockedSince = undefined
      const clock = new AbortController()
      await Promise.race([stopped, pause(lookEveryMs * this.#scale, clock.signal)])
      clock.abort()
    }
  }

  #note(blocked: Blocked | undefined): void {
    if (blocked === undefined) {
      this.#blockedSince = undefined
      return
    }
    const now = performance.now()
    this.#blockedSince ??= now - blocked.waitedMs
    this.lastSeen = { ...blocked, waitedMs: now - this.#blockedSince }
    if (this.lastSeen.waitedMs < toldAfterMs) return
    const key = blocked.holders.map(({ pid }) => pid).join(' ')
    if (this.#told.has(key)) return
    this.#told.add(key)
    this.#onBlocked(blockedText(this.lastSeen))
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms).unref()
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** What these backends wait for, when others have it. */
async function blockedOf(own: Database, pids: readonly number[]): Promise<Blocked | undefined> {
  const { rows } = await sql<LockHolder & { table: string | null; waitedMs: number }>`
    SELECT nullif(blocker.pid, 0) AS pid, a.application_name AS application, a.usename::text AS user, a.state,
           extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS "queryAgeS",
           (SELECT relname::text FROM pg_class WHERE oid = l.relation) AS table,
           coalesce(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000, 0)::float8 AS "waitedMs"
      FROM pg_locks l
      CROSS JOIN LATERAL unnest(pg_blocking_pids(l.pid)) AS blocker (pid)
      LEFT JOIN pg_stat_activity a ON a.pid = blocker.pid
     WHERE NOT l.granted AND l.pid = ANY(${pids}::int[]) AND blocker.pid <> ALL(${pids}::int[])
     ORDER BY l.waitstart, blocker.pid`.execute(own.q)
  const [first] = rows
  if (first === undefined) return undefined
  const holders = new Map(
    rows.map(({ pid, application, user, state, queryAgeS }) => [pid, { pid, application, user, state, queryAgeS }]),
  )
  return { table: first.table, waitedMs: first.waitedMs, holders: [...holders.values()] }
}

function lockTimeout(limitMs: number, seen: Blocked | undefined, cause: unknown): EaError {
  const holder = seen === undefined ? '' : ` It is held by ${seen.holders.map(holderText).join(', ')}.`
  return new EaError('lock_timeout', `A lock in the database was not free within ${limitMs / 1000} s.${holder}`, {
    cause,
    ...(seen && { details: { table: seen.table, holders: seen.holders } }),
  })
}

/** Who waits for whom, for people. */
function blockedText({ table, waitedMs, holders }: Blocked): string {
  const what = table === null ? 'a lock in the database' : `a lock on the table ${table}`
  const held = holders.map(holderText).join(', ')
  return `Waiting for ${what} for ${Math.round(waitedMs / 1000)} s. It is held by ${held}. The command goes on when it is free.`
}

/** A holder for people: `pid 4711 (application "psql", user ann, idle in transaction, statement began 90 s ago)`. */
function holderText({ pid, application, user, state, queryAgeS }: LockHolder): string {
  if (pid === null) return 'a prepared transaction'
  const known = [
    application && `application ${JSON.stringify(application)}`,
    user && `user ${user}`,
    state,
    queryAgeS !== null && `its statement began ${Math.round(queryAgeS)} s ago`,
  ].filter((text) => text)
  return `pid ${pid}${known.length === 0 ? '' : ` (${known.join(', ')})`}`
}
