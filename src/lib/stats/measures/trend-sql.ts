/**
 * The statement of a trend: numbers in each window, in all or by keys.
 *
 * Events and users without conditions come from the rollups where these hold them; all other measures read `events`. The
 * keys with the largest numbers have a place each, and all others share one, with the numbers that add up.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Grain } from '../../core/time.js'
import { activeUsers } from '../active/active-users.js'
import { type By, keySql } from '../active/trend-by.js'
import type { ColumnStatement } from '../columns/column-answer.js'
import type { ColumnDialect } from '../columns/dialect.js'
import { all, calendar, eventsInRange, eventWindow, inSegments, windowOf } from '../query/events.js'
import type { Texts } from '../query/params.js'
import type { QueryContext } from '../query/query-context.js'
import type { SqlRow } from '../query/stat.js'
import { formulaSql } from './formula.js'
import { type EventMeasure, isAdditive } from './measure.js'
import {
  aggregateSql,
  isOfNumbers,
  isZeroOfNothing,
  measuredColumns,
  numericSql,
  oddValuesSql,
  typeOf,
} from './measure-sql.js'
import { isFormula, type MeasureParams, measuredColumnsOf, measureNamed, neededMeasures } from './params.js'

export interface TrendParams extends MeasureParams {
  readonly grain: Grain
  readonly by: Texts<By>
  readonly limit: number
}

/** The one measure of a question that counts all events or their users; undefined for any other question. */
export function plainMeasure(params: MeasureParams): 'events' | 'unique_users' | undefined {
  const columns = measuredColumnsOf(params)
  const [only] = columns
  if (columns.length !== 1 || only === undefined || isFormula(only.of) || only.of.selector !== undefined)
    return undefined
  return only.of.kind === 'events' || only.of.kind === 'unique_users' ? only.of.kind : undefined
}

/** `date`, and with keys `key_0 …`, `is_others`, `keys`; `column_0 …`, and `odd_0 …`: how many values are no numbers. */
export function trendSql(params: TrendParams, context: QueryContext): RawBuilder<SqlRow> {
  return params.by.list.length === 0 ? inAll(params, context) : byKeys(params, context)
}

const measureId = (index: number) => sql.id(`m_${index}`)
const oddId = (index: number) => sql.id(`odd_total_${index}`)
const keyIds = ({ by }: TrendParams) => by.list.map((_, index) => sql.id(`key_${index}`))
const comma = sql`, `
const list = (items: readonly RawBuilder<unknown>[]) => sql.join(items, comma)

function inAll(params: TrendParams, context: QueryContext): RawBuilder<SqlRow> {
  const { grain } = params
  const needed = neededMeasures(params)
  const values = needed.map((measure, index) => valueSql(measure, sql`measured.${measureId(index)}`))
  const odd = oddIndexes(needed).map((index) => sql`measured.${oddId(index)}`)
  return sql`
WITH calendar AS (
  ${calendar(grain, context)}
), measured AS (
  ${measuredSql(params, context)}
)
SELECT ${list([sql`${dateText(grain, context)} AS date`, ...columnsSql(params, values), ...odd])}${endOf(grain)}
FROM calendar LEFT JOIN measured ON measured.date = calendar.date
ORDER BY calendar.date`
}

/**
 * ```sql
 * WITH calendar AS (…), measured AS (…),
 *   totals AS (SELECT *, sum(coalesce(m_0, 0)) OVER (PARTITION BY key_0) AS total FROM measured),
 *   ranked AS (SELECT *, dense_rank() OVER (ORDER BY total DESC NULLS LAST, …) AS rank FROM totals),
 *   placed AS (
 *     SELECT date, least(rank, …) AS place, max(keys) AS keys, … FROM … GROUP BY date, place),
 *   kept AS (
 *     SELECT place, max(keys) AS keys, …, jsonb_object_agg(date::text, …) AS values_by_date FROM placed GROUP BY place)
 * SELECT … AS date, … FROM kept CROSS JOIN calendar ORDER BY calendar.date, kept.place
 * ```
 */
function byKeys(params: TrendParams, context: QueryContext): RawBuilder<SqlRow> {
  const { grain, limit } = params
  const needed = neededMeasures(params)
  const keys = keyIds(params)
  const odd = oddIndexes(needed)
  const sums = needed.map((measure, index) => {
    const id = measureId(index)
    return isAdditive(measure)
      ? sql`sum(${id}) AS ${id}`
      : sql`min(${id}) FILTER (WHERE rank <= ${limit}::bigint) AS ${id}`
  })
  const perKey = keys.map((key) => sql`min(${key}) FILTER (WHERE rank <= ${limit}::bigint) AS ${key}`)
  const values = needed.map((measure, index) => {
    const text = sql`kept.values_by_date -> calendar.date::text ->> ${sql.lit(index)}`
    const empty = isAdditive(measure) ? sql`` : sql`CASE WHEN kept.place <= ${limit}::bigint THEN `
    const end = isAdditive(measure) ? sql`` : sql` END`
    return sql`${empty}${valueSql(measure, sql`(${text})::${typeOf(measure)}`)}${end}`
  })
  return sql`
WITH calendar AS (
  ${calendar(grain, context)}
), measured AS (
  ${measuredSql(params, context)}
), totals AS (
  ${totalsSql(params, context)}
), ranked AS (
  SELECT *, dense_rank() OVER (ORDER BY total DESC NULLS LAST, ${list(keys.map((key) => sql`${key} COLLATE "C"`))}) AS rank
  FROM totals
), placed AS (
  SELECT ${list([sql`date`, sql`least(rank, ${limit}::bigint + 1) AS place`, sql`max(keys) AS keys`, ...perKey, ...sums, ...odd.map((index) => sql`max(${oddId(index)}) AS ${oddId(index)}`)])}
  FROM (SELECT ${list([sql`*`, sql`max(rank) OVER () AS keys`])} FROM ranked) AS all_keys
  GROUP BY date, place
), kept AS (
  SELECT ${list([sql`place`, sql`max(keys) AS keys`, ...keys.map((key) => sql`min(${key}) AS ${key}`), ...odd.map((index) => sql`max(${oddId(index)}) AS ${oddId(index)}`)])},
    jsonb_object_agg(date::text, jsonb_build_array(${list(needed.map((_, index) => measureId(index)))})) AS values_by_date
  FROM placed
  GROUP BY place
)
SELECT ${list([
    sql`${dateText(grain, context)} AS date`,
    ...keys.map((key) => sql`kept.${key}`),
    sql`kept.place > ${limit}::bigint AS is_others`,
    sql`kept.keys`,
    ...columnsSql(params, values),
    ...odd.map((index) => sql`kept.${oddId(index)}`),
  ])}${endOf(grain)}
FROM kept CROSS JOIN calendar
ORDER BY calendar.date, kept.place`
}

/** Which of the measures leave values out that are no numbers. */
function oddIndexes(needed: readonly EventMeasure[]): number[] {
  return needed.flatMap((measure, index) => (isOfNumbers(measure) ? [index] : []))
}

/** A measure where there may be no event. */
function valueSql(measure: EventMeasure, value: RawBuilder<unknown>): RawBuilder<unknown> {
  return isZeroOfNothing(measure) ? sql`coalesce(${value}, 0)` : value
}

/** The columns of the answer, made of the values of the measures. */
function columnsSql(params: TrendParams, values: readonly RawBuilder<unknown>[]): RawBuilder<unknown>[] {
  const needed = neededMeasures(params)
  return measuredColumnsOf(params).map(({ of }, index) => {
    const value = isFormula(of)
      ? formulaSql(of.tree, (name) => {
          const measure = measureNamed(params, name)!
          return numericSql(measure, values[needed.indexOf(measure)]!)
        })
      : sql`(${values[needed.indexOf(of)]!})::${typeOf(of)}`
    return sql`${value} AS ${sql.id(`column_${index}`)}`
  })
}

/** `date`, the keys, `m_0 …` and the odd values of all rows: the numbers of each window in which there are some. */
function measuredSql(params: TrendParams, context: QueryContext): RawBuilder<unknown> {
  const { grain, by } = params
  if (context.fromColumns !== undefined) return context.fromColumns.rows
  const plain = plainMeasure(params)
  if (plain === 'events' && (by.list.length <= 1 || context.source === 'events')) return countedEvents(params, context)
  if (plain === 'unique_users' && by.list.length === 0) {
    return sql`SELECT date, users AS m_0 FROM (${activeUsers(grain, context)}) AS active`
  }
  const needed = neededMeasures(params)
  const keys = keyIds(params)
  const groups = [sql`date`, ...keys]
  const odd = oddIndexes(needed).map((index) => sql`sum(${oddValuesSql(index)}) OVER ()::bigint AS ${oddId(index)}`)
  const aggregates = needed.map((measure, index) => sql`${aggregateSql(measure, index)} AS ${measureId(index)}`)
  // OFFSET 0 keeps a value from being read again for each of its uses.
  return sql`SELECT ${list([...groups, ...aggregates, ...odd])}
  FROM (
    ${eventColumns(params, needed, context)}
    OFFSET 0
  ) AS of_events
  GROUP BY ${list(groups)}`
}

/** The same in the column store, of events and users without conditions. */
export function measuredInColumns(
  params: TrendParams,
  context: QueryContext,
  dialect: ColumnDialect,
): ColumnStatement | undefined {
  const { grain, by } = params
  const plain = plainMeasure(params)
  if (plain === undefined) return undefined
  const keys = by.list.map((one, index) => ({ name: `key_${index}`, text: dialect.text(one.field) }))
  const read = [`${dialect.window(grain)} AS date`, ...keys.map(({ name, text }) => `${text} AS ${name}`)]
  const groups = ['date', ...keys.map(({ name }) => name)]
  return {
    sql: `SELECT date::DOUBLE, ${[...groups.slice(1), 'count(*)::DOUBLE'].join(', ')} FROM (
  SELECT ${plain === 'events' ? '' : 'DISTINCT user_id, '}${read.join(', ')}
  FROM events WHERE ${dialect.inRange(context.range!)}
) GROUP BY ${groups.join(', ')}`,
    columns: {
      date: grain === 'hour' ? 'instant' : 'day',
      ...Object.fromEntries(keys.map(({ name }) => [name, 'text' as const])),
      m_0: 'count',
    },
  }
}

/** The user, window, keys and measured values of each event of the range. */
function eventColumns(
  { grain, by }: TrendParams,
  needed: readonly EventMeasure[],
  context: QueryContext,
): RawBuilder<unknown> {
  const columns = [
    sql`user_id`,
    sql`${eventWindow(grain, context)} AS date`,
    ...by.list.map((one, index) => sql`${keySql(one)} AS ${sql.id(`key_${index}`)}`),
    ...needed.flatMap(measuredColumns),
  ]
  return sql`SELECT ${list(columns)}
    FROM ${context.t.events}
    WHERE ${eventsInRange(context)}`
}

/** `measured` with the `total` of each key, by which keys are ranked: the first column over the whole range. */
function totalsSql(params: TrendParams, context: QueryContext): RawBuilder<unknown> {
  const keys = keyIds(params)
  const [first] = measuredColumnsOf(params)
  const needed = neededMeasures(params)
  // What adds up need not be counted again. Users are ranked by the sum of their windows.
  if (!isFormula(first!.of) && (isAdditive(first!.of) || first!.of.kind === 'unique_users')) {
    return sql`SELECT *, sum(coalesce(m_0, 0)) OVER (PARTITION BY ${list(keys)}) AS total FROM measured`
  }
  const values = needed.map((measure, index) => valueSql(measure, measureId(index)))
  const total = columnsSql(params, values)[0]!
  const isSameKey = keys.map((key) => sql`measured.${key} IS NOT DISTINCT FROM whole.${key}`)
  return sql`SELECT measured.*, whole.column_0 AS total
  FROM measured JOIN (
    SELECT ${list([...keys, total])}
    FROM (
      SELECT ${list([...keys, ...needed.map((measure, index) => sql`${aggregateSql(measure, index)} AS ${measureId(index)}`)])}
      FROM (
        ${eventColumns(params, needed, context)}
        OFFSET 0
      ) AS of_range
      GROUP BY ${list(keys)}
    ) AS of_keys
  ) AS whole ON ${all(isSameKey)}`
}

/** `date, key_0, m_0`: the events of each window. */
function countedEvents({ grain, by }: TrendParams, context: QueryContext): RawBuilder<unknown> {
  const { t } = context
  const { from, to } = context.range!
  if (context.source === 'rollups') {
    const isByType = by.list.length > 0 || !context.segmentsHeld
    const onDays = [sql`day >= ${from}::date`, sql`day < ${to}::date`, ...(isByType ? inSegments(context) : [])]
    return sql`SELECT ${windowOf(sql`day`, grain, context)} AS date, ${by.list.length === 0 ? sql`NULL` : sql`event_type`} AS key_0, sum(events)::bigint AS m_0
  FROM ${isByType ? t.event_type_days : t.days}
  WHERE ${all(onDays)}
  GROUP BY 1, 2`
  }
  const keys = by.list.map((one, index) => sql`${keySql(one)} AS ${sql.id(`key_${index}`)}`)
  return sql`SELECT ${list([sql`${eventWindow(grain, context)} AS date`, ...keys, sql`count(*) AS m_0`])}
  FROM ${t.events}
  WHERE ${eventsInRange(context)}
  GROUP BY ${list([sql`1`, ...keys.map((_, index) => sql.lit(index + 2))])}`
}

/** When an hour ends; days say it by themselves. */
function endOf(grain: Grain): RawBuilder<unknown> {
  return grain === 'hour' ? sql`, extract(epoch FROM calendar.ends)::float8 AS ends` : sql``
}

/** A window for the result. An hour is the instant at which it begins, on the local clock with its offset: some come twice. */
function dateText(grain: Grain, context: QueryContext): RawBuilder<unknown> {
  if (grain !== 'hour') return sql`calendar.date`
  const local = sql`calendar.begins AT TIME ZONE ${context.tz}`
  const ahead = sql`(${local}) - (calendar.begins AT TIME ZONE 'UTC')`
  return sql`to_char(${local}, 'YYYY-MM-DD"T"HH24:MI:SS') || CASE WHEN ${ahead} < interval '0' THEN '-' ELSE '+' END
    || to_char(greatest(${ahead}, -(${ahead})), 'HH24:MI')`
}
