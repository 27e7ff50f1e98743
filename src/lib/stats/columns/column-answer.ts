/**
 * The expensive part of a statement, answered by the column store. A stat says in DuckDB's SQL what would be read of
 * `events`; the few rows that come of it take the place of that part in PostgreSQL's statement, which does the rest: one
 * calendar, one order, one shape for both.
 */
import type { DuckDBDataChunk } from '@duckdb/node-api'
import { type RawBuilder, sql } from 'kysely'
import { askColumns, columnStore, NotInColumns } from '../../columns/column-events.js'
import { addDays, isSameTimeZone } from '../../core/time.js'
import type { Transaction } from '../../db/connect.js'
import { zoneOffsets } from '../../db/zone-offsets.js'
import type { Condition } from '../filter/filter.js'
import type { ColumnAnswer, OpenQueryContext } from '../query/query-context.js'
import { ColumnDialect, conjunction } from './dialect.js'

/** How a column of DuckDB's answer reads in PostgreSQL: `day` counts from 1970, `instant` in seconds. */
type AnswerKind = 'day' | 'instant' | 'text' | 'integer' | 'count' | 'double' | 'numeric'

/** A statement over `events`, whose columns are those of `relation` in `columns/column-events.ts`. */
export interface ColumnStatement {
  readonly sql: string
  /** What it gives, in order; whole numbers as doubles. */
  readonly columns: Readonly<Record<string, AnswerKind>>
  /** Makes the rows of what the statement gives, where that is not the rows themselves. */
  fold?(chunks: AsyncIterable<DuckDBDataChunk>): Promise<unknown[][]>
}

/** With more rows than this the way through JSON takes longer than it saves. */
const maxRows = 200_000

/**
 * Asks the column store.
 *
 * @param comparisons the conditions of the question that compare numbers
 * @throws NotInColumns when it cannot answer; what `askColumns` throws
 */
export async function columnAnswer(
  tx: Transaction,
  context: OpenQueryContext,
  statementOf: (dialect: ColumnDialect) => ColumnStatement,
  comparisons: readonly Condition[],
  bounds: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
): Promise<ColumnAnswer> {
  const { tz, dataFrom, dataUntil } = context
  const store = await columnStore(tx)
  if (dataFrom === null || dataUntil === null) throw new NotInColumns('there are no events')
  const [earliest, latest] = [-3, 3].map((days, index) => new Date(addDays([dataFrom, dataUntil][index]!, days)))
  const offsets = isSameTimeZone(tz, 'UTC') ? [] : await zoneOffsets(tx, tz, latest!, earliest)
  const dialect = new ColumnDialect(context, offsets)
  const { sql: statement, columns, fold } = statementOf(dialect)
  const counts = comparisons.map((condition) => `count(*) FILTER (WHERE ${dialect.notNumber(condition)})::DOUBLE`)
  const inRange = conjunction([...dialect.onDays(context.range!), ...dialect.visible()])
  const { answer, read } = await askColumns(tx, store, dialect.needs, bounds, async (duck, events) => {
    await duck.run(`CREATE TEMP VIEW events AS SELECT * FROM ${events}`)
    const rows =
      fold === undefined
        ? (await duck.runAndReadAll(`${statement}\nLIMIT ${maxRows + 1}`)).getRows()
        : await fold(await duck.stream(statement))
    if (rows.length > maxRows) throw new NotInColumns('the answer has too many rows')
    const notNumbers =
      counts.length === 0
        ? []
        : (await duck.runAndReadAll(`SELECT ${counts.join(', ')} FROM events WHERE ${inRange}`)).getRows()[0]!
    return { rows, notNumbers: notNumbers as number[] }
  })
  return { rows: relationOf(answer.rows as unknown[][], columns), read, notNumbers: answer.notNumbers }
}

/** Rows as a query of PostgreSQL. */
function relationOf(rows: readonly unknown[][], columns: ColumnStatement['columns']): RawBuilder<unknown> {
  const names = Object.keys(columns)
  const named = rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])))
  const read = names.map((name) => {
    const column = sql.ref(name)
    const kind = columns[name]
    if (kind === 'day') return sql`DATE '1970-01-01' + ${column} AS ${column}`
    return kind === 'instant' ? sql`to_timestamp(${column}) AS ${column}` : column
  })
  const types = {
    day: sql`int`,
    instant: sql`float8`,
    text: sql`text`,
    integer: sql`int`,
    count: sql`bigint`,
    double: sql`float8`,
    numeric: sql`numeric`,
  }
  const described = names.map((name) => sql`${sql.ref(name)} ${types[columns[name]!]}`)
  return sql`SELECT ${sql.join(read)} FROM jsonb_to_recordset(${JSON.stringify(named)}::jsonb) AS answered(${sql.join(described)})`
}
