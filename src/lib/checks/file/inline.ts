/** Checks that are written on a command line: the same as in a file, but what is wrong names flags and not lines. */
import { EaError } from '../../core/errors.js'
import { numberFromText } from '../../core/field-fault.js'
import { pointAt, SyntaxProblem } from '../../stats/filter/filter-parser.js'
import type { Check, Severity } from './check.js'
import type { CheckFileProblem } from './problem.js'
import { type Overrides, readCheck, readDefaults } from './read-check.js'

export interface InlineChecks {
  readonly stat?: string | undefined
  /** By flag: `--from`. */
  readonly params: Readonly<Record<string, unknown>>
  /** Each is a check of its own. */
  readonly assert: readonly string[]
  readonly severity?: Severity | undefined
  /** As it was written. */
  readonly minBase?: string | undefined
}

/**
 * Reads the checks of a command line.
 *
 * @throws EaError `usage` with everything that is wrong
 * @example
 * inlineChecks({ stat: 'dau', params: { '--from': '-7d' }, assert: ['min(unique_users) >= 100'] })
 */
export function inlineChecks(
  { stat, params, assert, severity, minBase }: InlineChecks,
  overrides: Overrides = {},
): Check[] {
  // A flag that wins over files is a parameter like others here.
  const { onUnknown } = overrides
  const found: string[] = []
  const checks = assert.flatMap((text) => {
    const problems: CheckFileProblem[] = []
    const given = {
      name: stat === undefined ? text : `${stat}: ${text}`,
      params,
      assert: text,
      ...(stat === undefined ? {} : { stat }),
      ...(severity === undefined ? {} : { severity }),
      ...(minBase === undefined ? {} : { min_base: numberFromText(minBase) }),
    }
    const check = readCheck(given, readDefaults(), { onUnknown }, problems)
    found.push(...problems.map((problem) => problemText(problem, text)))
    return check === undefined ? [] : [{ ...check, place: undefined }]
  })
  if (found.length === 0) return checks
  const problems = [...new Set(found)]
  throw new EaError('usage', problems.join('\n'), { details: { problems } })
}

function problemText({ message, suggestion, path, position }: CheckFileProblem, assertion: string): string {
  const named = message.replace(/^(stat|assert|severity|min_base)\b/, (name) => `--${name.replace('_', '-')}`)
  const [first, ...more] = named.split('\n')
  const meant = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
  const isPointed = path[0] === 'assert' && position !== undefined
  const mark = isPointed ? [pointAt(new SyntaxProblem(message, assertion, position))] : []
  return [`${first}${meant}`, ...more, ...mark].join('\n')
}
