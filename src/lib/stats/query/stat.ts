/**
 * What a stat is: one object that feeds the command, the HTTP route and the checks. Making SQL and shaping rows are
 * pure; `ask` is the one place that runs them.
 */
import type { RawBuilder } from 'kysely'
import type * as z from 'zod'
import type { Column, Row } from '../../core/result.js'
import type { Field, Selector } from '../filter/filter.js'
import type { SizeFactor } from './answer-size.js'
import type { Frame, RangeRequest } from './query-context.js'

/** A row as the database gives it. */
export type SqlRow = Record<string, unknown>

/** The rows of an answer, and what only this stat can say about them. */
export interface Shaped {
  readonly data: Row[]
  /** A last row for tables; what it says is also in `meta`. */
  readonly footer?: Row
  readonly meta?: Readonly<Record<string, unknown>>
  readonly warnings?: readonly string[]
}

export interface Stat<S extends z.ZodObject = z.ZodObject> {
  /** The command, the file, the test and the route: `top-events`. */
  readonly name: string
  /** One line for lists and help. */
  readonly summary: string
  /** What a reader of the help wants to know beside it. */
  readonly description: string
  /** A whole command line, for help. */
  readonly example: string
  /** Strict; its fields come with defaults and descriptions. */
  readonly params: S
  /** The days that are asked for, and the windows to which they snap. */
  range(params: z.output<S>): RangeRequest
  /** Whether the rollups hold what these parameters ask for; the time zone is not its concern. */
  rollupsAnswer(params: z.output<S>, frame: Frame): boolean
  /** Settings of PostgreSQL for a statement that reads rollups, where its planner chooses the slower way without. */
  readonly rollupSettings?: Readonly<Record<string, string>>
  /** What selects events in the parameters beside segments: steps, start and return events; their names are checked. */
  selectors?(params: z.output<S>): readonly Selector[]
  /** What is read of events in the parameters beside segments and selectors; properties that none has are named. */
  fields?(params: z.output<S>): readonly Field[]
  columns(params: z.output<S>): readonly Column[]
  /** What is counted, in one sentence. */
  definition(params: z.output<S>): string
  /**
   * Whether the answer can change from one second to the next although the data stays: absent where it changes only when
   * a day or an hour begins somewhere, which is at quarters of an hour in UTC.
   */
  dependsOnSecond?(params: z.output<S>, now: Date): boolean
  /** What the number of its numbers is a product of, where that can be large. */
  size?(params: z.output<S>, frame: Frame): readonly SizeFactor[]
  sql(params: z.output<S>, frame: Frame): RawBuilder<SqlRow>
  shape(rows: readonly SqlRow[], params: z.output<S>, frame: Frame): Shaped | Promise<Shaped>
  /** The users behind a number of the answer. */
  readonly users?: Users<S>
}

interface Users<S extends z.ZodObject = z.ZodObject> {
  /** How a cell is written, for help: `COHORT:WINDOW, as in 2025-10-06:1`. */
  readonly cell: string
  /** Whether the rollups hold these users too, where that is not so for all that they answer. */
  rollupsAnswer?(params: z.output<S>, frame: Frame): boolean
  /**
   * `user_id` of each user of the cell, in any order.
   *
   * @throws EaError `usage` for a text that names no cell of the answer
   */
  sql(cell: string, params: z.output<S>, frame: Frame): RawBuilder<{ user_id: string }>
}
