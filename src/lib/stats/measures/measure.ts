/**
 * What is counted in a window: events, users, or an aggregate of a property.
 *
 *     measure   = aggregate [" of " selector]
 *     aggregate = "events" | "unique_users" | "per_user" | function "(" field ")"
 *     function  = "sum" | "avg" | "min" | "max" | "median" | "p1" … "p99" | "unique" | "sum_per_user"
 *
 * A word that is none of these names a measure that is defined beside it (`--let`).
 */
import { aliasesOf, nearest } from '../../core/nearest.js'
import { SyntaxProblem, TextScanner } from '../../core/scanner.js'
import type { Field, Selector } from '../filter/filter.js'
import { parseField, parseSelector } from '../filter/filter-parser.js'

const plainKinds = ['events', 'unique_users', 'per_user'] as const
const functionKinds = ['sum', 'avg', 'min', 'max', 'unique', 'sum_per_user'] as const

export interface EventMeasure {
  readonly kind: (typeof plainKinds)[number] | (typeof functionKinds)[number] | 'percentile'
  /** The property that is aggregated; of `unique` any field. */
  readonly field: Field | undefined
  /** Of a percentile: 0.9 for `p90`. */
  readonly fraction: number | undefined
  /** The events that count; all of them when undefined. */
  readonly selector: Selector | undefined
  /** As it was written. */
  readonly text: string
}

/** A measure, or the name of one. */
export type MeasureOrName = EventMeasure | { readonly kind: 'name'; readonly text: string }

const known = [...plainKinds, ...functionKinds.map((name) => `${name}(…)`), 'median(…)', 'p90(…)']
const expected = `expected a measure: ${known.join(', ')}`

/** What others call them. */
const foreign = aliasesOf({
  unique_users: 'users dau uniques unique_user distinct_users',
  events: 'count event hits',
  avg: 'mean average',
  median: 'p50',
  unique: 'distinct count_distinct uniq nunique',
  sum: 'total',
})

/**
 * Reads a measure, or the name of one.
 *
 * @throws SyntaxProblem
 * @example
 * parseMeasure('p90(properties.amount) of purchase').fraction // 0.9
 */
export function parseMeasure(text: string): MeasureOrName {
  const reader = new MeasureReader(text)
  const found = reader.measure()
  reader.mustEnd('expected " of " and an event type, or the end')
  return found
}

/** A measure with a name: `revenue=sum(properties.amount) of purchase`. */
export interface NamedMeasure {
  readonly name: string
  readonly measure: EventMeasure
  readonly text: string
}

/**
 * Reads a measure and its name.
 *
 * @throws SyntaxProblem
 * @example
 * parseLet('buyers=unique_users of purchase').name // 'buyers'
 */
export function parseLet(text: string): NamedMeasure {
  const reader = new MeasureReader(text)
  reader.skipBlanks()
  const at = reader.at
  const name = reader.take(measureName)
  if (name === undefined) throw reader.problem('expected a name of letters, digits and _, as in revenue=sum(…)', at)
  if (isMeasureWord(name)) throw reader.problem(`${name} is a measure already: expected another name`, at)
  if (reservedNames.includes(name)) throw reader.problem(`${name} is a column of the rows: expected another name`, at)
  reader.skipBlanks()
  if (!reader.take(/=/y)) throw reader.problem('expected = and a measure, as in revenue=sum(properties.amount)')
  reader.skipBlanks()
  const from = reader.at
  const measure = reader.measure()
  reader.mustEnd('expected " of " and an event type, or the end')
  if (measure.kind === 'name') throw reader.problem(expected, from)
  return { name, measure: { ...measure, text: text.slice(from).trim() }, text }
}

/** A name of a measure, at the place of a scanner. */
export const measureName = /[A-Za-z_][A-Za-z0-9_]*/y

const reservedNames = ['date', 'key', 'key_2', 'others', 'value', 'complete', 'previous', 'change']

function isMeasureWord(word: string): boolean {
  return (plainKinds as readonly string[]).includes(word)
}

/** Whether the values of a measure add up: of two sets of events that have none in common. */
export function isAdditive({ kind }: EventMeasure): boolean {
  return kind === 'events' || kind === 'sum'
}

class MeasureReader extends TextScanner {
  measure(): MeasureOrName {
    this.skipBlanks()
    const from = this.at
    const word = this.take(measureName)
    if (word === undefined) throw this.problem(expected, from)
    const args = this.take(/\s*\((?:[^()"]|"(?:[^"]|"")*")*\)/y)
    if (args === undefined && this.sees(/\s*\(/y)) {
      this.skipBlanks()
      throw this.problem('expected a property and ) after this one', this.at)
    }
    const head = args === undefined ? this.#plain(word) : this.#function(word, from, args)
    if (head.kind === 'name') return head
    const selector = this.#selector()
    return { ...head, selector, text: this.text.slice(from, this.at).trim() }
  }

  #plain(word: string): MeasureOrName {
    const kind = plainKinds.find((plain) => plain === word)
    if (kind !== undefined) return { kind, field: undefined, fraction: undefined, selector: undefined, text: word }
    if ([...functionKinds, 'median'].includes(word) || /^p\d+$/.test(word)) {
      const meant = `${word}(properties.NAME)`
      throw this.problem(`expected the property of ${word} in parentheses, as in ${meant}`, this.at)
    }
    return { kind: 'name', text: word }
  }

  #function(word: string, from: number, args: string): EventMeasure {
    const fieldAt = from + word.length + args.indexOf('(') + 1
    const inner = args.slice(args.indexOf('(') + 1, -1)
    const aggregate = this.#aggregate(word, from)
    if (inner.trim() === '') throw this.problem(`expected a property, as in ${word}(properties.amount)`, fieldAt)
    const field = this.#shifted(fieldAt, inner, parseField)
    if (aggregate.kind !== 'unique' && field.kind !== 'property') {
      throw this.problem(`${word} takes the numbers of a property: expected properties.NAME`, fieldAt)
    }
    return { ...aggregate, field, selector: undefined, text: this.text }
  }

  #aggregate(word: string, from: number): Pick<EventMeasure, 'kind' | 'fraction'> {
    const kind = functionKinds.find((name) => name === word)
    if (kind !== undefined) return { kind, fraction: undefined }
    if (word === 'median') return { kind: 'percentile', fraction: 0.5 }
    const percent = /^p(\d+)$/.exec(word)?.[1]
    if (percent !== undefined) {
      const number = Number(percent)
      if (number >= 1 && number <= 99) return { kind: 'percentile', fraction: number / 100 }
      const instead = number === 0 ? 'min' : number === 100 ? 'max' : undefined
      throw this.#wrong(word, from, 'expected a percentile from p1 to p99', instead)
    }
    if (isMeasureWord(word)) throw this.problem(`${word} takes no property`, from + word.length)
    const meant = foreign.get(word.toLowerCase()) ?? nearest(word, [...functionKinds, 'median'])
    throw this.#wrong(word, from, expected, meant)
  }

  #wrong(word: string, from: number, message: string, meant: string | undefined): SyntaxProblem {
    const corrected =
      meant === undefined ? undefined : this.text.slice(0, from) + meant + this.text.slice(from + word.length)
    return this.problem(message, from, corrected, corrected)
  }

  #selector(): Selector | undefined {
    if (this.take(/\s+of(?=\s|$)/iy) === undefined) return undefined
    this.skipBlanks()
    const from = this.at
    this.at = this.text.length
    return this.#shifted(from, this.text.slice(from), parseSelector)
  }

  /** Reads a part of the text by a grammar of its own; a mistake is told at its place in the whole text. */
  #shifted<T>(from: number, part: string, parse: (text: string) => T): T {
    try {
      return parse(part)
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error
      const around = (meant: string | undefined) =>
        meant === undefined ? undefined : this.text.slice(0, from) + meant + this.text.slice(from + part.length)
      throw this.problem(error.message, from + error.position, around(error.corrected), around(error.corrected))
    }
  }
}

/** What a name was probably meant to be: a measure, or one of the names that are defined. */
export function meantMeasure(name: string, names: readonly string[]): string | undefined {
  return foreign.get(name.toLowerCase()) ?? nearest(name, [...plainKinds, ...names])
}
