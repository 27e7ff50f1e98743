/**
 * The parameters of stats. Each is written once, as a zod field with its default and its sentence; the command line,
 * HTTP and the checks read names, kinds and defaults from here, and turn texts into values here.
 */
import * as z from 'zod'
import { EaError } from '../errors.js'
import { isDay, isInstant, isTimeZone, weekdays } from '../time.js'

/** How many days a stat covers when neither `from` nor `to` is given. */
export const defaultRangeDays = 90
const maxRangeDays = 36_600

const day = z.string().refine(isDay, { error: 'must be a day like 2025-08-31' })

/** What every stat takes. */
export const commonParams = {
  from: day
    .optional()
    .describe(`First day, included (default: the last ${defaultRangeDays} days of the data, up to --to).`),
  to: day.optional().describe('Last day, included (default: the newest day of the data).'),
  tz: z
    .string()
    .refine(isTimeZone, { error: 'must be a time zone like Europe/Kyiv or UTC' })
    .optional()
    .describe('Time zone of the days (default: that of the rollups; another one reads all events).'),
  weekStart: z.enum(weekdays).default('monday').describe('First day of a week.'),
  asOf: z
    .string()
    .refine((text) => isDay(text) || isInstant(text), {
      error: 'must be a day like 2025-08-31 or an instant like 2025-08-31T12:00:00Z',
    })
    .optional()
    .describe(
      'What counts as now when telling complete windows from unfinished ones: a day (its start) or an instant.',
    ),
}
export type CommonParams = z.output<z.ZodObject<typeof commonParams>>

/** One parameter as a skin needs it. */
export interface Param {
  /** In camel case: `weekStart`. */
  readonly name: string
  readonly kind: 'text' | 'number' | 'flag' | 'choice'
  readonly choices: readonly string[]
  readonly isList: boolean
  readonly default: unknown
  readonly description: string
}

/** The parameters of a schema, in its order. */
export function paramsOf(schema: z.ZodObject): Param[] {
  return Object.entries(schema.shape).map(([name, field]) => describeField(name, field as z.ZodType))
}

function describeField(name: string, field: z.ZodType): Param {
  let inner = field
  let fallback: unknown
  let isList = false
  for (;;) {
    if (inner instanceof z.ZodDefault) {
      fallback = inner.def.defaultValue
      inner = inner.def.innerType as z.ZodType
    } else if (inner instanceof z.ZodOptional) inner = inner.def.innerType as z.ZodType
    else if (inner instanceof z.ZodArray) {
      isList = true
      inner = inner.def.element as z.ZodType
    } else break
  }
  const kind =
    inner instanceof z.ZodBoolean
      ? 'flag'
      : inner instanceof z.ZodNumber
        ? 'number'
        : inner instanceof z.ZodEnum
          ? 'choice'
          : 'text'
  const choices = inner instanceof z.ZodEnum ? inner.options.map(String) : []
  return { name, kind, choices, isList, default: fallback, description: field.description ?? '' }
}

/** A text as the value of a parameter; what is no number stays text, for the schema to refuse. */
export function valueFromText(param: Param, text: string): unknown {
  if (param.kind === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (param.kind === 'flag' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** `weekStart` as a flag: `week-start`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/**
 * Checks what was given, once; behind it nobody checks again.
 *
 * @param spell how the caller writes a parameter's name, for messages: `weekStart` → `--week-start`
 * @throws EaError `usage` with every problem at once
 */
export function parseParams<S extends z.ZodObject>(
  schema: S,
  given: unknown,
  spell: (name: string) => string = (name) => name,
): z.output<S> {
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => problem(issue, given, spell))
    throw new EaError('usage', `${problems.join('; ')}.`, { details: { problems } })
  }
  const { from, to } = parsed.data as CommonParams
  if (from !== undefined && to !== undefined) {
    if (from > to) throw new EaError('usage', `${spell('from')} ${from} lies after ${spell('to')} ${to}.`)
    if (Date.parse(to) - Date.parse(from) > maxRangeDays * 86_400_000) {
      throw new EaError('usage', `${spell('from')} and ${spell('to')} may span ${maxRangeDays} days at most.`)
    }
  }
  return parsed.data
}

function problem(issue: z.core.$ZodIssue, given: unknown, spell: (name: string) => string): string {
  if (issue.code === 'unrecognized_keys') return `unknown: ${issue.keys.map(spell).join(', ')}`
  const name = String(issue.path[0] ?? '')
  const value = (given as Record<string, unknown>)[name]
  const message = issue.message.replace(/^(Invalid input|Too (small|big)): expected .*?( to be )?(?=[<>=])/, 'must be ')
  return `${spell(name)} ${message}, not ${JSON.stringify(value)}`
}
