/**
 * One import, undo or rebuild at a time in a schema: a lease row with a fencing token. Its holder proves in every
 * transaction that it still has it (`holdLease`), so that a process that was frozen and wakes up later writes nothing more.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { PoolClient } from 'pg'
import { EaError } from '../core/errors.js'
import { failpoint } from '../core/failpoint.js'
import {
  type Database,
  isTransient,
  sqlState,
  type Transaction,
  withSiblingPool,
  withTransaction,
} from '../db/connect.js'
import { isGone, isOfThisHost, type ProcessIdentity, thisProcess } from '../os/process-identity.js'

/** A holder whose last heartbeat is older than this loses its lease to the next process that asks. */
const leaseExpiresMs = 15_000
const heartbeatEveryMs = 3_000
/** How long one heartbeat may wait for a lock on its row. */
const heartbeatLockTimeoutMs = 2_500
/** After so long without a heartbeat it warns: another process may take the lease soon. */
const heartbeatWarnsMs = 8_000
const pollEveryMs = 250
/** How long the release of a lease is tried again while the server recovers from a crash. */
const releaseRetriedForMs = 10_000
/** How long a takeover waits for the old holder's transactions before it ends them, and after how long it gives up. */
const takeoverLockTimeoutMs = 500
const takeoverDeadlineMs = 10_000
/** How long `breakLease` watches whether the holder still sends heartbeats. */
const observeMs = 2.5 * heartbeatEveryMs
/** Tokens are below this: the most that randomInt gives. */
const maxToken = 2 ** 48 - 1

export interface Lease {
  readonly token: number
  /** Aborted when the lease was taken by somebody else. */
  readonly lost: AbortSignal
}

export interface LeaseHolder extends ProcessIdentity {
  readonly token: number
  /** What it does, for people: `import events.csv`. */
  readonly doing: string
  readonly acquiredAt: Date
  readonly heartbeatAt: Date
  /** Seconds since its last heartbeat by the clock of the database; below 0 when that clock was set back. */
  readonly silentS: number
}

export interface LeaseRequest {
  /** What it is for, for people: `import events.csv`. */
  readonly doing: string
  /** How long to wait for another holder; 0 = not at all. */
  readonly waitMs?: number
  /** Told once when waiting begins. */
  readonly onWait?: (holder: LeaseHolder) => void
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Takes the lease, keeps it alive while `use` runs, and gives it back whatever happens.
 *
 * @throws EaError `import_busy` when somebody else holds it for longer than `waitMs`
 * @example
 * await withLease(db, { doing: 'undo batch 7' }, (lease) => …)
 */
export async function withLease<T>(db: Database, request: LeaseRequest, use: (lease: Lease) => Promise<T>): Promise<T> {
  db.pool.on('acquire', outliveConnection)
  try {
    return await withHeartbeats(db, request, use)
  } finally {
    db.pool.off('acquire', outliveConnection)
  }
}

const outlived = new WeakSet<object>()

/**
 * A connection that breaks while it is out of the pool ends the process, unless somebody listens: its error also comes
 * as the error of the statement that it was running, and that is the one to act on.
 */
function outliveConnection(client: PoolClient): void {
  if (outlived.has(client)) return
  outlived.add(client)
  client.on('error', () => {})
}

async function withHeartbeats<T>(db: Database, request: LeaseRequest, use: (lease: Lease) => Promise<T>): Promise<T> {
  const token = await acquire(db, request)
  const lost = new AbortController()
  const stopped = new AbortController()
  const heartbeats = sendHeartbeats(db, token, lost, stopped.signal)
  try {
    failpoint('lease.taken')
    return await use({ token, lost: lost.signal })
  } catch (error) {
    // A takeover ends the holder's transactions: the holder sees a lost connection.
    if (!(error instanceof EaError) && (await isLeaseLost(db, token))) throw leaseLost(error)
    throw error
  } finally {
    stopped.abort()
    await heartbeats
    await release(db, token)
  }
}

/**
 * Sends heartbeats until it is stopped, one at a time, on a connection of its own: a heartbeat that waits for a lock does
 * not hold up the import.
 */
async function sendHeartbeats(db: Database, token: number, lost: AbortController, stopped: AbortSignal): Promise<void> {
  let lastBeatMs = performance.now()
  let isTold = false
  await withSiblingPool(
    db,
    1,
    async (own) => {
      while (await isPausedFor(heartbeatEveryMs, stopped)) {
        try {
          if (!(await sendHeartbeat(own, token))) return lost.abort(leaseLost())
          lastBeatMs = performance.now()
          isTold = false
        } catch (error) {
          // The database is unavailable for a moment, or the row is locked: the next heartbeat or transaction will tell.
          if (isTold || stopped.aborted || performance.now() - lastBeatMs < heartbeatWarnsMs) continue
          isTold = true
          db.warn(
            `No heartbeat for ${Math.round((performance.now() - lastBeatMs) / 1000)} s (${(error as Error).message}): another process may take over what this one does.`,
          )
        }
      }
    },
    { query_timeout: 2 * heartbeatEveryMs },
  )
}

/** Waits; false when it was stopped meanwhile. */
async function isPausedFor(ms: number, stopped: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal: stopped }).catch(() => false)
}

/**
 * Gives the lease back, and tries again while the server recovers from a crash. When even that fails, the next process
 * recognises the row as left behind: its process is gone or its heartbeat is old.
 */
async function release(db: Database, token: number): Promise<void> {
  const deadline = performance.now() + releaseRetriedForMs
  for (;;) {
    try {
      await withoutFlush(db, (tx) => sql`DELETE FROM ${tx.t.import_lease} WHERE token = ${token}`.execute(tx.q), {
        lockTimeoutMs: heartbeatLockTimeoutMs,
      })
      return
    } catch (error) {
      const nobodyListens = ['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')
      if (!isTransient(error) || nobodyListens || performance.now() >= deadline) return
      await sleep(pollEveryMs)
    }
  }
}

/** Whether the lease is gone; false when the database cannot say. */
export async function isLeaseLost(db: Database, token: number): Promise<boolean> {
  return sendHeartbeat(db, token).then(
    (alive) => !alive,
    () => false,
  )
}

/**
 * Proves inside a transaction that the lease is still held, and keeps it from being taken until the transaction ends.
 *
 * @throws EaError `lease_lost`
 */
export async function holdLease(tx: Transaction, lease: Lease): Promise<void> {
  const { rows } = await sql`
    SELECT 1 FROM ${tx.t.import_lease} WHERE token = ${lease.token} FOR KEY SHARE`.execute(tx.q)
  if (rows.length === 0) throw leaseLost()
}

function leaseLost(cause?: unknown): EaError {
  return new EaError('lease_lost', 'Another process took the lease because this one did not answer for 15 seconds.', {
    cause,
  })
}

async function sendHeartbeat(db: Database, token: number): Promise<boolean> {
  const { rows } = await withoutFlush(
    db,
    (tx) =>
      sql`UPDATE ${tx.t.import_lease} SET heartbeat_at = clock_timestamp() WHERE token = ${token} RETURNING token`.execute(
        tx.q,
      ),
    { lockTimeoutMs: heartbeatLockTimeoutMs },
  )
  return rows.length === 1
}

async function acquire(db: Database, request: LeaseRequest): Promise<number> {
  const deadline = performance.now() + (request.waitMs ?? 0)
  let told = false
  for (;;) {
    request.signal?.throwIfAborted()
    const token = await insertLease(db, request.doing)
    if (token !== undefined) return token
    const holder = await readHolder(db)
    if (holder === undefined) continue
    if (isExpired(holder) || isGone(holder)) {
      await removeHolder(db, holder)
      continue
    }
    if (performance.now() >= deadline) throw busy(holder)
    if (!told) request.onWait?.(holder)
    told = true
    await sleep(pollEveryMs)
  }
}

async function insertLease(db: Database, doing: string): Promise<number | undefined> {
  const me = thisProcess()
  return withoutFlush(db, async (tx) => {
    const { rows } = await sql<{ token: number }>`
      INSERT INTO ${tx.t.import_lease} (token, host, boot_id, pid, process_start, doing)
      VALUES (${randomInt(maxToken)}, ${me.host}, ${me.bootId}, ${me.pid}, ${me.processStart}, ${doing})
      ON CONFLICT ON CONSTRAINT import_lease_one_key DO NOTHING
      RETURNING token`.execute(tx.q)
    return rows[0]?.token
  })
}

/**
 * A transaction that does not wait for the disk. After a crash of the server its row may be gone, and its holder finds
 * that it has lost the lease.
 */
async function withoutFlush<T>(
  db: Database,
  body: (tx: Transaction) => Promise<T>,
  options: { readonly lockTimeoutMs?: number } = {},
): Promise<T> {
  return withTransaction(
    db,
    async (tx) => {
      await sql`SET LOCAL synchronous_commit = off`.execute(tx.q)
      return body(tx)
    },
    options,
  )
}

/** Who holds the lease now, if anybody. */
export async function readHolder(db: Database): Promise<LeaseHolder | undefined> {
  const { rows } = await sql<LeaseHolder>`
    SELECT token, host, boot_id AS "bootId", pid, process_start AS "processStart", doing, acquired_at AS "acquiredAt",
           heartbeat_at AS "heartbeatAt", extract(epoch FROM clock_timestamp() - heartbeat_at)::float8 AS "silentS"
      FROM ${db.t.import_lease}`.execute(db.q)
  return rows[0]
}

/** Whether a holder has not answered for so long that anybody may take its lease. */
export function isExpired({ silentS }: LeaseHolder): boolean {
  return silentS * 1000 > leaseExpiresMs
}

/** Whether the last heartbeat is in the future: the clock of the database was set back. */
function isFromTheFuture({ silentS }: LeaseHolder): boolean {
  return silentS < -1
}

/** A lease that was broken, and whether its heartbeat was in the future. */
export interface BrokenLease {
  readonly holder: LeaseHolder
  readonly fromTheFuture: boolean
}

/**
 * Takes the lease from a holder that is gone although its row does not show it: it ran on another host, and its last
 * heartbeat is in the future. The row is watched first. A holder that was alive after all loses only time: its next
 * transaction finds that the lease is lost.
 *
 * @param options.force also from a holder that still sends heartbeats
 * @returns undefined when nobody holds it
 * @throws EaError `import_busy` when its process runs here, or it still sends heartbeats
 */
export async function breakLease(db: Database, options: { force?: boolean } = {}): Promise<BrokenLease | undefined> {
  const holder = await readHolder(db)
  if (holder === undefined) return undefined
  if (!options.force && !isExpired(holder) && !isGone(holder)) {
    if (isOfThisHost(holder)) throw busy(holder)
    await sleep(observeMs)
    const now = await readHolder(db)
    if (now === undefined) return undefined
    if (now.token !== holder.token || now.heartbeatAt.getTime() !== holder.heartbeatAt.getTime()) throw busy(now)
  }
  await removeHolder(db, holder)
  return { holder, fromTheFuture: isFromTheFuture(holder) }
}

/**
 * Removes the row of a holder that is gone. Its transactions hold key-share locks on the row: they end by themselves
 * when its process is dead, and are ended here when it only sleeps. One connection does it all: a pooler may have no
 * second one to give.
 */
async function removeHolder(db: Database, holder: LeaseHolder): Promise<void> {
  const deadline = performance.now() + takeoverDeadlineMs
  for (;;) {
    const removed = await withTransaction(db, async (tx) => {
      await sql`SELECT set_config('lock_timeout', ${String(takeoverLockTimeoutMs)}, true)`.execute(tx.q)
      await sql`DELETE FROM ${tx.t.import_lease} WHERE token = ${holder.token}`.execute(tx.q)
      return true
    }).catch((error: unknown) => {
      if (sqlState(error) === '55P03') return false
      throw error
    })
    if (removed) return
    if (performance.now() >= deadline) throw busy(holder)
    await endTransactionsOf(db, holder)
  }
}

/** Only `holdLease` takes this lock on the table, so these are the transactions of the one whose row is still there. */
async function endTransactionsOf(db: Database, holder: LeaseHolder): Promise<void> {
  await sql`
    SELECT pg_terminate_backend(l.pid) FROM pg_locks l
     WHERE l.locktype = 'relation' AND l.mode = 'RowShareLock' AND l.granted
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.relation = (SELECT tableoid FROM ${db.t.import_lease} WHERE token = ${holder.token})`
    .execute(db.q)
    // Without the right to end them, all that is left is to wait.
    .catch(() => {})
}

function busy(holder: LeaseHolder): EaError {
  const host = holder.host.split(' ')[0]
  const since = holder.acquiredAt.toISOString()
  const future = isFromTheFuture(holder)
    ? ' Its last heartbeat is in the future: the clock of the database was set back, so it does not expire by itself.'
    : ''
  return new EaError(
    'import_busy',
    `Another process is busy in this schema: ${holder.doing} (pid ${holder.pid} on ${host}, since ${since}).${future}`,
    {
      details: { holder: { doing: holder.doing, pid: holder.pid, host, since } },
      ...(future && { suggestions: ['When that process is gone for sure: `ea db unlock`.'] }),
    },
  )
}
