/**
 * Which optional rollups a schema keeps: begun (`ea rollups add`) and given up. Each is one transaction under the
 * visibility lock, so nobody reads a rollup that is half filled, and none changes while a batch becomes visible.
 *
 * They need no lease. An import that is loading prepares what it will add without the lock, and compares the list under it.
 */
import { sql } from 'kysely'
import { EaError } from '../../core/errors.js'
import { failpoint } from '../../core/failpoint.js'
import { withCancel } from '../../db/cancel.js'
import { type Database, type Session, type Transaction, withTransaction } from '../../db/connect.js'
import { bumpDataVersion } from '../../db/data-version.js'
import { lockVisibility } from '../../db/visibility-lock.js'
import {
  isOfEventType,
  isOfProperty,
  type OnDemandRollup,
  type OnDemandSubject,
  readOnDemandRollups,
} from '../sql/on-demand.js'
import { rollupRows } from './list.js'
import { dropProperties, fillProperties } from './properties.js'
import { dropTimes, fillTimes } from './user-times.js'

/** Each one costs every import a part of its time; a schema with more of them has a mistake in a script. */
const maxKeptRollups = 32

/** Of a property's path with its dots, and of an event type: more would not fit the key of the registry. */
const maxPathCharacters = 255
const maxEventTypeCharacters = 100

export interface AddedRollup {
  readonly rollup: OnDemandRollup
  /** Whether it was kept before, so that nothing changed. */
  readonly already: boolean
  /** One for each value, user and day of a property; one for each user of an event type. */
  readonly rows: number
  /** How long filling it took. */
  readonly seconds: number
}

export interface RemovedRollup {
  readonly rollup: OnDemandRollup
  /** How many rows were removed, counted as in `AddedRollup`. */
  readonly rows: number
}

/**
 * Keeps rollups from now on, and fills them from the events of completed batches, in one transaction. One that is kept already
 * is left as it is. While it fills, batches do not complete, and `ea serve` takes events into its spool.
 *
 * @param options.signal ends it; nothing is changed then
 * @param options.onFill called before each one is filled
 * @returns one for each subject, each once, in their order
 * @throws EaError `too_many_rollups` when there would be more than 32; `usage` for a subject that no event can have
 * @example
 * await addRollups(db, [{ kind: 'property', path: ['country'] }])
 */
export async function addRollups(
  db: Database,
  subjects: readonly OnDemandSubject[],
  options: { signal?: AbortSignal; onFill?: (subject: OnDemandSubject) => void } = {},
): Promise<AddedRollup[]> {
  const wanted = eachOnce(subjects)
  for (const subject of wanted) requirePossible(subject)
  const kept = await underLock(db, options.signal, async (tx) => {
    const before = byKey(await readOnDemandRollups(tx))
    const fresh = wanted.filter((subject) => !before.has(keyOf(subject)))
    requireRoom(before.size, fresh.length)
    const secondsOf = new Map<string, number>()
    const filled: OnDemandRollup[] = []
    for (const subject of fresh) {
      // Between two statements there is nothing to cancel.
      options.signal?.throwIfAborted()
      options.onFill?.(subject)
      const startedMs = performance.now()
      const rollup = await register(tx, subject)
      await fill(tx, rollup)
      filled.push(rollup)
      secondsOf.set(keyOf(subject), (performance.now() - startedMs) / 1000)
      failpoint('rollups.filled')
    }
    if (filled.length > 0) {
      await sql`ANALYZE ${tablesOf(tx, filled)}`.execute(tx.q)
      await bumpDataVersion(tx)
    }
    const listed = new Map((await rollupRows(tx)).map((row) => [keyOf(row.rollup), row]))
    return wanted.map((subject) => {
      const { rollup, rows } = listed.get(keyOf(subject))!
      const seconds = secondsOf.get(keyOf(subject))
      return { rollup, rows, already: seconds === undefined, seconds: seconds ?? 0 }
    })
  })
  await vacuum(
    db,
    kept.flatMap(({ rollup, already }) => (already ? [] : [rollup])),
    options.signal,
  )
  return kept
}

/**
 * The reverse: removes rollups and their rows. What they answered is answered from the events again.
 *
 * @param options.signal ends it; nothing is changed then
 * @throws EaError `rollup_not_found` when one of them is not kept; then none is removed
 * @example
 * await removeRollups(db, [{ kind: 'event_type', eventType: 'purchase' }])
 */
export async function removeRollups(
  db: Database,
  subjects: readonly OnDemandSubject[],
  options: { signal?: AbortSignal } = {},
): Promise<RemovedRollup[]> {
  const forgotten = await underLock(db, options.signal, async (tx) => {
    const listed = new Map((await rollupRows(tx)).map((row) => [keyOf(row.rollup), row]))
    const leaving = eachOnce(subjects).map((subject) => {
      const found = listed.get(keyOf(subject))
      if (found === undefined) throw new EaError('rollup_not_found', `There is no rollup of ${nameOf(subject)}.`)
      return { rollup: found.rollup, rows: found.rows }
    })
    const rollups = leaving.map(({ rollup }) => rollup)
    await dropProperties(tx, rollups.filter(isOfProperty))
    await dropTimes(tx, rollups.filter(isOfEventType))
    await sql`DELETE FROM ${tx.t.optional_rollups} WHERE id = ANY (${rollups.map(({ id }) => id)}::smallint[])`.execute(
      tx.q,
    )
    if (rollups.length > 0) await bumpDataVersion(tx)
    return leaving
  })
  await vacuum(
    db,
    forgotten.map(({ rollup }) => rollup),
    options.signal,
  )
  return forgotten
}

/** One transaction that holds the lock; an abort cancels the statement that it is at. */
async function underLock<T>(
  db: Database,
  signal: AbortSignal | undefined,
  body: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return withTransaction(db, (tx) =>
    withCancel(tx.client, signal, async () => {
      await lockVisibility(tx)
      return body(tx)
    }),
  )
}

/** The lock is held and the list was read under it, so there is no conflict: one would use up a number. */
async function register(tx: Transaction, subject: OnDemandSubject): Promise<OnDemandRollup> {
  const [path, eventType] = subject.kind === 'property' ? [subject.path, null] : [null, subject.eventType]
  const { rows } = await sql<{ id: number }>`
    INSERT INTO ${tx.t.optional_rollups} (path, event_type) VALUES (${path}::text[], ${eventType}::text) RETURNING id`.execute(
    tx.q,
  )
  return { ...subject, id: rows[0]!.id }
}

async function fill(tx: Transaction, rollup: OnDemandRollup): Promise<void> {
  if (isOfProperty(rollup)) await fillProperties(tx, [rollup])
  else await fillTimes(tx, [rollup])
}

/**
 * Clears what was removed and says which pages all can see, which spares later answers a look at the table. Not needed for any
 * answer to be right, so whatever hinders it (another role's tables, a vacuum that is under way, a timeout) is no error.
 */
async function vacuum(
  db: Database,
  rollups: readonly OnDemandRollup[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (rollups.length === 0) return
  const client = await db.pool.connect().catch(() => undefined)
  if (client === undefined) return
  const statement = sql`VACUUM (ANALYZE, SKIP_LOCKED) ${tablesOf(db, rollups)}`.compile(db.q)
  const onError = () => {}
  client.on('error', onError)
  let isUsable = false
  try {
    await withCancel(client, signal, () => client.query(statement.sql))
    isUsable = true
  } catch {
    // Then the server does it some time later.
  } finally {
    client.off('error', onError)
    client.release(!isUsable)
  }
}

/** The tables of these rollups, as a list. */
function tablesOf({ t }: Session, rollups: readonly OnDemandRollup[]) {
  return sql.join([
    ...(rollups.some(isOfProperty) ? [t.property_user_days, t.property_days] : []),
    ...(rollups.some(isOfEventType) ? [t.user_times] : []),
  ])
}

function requirePossible(subject: OnDemandSubject): void {
  const [text, limit] =
    subject.kind === 'property'
      ? ([subject.path.join('.'), maxPathCharacters] as const)
      : ([subject.eventType, maxEventTypeCharacters] as const)
  const count = [...text].length
  const problem =
    (subject.kind === 'property' ? subject.path.length : count) === 0
      ? 'it must have a name'
      : count > limit
        ? `it must have at most ${limit} characters`
        : /[\0\p{Cs}]/u.test(text)
          ? 'it must not contain NUL or half a surrogate pair'
          : undefined
  if (problem) throw new EaError('usage', `There can be no rollup of ${nameOf(subject)}: ${problem}.`)
}

function requireRoom(before: number, more: number): void {
  if (before + more <= maxKeptRollups) return
  throw new EaError(
    'too_many_rollups',
    `${before} rollups are kept and ${more} more are asked for; at most ${maxKeptRollups} can be kept.`,
  )
}

/** The same subject has the same key. */
function keyOf(subject: OnDemandSubject): string {
  return JSON.stringify(subject.kind === 'property' ? subject.path : subject.eventType)
}

function byKey(rollups: readonly OnDemandRollup[]): Map<string, OnDemandRollup> {
  return new Map(rollups.map((rollup) => [keyOf(rollup), rollup]))
}

function eachOnce(subjects: readonly OnDemandSubject[]): OnDemandSubject[] {
  return [...new Map(subjects.map((subject) => [keyOf(subject), subject])).values()]
}

function nameOf(subject: OnDemandSubject): string {
  return subject.kind === 'property'
    ? `the property ${JSON.stringify(subject.path.join('.'))}`
    : `the event type ${JSON.stringify(subject.eventType)}`
}
