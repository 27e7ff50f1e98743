/**
 * The parameters of a retention, and what its other files need to know about them. A cohort is named by a day, for
 * windows of an hour also by an hour of the local clock.
 */
import * as z from 'zod'
import { givenDayFault, isGivenDay } from '../../core/day-text.js'
import { grains } from '../../core/time.js'
import { parseSelector } from '../filter/filter-parser.js'
import { contextParams, parsedText } from '../query/params.js'

/** How many windows before that of `to` the first cohort is, when none is given. */
export const defaultWindowsBack = 8

/** A day and a time of the local clock: `2020-06-10T06:00`. */
export interface HourText {
  readonly day: string
  /** `06:00`, of the whole hour. */
  readonly hour: string
}

/** The day and the hour of a text, or undefined when it names no time. */
export function hourOf(text: string): HourText | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d$/.exec(text)
  return parts === null || !isGivenDay(parts[1]!) ? undefined : { day: parts[1]!, hour: `${parts[2]}:00` }
}

const cohortFault = ({ input }: { input?: unknown }) =>
  givenDayFault(input, ', for hours also an hour of the local clock (2025-08-31T06:00)')
const cohortTime = z
  .string({ error: cohortFault })
  .refine((text) => isGivenDay(text) || hourOf(text) !== undefined, { error: cohortFault })

const cohortKinds = ['first-ever', 'first-matching', 'active'] as const
const modes = ['on', 'on-or-after'] as const
const clocks = ['calendar', 'rolling'] as const

export const retentionParams = z
  .strictObject({
    startDate: cohortTime
      .optional()
      .describe(
        `First cohort: a day of it; for hours also 2025-08-31T06:00 (default: ${defaultWindowsBack} windows before that of --to, for hours the day of --to).`,
      )
      .meta({ aliases: ['from'] }),
    to: cohortTime
      .optional()
      .describe('Last cohort: a day of it, for hours also 2025-08-31T06:00 (default: the newest day of the data).'),
    windows: z
      .int()
      .min(1)
      .max(1000)
      .default(3)
      .describe('How many windows after that of the cohort to look at; they run on past --to.'),
    windowType: z.enum(grains).default('week').describe('Length of a window, and of a cohort.'),
    cohort: z
      .enum(cohortKinds)
      .default('first-ever')
      .describe(
        'Who is in a cohort: by the first start event in all of history, by the first one for which brackets and segments hold, or everyone with a start event in the window.',
      ),
    mode: z
      .enum(modes)
      .default('on')
      .describe('Count who returns in window k, or who returns at or after its start and before as-of.'),
    clock: z
      .enum(clocks)
      .default('calendar')
      .describe(
        'Windows of the calendar, or counted for each user from their start event: window k begins k times 1, 24, 7*24 or 30*24 hours after it.',
      ),
    startEvent: parsedText(parseSelector)
      .optional()
      .describe('What puts a user into a cohort: signup, signup[properties.plan:pro] (default: any event).'),
    returnEvent: parsedText(parseSelector)
      .optional()
      .describe('What counts as a return, written in the same way (default: any event).'),
    minReturnEvents: z.int().min(1).max(1_000_000).default(1).describe('How many return events make a return.'),
    ...contextParams,
  })
  .superRefine((given, context) => {
    if (given.windowType === 'hour') return
    for (const name of ['startDate', 'to'] as const) {
      if (given[name] !== undefined && hourOf(given[name]) !== undefined) {
        context.addIssue({
          code: 'custom',
          path: [name],
          message: `must be a day where windows are ${given.windowType}s (a time goes with hours)`,
        })
      }
    }
  })

export type RetentionParams = z.output<typeof retentionParams>
export type GivenParams = z.input<typeof retentionParams>
