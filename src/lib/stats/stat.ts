/**
 * What a stat is: one object that feeds the command, the HTTP route and the checks. Making SQL and shaping rows are
 * pure; `ask` is the one place that runs them.
 */
import type { RawBuilder } from 'kysely'
import type * as z from 'zod'
import type { Column, Row } from '../result.js'
import type { Grain } from '../time.js'
import type { Frame } from './frame.js'

/** A row as the database gives it. */
export type SqlRow = Record<string, unknown>

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
  /** The windows to which the range snaps. */
  grain(params: z.output<S>): Grain
  /** Whether these parameters ask for what no rollup holds. */
  readsEvents(params: z.output<S>): boolean
  columns(params: z.output<S>): readonly Column[]
  /** What is counted, in one sentence. */
  definition(params: z.output<S>): string
  sql(params: z.output<S>, frame: Frame): RawBuilder<SqlRow>
  shape(rows: readonly SqlRow[], params: z.output<S>, frame: Frame): Row[]
}
