/** How many different users were active in the 30 days that end with each date; see `rolling-users.ts`. */
import type * as z from 'zod'
import type { Database } from '../db/connect.js'
import { type rollingParams, rollingUsersStat } from './active/rolling-users.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import type { Answer } from './query/stat.js'

export const mauStat = rollingUsersStat({
  name: 'mau',
  lengthDays: 30,
  example: [
    { date: '2025-01-31', unique_users: 185, complete: true },
    { date: '2025-02-01', unique_users: 184, complete: true },
  ],
})

/**
 * The monthly active users of each date: of that day and the 29 days before it.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await mau(db, { from: '2025-08-01', to: '2025-08-31' })
 * data[0] // { date: '2025-08-01', unique_users: 174, complete: true }
 */
export function mau(
  db: Database,
  given: z.input<typeof rollingParams> = {},
  options?: RunStatOptions,
): Promise<Answer<typeof mauStat>> {
  return runStat(db, mauStat, given, options)
}
