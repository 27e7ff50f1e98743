/** What an export can be asked for: the range and the segments of a stat, and how an event is written. */
import * as z from 'zod'
import { eventFormats } from '../core/event.js'
import { commonParams } from '../stats/query/params.js'

export const exportParams = z.strictObject({
  from: commonParams.from.describe(
    'First day, included: 2025-08-31, 2025-08, yesterday, -7d, -12w (default: from the first event on).',
  ),
  to: commonParams.to.describe('Last day, included (default: to the last event).'),
  segment: commonParams.segment.describe(
    'Write only events for which this holds: event_type:purchase, properties.country:UA,PL; repeatable, all hold.',
  ),
  tz: commonParams.tz.describe(
    'Time zone of the days of --from and --to (default: that of the rollups). Times are written in UTC always.',
  ),
  format: z.enum(eventFormats).default('csv').describe('How an event is written.'),
  sort: z
    .boolean()
    .default(false)
    .describe('By time, then event_id: the same events give the same bytes. The server sorts them all first.'),
})
export type ExportParams = z.output<typeof exportParams>
