/** Retention in the column store: how many users each cell has, in windows of the calendar that are made of days. */
import { daysBetween } from '../../core/time.js'
import type { ColumnStatement } from '../columns/column-answer.js'
import { type ColumnDialect, conjunction, needsIds } from '../columns/dialect.js'
import type { QueryContext } from '../query/query-context.js'
import type { RetentionParams } from './params.js'
import { countCohorts } from './windows.js'

/** `cohort, number, users` as `counted` makes them of `members` (`cohorts-sql.ts`); undefined for hours and rolling windows. */
export function cellsInColumns(
  params: RetentionParams,
  context: QueryContext,
  dialect: ColumnDialect,
): ColumnStatement | undefined {
  const { cohort, mode, clock, windows, windowType, minReturnEvents, startEvent, returnEvent } = params
  if (windowType === 'hour' || clock === 'rolling') return undefined
  const ofType = startEvent === undefined ? [] : [dialect.ofType(startEvent.eventType)]
  const rest = [...(startEvent?.conditions ?? []), ...context.segments].map((condition) => dialect.condition(condition))
  const isEntering = cohort === 'first-ever' && rest.length > 0 ? conjunction(rest) : undefined
  const starting = cohort === 'first-ever' ? ofType : [...ofType, ...rest]
  const returning = [...(returnEvent === undefined ? [] : [dialect.selector(returnEvent)]), ...dialect.segments()]
  const [isStart, isReturn] = [conjunction(starting), conjunction(returning)]
  const cohorts = countCohorts(params, context)
  const isWanted = starting.length === 0 || returning.length === 0 ? [] : [`(${isStart}) OR (${isReturn})`]
  const isCounted = [
    ...(cohort === 'active' ? ['number >= 0'] : []),
    ...(mode === 'on' ? [`number < ${cohorts + windows}`] : []),
  ]
  const enters =
    isEntering === undefined
      ? ''
      : `,
    min(t) FILTER (WHERE is_start) = min(t) FILTER (WHERE is_start AND is_entering) AS enters,
    min(t) FILTER (WHERE is_start AND is_entering) = min(t) FILTER (WHERE is_start AND NOT is_entering) AS is_tied`
  const starts = 'min(number) FILTER (WHERE starts)'
  const hasEntered =
    isEntering === undefined
      ? ''
      : `
  HAVING ${starts} = min(number) FILTER (WHERE CASE WHEN enters AND is_tied AND number >= 0 THEN ${needsIds} ELSE enters END)`
  const returns = mode === 'on' || minReturnEvents === 1 ? 'returns' : 'returns_from'
  const returned = `number) FILTER (WHERE ${returns} >= ${minReturnEvents})`
  const returnsFrom =
    returns === 'returns' ? '' : ', sum(returns) OVER (PARTITION BY user_id ORDER BY number DESC) AS returns_from'
  const entered =
    cohort === 'active'
      ? `SELECT unnest(list(number) FILTER (WHERE starts AND number < ${cohorts})) AS cohort`
      : `SELECT ${starts} AS cohort`
  const cells =
    mode === 'on'
      ? `SELECT cohort, 0 AS number FROM entered UNION ALL
  SELECT cohort, number - cohort FROM (SELECT cohort, unnest(returned) AS number FROM entered)
  WHERE number > cohort AND number <= cohort + ${windows}`
      : `SELECT cohort, greatest(least(coalesce(returned, cohort) - cohort, ${windows}), 0) AS number FROM entered`
  return {
    sql: `WITH numbered AS (
  SELECT user_id, t, greatest(${windowNumber(params, context, dialect)}, -1) AS number, ${isStart} AS is_start,
    ${isReturn} AS is_return${isEntering === undefined ? '' : `, ${isEntering} AS is_entering`}
  FROM events WHERE ${conjunction([...dialect.visible(), ...isWanted])}
), user_windows AS (
  SELECT user_id, number, bool_or(is_start) AS starts, count(*) FILTER (WHERE is_return) AS returns${enters}
  FROM numbered WHERE ${conjunction(isCounted)} GROUP BY user_id, number
), user_returns AS (
  SELECT *${returnsFrom} FROM user_windows
), entered AS MATERIALIZED (
  SELECT * FROM (
  ${entered}, ${mode === 'on' ? 'list' : 'max'}(${returned} AS returned
  FROM user_returns GROUP BY user_id${hasEntered}
  ) WHERE cohort >= 0 AND cohort < ${cohorts}
)
SELECT cohort::DOUBLE, number::DOUBLE, count(*)::DOUBLE FROM (
  ${cells}
) GROUP BY cohort, number`,
    columns: { cohort: 'integer', number: 'integer', users: 'count' },
  }
}

/** The number of the window of an event, negative before the first one. */
function windowNumber({ windowType }: RetentionParams, context: QueryContext, dialect: ColumnDialect): string {
  const { from } = context.range!
  const first = daysBetween('1970-01-01', from)
  if (windowType === 'day') return `(${dialect.day} - ${first})`
  if (windowType === 'month') return `datediff('month', DATE '${from}', DATE '1970-01-01' + (${dialect.day})::INT)`
  // Division rounds towards 0.
  const weeksBefore = 100_000
  return `((${dialect.day} - ${first - 7 * weeksBefore}) // 7 - ${weeksBefore})`
}
