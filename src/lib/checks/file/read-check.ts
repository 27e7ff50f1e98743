/**
 * One check as given (words of a file or of flags) becomes one that can run. Everything that is wrong with it is found at
 * once, each with its place inside the check: whoever gave it knows where that is.
 */
import * as z from 'zod'
import { inOurWords } from '../../core/field-fault.js'
import { nearest } from '../../core/nearest.js'
import { stats } from '../../stats/catalog.js'
import { SyntaxProblem } from '../../stats/filter/filter-parser.js'
import { contextParams, parseParams } from '../../stats/query/params.js'
import type { Assertion } from '../assertion/assertion.js'
import { parseAssertion } from '../assertion/parser.js'
import { checkAgainst } from '../assertion/types.js'
import type { Check, Severity, UnknownVerdict } from './check.js'
import { readParams } from './check-params.js'
import { checkSchema, defaultsSchema } from './check-schema.js'
import { type CheckFileProblem, shapeProblems, under } from './problem.js'

/** What holds for every check that does not say otherwise. */
export interface Defaults {
  readonly severity: Severity
  readonly minBase: number | undefined
  readonly onUnknown: UnknownVerdict
  /** Parameters as given, in camel case: `tz`, `weekStart`, `asOf`, `segment`. */
  readonly params: Readonly<Record<string, unknown>>
}

/** What wins over the checks and their defaults: flags of a command line. */
export interface Overrides {
  readonly tz?: string | undefined
  readonly asOf?: string | undefined
  readonly onUnknown?: UnknownVerdict | undefined
}

/**
 * Checks what wins over files.
 *
 * @param spell how the caller writes the names, for messages
 * @throws EaError `usage`
 */
export function readOverrides(given: Overrides, spell?: (name: string) => string): Overrides {
  return { ...given, ...parseParams(clockParams, { tz: given.tz, asOf: given.asOf }, spell) }
}

const clockParams = z.strictObject({ tz: contextParams.tz, asOf: contextParams.asOf })

/** The defaults of a file, of which the shape is right, with what the schema adds. */
export function readDefaults(given: Readonly<Record<string, unknown>> = {}): Defaults {
  const { tz, week_start: weekStart, as_of: asOf, segment, ...settings } = given
  const { severity, min_base: minBase, on_unknown: onUnknown } = defaultsSchema.parse(settings)
  return { severity, minBase, onUnknown, params: { tz, weekStart, asOf, segment } }
}

/**
 * Reads one check.
 *
 * @param given as `checkSchema` describes it; values of parameters may be texts
 * @param problems takes what is wrong, with paths from the check
 * @returns undefined when something is wrong
 */
export function readCheck(
  given: unknown,
  defaults: Defaults,
  { onUnknown, ...overrides }: Overrides,
  problems: CheckFileProblem[],
): Omit<Check, 'place'> | undefined {
  const before = problems.length
  const shape = checkSchema.safeParse(given, { error: inOurWords(checkSchema.shape) })
  if (!shape.success) problems.push(...shapeProblems(shape.error, 'a check', given, Object.keys(checkSchema.shape)))
  if (!isRecord(given)) return undefined

  // Each part is read also where another one is wrong, so that all problems come at once.
  const assertion = readAssertion(given.assert, problems)
  const stat = stats.find(({ name }) => name === given.stat)
  const needsStat = assertion?.subject.kind === 'column'
  if (assertion !== undefined && needsStat !== (given.stat !== undefined)) {
    problems.push(
      needsStat
        ? withoutStat(assertion)
        : { path: ['stat'], isKey: true, message: `stat has no meaning for ${assertion.subject.kind}: leave it out` },
    )
  }
  const rawParams = given.params ?? {}
  const found: CheckFileProblem[] = []
  const isKnown = stat !== undefined || (assertion !== undefined && !needsStat)
  const params =
    isKnown && isRecord(rawParams)
      ? readParams(stat, rawParams, { defaults: defaults.params, overrides }, found)
      : undefined
  problems.push(...found.map((problem) => under(['params'], problem)))
  const fitting = needsStat ? stat : undefined
  if (assertion !== undefined && params !== undefined && needsStat === (fitting !== undefined)) {
    pointing(() => checkAgainst(assertion, fitting, params), problems)
  }
  if (!shape.success || assertion === undefined || params === undefined || problems.length > before) return undefined
  const { name, severity = defaults.severity, min_base: minBase = defaults.minBase, on_unknown } = shape.data
  return { name, stat, params, assertion, severity, minBase, onUnknown: onUnknown ?? on_unknown ?? defaults.onUnknown }
}

function withoutStat({ subject, text }: Assertion): CheckFileProblem {
  const column = subject.kind === 'column' ? subject.column : ''
  const message = `stat is missing: ${JSON.stringify(text)} reads a column of one`
  return { path: [], message, suggestion: nearest(column, ['freshness', 'rejected', 'duplicates']) }
}

function readAssertion(text: unknown, problems: CheckFileProblem[]): Assertion | undefined {
  return typeof text === 'string' && text !== '' ? pointing(() => parseAssertion(text), problems) : undefined
}

/** Runs what may throw a SyntaxProblem about the assertion. */
function pointing<T>(read: () => T, problems: CheckFileProblem[]): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error
    const { message, position, suggestion } = error
    problems.push({ path: ['assert'], position, message: `assert: ${message}`, suggestion })
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
