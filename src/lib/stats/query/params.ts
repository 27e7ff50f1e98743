/**
 * The parameters of stats. Each is written once, as a zod field with its default and its sentence; the command line,
 * HTTP and the checks read names, kinds and defaults from here, and turn texts into values here.
 */
import * as z from 'zod'
import { givenDayFault, isGivenDay } from '../../core/day-text.js'
import { EaError } from '../../core/errors.js'
import { coreField, inOurWords, numberFromText } from '../../core/field-fault.js'
import { isInstant, isTimeZone, weekdays } from '../../core/time.js'
import type { Condition } from '../filter/filter.js'
import { parseSegment, pointAt, SyntaxProblem } from '../filter/filter-parser.js'

/** How many days before the newest one a stat covers when neither `from` nor `to` is given. */
export const defaultDaysBack = 30

/** A day as a person writes it; see `day-text.ts`. */
const givenDay = z
  .string({ error: ({ input }) => givenDayFault(input) })
  .refine(isGivenDay, { error: ({ input }) => givenDayFault(input) })

const zoneFault = 'must be a time zone like Europe/Kyiv or UTC'
const asOfFault = ({ input }: { input?: unknown }) => givenDayFault(input, ', or an instant (2025-08-31T12:00:00Z)')

/** A filter on events, as it was written and as it was understood. */
export interface Segment {
  readonly text: string
  readonly conditions: readonly Condition[]
}

/**
 * A field for a text with a grammar of its own: what the parser returns is the value; its SyntaxProblem becomes an
 * issue that points at the character.
 */
export function parsedText<T>(parse: (text: string) => T) {
  return z.string().transform((text, context): T => {
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error
      context.addIssue(pointedIssue(error))
      return z.NEVER
    }
  })
}

/** What a parameter was given as, one text or several, and what they mean. */
export interface Texts<T> {
  readonly text: string | string[]
  readonly list: readonly T[]
  /** Whether it was given, and is not the default. */
  readonly isGiven: boolean
}

/**
 * A field that takes one text or several, each with a grammar of its own. In `meta` one stays a text.
 *
 * @param byDefault what is meant when it is not given; nothing when absent
 */
export function listOrText<T>(
  parse: (text: string) => T,
  { byDefault, max }: { readonly byDefault?: string; readonly max: number },
) {
  return z
    .union([z.array(z.string()), z.string()])
    .optional()
    .transform((given, context): Texts<T> => {
      const texts = given === undefined ? [byDefault ?? []].flat() : [given].flat()
      if (texts.length > max) {
        context.addIssue(`must be given at most ${max === 1 ? 'once' : `${max} times`}`)
        return z.NEVER
      }
      const list = texts.flatMap((text, index) => {
        try {
          return [parse(text)]
        } catch (error) {
          if (!(error instanceof SyntaxProblem)) throw error
          context.addIssue(pointedIssue(error, Array.isArray(given) ? [index] : []))
          return []
        }
      })
      return { text: texts.length === 1 ? texts[0]! : texts, list, isGiven: given !== undefined }
    })
}

/** The issue of a text that cannot be understood: its message will point at the character. */
export function pointedIssue(problem: SyntaxProblem, path: PropertyKey[] = []) {
  const params = { pointed: pointAt(problem), suggestion: problem.suggestion, corrected: problem.corrected }
  return { code: 'custom' as const, path, message: problem.message, params }
}

/** What every stat takes, whatever its range is. */
export const contextParams = {
  segment: z
    .array(parsedText((text): Segment => ({ text, conditions: parseSegment(text) })))
    .default([])
    .describe(
      'Count only events that match this filter: event_type:purchase, properties.country:UA,PL; repeatable, all must match.',
    ),
  tz: z
    .string({ error: zoneFault })
    .refine(isTimeZone, { error: zoneFault })
    .optional()
    .describe('Time zone of the days (default: that of the rollups; another one reads all events).'),
  weekStart: z.enum(weekdays).default('monday').describe('First day of a week.'),
  asOf: z
    .string({ error: asOfFault })
    .refine((text) => isGivenDay(text) || isInstant(text), { error: asOfFault })
    .optional()
    .describe(
      'What counts as now: a day (its start) or an instant. Events at or after it do not count, and relative days are counted from it.',
    ),
}
export type ContextParams = z.output<z.ZodObject<typeof contextParams>>

/** What a stat over a range of days takes. */
export const commonParams = {
  from: givenDay
    .optional()
    .describe(
      `First day, included: 2025-08-31, 2025-08, yesterday, -7d, -12w (default: the newest day of the data and the ${defaultDaysBack} days before it).`,
    ),
  to: givenDay.optional().describe('Last day, included (default: the newest day of the data).'),
  ...contextParams,
}

/** One parameter as a skin needs it. */
export interface Param {
  /** In camel case: `weekStart`. */
  readonly name: string
  readonly kind: 'text' | 'number' | 'flag' | 'choice'
  readonly choices: readonly string[]
  readonly isList: boolean
  readonly default: unknown
  readonly description: string
  /** Other names for the same, in camel case. */
  readonly aliases: readonly string[]
}

/** The parameters of a schema, in its order. */
export function paramsOf(schema: z.ZodObject): Param[] {
  return Object.entries(schema.shape).map(([name, field]) => describeField(name, field as z.ZodType))
}

function describeField(name: string, field: z.ZodType): Param {
  const { core, isList, default: fallback } = coreField(field)
  const kind =
    core instanceof z.ZodBoolean
      ? 'flag'
      : core instanceof z.ZodNumber
        ? 'number'
        : core instanceof z.ZodEnum
          ? 'choice'
          : 'text'
  const choices = core instanceof z.ZodEnum ? core.options.map(String) : []
  const { description = '', aliases = [] } = (field.meta() ?? {}) as { description?: string; aliases?: string[] }
  return { name, kind, choices, isList, default: fallback, description, aliases }
}

/** A text as the value of a parameter; what is no number stays text, for the schema to refuse. */
export function valueFromText(param: Param, text: string): unknown {
  if (param.kind === 'number') return numberFromText(text)
  if (param.kind === 'flag' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/**
 * What was given as texts, as the values of parameters; what was not given is left to the schema's defaults.
 *
 * @param given what was given for a parameter: a text, all texts of a list, or whether a flag is set
 * @example
 * givenParams(paramsOf(dauStat.params), (param) => query[snake(param.name)]) // { from: '2025-08-01' }
 */
export function givenParams(
  params: readonly Param[],
  given: (param: Param) => string | boolean | readonly string[] | undefined,
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const param of params) {
    const value = given(param)
    if (value === undefined) continue
    if (typeof value === 'boolean') values[param.name] = value
    else if (typeof value === 'string') values[param.name] = valueFromText(param, value)
    else values[param.name] = value.map((text) => valueFromText(param, text))
  }
  return values
}

/** `weekStart` as a flag: `week-start`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `weekStart` in JSON and HTTP: `week_start`. */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/**
 * Checks what was given, once; nothing after it checks again.
 *
 * @param spell how the caller writes a parameter's name, for messages: `weekStart` → `--week-start`
 * @throws EaError `usage` with every problem at once
 */
export function parseParams<S extends z.ZodObject>(
  schema: S,
  given: unknown,
  spell: (name: string) => string = (name) => name,
): z.output<S> {
  const parsed = schema.safeParse(given, { error: inOurWords(schema.shape) })
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => describeIssue(issue, given, spell))
    const isPointed = problems.some((text) => text.includes('\n'))
    throw new EaError('usage', isPointed ? problems.join('\n') : `${problems.join('; ')}.`, {
      details: { problems, ...correctionsOf(parsed.error.issues, given, spell) },
    })
  }
  return parsed.data
}

/** For programs: which text was probably meant instead of which. */
function correctionsOf(issues: readonly z.core.$ZodIssue[], given: unknown, spell: (name: string) => string) {
  const corrections = issues.flatMap((issue) => {
    const meant: unknown = issue.code === 'custom' ? issue.params?.corrected : undefined
    if (typeof meant !== 'string') return []
    return [{ parameter: spell(String(issue.path[0])), given: valueAt(given, issue.path), meant }]
  })
  return corrections.length === 0 ? {} : { corrections }
}

/**
 * One thing that is wrong with what was given, for people: names the parameter and the value. What has a grammar of its
 * own brings two more lines, with a mark under the character.
 */
export function describeIssue(issue: z.core.$ZodIssue, given: unknown, spell: (name: string) => string): string {
  if (issue.code === 'unrecognized_keys') return `unknown: ${issue.keys.map(spell).join(', ')}`
  const name = String(issue.path[0] ?? '')
  if (issue.code === 'custom' && issue.params?.pointed !== undefined) {
    const { pointed, suggestion } = issue.params as { pointed: string; suggestion?: string }
    const meant = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
    return `${spell(name)}: ${issue.message}${meant}\n${pointed}`
  }
  const value = valueAt(given, issue.path)
  return `${spell(name)} ${issue.message}${value === undefined ? '' : `, not ${JSON.stringify(value)}`}`
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], given)
}

/** The parameters as they were understood, in snake case and plain values: for `meta`. */
export function plainParams(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params)
      .filter(([, value]) => value !== undefined && !isOfNone(value))
      .map(([name, value]) => [snake(name), Array.isArray(value) ? value.map(asWritten) : asWritten(value)]),
  )
}

/** Whether it takes one text or several, and none was given. */
function isOfNone(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'isGiven' in value && (value as Texts<unknown>).list.length === 0
  )
}

/** What has a grammar of its own goes back to how it was written. */
function asWritten(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'text' in value ? value.text : value
}
