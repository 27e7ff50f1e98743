/** The parameters of a check: names in any spelling and values as texts become what the stat's own schema takes. */
import * as z from 'zod'
import { inOurWords } from '../../core/field-fault.js'
import { contextParams, describeIssue, kebab, type Param, paramsOf, valueFromText } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { type CheckFileProblem, unknownKey } from './problem.js'

/** What checks of freshness and of imports take: they look at all events. */
const { tz, asOf } = contextParams
const withoutStat = z.strictObject({ tz, asOf })

/** Values by parameter, in camel case. */
type Values = Readonly<Record<string, unknown>>

/**
 * Reads the parameters of a check.
 *
 * @param given by name, in kebab, snake or camel case, or as a flag with its dashes; a single value where a list is
 *   expected is a list of one
 * @param around what is taken where nothing is given, and what wins over it; what the stat does not have is left out
 * @param problems takes what is wrong, with paths from the parameters
 * @returns the parameters; when something is wrong, those that are right with the defaults of the others, so that more
 *   can be said about the check; undefined when there is nothing to go on with
 */
export function readParams(
  stat: Stat | undefined,
  given: Readonly<Record<string, unknown>>,
  around: { readonly defaults: Values; readonly overrides: Values },
  problems: CheckFileProblem[],
): Record<string, unknown> | undefined {
  const schema: z.ZodObject = stat?.params ?? withoutStat
  const params = paramsOf(schema)
  const { values: own, spelled } = named(stat, params, given, problems)
  const values: Record<string, unknown> = {
    ...known(params, around.defaults),
    ...own,
    ...known(params, around.overrides),
  }
  const parsed = schema.safeParse(values, { error: inOurWords(schema.shape) })
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues) {
    const [name, ...rest] = issue.path
    const key = spelled.get(String(name))
    const message = describeIssue(issue, values, (camel) => spelled.get(camel) ?? kebab(camel))
    problems.push({ path: key === undefined ? [] : [key, ...rest], message })
  }
  const wrong = new Set(parsed.error.issues.map(({ path }) => String(path[0])))
  const right = schema.safeParse(Object.fromEntries(Object.entries(values).filter(([name]) => !wrong.has(name))))
  return right.success ? right.data : undefined
}

/** The values by parameter, and how each parameter was written. */
function named(
  stat: Stat | undefined,
  params: readonly Param[],
  given: Readonly<Record<string, unknown>>,
  problems: CheckFileProblem[],
): { values: Values; spelled: ReadonlyMap<string, string> } {
  const spelled = new Map<string, string>()
  const values: Record<string, unknown> = {}
  const names = params.map(({ name }) => kebab(name))
  for (const [key, value] of Object.entries(given)) {
    const param = paramNamed(params, key)
    if (param === undefined) problems.push(unknownKey([key], stat?.name ?? 'a check without a stat', names))
    else if (spelled.has(param.name)) {
      problems.push({ path: [key], isKey: true, message: `${key} is the same as ${spelled.get(param.name)}` })
    } else if (Array.isArray(value) && !param.isList) {
      problems.push({ path: [key], message: `${key} takes one value, not a list` })
    } else {
      spelled.set(param.name, key)
      values[param.name] = asGiven(param, value)
    }
  }
  return { values, spelled }
}

/** Those of some values that the parameters have. */
function known(params: readonly Param[], values: Values): Values {
  const there = params.filter(({ name }) => values[name] !== undefined)
  return Object.fromEntries(there.map((param) => [param.name, asGiven(param, values[param.name])]))
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
