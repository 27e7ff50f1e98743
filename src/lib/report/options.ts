/** What a report takes: the range and the segments of all its questions, and the steps of its funnel. */
import * as z from 'zod'
import { funnelParams } from '../stats/funnel/params.js'
import { commonParams } from '../stats/query/params.js'

const { window } = funnelParams.shape

export const reportParams = z.strictObject({
  ...commonParams,
  from: commonParams.from.describe(
    'First day, included: 2025-08-31, 2025-08, yesterday, -7d, -12w (default: 30 days before the last one).',
  ),
  to: commonParams.to.describe('Last day, included (default: the newest day that is complete).'),
  title: z.string().min(1).max(200).default('Event report').describe('Title of the report.'),
  // What the steps and the window may be is the funnel's concern, and it says so.
  step: z
    .array(z.string())
    .optional()
    .describe('With steps the report has a funnel: purchase, purchase[properties.value>10]; repeat it for each step.'),
  window: z
    .string()
    .optional()
    .describe(window.description ?? ''),
})

/** As given. */
export type GivenReport = z.input<typeof reportParams>
/** As trusted. */
export type ReportParams = z.output<typeof reportParams>
