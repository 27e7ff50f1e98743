/** What `ea generate` can be told: as a person gives it, and as the generator trusts it. */
import * as z from 'zod'
import { EaError } from '../core/errors.js'
import { eventFormats } from '../core/event.js'
import { inOurWords } from '../core/field-fault.js'

/** A day of the log is sorted in memory, so a day has a limit. */
const maxEventsPerDay = 20_000_000
/** Without --users: two and a half active days for each at the default events per user-day. */
const eventsPerUser = 20

const count = (max: number) => z.number().int().min(1).max(max)

const given = z.strictObject({
  events: count(10_000_000_000).default(100_000),
  users: count(200_000_000).optional(),
  days: count(36_500).default(90),
  from: z.iso.date().default('2025-01-01'),
  seed: z.number().int().min(0).max(4_294_967_295).default(1),
  eventsPerUserDay: z.number().min(1).max(100_000).default(8),
  format: z.enum(eventFormats).default('csv'),
})

const plan = given
  .transform((options) => ({ ...options, users: options.users ?? Math.ceil(options.events / eventsPerUser) }))
  .refine((options) => options.users <= options.events, {
    path: ['users'],
    message: 'must not be more than events: every user has at least one',
  })
  .refine((options) => options.events / options.days <= maxEventsPerDay, {
    path: ['days'],
    message: `must be more: a day has at most ${maxEventsPerDay.toLocaleString('en')} events on average`,
  })

/** What applies when nothing is said: help reads it, nobody writes it again. */
export const generateDefaults = given.parse({})

/** As given: everything has a default. */
export type GenerateOptions = z.input<typeof plan>
/** As trusted. */
export type GeneratePlan = z.output<typeof plan>

/**
 * Checks the options and fills in what was left out.
 *
 * @throws EaError `usage`, with every problem at once
 * @example
 * parseGenerateOptions({ events: 1000 }).users // 50
 */
export function parseGenerateOptions(options: GenerateOptions): GeneratePlan {
  const parsed = plan.safeParse(options, { error: inOurWords(given.shape) })
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => {
    const value = (options as Record<PropertyKey, unknown>)[path[0] ?? '']
    return `--${flagName(path)} ${message}${value === undefined ? '' : `, not ${JSON.stringify(value)}`}`
  })
  throw new EaError('usage', `${problems.join('; ')}.`)
}

function flagName(path: readonly PropertyKey[]): string {
  return String(path[0] ?? 'events').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
