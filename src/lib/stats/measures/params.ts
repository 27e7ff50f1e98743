/** The parameters that say what is counted, and the columns that they make of an answer. */

import * as z from 'zod'
import type { Column } from '../../core/result.js'
import { SyntaxProblem } from '../../core/scanner.js'
import { listOrText, parsedText, pointedIssue, type Texts } from '../query/params.js'
import { type Formula, isExactFormula, parseFormula } from './formula.js'
import {
  type EventMeasure,
  isAdditive,
  type MeasureOrName,
  meantMeasure,
  type NamedMeasure,
  parseLet,
  parseMeasure,
} from './measure.js'
import { formOf, isOfNumbers, type NumberForm } from './measure-sql.js'

const maxMeasures = 10

export const measureParams = {
  measure: listOrText(parseMeasure, { byDefault: 'events', max: maxMeasures }).describe(
    'What is counted: events, unique_users, per_user, or of a property sum(properties.amount), avg, min, max, median, p1 to p99, unique, sum_per_user; " of purchase" counts only such events; repeatable.',
  ),
  let: z
    .array(parsedText(parseLet), { error: 'must be a text such as revenue=sum(properties.amount), or several' })
    .max(maxMeasures, { error: `must be given at most ${maxMeasures} times` })
    .optional()
    .describe(
      'A measure with a name, for --formula and --measure: revenue=sum(properties.amount) of purchase; repeatable.',
    ),
  formula: parsedText(parseFormula)
    .optional()
    .describe('A number worked out of the measures that have names: revenue / buyers. Dividing by 0 gives null.'),
}

export interface MeasureParams {
  readonly measure: Texts<MeasureOrName>
  readonly let?: readonly NamedMeasure[] | undefined
  readonly formula?: Formula | undefined
}

/** What a column of an answer contains. */
export interface MeasuredColumn {
  /** `value` when it is the only one. */
  readonly name: string
  /** As it was written. */
  readonly text: string
  readonly of: EventMeasure | Formula
}

/** Whether a column is worked out of measures. */
export function isFormula(of: EventMeasure | Formula): of is Formula {
  return 'tree' in of
}

/**
 * The columns of an answer: the measures that are asked for, else those with names where there is no formula, and last the
 * formula.
 */
export function measuredColumnsOf({ measure, let: lets = [], formula }: MeasureParams): readonly MeasuredColumn[] {
  const isAsked = measure.isGiven || (lets.length === 0 && formula === undefined)
  const asked = isAsked
    ? measure.list.map((one) => ({
        text: one.text,
        of: one.kind === 'name' ? measureNamed({ let: lets }, one.text)! : one,
      }))
    : formula === undefined
      ? lets.map(({ name, measure: of }) => ({ text: name, of }))
      : []
  const columns = [...asked, ...(formula === undefined ? [] : [{ text: formula.text, of: formula }])]
  return columns.map((column) => ({ ...column, name: columns.length === 1 ? 'value' : column.text }))
}

export function measureNamed(params: Pick<MeasureParams, 'let'>, name: string): EventMeasure | undefined {
  return params.let?.find((one) => one.name === name)?.measure
}

/** All measures that a question needs, each once: those of the columns, and those in the formula. */
export function neededMeasures(params: MeasureParams): readonly EventMeasure[] {
  const columns = measuredColumnsOf(params)
  const own = columns.flatMap(({ of }) => (isFormula(of) ? [] : [of]))
  const inFormula = columns.flatMap(({ of }) => (isFormula(of) ? [...of.names.keys()] : []))
  return [...new Set([...own, ...inFormula.map((name) => measureNamed(params, name)!)])]
}

/** Whether a number of one row for all other keys says something. */
export function hasOthersRow(params: MeasureParams): boolean {
  return measuredColumnsOf(params).some(({ of }) =>
    isFormula(of) ? [...of.names.keys()].every((name) => isAdditive(measureNamed(params, name)!)) : isAdditive(of),
  )
}

/** How the value of a column comes back. */
export function formOfColumn({ of }: MeasuredColumn, params: MeasureParams): NumberForm {
  if (!isFormula(of)) return formOf(of)
  const isExact = [...of.names.keys()].every((name) => formOf(measureNamed(params, name)!) !== 'float')
  return isExact && isExactFormula(of.tree) ? 'exact' : 'float'
}

/** The columns for tables and charts. */
export function resultColumns(params: MeasureParams): readonly Column[] {
  return measuredColumnsOf(params).map(({ name, of }) => {
    if (isFormula(of)) return { name, kind: 'number' }
    const unit = { events: 'events', unique_users: 'users', per_user: 'events', unique: 'values' }[of.kind as string]
    const kind = formOf(of) === 'integer' ? 'count' : 'number'
    return { name, kind, ...(unit === undefined ? {} : { unit }) }
  })
}

/** Tells names that no `--let` defines, and names that are taken twice. */
export function checkMeasureNames(params: MeasureParams, context: z.core.$RefinementCtx): void {
  const { measure, let: lets = [], formula } = params
  const names = lets.map(({ name }) => name)
  const unknown = (text: string, name: string, at: number, path: PropertyKey[]) => {
    const meant =
      path[0] === 'formula' ? meantMeasure(name, names.length === 0 ? [] : names) : meantMeasure(name, names)
    const isKnown = meant !== undefined && (path[0] === 'measure' || names.includes(meant))
    const corrected = isKnown ? text.slice(0, at) + meant + text.slice(at + name.length) : undefined
    const known = names.length === 0 ? 'none is defined' : `defined are ${names.join(', ')}`
    const message =
      path[0] === 'formula'
        ? `expected the name of a measure (${known}): define it with --let ${name}=…`
        : `expected a measure such as sum(properties.amount), or the name of one (${known})`
    context.addIssue(pointedIssue(new SyntaxProblem(message, text, at, corrected, corrected), path))
  }
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) === index) continue
    context.addIssue({ code: 'custom', path: ['let', index], message: `must define ${name} once` })
  }
  for (const [index, one] of measure.list.entries()) {
    if (one.kind === 'name' && !names.includes(one.text)) unknown(one.text, one.text, 0, ['measure', index])
  }
  for (const [name, at] of formula?.names ?? []) {
    if (!names.includes(name)) unknown(formula!.text, name, at, ['formula'])
  }
  const columns = measure.list.map(({ text }) => text)
  if (new Set(columns).size < columns.length) {
    context.addIssue({ code: 'custom', path: ['measure'], message: 'must name each measure once' })
  }
}

/** What is counted, in words. */
export function measuresText(params: MeasureParams): string {
  const columns = measuredColumnsOf(params)
  const needed = neededMeasures(params)
  const texts = columns.map(({ of, text }) => {
    const named = params.let?.find(({ name }) => name === text)
    if (named !== undefined) return `${text} = ${named.measure.text}`
    if (!isFormula(of)) return of.text
    const parts = [...of.names.keys()].map((name) => `${name} = ${measureNamed(params, name)!.text}`)
    return parts.length === 0 ? text : `${text} (${parts.join(', ')})`
  })
  const uses = (kind: EventMeasure['kind']) => needed.some((one) => one.kind === kind)
  const rules = [
    ...(needed.some(isOfNumbers) ? ['a value counts when it is a number, or a text that is one'] : []),
    ...(uses('sum') ? ['sums are exact'] : []),
    ...(uses('percentile') ? ['percentiles interpolate between the two nearest values (percentile_cont)'] : []),
    ...(uses('unique') ? ['unique counts different texts'] : []),
    ...(uses('per_user') ? ['per_user is events by users who have one'] : []),
    ...(uses('sum_per_user') ? ['sum_per_user is the sum by users who have such an event'] : []),
    ...(columns.some(({ of }) => isFormula(of)) ? ['a division by 0 gives null'] : []),
  ]
  return `${texts.join('; ')}${rules.length === 0 ? '' : ` (${rules.join('; ')})`}`
}
