/**
 * One run of requests, one transaction: everything that a commit over HTTP changes becomes visible in one step, and only
 * then is anybody answered. Read this first:
 *
 *   stage ─ lock ─ answered before? ─ batches ─ merge ─ whose are the duplicates? ─ rollups ─ counts ─ answers ─ commit
 *
 * The lock is that of everything that changes what is visible (db/visibility-lock.ts). It is waited for a second, not
 * longer: the caller then keeps the events in the spool.
 */
import { sql } from 'kysely'
import { httpBatches, type IncrementMark, incrementHttpBatches } from '../batches/http-batch.js'
import { limits } from '../core/event.js'
import { failpoint } from '../core/failpoint.js'
import { type Database, type Transaction, withTransaction } from '../db/connect.js'
import { bumpDataVersion } from '../db/data-version.js'
import { lockVisibility } from '../db/visibility-lock.js'
import { type Approach, type Escalation, withEscalation } from '../load/load-chunk.js'
import { resolveMapping } from '../load/mapping/mapping.js'
import type { ValidationRules } from '../load/sql/validation-sql.js'
import { addDelta } from '../rollups/add.js'
import { addSmall, type SmallDelta } from '../rollups/add-small.js'
import { prepareDeltaOf } from '../rollups/delta.js'
import { incrementsOf } from './batch-increments.js'
import { collectMapping } from './body/collect.js'
import type { CommitRequest, RecordKind, RequestResult } from './body/request.js'
import { dropOldAnswers, earlierAnswers, keepAnswers } from './idempotency.js'
import { type CommitTrace, hasCommitted } from './in-doubt.js'
import { mergeGroup, type OtherRecord, storedTable, validatedSql } from './merge.js'
import { PlainRun } from './plain-run.js'
import { RunRecords, type SetAside } from './records.js'
import {
  type Owner,
  publicOf,
  refusedWhole,
  rejectedCount,
  requestResultOf,
  type WithRejects,
} from './request-results.js'
import { isUnavailable } from './unavailable.js'

export interface CommitOptions {
  /** Time zone of times without an offset. */
  readonly timezone: string
  /** Of a spool: it is stored once, whoever tries it how often. */
  readonly part?: { readonly segment: string; readonly part: number }
  /** Runs what needs the lock when no other commit of this process does. */
  readonly alone?: <T>(body: () => Promise<T>) => Promise<T>
  /** What the last records were like; kept by the caller from commit to commit. */
  readonly last?: Escalation
}

/** Below PostgreSQL's deadlock_timeout of 1 s: of two that wait for each other it is the commit that goes away. */
const lockTimeoutMs = 900
const statementTimeoutMs = 120_000

const mappings = {
  events: resolveMapping({ columns: null }),
  collect: collectMapping,
} as const satisfies Record<RecordKind, unknown>

/**
 * Commits a run: requests of one kind; an atomic one stands alone.
 *
 * @returns what became of each request; null when this part of a spool had been stored before
 * @throws the server's error when it does not take the run (`isUnavailable` tells whether to try again later)
 */
export async function commitGroup(
  db: Database,
  run: readonly CommitRequest[],
  options: CommitOptions,
): Promise<readonly RequestResult[] | null> {
  const last = options.last ?? { mode: 'optimistic', expects: 'new' }
  const { settled } = await withEscalation(last, async (approach) => {
    const settled = await settledBy(db, run, options, approach)
    return {
      settled,
      inserted: settled?.reduce((sum, one) => sum + insertedBy(one), 0) ?? 0,
      rejected: settled?.some(hasRejects) ? 1 : 0,
      duplicates: settled?.some(hasDuplicates) ? 1 : 0,
    }
  })
  return settled
}

async function settledBy(
  db: Database,
  run: readonly CommitRequest[],
  options: CommitOptions,
  approach: Approach,
): Promise<Written['settled']> {
  let written: Written | undefined
  try {
    await withTransaction(db, async (tx) => {
      written = await new Commit(tx, run, options, approach).write()
      failpoint('http.before-commit')
    })
    failpoint('http.committed')
    return written!.settled
  } catch (error) {
    if (error instanceof AtomicRefusal) return [error.settled]
    // Whoever loses the connection while it commits cannot know what became of it; the server does.
    if (written === undefined || !isUnavailable(error) || !(await hasCommitted(db, written.trace))) throw error
    return written.settled
  }
}

function insertedBy(one: RequestResult): number {
  return one.kind === 'stored' ? one.answer.inserted : 0
}

function hasRejects(one: RequestResult): boolean {
  return one.kind === 'stored' && rejectedCount(one.answer) > 0
}

function hasDuplicates(one: RequestResult): boolean {
  return one.kind === 'stored' && one.answer.duplicates + (one.answer.pending ?? 0) > 0
}

/** Takes the transaction back: an atomic request with rejects stores nothing. */
class AtomicRefusal extends Error {
  readonly settled: RequestResult

  constructor(settled: RequestResult) {
    super('an atomic request has rejects')
    this.settled = settled
  }
}

/** What a transaction has written, not committed yet. */
interface Written {
  readonly settled: readonly RequestResult[] | null
  readonly trace: CommitTrace
}

/** One attempt at a run, inside its transaction. */
class Commit {
  readonly #tx: Transaction
  readonly #run: readonly CommitRequest[]
  readonly #options: CommitOptions
  readonly #approach: Approach
  readonly #records: RunRecords
  readonly #rules: ValidationRules
  readonly #startedMs = performance.now()

  constructor(tx: Transaction, run: readonly CommitRequest[], options: CommitOptions, approach: Approach) {
    this.#tx = tx
    this.#run = run
    this.#options = options
    this.#approach = approach
    this.#records = new RunRecords(run)
    const newest = run.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt.getTime()), 0)
    this.#rules = {
      mapping: mappings[run[0]!.kind],
      timeFormat: { kind: 'auto' },
      latest: new Date(newest + limits.futureMaxHours * 3_600_000),
    }
  }

  async write(): Promise<Written> {
    const tx = this.#tx
    await this.#prepareSession()
    // Many records are copied before the lock is taken: others commit meanwhile.
    const isMany = this.#records.good > 0 && !this.#records.isInline
    const early = isMany ? ((await this.#plain()) ?? (await this.#stage())) : undefined
    const alone = this.#options.alone ?? ((body) => body())
    return alone(async () => {
      await lockVisibility(tx)
      failpoint('http.locked')
      if (!(await this.#isFirstTime())) return { settled: null, trace: { xid: '', mark: null } }
      const known = await this.#earlierAnswers()
      const isKnown = (request: number) => known[request] !== undefined
      const batchIds = await this.#batches(isKnown)
      const settled = this.#records.good === 0 ? this.#allStored(known) : await this.#merge(batchIds, known, early)
      const [first] = settled
      if (this.#run[0]!.atomic && first?.kind === 'stored' && rejectedCount(first.answer) > 0) {
        throw new AtomicRefusal(refusedWhole(first.answer))
      }
      const mark = await this.#book(batchIds, settled)
      const xid = await bumpDataVersion(tx)
      return { settled: settled.map(publicOf), trace: { xid, mark } }
    })
  }

  async #prepareSession(): Promise<void> {
    const { timezone } = this.#options
    // A few rows are a few lookups: never a reason to read all of a table.
    const few = this.#records.isInline ? 'off' : 'on'
    await sql`
      SELECT set_config('TimeZone', ${timezone}, true), set_config('DateStyle', 'ISO, YMD', true),
             set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
             set_config('enable_hashjoin', ${few}, true), set_config('enable_mergejoin', ${few}, true),
             set_config('lock_timeout', ${String(lockTimeoutMs)}, true),
             set_config('statement_timeout', ${String(statementTimeoutMs)}, true)`.execute(this.#tx.q)
  }

  /** The records, when each of them is plain and probably new. */
  async #plain(): Promise<PlainRun | undefined> {
    const { mode, expects } = this.#approach
    if (mode !== 'optimistic' || expects !== 'new') return undefined
    return PlainRun.of(this.#run, this.#rules, this.#options.timezone)
  }

  async #stage(): Promise<SetAside> {
    const { mode } = this.#approach
    const staged = await this.#records.stage(this.#tx, this.#rules, mode)
    if (mode !== 'bisect') return { ...staged, refusals: [] }
    return this.#records.setAside(this.#tx, this.#rules, staged)
  }

  async #isFirstTime(): Promise<boolean> {
    const { part } = this.#options
    if (part === undefined) return true
    const { rows } = await sql`
      INSERT INTO ${this.#tx.t.drained_parts} (segment, part) VALUES (${part.segment}, ${part.part})
      ON CONFLICT ON CONSTRAINT drained_parts_pkey DO NOTHING RETURNING part`.execute(this.#tx.q)
    if (rows.length === 0) return false
    // A row is of use until its segment is removed, which is next.
    await sql`
      DELETE FROM ${this.#tx.t.drained_parts} WHERE drained_at < clock_timestamp() - interval '7 days'`.execute(
      this.#tx.q,
    )
    return true
  }

  /** Who was told that it is queued cannot be told that its key is taken: then the ids alone see to it. */
  async #earlierAnswers(): Promise<(RequestResult | undefined)[]> {
    const known = await earlierAnswers(this.#tx, this.#run)
    return this.#options.part === undefined ? known : known.map((one) => (one?.kind === 'refused' ? undefined : one))
  }

  async #batches(isKnown: (request: number) => boolean): Promise<(number | null)[]> {
    const wanted = this.#run.filter((_, request) => !isKnown(request))
    const ids = wanted.length === 0 ? [] : await httpBatches(this.#tx, wanted)
    let next = 0
    return this.#run.map((_, request) => (isKnown(request) ? null : ids[next++]!))
  }

  /** Requests all of whose good records are stored, or that have none. */
  #allStored(known: readonly (RequestResult | undefined)[]): WithRejects[] {
    return this.#run.map((request, index) => known[index] ?? requestResultOf(request, new Map(), [], 0))
  }

  async #merge(
    batchIds: readonly (number | null)[],
    known: readonly (RequestResult | undefined)[],
    early: SetAside | PlainRun | undefined,
  ): Promise<WithRejects[]> {
    const tx = this.#tx
    if (early instanceof PlainRun) {
      await early.store(tx, batchIds)
      await this.#addStored()
      return this.#allStored(known)
    }
    const staged = early ?? (await this.#stage())
    const merged = await mergeGroup(tx, this.#records, batchIds, this.#rules, staged)
    await this.#addStored(merged.few)
    const duplicates = merged.others.filter((other) => other.code === null)
    const owners = await this.#owners(duplicates)
    await this.#keepPending(batchIds, staged, duplicates, owners)
    const refused = staged.refusals.map(({ n, code, detail }) => ({ n, code, event_id: null, fields: null, detail }))
    const byRequest = this.#run.map((): (OtherRecord & { detail?: string | undefined })[] => [])
    const rejected = new Map(merged.rejected)
    for (const other of merged.others) byRequest[this.#records.find(other.n).request]!.push(other)
    for (const other of refused) {
      const { request } = this.#records.find(other.n)
      byRequest[request]!.push(other)
      rejected.set(request, (rejected.get(request) ?? 0) + 1)
    }
    return this.#run.map((request, index) => {
      if (known[index] !== undefined) return known[index]
      const others = byRequest[index]!.map((other) => ({ ...other, n: this.#records.find(other.n).n }))
      const shadowed = merged.shadowed.filter((one) => one.request === index)
      return requestResultOf(request, owners, others, rejected.get(index) ?? 0, shadowed)
    })
  }

  /** Adds to the rollups what was stored: what is given, or what `ea_stored` holds. */
  async #addStored(few: SmallDelta | null = null): Promise<void> {
    failpoint('http.merged')
    if (few === null) {
      await prepareDeltaOf(this.#tx, storedTable)
      await addDelta(this.#tx)
    } else await addSmall(this.#tx, few)
    failpoint('http.rollups')
  }

  /** Which batch owns each of these ids, and whether it is still loading. */
  async #owners(duplicates: readonly OtherRecord[]): Promise<Map<string, Owner>> {
    if (duplicates.length === 0) return new Map()
    const { rows } = await sql<Owner & { event_id: string }>`
      SELECT e.event_id, e.batch_id AS "batchId", b.status = 'loading' AS "isLoading"
        FROM ${this.#tx.t.events} e JOIN ${this.#tx.t.import_batches} b ON b.id = e.batch_id
       WHERE e.event_id = ANY(${[...new Set(duplicates.map((other) => other.event_id!))]}::uuid[])`.execute(this.#tx.q)
    return new Map(rows.map((row) => [row.event_id, row]))
  }

  /** What a loading batch owns is decided when that batch ends (batches/pending.ts). */
  async #keepPending(
    batchIds: readonly (number | null)[],
    staged: SetAside,
    duplicates: readonly OtherRecord[],
    owners: ReadonlyMap<string, Owner>,
  ): Promise<void> {
    const pending = duplicates.filter((other) => owners.get(other.event_id!)!.isLoading)
    if (pending.length === 0) return
    await sql`
      INSERT INTO ${this.#tx.t.pending_events} (owner_id, batch_id, event_id, occurred_at, user_id, event_type, properties)
      SELECT p.owner, j.batch_id, j.event_id, j.occurred_at, j.user_id, j.event_type, j.properties
        FROM (${validatedSql(this.#records, batchIds, this.#rules, staged)}) j
        JOIN unnest(${pending.map((other) => other.n)}::int[],
                    ${pending.map((other) => owners.get(other.event_id!)!.batchId)}::bigint[]) AS p (n, owner) ON p.n = j.n
       ORDER BY j.n`.execute(this.#tx.q)
  }

  /** Adds the counts to the batches and keeps the answers that may be asked for again. */
  async #book(batchIds: readonly (number | null)[], settled: readonly WithRejects[]): Promise<IncrementMark | null> {
    const seconds = (performance.now() - this.#startedMs) / 1000 / this.#run.length
    const growths = incrementsOf(this.#run, batchIds, settled, seconds)
    const mark = await incrementHttpBatches(this.#tx, growths)
    const isNew = await keepAnswers(this.#tx, this.#run, batchIds, settled)
    if (isNew) await dropOldAnswers(this.#tx)
    return mark
  }
}
