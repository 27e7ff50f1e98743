/** What `meta` says in every answer: what was resolved, and the parameters as they were understood. */
import * as z from 'zod'
import type { ColumnsRead } from '../../columns/column-events.js'
import { addDays, weekdays } from '../../core/time.js'
import { completeUntil, isRangeComplete } from './completeness.js'
import { plainParams } from './params.js'
import { answerSources, type QueryContext } from './query-context.js'

const day = () => z.iso.date().nullable()

/** What is resolved; it wins over a parameter of the same name. */
export const resolvedMeta = z.object({
  from: day().describe('The first day, included; null when there is no data.'),
  to: day().describe('The last day, included.'),
  default_range: z.string().nullable().describe('What the range is when none was given.'),
  tz: z.string().describe('The time zone of the days.'),
  week_start: z.enum(weekdays),
  as_of: z.iso.datetime({ offset: true }).describe('What counted as now: events at or after it do not count.'),
  segment: z.array(z.string()),
  definition: z.string().describe('What was counted.'),
  data_from: day().describe('The day of the oldest event that counts.'),
  data_until: day().describe('The day of the newest event that counts.'),
  complete_until: day().describe('The first day that is not known whole.'),
  range_complete: z.boolean().describe('Whether all days of the range are over, and the data covers them.'),
  hides_later_events: z.boolean().describe('Whether there are events at or after `as_of`.'),
  source: z.enum(answerSources).describe('What was read.'),
  column_files: z.int().optional().describe('How many files of the column store were read, when it answered.'),
  tail_events: z.int().optional().describe('How many events beside them PostgreSQL gave.'),
})
type ResolvedMeta = z.output<typeof resolvedMeta>

/** `weekStart` → `week_start` */
export type Snake<S extends string> = S extends `${infer Head}${infer Rest}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${Snake<Rest>}`
  : S

/** What has a grammar of its own as it was written. */
type AsWritten<V> = V extends readonly (infer E)[] ? AsWritten<E>[] : V extends { readonly text: infer T } ? T : V

/** `meta` of a stat with the parameters `P`. */
export type StatMeta<P> = ResolvedMeta & { readonly warnings: string[] } & Omit<
    { readonly [K in keyof P as Snake<K & string>]: AsWritten<P[K]> },
    keyof ResolvedMeta
  >

const columnsMeta = ({ files, tailEvents }: ColumnsRead) => ({ column_files: files, tail_events: tailEvents })

/** `meta` without warnings, in the order in which it is shown. */
export function metaOf(context: QueryContext, definition: string, params: Readonly<Record<string, unknown>>) {
  const { segment, ...own } = plainParams(params)
  const resolved: ResolvedMeta = {
    from: context.range?.from ?? null,
    to: context.range === undefined ? null : addDays(context.range.to, -1),
    default_range: context.defaultRange,
    tz: context.tz,
    week_start: context.weekStart,
    as_of: context.asOf,
    segment: segment as string[],
    definition,
    data_from: context.dataFrom,
    data_until: context.dataUntil,
    complete_until: completeUntil(context),
    range_complete: isRangeComplete(context),
    hides_later_events: context.cut !== undefined,
    source: context.source,
    ...(context.fromColumns === undefined ? {} : columnsMeta(context.fromColumns.read)),
  }
  return { ...resolved, ...own, ...resolved }
}
