/** The zone of the days, as what reads a file needs it to count the days of its events. */
import type { Transaction } from '../db/connect.js'
import { zoneOffsets } from '../db/zone-offsets.js'
import type { DayZone } from './counted-days.js'
import { readKept } from './delta.js'

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
