/** The text of a first file of checks: pure, from the numbers that were seen to thresholds with some room below them. */

import type { Day } from '../core/time.js'
import { counted, percentText } from '../present/tables/cell-text.js'
import { valueText } from '../stats/filter/filter-parser.js'
import type { Imports } from './evaluate/evaluation.js'

/** What a database showed over its last weeks. */
export interface Observed {
  readonly tz: string
  /** ISO, in UTC. */
  readonly asOf: string
  readonly dataUntil: Day | null
  /** Of the newest event. */
  readonly ageSeconds: number | null
  readonly imports: Imports
  /** The whole days that follow, both included. */
  readonly range: { readonly from: Day; readonly to: Day } | null
  /** Of each of these days: different users, events. */
  readonly users: readonly number[]
  readonly events: readonly number[]
  readonly types: readonly { readonly type: string; readonly events: readonly number[] }[]
  /** The mean share of users who come back in the week after their first one. */
  readonly retention: number | null
}

interface Entry {
  readonly comment: readonly string[]
  readonly name: string
  readonly stat?: string
  readonly params?: Readonly<Record<string, string | number>>
  readonly assert: string
  readonly warn?: boolean
  readonly minBase?: number
}

/** Over how many batches rejects are looked at. */
export const batchesBack = 10
/** Below so many users or events a change says more about chance than about the product. */
const minBase = 50
/** The mildest limit of a fall. */
const mildestFall = 0.25
/** A limit so low that it never speaks is left out. */
const deepestFall = 0.9

/** The file. */
export function writeChecks(observed: Observed): string {
  const { tz, range, dataUntil } = observed
  const entries = [users, allEvents, ...observed.types.map((_, index) => oneType(index)), retention, rejects]
    .map((entry) => entry(observed))
    .filter((entry) => entry !== undefined)
  const seen =
    range === null
      ? 'There was no whole day of data yet: thresholds for users and events can come later, by `ea check init --force`.'
      : `Thresholds come from the days ${range.from} to ${range.to}, with room below them; move them as you learn.`
  return `${[
    '# Checks for `ea check`: exit code 0 when all hold, 6 when one fails, 7 when one cannot be decided.',
    `# ${seen}`,
    ...(dataUntil === null || observed.range === null ? [] : [`# The newest event was of ${dataUntil}.`]),
    'defaults:',
    `  tz: ${JSON.stringify(tz)}`,
    'checks:',
    ...fresh(observed),
    ...entries.flatMap(entryLines),
  ].join('\n')}\n`
}

function entryLines({ comment, name, stat, params, assert, warn, minBase }: Entry): string[] {
  const pairs = Object.entries(params ?? {}).map(([key, value]) => `${key}: ${value}`)
  return [
    ...comment.map((line) => `  # ${line}`),
    `  - name: ${JSON.stringify(name)}`,
    ...(stat === undefined ? [] : [`    stat: ${stat}`]),
    ...(pairs.length === 0 ? [] : [`    params: { ${pairs.join(', ')} }`]),
    `    assert: ${assert}`,
    ...(warn ? ['    severity: warn'] : []),
    ...(minBase === undefined ? [] : [`    min_base: ${minBase}`]),
  ]
}

/** A daily import with two hours to spare, or as much as the data needs now; off where the data has ended. */
function fresh({ ageSeconds }: Observed): string[] {
  const ageHours = ageSeconds === null ? 0 : Math.ceil(ageSeconds / 3600)
  const name = 'Events arrive'
  const limit = (hours: number) => `freshness <= ${hours}h`
  if (ageHours <= 26) {
    return entryLines({ comment: ['A day and two hours: for an import each day.'], name, assert: limit(26) })
  }
  if (ageHours <= 96) {
    const comment = [`The newest event was ${ageHours} hours old when this file was written.`]
    return entryLines({ comment, name, assert: limit(Math.ceil((ageHours * 1.5) / 24) * 24) })
  }
  const lines = entryLines({ comment: [], name, assert: limit(26) })
  return [
    `  # The newest event was ${Math.round(ageHours / 24)} days old when this file was written: take the # away when events arrive again.`,
    ...lines.map((line) => `  #${line.slice(1)}`),
  ]
}

function users({ users: perDay }: Observed): Entry | undefined {
  const month = perDay.slice(-28)
  const least = Math.min(...month)
  const floor = roundedDown(0.8 * least)
  if (month.length === 0 || floor < 1) return undefined
  return {
    comment: [
      `The lowest of the last ${counted(month.length, 'day')} had ${counted(least, 'user')}; a fifth less is the floor.`,
    ],
    name: 'Enough people yesterday',
    stat: 'dau',
    params: { from: 'yesterday', to: 'yesterday' },
    assert: `unique_users >= ${floor}`,
  }
}

/** Each day against the mean of the same weekday of the four weeks before it. */
function allEvents({ events: perDay }: Observed): Entry | undefined {
  const changes = perDay.flatMap((value, day) => {
    if (day < 28) return []
    const base = [7, 14, 21, 28].reduce((sum, back) => sum + perDay[day - back]!, 0) / 4
    return base < minBase ? [] : [(value - base) / base]
  })
  const limit = changes.length < 7 ? undefined : limitOf(changes)
  if (limit === undefined) return undefined
  return {
    comment: [
      `The worst of the last ${counted(changes.length, 'day')}: ${seenPercent(Math.min(...changes))} against the mean of the same weekday of the four weeks before.`,
    ],
    name: 'Yesterday was a day like others of its weekday',
    stat: 'trend',
    params: { from: 'yesterday', to: 'yesterday' },
    assert: `sum(value) change vs same_weekday(4w) >= ${percent(limit)}`,
    warn: true,
    minBase,
  }
}

function oneType(index: number) {
  return ({ types }: Observed): Entry | undefined => {
    const { type, events } = types[index]!
    const weeks: number[] = []
    for (let end = events.length; end >= 7; end -= 7) {
      weeks.unshift(events.slice(end - 7, end).reduce((sum, value) => sum + value, 0))
    }
    const changes = weeks.flatMap((value, week) => {
      const before = weeks[week - 1]
      return before === undefined || before < minBase ? [] : [(value - before) / before]
    })
    const limit = changes.length === 0 ? undefined : limitOf(changes)
    if (limit === undefined) return undefined
    return {
      comment: [
        `Events of the last ${counted(weeks.length, 'week')}: ${weeks.join(', ')}; the worst change was ${seenPercent(Math.min(...changes))}.`,
      ],
      name: `${type} does not collapse`,
      stat: 'trend',
      params: { segment: JSON.stringify(segmentOf(type)), from: '-7d', to: 'yesterday' },
      assert: `sum(value) change vs previous_period >= ${percent(limit)}`,
      minBase,
    }
  }
}

function retention({ retention: mean }: Observed): Entry | undefined {
  const floor = mean === null ? 0 : Math.floor(mean * 0.8 * 1000) / 10
  if (mean === null || floor <= 0) return undefined
  return {
    comment: [`The mean of the last weeks was ${seenPercent(mean)}; a fifth less is the floor.`],
    name: 'Week-one retention holds',
    stat: 'retention',
    params: { 'start-date': '-8w', windows: 1 },
    assert: `mean(rates[1]) >= ${floor}%`,
    warn: true,
    minBase,
  }
}

function rejects({ imports: { batches, read, rejected } }: Observed): Entry {
  const share = read === 0 ? 0 : rejected / read
  const seen =
    batches === 0
      ? 'There was no import yet.'
      : `${rejected} of ${counted(read, 'record')} of the last ${batches === 1 ? 'import' : `${batches} imports`} were rejected.`
  return {
    comment: [seen],
    name: 'Records are not rejected',
    assert: `rejected(${batchesBack}) <= ${Math.min(100, Math.max(1, Math.ceil(share * 200)))}%`,
  }
}

/** A tenth below the worst change, in steps of 5 %; undefined where that would never speak. */
function limitOf(changes: readonly number[]): number | undefined {
  const limit = Math.floor((Math.min(-mildestFall + 0.1, ...changes) - 0.1) * 20) / 20
  return limit < -deepestFall ? undefined : limit
}

/** Two digits that count: 1284 → 1200. */
function roundedDown(value: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1)
  return value < 1 ? 0 : Math.floor(value / step) * step
}

function segmentOf(type: string): string {
  return `event_type:${valueText(type)}`
}

/** Of a threshold. */
function percent(rate: number): string {
  return `${Math.round(rate * 1000) / 10}%`
}

/** Of what was seen, which is not rounded to none or to all of it. */
function seenPercent(rate: number): string {
  return percentText(rate).replace(/\.0%$/, '%')
}
