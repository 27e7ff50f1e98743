/** The users and days of a batch, counted while it was read: what completing it would otherwise read all of its events for. */
import type { Transaction } from '../db/connect.js'
import { zoneOffsets } from '../db/zone-offsets.js'
import { readKept } from './delta.js'

/** How instants become days. */
export interface DayZone {
  /** Its name. */
  readonly reportingTz: string
  /** Offsets from UTC in microseconds, each from an instant on (microseconds since 2000), in order; the first holds from the start. */
  readonly offsets: readonly { readonly from: bigint; readonly offset: bigint }[]
}

/** Each group once; rows as COPY takes them with `FORMAT binary`. To be gone through once, users first. */
export interface CountedDays {
  readonly reportingTz: string
  /** How many events are counted. */
  readonly events: number
  /** `(user_id, day, events, first_day, prev_day, next_day)`, sorted by user and day. */
  readonly users: () => Iterable<Buffer>
  /** `(event_type, day, events)` */
  readonly eventTypes: () => Iterable<Buffer>
}

const micros = 1_000_000n
/** 2000-01-01, in seconds since 1970. */
const year2000 = 946_684_800

/**
 * The zone in which the days of a batch are to be counted; undefined when rollups on demand need its events all the same.
 *
 * @param latest no event is later
 */
export async function dayZone(tx: Transaction, latest: Date): Promise<DayZone | undefined> {
  const { reportingTz, optional } = await readKept(tx)
  if (optional.length > 0) return undefined
  const utc = [{ from: 0, offset: 0 }]
  const offsets = reportingTz === 'UTC' ? utc : await zoneOffsets(tx, reportingTz, latest)
  const inMicros = offsets.map(({ from, offset }) => ({
    from: BigInt(from - year2000) * micros,
    offset: BigInt(offset) * micros,
  }))
  return { reportingTz, offsets: inMicros }
}
