/** The parameters of a check: names in any spelling and values as texts become what the stat's own schema takes. */
import * as z from 'zod'
import { EaError } from '../errors.js'
import { describeIssue, frameParams, kebab, type Param, paramsOf, valueFromText } from '../stats/params.js'
import type { Stat } from '../stats/stat.js'
import { type Problem, unknownKey } from './problem.js'

/** What checks of freshness and of imports take: they look at all events. */
const { tz, asOf } = frameParams
const withoutStat = z.strictObject({ tz, asOf })

/**
 * Reads the parameters of a check.
 *
 * @param given by name, in kebab, snake or camel case, or as a flag with its dashes; a single value where a list is expected is a list of one
 * @param defaults in camel case; what the stat does not have is left out
 * @param problems takes what is wrong, with paths from the parameters
 * @returns undefined when something is wrong
 */
export function readParams(
  stat: Stat | undefined,
  given: Readonly<Record<string, unknown>>,
  {
    defaults,
    overrides,
  }: { defaults: Readonly<Record<string, unknown>>; overrides: Readonly<Record<string, unknown>> },
  problems: Problem[],
): Record<string, unknown> | undefined {
  const schema: z.ZodObject = stat?.params ?? withoutStat
  const params = paramsOf(schema)
  const spelled = new Map<string, string>()
  const own: Record<string, unknown> = {}
  const before = problems.length
  for (const [key, value] of Object.entries(given)) {
    const param = paramNamed(params, key)
    const of = stat?.name ?? 'a check without a stat'
    if (param === undefined)
      problems.push(
        unknownKey(
          [key],
          of,
          params.map(({ name }) => kebab(name)),
        ),
      )
    else if (spelled.has(param.name)) {
      problems.push({ path: [key], isKey: true, message: `${key} is the same as ${spelled.get(param.name)}` })
    } else if (Array.isArray(value) && !param.isList) {
      problems.push({ path: [key], message: `${key} takes one value, not a list` })
    } else {
      spelled.set(param.name, key)
      own[param.name] = asGiven(param, value)
    }
  }
  const known = (values: Readonly<Record<string, unknown>>) =>
    params.flatMap((param) =>
      values[param.name] === undefined ? [] : [[param.name, asGiven(param, values[param.name])]],
    )
  const whole = { ...Object.fromEntries(known(defaults)), ...own, ...Object.fromEntries(known(overrides)) }
  const parsed = schema.safeParse(whole)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const [name, ...rest] = issue.path
      const key = spelled.get(String(name))
      // What the defaults bring was refused there already.
      if (key === undefined && whole[String(name)] !== undefined) continue
      const message = describeIssue(issue, whole, (camel) => spelled.get(camel) ?? kebab(camel))
      problems.push({ path: key === undefined ? [] : [key, ...rest], message })
    }
  } else if (stat !== undefined && problems.length === before) requireRange(stat, parsed.data, problems)
  return parsed.success && problems.length === before ? parsed.data : undefined
}

function paramNamed(params: readonly Param[], key: string): Param | undefined {
  const camel = key.replace(/^--/, '').replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return params.find(({ name }) => name === camel) ?? params.find(({ aliases }) => aliases.includes(camel))
}

function asGiven(param: Param, value: unknown): unknown {
  const one = (item: unknown) => (typeof item === 'string' ? valueFromText(param, item) : item)
  if (!param.isList) return one(value)
  return (Array.isArray(value) ? value : [value]).map(one)
}

/** What a stat can only say about all of its parameters together. */
function requireRange(stat: Stat, params: Record<string, unknown>, problems: Problem[]): void {
  try {
    stat.range(params)
  } catch (error) {
    if (!(error instanceof EaError)) throw error
    problems.push({ path: [], message: error.message })
  }
}
