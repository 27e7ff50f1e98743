/**
 * Whether the database takes events now, as commits and the drain of the spool find out. It is away when it refuses or
 * does not answer; it is only busy when others hold the lock for long or one request takes long: that is no fault of
 * the database, and those who watch it must not hear of an outage.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Database } from '../db/connect.js'
import { isLockTimeout } from './unavailable.js'

export type AvailabilityEvent =
  | { readonly type: 'away'; readonly reason: string }
  /** The database is there, but events go to the spool meanwhile. */
  | { readonly type: 'busy'; readonly reason: string }
  | { readonly type: 'back' }

/** A database that does not answer the smallest question for so long is away. */
const probeWithinMs = 1_000
/** With an empty spool nothing tells when the database takes events again: after so long a request tries it. */
const tryAgainAfterMs = 1_000

export class Availability {
  readonly #db: Database
  readonly #tell: (event: AvailabilityEvent) => void
  #awaySinceMs: number | null = null
  #busySinceMs: number | null = null
  #probe: Promise<boolean> | undefined

  constructor(db: Database, tell: (event: AvailabilityEvent) => void) {
    this.#db = db
    this.#tell = tell
  }

  get isUp(): boolean {
    return this.#awaySinceMs === null
  }

  /** Whether it is not worth to try it: it did not take events a moment ago. */
  get isToRest(): boolean {
    const now = performance.now()
    return [this.#awaySinceMs, this.#busySinceMs].some((sinceMs) => sinceMs !== null && now - sinceMs < tryAgainAfterMs)
  }

  /** A commit ended by an error that passes. */
  hinderedBy(error: unknown): void {
    const reason = (error as Error).message
    if (isLockTimeout(error)) this.#isBusy(reason)
    else this.#isAway(reason)
  }

  /** A commit has not ended in time: does the database hang, or is it the commit that takes long? */
  async late(reason: string): Promise<void> {
    if (await this.#isThere()) this.#isBusy(reason)
    else this.#isAway(reason)
  }

  /** A commit came through. */
  back(): void {
    if (this.#awaySinceMs !== null) this.#tell({ type: 'back' })
    this.#awaySinceMs = null
    this.#busySinceMs = null
  }

  async #isThere(): Promise<boolean> {
    // One question at a time: by a database that hangs it is never answered.
    this.#probe ??= this.#ask().finally(() => {
      this.#probe = undefined
    })
    const clock = new AbortController()
    const late = sleep(probeWithinMs, false, { signal: clock.signal }).catch(() => false)
    return Promise.race([this.#probe, late]).finally(() => clock.abort())
  }

  async #ask(): Promise<boolean> {
    try {
      await sql`SELECT 1`.execute(this.#db.q)
      return true
    } catch {
      return false
    }
  }

  #isBusy(reason: string): void {
    if (this.#busySinceMs === null) this.#tell({ type: 'busy', reason })
    this.#busySinceMs = performance.now()
  }

  #isAway(reason: string): void {
    if (this.#awaySinceMs === null) this.#tell({ type: 'away', reason })
    this.#awaySinceMs = performance.now()
  }
}
