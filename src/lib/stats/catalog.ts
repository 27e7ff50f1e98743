/** All stats by name: the list that commands, routes and checks share. */
import type { Result } from '../core/result.js'
import { columnsOf } from '../core/row-schema.js'
import { dauStat } from './dau.js'
import { describeStat } from './describe.js'
import { funnelStat } from './funnel.js'
import { lifecycleStat } from './lifecycle.js'
import { mauStat } from './mau.js'
import { snake } from './query/params.js'
import type { Stat } from './query/stat.js'
import { retentionStat } from './retention.js'
import { stickinessStat } from './stickiness.js'
import { topEventsStat } from './top-events.js'
import { trendStat } from './trend.js'
import { wauStat } from './wau.js'

export const stats: readonly Stat[] = [
  dauStat,
  wauStat,
  mauStat,
  topEventsStat,
  trendStat,
  retentionStat,
  funnelStat,
  lifecycleStat,
  stickinessStat,
  describeStat,
]

/**
 * The stats there are, each with what it answers, a command line, its parameters and columns; no database is asked.
 *
 * @example
 * listStats().data[0].name // 'dau'
 */
export function listStats(): Result {
  return {
    metric: 'stats',
    columns: [
      { name: 'name', kind: 'text' },
      { name: 'summary', kind: 'text' },
      { name: 'example', kind: 'text' },
    ],
    data: stats.map(({ name, summary, description, example, params, row }) => ({
      name,
      summary,
      example: example.command,
      description,
      params: Object.keys(params.shape).map(snake).join(', '),
      columns: columnsOf(row)
        .map((column) => `${column.name}: ${column.kind}`)
        .join(', '),
    })),
    meta: {},
  }
}
