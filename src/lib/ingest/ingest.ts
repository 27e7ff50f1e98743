/**
 * Events in over HTTP: committed in groups while the database takes them, kept in the spool while it does not. A request
 * is answered when its events are safe, one way or the other.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { EaError } from '../core/errors.js'
import { inTurns, Queue } from '../core/in-turns.js'
import { type Database, withSiblingPool } from '../db/connect.js'
import type { Escalation } from '../load/load-chunk.js'
import { Availability, type AvailabilityEvent } from './availability.js'
import type { CommitRequest, IngestRequest, QueuedAnswer, RequestAnswer, RequestResult } from './body/request.js'
import { commitGroup } from './commit.js'
import { deliverPart } from './deliver.js'
import { Committer } from './group.js'
import { isSmall, linesOf } from './records.js'
import { firstRejects, rejectedCount, rejectedList } from './request-results.js'
import { type Drainer, startDrainer } from './spool/drainer.js'
import type { SpoolEvent } from './spool/events.js'
import { type Spool, type SpoolState, withSpool } from './spool/spool.js'
import { isLockTimeout, isOutOfTime, isUnavailable } from './unavailable.js'

/** What happens, for logs and metrics. */
export type IngestEvent =
  | {
      readonly type: 'stored'
      readonly inserted: number
      readonly duplicates: number
      readonly pending: number
      readonly rejected: number
    }
  | { readonly type: 'queued'; readonly events: number }
  | { readonly type: 'committed'; readonly requests: number; readonly seconds: number }
  | { readonly type: 'retrying'; readonly attempt: number; readonly reason: string }
  | AvailabilityEvent
  | { readonly type: 'spool'; readonly event: SpoolEvent }

export interface IngestOptions {
  /** The folder of the spool. */
  readonly spoolDir: string
  /** What a time without offset means: an IANA name. */
  readonly timezone: string
  /** Bodies that wait for their commit or the disk, in bytes; beyond it requests are turned away. Default 256 MB. */
  readonly maxWaitingBytes?: number
  /** A commit that takes longer, in milliseconds, is not waited for: the events go to the spool. Default 30,000. */
  readonly answerWithinMs?: number
  readonly onEvent?: (event: IngestEvent) => void
}

/** The state of the intake, for /ready, /metrics and shutdown. */
export interface IngestState {
  /** Whether the database took the last commit. */
  readonly isDatabaseUp: boolean
  /** Requests that wait for their commit. */
  readonly waiting: number
  readonly spool: SpoolState
  /** When the last commit ended. */
  readonly lastCommitAt: Date | null
}

/** Takes events in; see `withIngest`. */
export interface OpenIngest {
  /**
   * Stores the events of a request, or keeps them safe until they can be.
   *
   * @throws EaError `spool_full`, `server_busy`, `idempotency_key_reused`; the server's error when it refuses for good
   */
  accept(request: IngestRequest): Promise<RequestAnswer>
  readonly state: IngestState
}

/** A commit that fails for a reason that passes is tried so often again, the pause doubling from 50 ms. */
const retries = 5
const firstPauseMs = 50
const defaultMaxWaitingBytes = 256 * 1024 * 1024
/** Clients and proxies wait no longer than some tens of seconds. */
const defaultAnswerWithinMs = 30_000
/**
 * Both lanes of commits, the drain of the spool, and the question whether the database is there have connections of their
 * own: questions of others never keep them waiting.
 */
const connections = 4
/** What is left in the spool is little when it is stored within a second or so: that long requests wait for it. */
const littleEvents = 20_000
const littleBytes = 8 * 1024 * 1024
const lingerMs = 1_000

/**
 * Opens the way in, drains the spool beside it, and when `use` has ended finishes what was accepted.
 *
 * @throws EaError `spool_in_use`
 * @example
 * await withIngest(db, { spoolDir, timezone: 'UTC' }, (ingest) => ingest.accept(request))
 */
export async function withIngest<T>(
  db: Database,
  options: IngestOptions,
  use: (ingest: OpenIngest) => Promise<T>,
): Promise<T> {
  return withSiblingPool(db, connections, (own) =>
    withSpool(
      options.spoolDir,
      async (spool) => {
        const ingest = new Ingest(own, spool, options)
        try {
          return await use(ingest)
        } finally {
          await ingest.close()
        }
      },
      { onEvent: (event) => options.onEvent?.({ type: 'spool', event }) },
    ),
  )
}

class Ingest implements OpenIngest {
  readonly #db: Database
  readonly #spool: Spool
  readonly #options: IngestOptions
  readonly #committer: Committer
  readonly #drainer: Drainer
  readonly #last: Escalation = { mode: 'optimistic', expects: 'new' }
  readonly #availability: Availability
  readonly #queueing = new Queue()
  #emptied: Promise<void> | undefined
  /** Whether the spool was last seen to get emptier; at first it is believed to. */
  #isDraining = true
  #lastCommitAt: Date | null = null
  #isClosing = false
  #waiting = 0
  #waitingBytes = 0
  readonly #onIdle: (() => void)[] = []

  constructor(db: Database, spool: Spool, options: IngestOptions) {
    this.#db = db
    this.#spool = spool
    this.#options = options
    this.#availability = new Availability(db, (event) => options.onEvent?.(event))
    this.#committer = new Committer((run, alone) => this.#commit(run, alone))
    this.#drainer = startDrainer(
      spool,
      async (part) => {
        for (const settled of (await deliverPart(db, part, options.timezone)) ?? []) this.#tell(settled)
        this.#isDraining = true
        this.#availability.back()
      },
      {
        isAway: isUnavailable,
        isOutOfTime,
        onEvent: (event) => {
          if (event.kind === 'away') this.#availability.hinderedBy(event.error)
          if (event.kind === 'back') this.#availability.back()
          options.onEvent?.({ type: 'spool', event })
        },
      },
    )
  }

  get state(): IngestState {
    return {
      isDatabaseUp: this.#availability.isUp,
      waiting: this.#waiting,
      spool: this.#spool.state,
      lastCommitAt: this.#lastCommitAt,
    }
  }

  async accept(request: IngestRequest): Promise<RequestAnswer> {
    if (this.#isClosing) throw new EaError('server_busy', 'The server is about to stop.')
    const { maxWaitingBytes = defaultMaxWaitingBytes } = this.#options
    if (this.#waiting > 0 && this.#waitingBytes + request.bytes > maxWaitingBytes) {
      throw new EaError('server_busy', 'Too many events wait for the database.')
    }
    this.#waiting += 1
    this.#waitingBytes += request.bytes
    try {
      return await this.#keep(request)
    } finally {
      this.#waiting -= 1
      this.#waitingBytes -= request.bytes
      if (this.#waiting === 0) for (const done of this.#onIdle.splice(0)) done()
    }
  }

  async #keep(request: IngestRequest): Promise<RequestAnswer> {
    if (request.chunk.records === 0) return answer(200, { received: 0, inserted: 0, duplicates: 0, rejected: [] })
    // Events after others in the spool wait for their turn: the first of an id wins.
    if (this.#isNearlyDrained()) await this.#drained()
    if (this.#mustQueue()) return this.#queue(request)
    try {
      const settled = await this.#inTime(this.#committer.submit(request))
      if (settled !== null) return this.#answerOf(settled)
    } catch (error) {
      if (!isUnavailable(error) && !isOutOfTime(error)) throw error
    }
    return this.#queue(request)
  }

  /**
   * A database that hangs, or a network that loses everything, does not even refuse. Should the commit come through after
   * all, the ids see to it that nothing is stored twice.
   *
   * @returns null when it takes too long
   */
  async #inTime(settled: Promise<RequestResult>): Promise<RequestResult | null> {
    const { answerWithinMs = defaultAnswerWithinMs } = this.#options
    const clock = new AbortController()
    const late = sleep(answerWithinMs, null, { signal: clock.signal }).catch(() => null)
    try {
      const first = await Promise.race([settled, late])
      if (first === null) await this.#availability.late(`A commit has not ended within ${answerWithinMs / 1000} s.`)
      return first
    } finally {
      clock.abort()
    }
  }

  /** Finishes what was accepted, and the part of the spool that is under way. */
  async close(): Promise<void> {
    this.#isClosing = true
    if (this.#waiting > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
    await this.#drainer.stop()
  }

  #mustQueue(): boolean {
    return !this.#spool.isEmpty || this.#availability.isToRest
  }

  /** Whether the database takes what is left in the spool, and that is little. */
  #isNearlyDrained(): boolean {
    if (this.#spool.isEmpty || !this.#isDraining || !this.#availability.isUp) return false
    const { events, bytes } = this.#spool.state
    return events <= littleEvents && bytes <= littleBytes
  }

  /**
   * Waits a moment until the spool is empty. Under a steady load it would never be: each request would find others there
   * and go after them.
   */
  async #drained(): Promise<void> {
    this.#emptied ??= this.#spool.emptied(AbortSignal.timeout(lingerMs)).finally(() => {
      this.#emptied = undefined
    })
    await this.#emptied
    // It does not get on: nobody else waits before it does.
    if (!this.#spool.isEmpty) this.#isDraining = false
  }

  /** Commits a run, and tries again while there is hope that it passes. */
  async #commit(
    run: readonly CommitRequest[],
    alone: <T>(body: () => Promise<T>) => Promise<T>,
  ): Promise<readonly RequestResult[]> {
    for (let attempt = 1; ; attempt++) {
      // Others have found out meanwhile; and what they have put into the spool comes first.
      if (this.#mustQueue()) throw new EaError('database_unreachable', 'The database is away.')
      const startedMs = performance.now()
      try {
        const { timezone } = this.#options
        const settled = (await commitGroup(this.#db, run, { timezone, alone, last: this.#last }))!
        this.#availability.back()
        this.#lastCommitAt = new Date()
        const seconds = (performance.now() - startedMs) / 1000
        this.#options.onEvent?.({ type: 'committed', requests: run.length, seconds })
        return settled
      } catch (error) {
        if (!isUnavailable(error)) throw error
        const reason = (error as Error).message
        if (isLockTimeout(error) || attempt > retries) {
          this.#availability.hinderedBy(error)
          throw error
        }
        this.#options.onEvent?.({ type: 'retrying', attempt, reason })
        await sleep(firstPauseMs * 2 ** (attempt - 1))
      }
    }
  }

  async #queue(request: IngestRequest): Promise<RequestAnswer> {
    const { chunk, ...rest } = request
    const received = chunk.records
    const structuralRejects = chunk.rejectCount
    const rejected = rejectedList(firstRejects(chunk), structuralRejects)
    if (chunk.good === 0) return answer(422, { received, inserted: 0, duplicates: 0, ...rejected })
    const append = async () =>
      this.#spool.append({
        ...rest,
        lines: await inTurns(linesOf(chunk)),
        good: chunk.good,
        structuralRejects,
      })
    // One at a time: each has its lines in memory once more.
    await (isSmall([request]) ? append() : this.#queueing.run(append))
    this.#options.onEvent?.({ type: 'queued', events: chunk.good })
    return answer(202, { status: 'queued', received, ...rejected } satisfies QueuedAnswer)
  }

  #answerOf(settled: RequestResult): RequestAnswer {
    if (settled.kind === 'refused') throw settled.error
    if (settled.kind === 'replayed') return { status: settled.status, body: settled.body, replayed: true }
    this.#tell(settled)
    return answer(settled.status, settled.answer)
  }

  #tell(settled: RequestResult): void {
    if (settled.kind !== 'stored') return
    const { inserted, duplicates, pending = 0 } = settled.answer
    const rejected = rejectedCount(settled.answer)
    this.#options.onEvent?.({ type: 'stored', inserted, duplicates, pending, rejected })
  }
}

function answer(status: RequestAnswer['status'], body: object): RequestAnswer {
  return { status, body: JSON.stringify(body), replayed: false }
}
