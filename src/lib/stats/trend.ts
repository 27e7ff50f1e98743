/**
 * How many events, or different users, each day, week, month or hour has, or any other measure, in all or by event type or
 * property.
 *
 * Events come from `days` and `event_type_days`, users without `by` from `days` and `user_days`, which an optional rollup
 * also has for a value of its property; everything else reads `events`. With `by`, the keys with the largest totals are
 * kept, and each has a value for every window. The statement is in `measures/trend-sql.ts`.
 */
import * as z from 'zod'
import { mapInTurns } from '../core/in-turns.js'
import { dateOrInstant, decimal, flag, text } from '../core/row-schema.js'
import { type Grain, grains, windowEnd } from '../core/time.js'
import type { Database } from '../db/connect.js'
import { trendUsers } from './active/trend-users.js'
import { byParam, byText } from './breakdown/breakdown.js'
import { columnsReader, columnTexts, oddValueWarnings } from './measures/measured-rows.js'
import {
  checkMeasureNames,
  hasOthersRow,
  measuredColumnsOf,
  measureParams,
  measuresText,
  neededMeasures,
  resultColumns,
} from './measures/params.js'
import { measuredInColumns, plainMeasure, trendSql } from './measures/trend-sql.js'
import { countWindows } from './query/answer-size.js'
import { hourState, type WindowState, windowState } from './query/completeness.js'
import { commonParams } from './query/params.js'
import type { QueryContext } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

const params = z
  .strictObject({
    ...commonParams,
    grain: z.enum(grains).default('day').describe('Length of a window.'),
    by: byParam('Tell apart'),
    ...measureParams,
    limit: z.int().min(1).max(1000).default(10).describe('With --by, how many keys: those with the largest totals.'),
  })
  .superRefine(checkMeasureNames)
type Params = z.output<typeof params>

const value = () => decimal('events', 'count', 'number').nullable()

const row = z.object({
  date: dateOrInstant(),
  key: text().nullable(),
  key_2: text().nullable().optional(),
  others: flag().optional(),
  value: value().optional(),
  complete: flag(),
})

const meta = z.object({
  by: z
    .union([z.string(), z.array(z.string())])
    .nullable()
    .describe('What tells the keys apart; null when nothing does, and every key is null.'),
  measure: z.union([z.string(), z.array(z.string())]).describe('What is in the columns of numbers, in their order.'),
  keys_left_out: z.int().nonnegative().describe('How many keys there are beside those of the answer.'),
})

export const trendStat = defineStat({
  name: 'trend',
  summary: 'Count events or users over time, or add up a property, in total or by event type or property',
  description:
    'Every window of the range is a row, also an empty one; with --by one for each key. The keys are the ones whose values ' +
    'are the largest in total over the range, the largest first; what has no such property has the key null. All other keys ' +
    'share a last row, where their numbers add up. One measure is the column value; several have columns of their own, named ' +
    'as they are written. The range grows to whole windows. A window that has not begun is empty; one that has not ended, or ' +
    'that the data does not cover, is not complete.',
  example: {
    command: 'ea stats trend --from 2025-08-01 --grain week --measure "sum(properties.amount) of purchase"',
    params: { from: '2025-01-01', to: '2025-01-31', grain: 'month', by: 'event_type', limit: '2' },
    data: [
      { date: '2025-01-01', key: 'view_item', others: false, value: 917, complete: true },
      { date: '2025-01-01', key: 'app_open', others: false, value: 416, complete: true },
      { date: '2025-01-01', key: null, others: true, value: 875, complete: true },
    ],
    meta: {
      from: '2025-01-01',
      to: '2025-01-31',
      definition: 'Events in each month by event_type, of the 2 largest keys of the range; the others together.',
      source: 'rollups',
      grain: 'month',
      by: 'event_type',
      measure: 'events',
      limit: 2,
      keys_left_out: 6,
    },
  },
  params,
  row,
  // Several measures have columns of their own, which the parameters name.
  rowForms: [row, z.object({ ...row.shape, value: z.never().optional() }).catchall(value())],
  range: ({ from, to, grain }) => ({ first: from, last: to, grain }),
  canUseRollups: (params, context) => {
    const { grain, by } = params
    const plain = plainMeasure(params)
    if (grain === 'hour' || plain === undefined || by.list.length > 1) return false
    if (plain === 'unique_users') return by.list.length === 0 && context.segmentsHeld
    if (by.list.length === 0 && context.segmentsHeld) return true
    return [...by.list, ...context.segments].every(({ field }) => field.kind === 'event_type')
  },
  selectors: (params) => neededMeasures(params).flatMap(({ selector }) => selector ?? []),
  fields: (params) => [
    ...params.by.list.map(({ field }) => field),
    ...neededMeasures(params).flatMap(({ field }) => field ?? []),
  ],
  columns: (params) => ({
    without: [
      ...(params.by.list.length === 0 ? ['key', 'others'] : []),
      ...(params.by.list.length < 2 ? ['key_2'] : []),
    ],
    kinds: { date: params.grain === 'hour' ? 'instant' : 'date' },
    instead: { value: resultColumns(params) },
  }),
  chart: { form: 'lines', title: (params) => `${titleOf(params)} in each ${params.grain}${byText(params.by)}` },
  meta,
  definition: (params) => {
    const { grain, by, limit } = params
    const counted = `${countedText(params)} in each ${grain}`
    if (by.list.length === 0) return `${counted}.`
    const others = hasOthersRow(params) ? '; the others together' : ''
    return `${counted}${byText(params.by)}, of the ${limit} largest keys of the range${others}.`
  },
  size: (params, context) =>
    [
      { count: countWindows(params.grain, context), of: `${params.grain}s`, params: ['from', 'to', 'grain'] },
      ...(params.by.list.length === 0 ? [] : [{ count: params.limit, of: 'keys', params: ['limit'] }]),
      { count: measuredColumnsOf(params).length, of: 'measures', params: ['measure'] },
    ].filter(({ count, of }) => of !== 'measures' || count > 1),
  inColumns: measuredInColumns,
  sql: trendSql,
  shape: async (rows, params, context) => {
    const { grain, by, limit } = params
    const keys = by.list.length === 0 ? 0 : ((rows[0]?.keys as number | undefined) ?? 0)
    const left = Math.max(0, keys - limit)
    const readColumns = columnsReader(params)
    const withOthers = hasOthersRow(params)
    const shown = withOthers ? rows : rows.filter((row) => row.is_others !== true)
    // A window has a row for each key.
    const known = new Map<unknown, WindowState>()
    return {
      data: await mapInTurns(shown, 1, (row) => {
        const state = known.get(row.date) ?? stateOf(row, grain, context)
        known.set(row.date, state)
        return {
          date: row.date as string,
          key: (row.key_0 ?? null) as string | null,
          ...(by.list.length < 2 ? {} : { key_2: (row.key_1 ?? null) as string | null }),
          ...(by.list.length === 0 ? {} : { others: row.is_others as boolean }),
          ...readColumns(row, state === 'ahead'),
          complete: state === 'complete',
        }
      }),
      meta: {
        by: by.list.length === 0 ? null : by.text,
        measure: columnTexts(params),
        keys_left_out: left,
      },
      warnings: [
        ...(left === 0 || withOthers
          ? []
          : [`The other ${left} values of ${[by.text].flat().join(' and ')} are left out; a larger limit shows more.`]),
        ...oddValueWarnings(rows, params),
      ],
    }
  },
  drillDown: {
    key: 'the DATE of a row, with --by also its KEY, as in 2025-10-06:UA; of pairs KEY,KEY',
    canUseRollups: (params, context) =>
      params.grain !== 'hour' &&
      params.by.list.length === 0 &&
      context.segmentsHeld &&
      neededMeasures(params).every(({ selector }) => selector === undefined),
    sql: (key, params, context) =>
      trendUsers(
        key,
        params.grain,
        params.by.list,
        context,
        neededMeasures(params).map(({ selector }) => selector),
      ),
  },
})

function titleOf(params: Params): string {
  const plain = plainMeasure(params)
  if (plain !== undefined) return plain === 'events' ? 'Events' : 'Active users'
  return measuredColumnsOf(params)
    .map(({ text }) => text)
    .join(', ')
}

function countedText(params: Params): string {
  const plain = plainMeasure(params)
  if (plain === undefined) return measuresText(params)
  return plain === 'events' ? 'Events' : 'Different users with at least one event'
}

function stateOf({ date, ends }: SqlRow, grain: Grain, context: QueryContext): WindowState {
  if (grain === 'hour') return hourState(context, date as string, ends as number)
  return windowState(context, date as string, windowEnd(date as string, grain))
}

/**
 * Events, different users or another measure over time, in all or by event type or property.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `weekStart`, `asOf`, `grain`, `by`, `measure`, `let`,
 *   `formula`, `limit`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await trend(db, { by: 'event_type', limit: 3 })
 * data[0] // { date: '2025-08-01', key: 'page_view', others: false, value: 1204, complete: true }
 */
export function trend(
  db: Database,
  given: z.input<typeof params> = {},
  options?: RunStatOptions,
): Promise<Answer<typeof trendStat>> {
  return runStat(db, trendStat, given, options)
}
