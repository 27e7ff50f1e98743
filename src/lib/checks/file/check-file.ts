/**
 * A file of checks, in YAML (so also in JSON), becomes checks that can run. Everything that is wrong in it is told at
 * once, each with its line and column, and then nothing runs.
 */

import * as z from 'zod'
import { EaError } from '../../core/errors.js'
import { inOurWords } from '../../core/field-fault.js'
import { counted } from '../../present/tables/cell-text.js'
import type { Check, SourceLocation } from './check.js'
import { checkFileSchema, defaultsSchema } from './check-schema.js'
import { type CheckFileProblem, shapeProblems, under } from './problem.js'
import { type Overrides, readCheck, readDefaults, readOverrides } from './read-check.js'
import { type PositionedYaml, readYaml } from './yaml-positions.js'

export interface CheckSource {
  /** How problems and reports call it. */
  readonly file: string
  readonly text: string
}

/** What is wrong, for programs; `message` does not repeat the place. */
interface PlacedProblem extends SourceLocation {
  readonly message: string
  readonly suggestion?: string | undefined
}

/**
 * Reads a file of checks.
 *
 * @param overrides what wins over what the file says
 * @throws EaError `check_file_invalid` with every problem, its line and its column; `usage` for overrides
 * @example
 * parseCheckFile({ file: 'metrics.yaml', text: 'checks: [{ name: Fresh, assert: freshness <= 26h }]' })[0].name // 'Fresh'
 */
export function parseCheckFile(source: CheckSource, overrides: Overrides = {}): Check[] {
  return parseCheckFiles([source], overrides)
}

/** The checks of several files in their order; the problems of all files come together. */
export function parseCheckFiles(sources: readonly CheckSource[], overrides: Overrides = {}): Check[] {
  const problems: PlacedProblem[] = []
  const winning = readOverrides(overrides)
  const checks = sources.flatMap((source) => checksOf(source, winning, problems))
  if (problems.length === 0) return checks
  const files = [...new Set(problems.map(({ file }) => file))].join(', ')
  const count = counted(problems.length, 'problem')
  const text = [`${count} in ${files}; nothing was checked.`, ...problems.map(problemText)].join('\n')
  throw new EaError('check_file_invalid', text, { details: { problems } })
}

function problemText({ file, line, column, message, suggestion }: PlacedProblem): string {
  const [first, ...more] = message.split('\n')
  const meant = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
  return [`${file}:${line}:${column}: ${first}${meant}`, ...more].join('\n')
}

function checksOf({ file, text }: CheckSource, overrides: Overrides, told: PlacedProblem[]): Check[] {
  const yaml = readYaml(text.replace(/^\ufeff/, ''))
  if ('faults' in yaml) {
    told.push(...yaml.faults.map((fault) => ({ file, ...fault })))
    return []
  }
  const problems: CheckFileProblem[] = []
  const checks = readChecks(yaml, overrides, problems)
  const placed = problems.map(({ path, isKey = false, position, message, suggestion }) => ({
    file,
    ...yaml.placeOf(path, { isKey, ...(position === undefined ? {} : { position }) }),
    message,
    suggestion,
  }))
  told.push(...placed.sort((a, b) => a.line - b.line || a.column - b.column))
  return checks.map((check, index) => ({ ...check, place: { file, ...yaml.placeOf(['checks', index]) } }))
}

const anything = z.unknown()
/** The file without what is inside its parts, which are read one by one. */
const frameOfFile = checkFileSchema.extend({ defaults: anything.optional(), checks: z.array(anything).min(1) })

function readChecks(
  { value, placeOf }: PositionedYaml,
  overrides: Overrides,
  problems: CheckFileProblem[],
): Omit<Check, 'place'>[] {
  const frame = frameOfFile.safeParse(value, { error: inOurWords(frameOfFile.shape) })
  const { defaults: rawDefaults = {}, checks: rawChecks } = (value ?? {}) as Record<string, unknown>
  if (!frame.success)
    problems.push(...shapeProblems(frame.error, 'the file', value, Object.keys(checkFileSchema.shape)))
  const givenDefaults = typed(rawDefaults)
  const ofDefaults = defaultsSchema.safeParse(givenDefaults, { error: inOurWords(defaultsSchema.shape) })
  if (!ofDefaults.success) {
    const known = Object.keys(defaultsSchema.shape)
    problems.push(
      ...shapeProblems(ofDefaults.error, 'defaults', givenDefaults, known).map((p) => under(['defaults'], p)),
    )
  }
  const defaults = readDefaults(ofDefaults.success ? (givenDefaults as Record<string, unknown>) : {})
  const named = new Map<unknown, number>()
  const checks = (Array.isArray(rawChecks) ? rawChecks : []).flatMap((raw: unknown, index) => {
    const path = ['checks', index]
    const found: CheckFileProblem[] = []
    const check = readCheck(typed(raw), defaults, overrides, found)
    problems.push(...found.map((problem) => under(path, problem)))
    const name = (raw as { name?: unknown } | null)?.name
    const first = name === undefined || name === '' ? undefined : named.get(name)
    if (first === undefined) named.set(name, index)
    else {
      const { line } = placeOf(['checks', first, 'name'])
      problems.push({ path: [...path, 'name'], message: `line ${line} has a check of this name already` })
    }
    return check === undefined ? [] : [check]
  })
  return checks
}

/** Texts of YAML as the kinds that the schemas want; what is no number stays a text, for the schema to refuse. */
function typed(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  const { min_base: minBase, segment, ...rest } = given as Record<string, unknown>
  return {
    ...rest,
    ...(minBase === undefined
      ? {}
      : {
          min_base: /^\d[\d_]*(\.\d+)?$/.test(String(minBase)) ? Number(String(minBase).replaceAll('_', '')) : minBase,
        }),
    ...(segment === undefined ? {} : { segment: typeof segment === 'string' ? [segment] : segment }),
  }
}
