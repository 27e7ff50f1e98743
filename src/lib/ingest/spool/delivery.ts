/**
 * The parts of a segment, one after the other, to a callback that stores them: how often each is tried, how long to wait
 * while the database is away, and what becomes of a part that nobody takes.
 */

import { InterruptibleSleep } from '../../os/interruptible-sleep.js'
import type { SpoolPart } from '../body/request.js'
import type { DeadLetterReason } from './dead-letters.js'
import type { OnSpoolEvent } from './events.js'
import { partsOf } from './parts.js'
import type { SpoolSegment } from './segment.js'
import type { Spool } from './spool.js'

/** Stores a part in one transaction, unless it is stored already. */
export type Deliver = (part: SpoolPart) => Promise<void>

export interface DrainOptions {
  /** Ends draining after the part that is being delivered. */
  readonly signal: AbortSignal
  /** Whether an error means that the database is away: it will come back, and the part is not at fault. */
  readonly isAway: (error: unknown) => boolean
  /** Whether an error means that a part takes longer than it may; default: none does. */
  readonly isOutOfTime?: (error: unknown) => boolean
  readonly onEvent?: OnSpoolEvent
  /** How often a part is tried before it becomes a dead letter; default 5. */
  readonly attempts?: number
  /** The first pause between two attempts, in milliseconds; it doubles. Default 250. */
  readonly backoffMs?: number
  /** The first and the longest pause while the database is away, in milliseconds. Default 1,000 and 5,000. */
  readonly awayMs?: readonly [first: number, longest: number]
  /** What the pauses can be shortened by. */
  readonly pause?: InterruptibleSleep
}

/** What was drained. */
export interface DrainResult {
  readonly parts: number
  readonly requests: number
  readonly events: number
  /** Parts that are dead letters now. */
  readonly buried: number
}

/** Everybody waits while a part takes longer than it may: it gets no more tries than that. */
const slowAttempts = 2

/** One run of draining: what it did, and how long it waits now. */
export class Delivery {
  drained: DrainResult = { parts: 0, requests: 0, events: 0, buried: 0 }
  readonly #spool: Spool
  readonly #deliver: Deliver
  readonly #options: DrainOptions
  readonly #pause: InterruptibleSleep
  readonly #firstAwayMs: number
  readonly #longestAwayMs: number
  #awayMs: number
  #isAway = false

  constructor(spool: Spool, deliver: Deliver, options: DrainOptions) {
    this.#spool = spool
    this.#deliver = deliver
    this.#options = options
    this.#pause = options.pause ?? new InterruptibleSleep()
    ;[this.#firstAwayMs, this.#longestAwayMs] = options.awayMs ?? [1_000, 5_000]
    this.#awayMs = this.#firstAwayMs
  }

  /** Whether all of its parts are done; false when the signal came first. */
  async segment(segment: SpoolSegment): Promise<boolean> {
    for (const part of partsOf(segment)) {
      if (this.#spool.isBuried(part)) continue
      if (!(await this.#part(part))) return false
    }
    return true
  }

  async waitAway(): Promise<void> {
    await this.#pause.wait(this.#awayMs, this.#options.signal, this.#firstAwayMs)
    this.#awayMs = Math.min(this.#awayMs * 2, this.#longestAwayMs)
  }

  succeeded(): void {
    this.#awayMs = this.#firstAwayMs
    if (this.#isAway) this.#options.onEvent?.({ kind: 'back' })
    this.#isAway = false
  }

  async #part(part: SpoolPart): Promise<boolean> {
    const { signal, isAway, isOutOfTime, onEvent, attempts = 5, backoffMs = 250 } = this.#options
    for (let attempt = 1; !signal.aborted; ) {
      try {
        await this.#deliver(part)
        this.succeeded()
        this.#count(part)
        return true
      } catch (error) {
        if (isAway(error)) {
          if (!this.#isAway) onEvent?.({ kind: 'away', error })
          this.#isAway = true
          await this.waitAway()
          continue
        }
        const isSlow = isOutOfTime?.(error) ?? false
        if (isSlow && part.requests.length > 1) return this.#oneByOne(part)
        if (attempt >= (isSlow ? slowAttempts : attempts)) {
          await this.#bury(part, reasonOf(error, attempt))
          return true
        }
        onEvent?.({ kind: 'retrying', segment: part.segment, part: part.part, attempt, error })
        await this.#pause.wait(backoffMs * 2 ** (attempt - 1), signal)
        attempt += 1
      }
    }
    return false
  }

  /** One request of a part takes too long: the others are not to be buried with it. */
  async #oneByOne({ requests, ...part }: SpoolPart): Promise<boolean> {
    for (const [request, one] of requests.entries()) {
      const alone = { ...part, request, requests: [one] }
      if (this.#spool.isBuried(alone)) continue
      if (!(await this.#part(alone))) return false
    }
    return true
  }

  async #bury(part: SpoolPart, reason: DeadLetterReason): Promise<void> {
    await this.#spool.bury(part, reason)
    this.drained = { ...this.drained, buried: this.drained.buried + 1 }
    const { code, message } = reason
    this.#options.onEvent?.({ kind: 'buried', segment: part.segment, part: part.part, code, message })
  }

  #count({ segment, part, requests }: SpoolPart): void {
    const events = requests.reduce((sum, { good }) => sum + good, 0)
    this.drained = {
      ...this.drained,
      parts: this.drained.parts + 1,
      requests: this.drained.requests + requests.length,
      events: this.drained.events + events,
    }
    this.#options.onEvent?.({ kind: 'delivered', segment, part, requests: requests.length, events })
  }
}

function reasonOf(error: unknown, attempts: number): DeadLetterReason {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return {
    code: typeof code === 'string' ? code : 'internal_error',
    message: String(message ?? error),
    at: new Date().toISOString(),
    attempts,
  }
}
