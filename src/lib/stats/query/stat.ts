/**
 * A stat is one object that describes a question completely. The command, the HTTP route and its OpenAPI, tables, charts,
 * the page, reports and checks are derived from it. Building the SQL and shaping the rows are pure functions; only `runStat`
 * runs them.
 */
import type { RawBuilder } from 'kysely'
import type * as z from 'zod'
import type { Chart, Column, Result, Row } from '../../core/result.js'
import { type ColumnChoice, columnsOf, type RowSchema } from '../../core/row-schema.js'
import type { Day, DayGrain, Weekday } from '../../core/time.js'
import type { ColumnStatement } from '../columns/column-answer.js'
import type { ColumnDialect } from '../columns/dialect.js'
import type { Field, Selector } from '../filter/filter.js'
import type { SizeFactor } from './answer-size.js'
import type { StatMeta } from './meta.js'
import type { QueryContext, RangeRequest } from './query-context.js'

/** A row as the database gives it. */
export type SqlRow = Record<string, unknown>

/** The rows of an answer, and what only this stat can say about them. */
export interface StatRows<R = Row, M = Readonly<Record<string, unknown>>> {
  readonly data: R[]
  /** A last row for tables; what it says is also in `meta`. */
  readonly footer?: Row
  readonly meta?: M
  readonly warnings?: readonly string[]
}

/**
 * @typeParam S the parameters
 * @typeParam R a row
 * @typeParam M what only this stat says in `meta`
 */
export interface Stat<
  S extends z.ZodObject = z.ZodObject,
  R extends RowSchema = RowSchema,
  M extends z.ZodObject = z.ZodObject,
> {
  /** The command, the file, the test and the route: `top-events`. */
  readonly name: string
  /** One line for lists and help. */
  readonly summary: string
  /** The longer text of the help. */
  readonly description: string
  readonly example: Example<R>
  /** Strict; its fields come with defaults and descriptions. */
  readonly params: S
  /** The cells of a row (`row-schema.ts`), in the order of the columns. */
  readonly row: R
  /** The two forms of a row, where some parameters make another one of it. */
  readonly rowForms?: readonly [z.ZodObject, z.ZodObject]
  /** Which columns the answer has with these parameters, and of what kind. Default: all of `row`. */
  columns?(params: z.output<S>): ColumnChoice
  /** What the answer's `meta` has besides `StatMeta`; absent when there is no data. */
  readonly meta?: M
  /** How the rows are drawn. */
  readonly chart?: Omit<Chart, 'title'> & { title(params: z.output<S>): string }
  /** Its section in a report. Default: none. */
  readonly report?: {
    readonly title: string
    /** What is asked for the days of the report; undefined when it does not fit them. */
    params(about: ReportDays): z.input<S> | undefined
  }
  /** The days that are asked for, and the windows to which they snap. */
  range(params: z.output<S>): RangeRequest
  /** How many days before the range an answer counts users; none when absent. */
  lookbackDays?(params: z.output<S>): number
  /** Whether the rollups hold what these parameters ask for; the time zone is not its concern. */
  canUseRollups(params: z.output<S>, context: QueryContext): boolean
  /** Settings of PostgreSQL for a statement that reads rollups, where its planner chooses the slower way without. */
  readonly rollupSettings?: Readonly<Record<string, string>>
  /** What selects events in the parameters beside segments: steps, start and return events; their names are checked. */
  selectors?(params: z.output<S>): readonly Selector[]
  /** What is read of events in the parameters beside segments and selectors; properties that none has are named. */
  fields?(params: z.output<S>): readonly Field[]
  /** What is counted, in one sentence. */
  definition(params: z.output<S>): string
  /**
   * Whether the answer can change from one second to the next although the data stays: absent where it changes only when
   * a day or an hour begins somewhere, which is at quarters of an hour in UTC.
   */
  isTimeSensitive?(params: z.output<S>, now: Date): boolean
  /** What the number of its numbers is a product of, where that can be large. */
  size?(params: z.output<S>, context: QueryContext): readonly SizeFactor[]
  sql(params: z.output<S>, context: QueryContext): RawBuilder<SqlRow>
  /**
   * What the column store is asked in place of the part of `sql` that reads events; `context.fromColumns` has its rows.
   *
   * @returns undefined for parameters that only PostgreSQL can answer
   */
  inColumns?(params: z.output<S>, context: QueryContext, dialect: ColumnDialect): ColumnStatement | undefined
  shape(
    rows: readonly SqlRow[],
    params: z.output<S>,
    context: QueryContext,
  ): StatRows<z.output<R>, z.output<M>> | Promise<StatRows<z.output<R>, z.output<M>>>
  /** The users behind a number of the answer. */
  readonly drillDown?: DrillDown<S>
}

/** A question on `examples/events.csv` and what is answered: help shows the command, OpenAPI both; a test asks again. */
export interface Example<R extends RowSchema = RowSchema> {
  /** A whole command line, for help. */
  readonly command: string
  /** The parameters of the question that is answered here, in snake case. */
  readonly params: Readonly<Record<string, string | readonly string[]>>
  readonly data: readonly z.output<R>[]
  /** What the parameters do not say themselves. */
  readonly meta: { readonly [name: string]: unknown; readonly definition: string }
}

/** What a report is about, for the parameters of its sections. */
export interface ReportDays {
  /** `from` and `to`, both included; nothing without data. */
  readonly days: { readonly from: Day; readonly to: Day } | Record<never, never>
  /** The newest day of the data. */
  readonly dataUntil: Day | null
  readonly weekStart: Weekday
  /** With windows of this length there are not more of them than a person can see. */
  readonly grain: DayGrain
  /** The steps of a funnel, where there are some, and its window. */
  readonly step?: string[] | undefined
  readonly window?: string | undefined
}

interface DrillDown<S extends z.ZodObject> {
  /** How the key of a number is written, for help: `COHORT:WINDOW, as in 2025-10-06:1`. */
  readonly key: string
  /** Whether the rollups hold these users too, where that is not so for all that they answer. */
  canUseRollups?(params: z.output<S>, context: QueryContext): boolean
  /**
   * `user_id` of each user of the number, in any order.
   *
   * @throws EaError `usage` for a text that is not the key of a number of the answer
   */
  sql(key: string, params: z.output<S>, context: QueryContext): RawBuilder<{ user_id: string }>
}

type Empty = z.ZodObject<Record<never, z.ZodType>>

/**
 * A stat, with the types of its parameters, rows and meta found in what it says.
 *
 * @example
 * export const dauStat = defineStat({ name: 'dau', params, row: z.object({ date: date(), … }), … })
 */
export function defineStat<S extends z.ZodObject, R extends RowSchema, M extends z.ZodObject = Empty>(
  stat: Stat<S, R, M>,
): Stat<S, R, M> {
  return stat
}

/** The columns of an answer to these parameters. */
export function columnsFor<S extends z.ZodObject>(
  stat: Pick<Stat<S>, 'row' | 'columns'>,
  params: z.output<S>,
): Column[] {
  return columnsOf(stat.row, stat.columns?.(params))
}

/** The answer of a stat. Without data nothing is there of what only this stat says in `meta`. */
export type Answer<T> =
  T extends Stat<infer S, infer R, infer M> ? Result<z.output<R>, StatMeta<z.output<S>> & OwnMeta<z.output<M>>> : never

/** A schema without keys says that any key is there. */
type OwnMeta<M> = string extends keyof M ? unknown : Partial<M>
