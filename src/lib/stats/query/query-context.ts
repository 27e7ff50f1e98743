/**
 * The frame of a question: what its parameters mean for the data as one transaction sees it. Range, time zone, what
 * counts as now, which events count, and whether rollups can answer. Stats read it and never guess; `read-context.ts` makes it.
 */
import { type RawBuilder, sql } from 'kysely'
import type { ColumnsRead } from '../../columns/column-events.js'
import type { Day, Grain, Weekday } from '../../core/time.js'
import type { TableNames } from '../../db/tables.js'
import type { OnDemandRollup } from '../../rollups/sql/on-demand.js'
import type { Condition } from '../filter/filter.js'

/** Where as-of cuts the days of the rollups. */
export interface Cut {
  /** The time zone of the rollups. */
  readonly tz: string
  /** All events on earlier days lie before as-of. */
  readonly wholeBefore: Day
  /**
   * How the days around as-of lie. `between`: it is the border of two days. `inside`: a part of the day `wholeBefore` lies
   * before it. `mixed`: clocks were changed around midnight, so that a later day has events before it and an earlier one
   * has some after it.
   */
  readonly day: 'between' | 'inside' | 'mixed'
}

/** The days that a question asks for, as given, and what it means when they are not given. */
export interface RangeRequest {
  /** As `day-text.ts` reads it. */
  readonly first: string | undefined
  readonly last: string | undefined
  /** The windows to which the range grows. */
  readonly grain: Grain
  /** The names of the two parameters, for messages: `from` and `to` unless the stat has others. */
  readonly names?: readonly [first: string, last: string]
  /** The first day when none is given; `defaultDaysBack` days before the last one unless the stat has its own rule. */
  readonly firstBefore?: (last: Day, weekStart: Weekday) => Day
  /** The rule of `firstBefore` for people. */
  readonly firstBeforeText?: string
  /** Whether events at or after as-of count too. */
  readonly countsLater?: boolean
}

/** What the column store gave for a question. */
export interface ColumnAnswer {
  /** A query that gives the rows. */
  readonly rows: RawBuilder<unknown>
  readonly read: ColumnsRead
  /** How many events of the range have a value that is not a number, for each comparison. */
  readonly notNumbers: readonly number[]
}

/** What a question is answered from. */
export const answerSources = ['rollups', 'columns', 'events'] as const
export type AnswerSource = (typeof answerSources)[number]

export interface QueryContext {
  /** When rollups answer and an optional one holds the segments, `user_days` and `days` are those of the segments. */
  readonly t: TableNames
  /** `[from, to)`, whole windows of the grain; undefined when there is no data and no range was asked for. */
  readonly range: { readonly from: Day; readonly to: Day } | undefined
  /** What the range is when neither end was given, for people; null when one was. */
  readonly defaultRange: string | null
  readonly tz: string
  readonly weekStart: Weekday
  /** ISO, in UTC. */
  readonly asOf: string
  /**
   * The same instant on the clocks of `tz`: `2025-08-31T12:00:00.000000`, to compare with days. The start of a day is its
   * midnight, also when the clocks jump over it.
   */
  readonly asOfLocal: string
  /** The day of the oldest event that counts. */
  readonly dataFrom: Day | null
  /** The day of the newest event that counts. */
  readonly dataUntil: Day | null
  readonly source: AnswerSource
  /** When the column store answers: the rows of the part of the statement that reads events, and what was read for them. */
  readonly fromColumns?: ColumnAnswer
  /** Batches whose events do not count yet. */
  readonly openBatches: readonly number[]
  /** What as-of hides: events at or after it do not count. Undefined when there are none. */
  readonly cut: Cut | undefined
  /** The conditions of all segments: all of them hold for an event that counts. */
  readonly segments: readonly Condition[]
  /** The rollups that are kept because somebody asked for them. */
  readonly onDemandRollups: readonly OnDemandRollup[]
  /** Whether rollups have `user_days` and `days` for these segments: there are none, or an optional rollup holds them. */
  readonly segmentsHeld: boolean
}

/** A frame of which is not known yet who answers. */
export type OpenQueryContext = Omit<QueryContext, 'source' | 'fromColumns'>

/** Conditions that leave out events of batches that are not completed: none when there are no such batches. */
export function ofCompletedBatches(openBatches: readonly number[]): RawBuilder<unknown>[] {
  return openBatches.length === 0 ? [] : [sql`batch_id <> ALL(${openBatches}::bigint[])`]
}

/** Conditions that leave out events that do not count, of batches that are not completed and at or after as-of: none when there are no such events. */
export function visibleOnly({
  openBatches,
  cut,
  asOf,
}: Pick<OpenQueryContext, 'openBatches' | 'cut' | 'asOf'>): RawBuilder<unknown>[] {
  return [...ofCompletedBatches(openBatches), ...(cut === undefined ? [] : [sql`occurred_at < ${asOf}::timestamptz`])]
}
