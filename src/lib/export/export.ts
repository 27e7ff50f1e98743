/**
 * Events out, as CSV or NDJSON: the way from one database to another, and to other programs. One snapshot, streamed by
 * COPY; what it writes can be imported again, event by event the same.
 *
 *   parameters ─ snapshot ─ filter ─ COPY ─ CSV or NDJSON, piece by piece
 */
import { type RawBuilder, sql } from 'kysely'
import type * as z from 'zod'
import { EaError } from '../core/errors.js'
import { withCancel } from '../db/cancel.js'
import { type Database, type Transaction, withTransaction } from '../db/connect.js'
import { copyOut, type TakeBytes } from '../db/copy-out.js'
import { all, inSegments, onDays } from '../stats/query/events.js'
import { parseParams } from '../stats/query/params.js'
import { type QueryContext, type RangeRequest, visibleOnly } from '../stats/query/query-context.js'
import { readQueryContext } from '../stats/query/read-context.js'
import { asTimeout, limitTime, type RunStatOptions } from '../stats/query/run-stat.js'
import { warningsOf } from '../stats/query/warnings.js'
import { eventText } from './event-text.js'
import { type ExportParams, exportParams } from './params.js'

export interface ExportResult {
  /** How many events were written. */
  readonly events: number
  readonly warnings: readonly string[]
}

/**
 * Writes events, all of them unless the parameters say otherwise; those of imports that are under way are left out.
 *
 * @param given `from`, `to` (days, both included), `segment`, `tz`, `format`, `sort`
 * @param take gets the bytes, the next ones when it is done with these; what it throws ends the export
 * @throws EaError `usage` for parameters that are not of their form; what `take` throws; the reason of `options.signal`
 * @example
 * const file = await open('events.ndjson', 'w')
 * const { events } = await exportEvents(db, { format: 'ndjson' }, (bytes) => file.writeFile(bytes))
 */
export async function exportEvents(
  db: Database,
  given: z.input<typeof exportParams>,
  take: TakeBytes,
  options: RunStatOptions = {},
): Promise<ExportResult> {
  const params = parseParams(exportParams, given, options.spell)
  requireUseOfZone(params, options)
  const exported = withTransaction(
    db,
    async (tx) => {
      await limitTime(tx, options)
      const { context, warnings } = await withCancel(tx.client, options.signal, () => prepare(tx, params, options))
      const { copyOptions } = eventText[params.format]
      const events = await copyOut(tx, eventsSql(params, context), copyOptions, take, options.signal)
      return { events, warnings }
    },
    { isolation: 'repeatable read', readOnly: true },
  )
  return asTimeout(exported, options)
}

function requireUseOfZone({ tz, from, to }: ExportParams, { spell = (name) => name }: RunStatOptions): void {
  if (tz === undefined || from !== undefined || to !== undefined) return
  throw new EaError(
    'usage',
    `${spell('tz')} is the time zone of ${spell('from')} and ${spell('to')}, and neither is given; times are written in UTC.`,
    { suggestions: [`Leave out ${spell('tz')}, or give a range.`] },
  )
}

async function prepare(tx: Transaction, params: ExportParams, { spell }: RunStatOptions) {
  // Room to sort; compiling costs more than it saves.
  await sql`SELECT set_config('work_mem', '128MB', true), set_config('jit', 'off', true)`.execute(tx.q)
  const asked = { segment: params.segment, tz: params.tz, weekStart: 'monday', asOf: undefined } as const
  const range: RangeRequest = {
    first: params.from,
    last: params.to,
    grain: 'day' as const,
    firstBefore: () => '1970-01-01',
    countsLater: true,
  }
  const context: QueryContext = { ...(await readQueryContext(tx, asked, range, spell)).context, source: 'events' }
  return { context, warnings: await warningsOf(tx, context, []) }
}

/** The statement; an end of the range that was not given restricts nothing. */
function eventsSql({ from, to, format, sort }: ExportParams, context: QueryContext): RawBuilder<unknown> {
  const days = {
    ...(from === undefined ? {} : { from: context.range!.from }),
    ...(to === undefined ? {} : { to: context.range!.to }),
  }
  return sql`
SELECT ${eventText[format].columns}
FROM ${context.t.events} AS events
WHERE ${all([...onDays(context, days), ...visibleOnly(context), ...inSegments(context)])}
${sort ? sql`ORDER BY events.occurred_at, event_id` : sql``}`
}
