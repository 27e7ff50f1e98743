/** How the parts of a report ask their questions. */
import type { Result } from '../core/result.js'
import type { Stat } from '../stats/query/stat.js'

/** Asks a stat in the transaction of the report, with the report's segments, time zone, week and clock. */
export type Asking = (stat: Stat, given: Readonly<Record<string, unknown>>) => Promise<Result>
