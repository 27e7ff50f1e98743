/**
 * How many users take one step after the other, and how long it takes them.
 *
 * Every way into the funnel is an attempt of its user: the user's deepest attempt counts, of these the earliest one. The
 * statement has one of several forms (see the files beside this one); all end with the same `best`.
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { resolveDay } from '../core/day-text.js'
import { EaError } from '../core/errors.js'
import { count, flag, rate, seconds, text } from '../core/row-schema.js'
import type { Database } from '../db/connect.js'
import { keysOfCell } from './active/trend-by.js'
import { byText, keyIds, keysLeftOut, keysMeta, keysOfRow, keysWithout, placeItems } from './breakdown/breakdown.js'
import { rankedByKey } from './funnel/by-key.js'
import { stepsInColumns } from './funnel/columns.js'
import { type FunnelQuestion, mayBeOpen } from './funnel/events-sql.js'
import { exclusionsOf, type FunnelParams, funnelParams } from './funnel/params.js'
import { planFunnel } from './funnel/plan.js'
import { recursiveAttempts } from './funnel/recursive.js'
import { bestByArrays, canSearchArrays } from './funnel/search-events.js'
import { bestByTimes, hasTimesRollup } from './funnel/search-rollup.js'
import { strictAttempts } from './funnel/strict.js'
import { unorderedAttempts } from './funnel/unordered.js'
import { all } from './query/events.js'
import type { QueryContext } from './query/query-context.js'
import { type RunStatOptions, runStat } from './query/run-stat.js'
import { type Answer, defineStat, type SqlRow } from './query/stat.js'

/** How many keys have rows of their own. */
const defaultLimit = 10

interface FunnelRow {
  readonly users: readonly number[]
  readonly medians: readonly (number | null)[]
  readonly means: readonly (number | null)[]
}

const row = z.object({
  key: text().nullable().optional(),
  key_2: text().nullable().optional(),
  others: flag().optional(),
  step: count(),
  event_type: text(),
  users: count('users'),
  rate_from_first: rate().nullable(),
  rate_from_previous: rate().nullable(),
  median_seconds: seconds().nullable(),
  mean_seconds: seconds().nullable(),
})

const meta = z.object({
  pending_users: z
    .int()
    .nonnegative()
    .describe('Users who have not taken all steps and have an attempt that can still go on.'),
  ...keysMeta.partial().shape,
})

export const funnelStat = defineStat({
  name: 'funnel',
  summary: 'Count the users who take one step after the other, and how long it takes',
  description:
    'The first step of an attempt is in the range; later steps may be after it, up to the window. A user counts by ' +
    'their deepest attempt, and of these by the earliest. One event satisfies one step. Events at the same time satisfy ' +
    'ordered steps in any order; strict steps follow each other in the order of time, then id, with no other event of ' +
    'the segment between them. In an unordered funnel row n counts the users with any n of the steps. An excluded event ' +
    'between two steps, or after the last one reached and inside the window, voids the attempt, also when it is a step ' +
    'itself.',
  example: {
    command: 'ea stats funnel --step signup --step "purchase[properties.value>10]" --window 7d',
    params: { from: '2025-01-01', to: '2025-01-31', step: ['app_open', 'purchase'] },
    data: [
      {
        step: 1,
        event_type: 'app_open',
        users: 188,
        rate_from_first: 1,
        rate_from_previous: null,
        median_seconds: null,
        mean_seconds: null,
      },
      {
        step: 2,
        event_type: 'purchase',
        users: 23,
        rate_from_first: 0.12234042553191489,
        rate_from_previous: 0.12234042553191489,
        median_seconds: 173.716,
        mean_seconds: 239870.65482608695,
      },
    ],
    meta: {
      from: '2025-01-01',
      to: '2025-01-31',
      definition:
        "Users by how many of 2 steps they took, each step at or after the one before, other events may come between, all within 14d of the first step taken; the first step is in the range, and the user's deepest, then earliest attempt counts.",
      source: 'events',
      step: ['app_open', 'purchase'],
      window: '14d',
      order: 'ordered',
      exclude: [],
      pending_users: 0,
    },
  },
  params: funnelParams,
  row,
  columns: ({ by }) => ({ without: keysWithout(by) }),
  fields: ({ by }) => by.list.map(({ field }) => field),
  size: ({ by, step, limit = defaultLimit }) =>
    by.list.length === 0
      ? []
      : [
          { count: limit, of: 'keys', params: ['limit'] },
          { count: step.length, of: 'steps', params: ['step'] },
        ],
  report: {
    title: 'Funnel',
    params: ({ days, step, window }) =>
      step === undefined && window === undefined
        ? undefined
        : { ...days, step: step ?? [], ...(window === undefined ? {} : { window }) },
  },
  range: ({ from, to }) => ({ first: from, last: to, grain: 'day' }),
  // The kept times lie sorted by user in an index, so that merging them is quicker than hashing (docs/decisions/raw-event-questions.md).
  rollupSettings: { enable_hashjoin: 'off' },
  canUseRollups: (params, context) =>
    params.order === 'ordered' &&
    params.by.list.length === 0 &&
    context.segments.length === 0 &&
    canSearchArrays({ plan: planFunnel(params.step, exclusionsOf(params)) }) &&
    hasTimesRollup(params.step, context),
  // Of the users who did not get to the end, those are told apart whose window is still open; long after the range none is.
  isTimeSensitive: ({ to, window }, now) => {
    if (to === undefined) return true
    const last = resolveDay(to, now.toISOString().slice(0, 10)).last
    const marginMs = 3 * 86_400_000 // The day itself, and what zones differ by.
    return Date.parse(last) + window.ms + marginMs > now.getTime()
  },
  selectors: ({ step, exclude }) => [...step, ...exclude.map(({ selector }) => selector)],
  chart: { form: 'funnel', title: () => 'Funnel' },
  meta,
  definition,
  inColumns: (params, context, dialect) =>
    params.order === 'ordered' && params.by.list.length === 0
      ? stepsInColumns(questionOf(params, context), dialect)
      : undefined,
  sql: (params, context) => {
    if (context.fromColumns !== undefined) return ofColumns(context.fromColumns.rows)
    const steps = params.step.map((_, index) => index + 1)
    // Whole numbers: their sum does not depend on the order in which workers bring them.
    const microseconds = (step: number) =>
      sql`round(date_part('epoch', reached[${sql.lit(step)}] - reached[${sql.lit(step - 1)}]) * 1e6)::bigint`
    const later = steps.slice(1)
    const { by, limit = defaultLimit } = params
    const isKeyed = by.list.length > 0
    const places = isKeyed
      ? sql`${sql.join(placeItems(by, limit))},
  `
      : sql``
    const end = isKeyed ? sql`ranked\nGROUP BY place\nORDER BY place` : sql`best`
    return sql<SqlRow>`${bestAttempts(params, context)}${isKeyed ? rankedByKey(params, context) : sql``}
SELECT
  ${places}  jsonb_build_array(${sql.join(steps.map((step) => sql`count(*) FILTER (WHERE depth >= ${sql.lit(step)})`))}) AS users,
  jsonb_build_array(${sql.join(later.map((step) => sql`percentile_cont(0.5) WITHIN GROUP (ORDER BY ${microseconds(step)}) / 1e6`))}) AS medians,
  jsonb_build_array(${sql.join(later.map((step) => sql`avg(${microseconds(step)})::float8 / 1e6`))}) AS means,
  count(*) FILTER (WHERE depth < ${sql.lit(steps.length)} AND open) AS pending
FROM ${end}`
  },
  shape: (rows, params) => {
    const { by, limit = defaultLimit } = params
    const keyed = by.list.length === 0 ? {} : { keys_left_out: keysLeftOut(rows, limit) }
    return {
      data: rows.flatMap((row) => stepRows(row, params)),
      meta: { pending_users: rows.reduce((sum, { pending }) => sum + (pending as number), 0), ...keyed },
    }
  },
  drillDown: {
    key: 'a step as in 2 for the users who reached it, -2 for those who reached the step before and not this one; with --by also its KEY, as in 2:UA',
    sql: (cell, params, context) => {
      const { key, keys } = cellOf(cell, params)
      const found = /^(-?)(\d{1,2})$/.exec(key)
      const step = Number(found?.[2])
      const isLost = found?.[1] === '-'
      if (!(step >= (isLost ? 2 : 1) && step <= params.step.length)) {
        throw new EaError('usage', `The funnel has no step ${JSON.stringify(key)}.`, {
          suggestions: [
            `Write a step from 1 to ${params.step.length}, or one from 2 on with a minus for the users lost before it.`,
          ],
        })
      }
      const depth = sql`depth ${isLost ? sql`= ${step - 1}` : sql`>= ${step}`}`
      if (keys === undefined) return sql`${bestAttempts(params, context)}\nSELECT user_id FROM best WHERE ${depth}`
      const isOfKey = keyIds(params.by).map((id, at) => sql`${id} IS NOT DISTINCT FROM ${keys[at]}::text`)
      return sql`${bestAttempts(params, context)}${rankedByKey(params, context)}
SELECT user_id FROM ranked WHERE ${all([depth, ...isOfKey])}`
    },
  },
})

/** The step that a cell names, and its keys where rows have some. */
function cellOf(cell: string, { by }: FunnelParams): { key: string; keys?: readonly (string | null)[] } {
  const [, key = '', ofKey] = /^([^:]*)(?::(.*))?$/s.exec(cell) ?? []
  const count = by.list.length
  if (count === 0 && ofKey === undefined) return { key }
  const keys = ofKey === undefined || count === 0 ? undefined : keysOfCell(ofKey, count)
  if (keys !== undefined) return { key, keys }
  const form = `${key}:${by.list.map(() => 'KEY').join(',')}`
  const message = count === 0 ? 'The rows have no keys' : `There are rows for each key${byText(by)}`
  throw new EaError('usage', `${message}: ${JSON.stringify(cell)} names no number.`, {
    suggestions: [count === 0 ? `Try ${key}.` : `Try ${form}; ${key}: is the row of events without one.`],
  })
}

/** The rows of one key, or of the funnel as a whole. */
function stepRows(row: SqlRow, params: FunnelParams) {
  const { users, medians, means } = row as unknown as FunnelRow
  const rate = (count: number, whole: number) => (whole === 0 ? null : count / whole)
  return params.step.map(({ text }, index) => ({
    ...keysOfRow(params.by, row),
    step: index + 1,
    event_type: params.order === 'unordered' ? `any ${index + 1} of ${params.step.length}` : text,
    users: users[index]!,
    rate_from_first: rate(users[index]!, users[0]!),
    rate_from_previous: index === 0 ? null : rate(users[index]!, users[index - 1]!),
    median_seconds: index === 0 ? null : medians[index - 1]!,
    mean_seconds: index === 0 ? null : means[index - 1]!,
  }))
}

function definition({ step, window, order, exclude, by }: FunnelParams): string {
  const how = {
    ordered: 'each step at or after the one before, other events may come between',
    strict: 'each step the very next event after the one before',
    unordered: 'the steps in any order',
  }[order]
  const without = exclude.length === 0 ? '' : `, without ${exclude.map(({ text }) => text).join(', ')} between them`
  return (
    `Users by how many of ${step.length} steps they took, ${how}, all within ${window.text} of the first step taken` +
    `${without}; the first step is in the range, and the user's deepest, then earliest attempt counts${
      by.list.length === 0 ? '' : `;${byText(by)} of the event that is step 1 of that attempt`
    }.`
  )
}

/** The row of the column store: whole microseconds are summed and divided as `avg` does. */
function ofColumns(rows: RawBuilder<unknown>): RawBuilder<SqlRow> {
  return sql<SqlRow>`
SELECT jsonb_agg(users ORDER BY step) AS users,
  jsonb_agg(median_us / 1e6 ORDER BY step) FILTER (WHERE step > 1) AS medians,
  jsonb_agg((total_us / nullif(users, 0)::numeric)::float8 / 1e6 ORDER BY step) FILTER (WHERE step > 1) AS means,
  max(pending) AS pending
FROM (${rows}) AS steps`
}

function questionOf(params: FunnelParams, context: QueryContext): FunnelQuestion {
  return { plan: planFunnel(params.step, exclusionsOf(params)), windowMs: params.window.ms, context }
}

/**
 * CTEs that end with `best (user_id, depth, reached, open)`, one row for each user with an attempt: the best one, and whether
 * any of theirs is open, so that it may become a better one.
 */
function bestAttempts(params: FunnelParams, context: QueryContext): RawBuilder<{ user_id: string }> {
  const question = questionOf(params, context)
  if (params.order === 'ordered' && canSearchArrays(question)) {
    return sql`WITH ${context.source === 'rollups' ? bestByTimes(question) : bestByArrays(question)}`
  }
  const attempts = { ordered: recursiveAttempts, strict: strictAttempts, unordered: unorderedAttempts }[params.order]
  const isAnyOpen = mayBeOpen(question) ? sql`bool_or(open) OVER (PARTITION BY user_id)` : sql`false`
  return sql`WITH RECURSIVE ${attempts(question)}, best AS (
  SELECT DISTINCT ON (user_id) user_id, depth, reached, ${isAnyOpen} AS open
  FROM attempts
  ORDER BY user_id, depth DESC, reached
)`
}

/**
 * The users by how many of some steps they took, one after the other.
 *
 * @param given `step` (2 to 20 selectors), `window` (`90s`, `30m`, `12h`, `14d`), `order`, `exclude`, `by`, `limit`, `from`, `to`
 *   (days, both included, of the first step), `segment`, `tz`, `weekStart`, `asOf`
 * @throws EaError `usage` for parameters that are not of their form
 * @example
 * const { data } = await funnel(db, { step: ['signup', 'purchase'], window: '7d' })
 * data[1] // { step: 2, event_type: 'purchase', users: 310, rate_from_first: 0.31, …, median_seconds: 86400, … }
 */
export function funnel(
  db: Database,
  given: z.input<typeof funnelParams>,
  options?: RunStatOptions,
): Promise<Answer<typeof funnelStat>> {
  return runStat(db, funnelStat, given, options)
}
