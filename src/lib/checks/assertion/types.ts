/**
 * Whether an assertion fits what it speaks of, told before anything runs: columns, indexes and filters are those of the
 * stat, and each number has a unit that can be compared with its column.
 */
import { nearest } from '../../core/nearest.js'
import type { Column } from '../../core/result.js'
import { SyntaxProblem } from '../../core/scanner.js'
import { columnsFor, type Stat } from '../../stats/query/stat.js'
import type { Assertion, Measure, Quantity } from './assertion.js'
import { expectedValue, isKey, isList, type Unit, unitOf } from './column-units.js'
import { parseAssertion, readAssertion, type SourceLocations } from './parser.js'

/**
 * Checks an assertion against the stat of its check.
 *
 * @param stat undefined where the check names none: then only freshness, rejected and duplicates fit
 * @param params of the stat, as its schema gives them
 * @throws SyntaxProblem at the part that does not fit, and where it can be told with the assertion that was meant
 */
export function checkAgainst(
  assertion: Assertion,
  stat: Stat | undefined,
  params: Readonly<Record<string, unknown>>,
): void {
  new Fit(assertion, stat, params, maxCorrections).check()
}

/** An assertion with more mistakes than that is not corrected. */
const maxCorrections = 3

type UnitWords = Partial<Record<Quantity['unit'], string>>

/** One assertion about one stat: its places, and the problems that can be found in it. */
class Fit {
  readonly #assertion: Assertion
  readonly #stat: Stat | undefined
  readonly #params: Readonly<Record<string, unknown>>
  readonly #places: SourceLocations
  readonly #corrections: number

  constructor(
    assertion: Assertion,
    stat: Stat | undefined,
    params: Readonly<Record<string, unknown>>,
    corrections: number,
  ) {
    this.#assertion = assertion
    this.#stat = stat
    this.#params = params
    this.#places = readAssertion(assertion.text).places
    this.#corrections = corrections
  }

  check(): void {
    const { subject, change } = this.#assertion
    if (subject.kind === 'column') {
      if (this.#stat !== undefined) this.#column(subject, this.#stat)
      else {
        const expected = 'expected freshness, rejected or duplicates, or a stat for the column'
        throw this.#problem(expected, this.#places.subject)
      }
      return
    }
    if (change !== undefined) {
      throw this.#problem(`${subject.kind} has no change: it is what it is now`, this.#places.change)
    }
    if (subject.kind === 'freshness') this.#units({ duration: 'an age such as 26h' }, 'h')
    else this.#units({ percent: 'a share such as 1%', number: 'a number of records' }, '%', { isShare: true })
  }

  #column(subject: Measure, stat: Stat): void {
    const columns = columnsFor(stat, this.#params)
    const unit = subject.column === '' ? 'count' : this.#measured(subject, stat, columns)
    for (const [number, filter] of subject.where.entries()) this.#filter(filter, number, stat, columns)
    this.#order(subject, columns)
    if (this.#assertion.change === undefined) {
      if (unit === 'count') this.#units({ number: 'a number: a share or a percentage needs change vs …' })
      else if (unit === 'seconds') this.#units({ duration: 'a length of time such as 90s or 3h' }, 's')
      else this.#units({ percent: 'a share such as 20%', number: 'a share such as 0.2' }, '%', { isRate: true })
      return
    }
    this.#change(subject, stat)
    const percent = 'a relative change such as -25%'
    this.#units(unit === 'rate' ? { percent, points: 'a difference such as -5pp' } : { percent }, '%')
  }

  /** The unit of what is measured. */
  #measured(subject: Measure, stat: Stat, columns: readonly Column[]): Unit {
    const { column: name, index, aggregate } = subject
    const { windows } = this.#params
    const at = this.#places.column
    const column = columns.find((known) => known.name === name)
    const numbers = columns.filter((known) => unitOf(known) !== undefined).map((known) => known.name)
    if (column === undefined) {
      const meant =
        nearest(name, numbers) ??
        nearest(
          name,
          columns.map((known) => known.name),
        )
      const corrected = meant && this.#corrected(at, name.length, meant)
      throw this.#problem(`${stat.name} has no column ${name}: expected ${numbers.join(', ')}`, at, corrected)
    }
    const unit = unitOf(column)
    const isCount = aggregate === 'count'
    if (unit === undefined && !(isCount && !isList(column))) {
      const what = { date: 'dates', instant: 'instants', text: 'texts' }[column.kind as string] ?? 'yes or no'
      throw this.#problem(`${name} holds ${what}: expected a column of numbers, ${numbers.join(', ')}`, at)
    }
    if (isList(column) && index === undefined) {
      const corrected = this.#corrected(at, name.length, `${name}[1]`)
      throw this.#problem(`${name} holds a list: expected the index of an element, as in ${name}[1]`, at, corrected)
    }
    if (index !== undefined && !isList(column)) {
      throw this.#problem(`${name} holds no lists: expected no index`, this.#places.index)
    }
    if (index !== undefined && typeof windows === 'number' && index > windows) {
      throw this.#problem(
        `${name} has the elements 0 to ${windows}: expected one of them, or more windows`,
        this.#places.index,
      )
    }
    if (aggregate === 'sum' && column.kind === 'rates') {
      const from = this.#places.subject
      throw this.#problem('rates do not add up: expected mean, min or max', from, this.#corrected(from, 3, 'mean'))
    }
    return isCount ? 'count' : unit!
  }

  #filter(filter: Measure['where'][number], number: number, stat: Stat, columns: readonly Column[]): void {
    const at = this.#places.where[number]!
    const column = columns.find((known) => known.name === filter.column)
    const keys = columns.filter(isKey)
    if (column === undefined || !keys.includes(column)) {
      const names = keys.map((known) => known.name)
      const meant = column === undefined ? nearest(filter.column, names) : undefined
      const why =
        column === undefined
          ? `${stat.name} has no column ${filter.column}`
          : `rows cannot be picked by ${filter.column}`
      const corrected = meant && this.#corrected(at.column, filter.column.length, meant)
      throw this.#problem(`${why}: expected ${names.join(', ')}`, at.column, corrected)
    }
    const isTime = column.kind === 'date' || column.kind === 'instant'
    if (isTime && this.#assertion.change !== undefined) {
      throw this.#problem(
        `no row of the base has the same ${filter.column}: expected none here, and the days in the parameters`,
        at.column,
      )
    }
    const expected = expectedValue(column, filter.value)
    if (expected !== undefined) throw this.#problem(`expected ${expected}`, at.value)
  }

  /** The first or last row is one of a date: where each date has several rows, one of them must be picked. */
  #order({ aggregate, where, column }: Measure, columns: readonly Column[]): void {
    if (aggregate !== 'first' && aggregate !== 'last') return
    if (columns[0]?.kind !== 'date' && columns[0]?.kind !== 'instant') return
    const key = columns.find(({ kind }) => kind === 'text')
    if (key === undefined || where.some((filter) => filter.column === key.name)) return
    throw this.#problem(
      `each date has several rows: expected one of them to be picked, as in ${aggregate}(${column}[${key.name}=…])`,
      this.#places.subject,
    )
  }

  #change({ aggregate }: Measure, stat: Stat): void {
    const params = this.#params
    if (aggregate === 'every' || aggregate === 'any' || aggregate === 'count') {
      throw this.#problem(
        `${aggregate} has no change: expected min, max, mean, sum, first, last or none`,
        this.#places.subject,
      )
    }
    const { grain, first, last, names: [from, to] = ['from', 'to'] } = stat.range(params)
    if ((params[from] ?? first) !== first || (params[to] ?? last) !== last) {
      throw this.#problem('a change compares whole days: expected days for the range of the stat', this.#places.change)
    }
    if (this.#assertion.change?.kind === 'same_weekday' && grain !== 'day') {
      throw this.#problem(
        `same_weekday compares days: expected previous_period or previous_year where windows are ${grain}s`,
        this.#places.base,
      )
    }
  }

  /**
   * Checks the numbers of the comparison.
   *
   * @param words the units that fit, each with what to write
   * @param meantSuffix the unit of a number without one
   */
  #units(words: UnitWords, meantSuffix = '', { isShare = false, isRate = false } = {}): void {
    const { comparison } = this.#assertion
    const quantities = comparison.operator === 'between' ? [comparison.low, comparison.high] : [comparison.threshold]
    for (const [number, quantity] of quantities.entries()) {
      const at = this.#places.quantities[number]!
      const { value, unit, text } = quantity
      const bare = text.replace(/(%|[a-z]+)$/, '')
      const instead = (suffix: string) => this.#corrected(at, text.length, bare + suffix)
      if (words[unit] === undefined) {
        const suffix = unit === 'number' || unit === 'points' ? meantSuffix : ''
        throw this.#problem(`expected ${Object.values(words).join(', or ')}`, at, suffix && instead(suffix))
      }
      const isOutside = value < 0 || value > 1
      if (isRate && unit === 'number' && isOutside) {
        throw this.#problem('expected a share from 0 to 1', at, value > 1 && value <= 100 ? instead('%') : undefined)
      }
      if ((isRate || isShare) && unit === 'percent' && isOutside)
        throw this.#problem('expected a share from 0% to 100%', at)
    }
    if (comparison.operator !== 'between') return
    const { low, high } = comparison
    const at = this.#places.quantities[1]!
    if (low.unit !== high.unit) {
      const suffix = /(%|[a-z]+)?$/.exec(low.text)![0]
      throw this.#problem(
        `expected the unit of ${low.text}`,
        at,
        this.#corrected(at, high.text.length, high.text.replace(/(%|[a-z]+)?$/, suffix)),
      )
    }
    if (low.value > high.value) {
      const start = this.#places.quantities[0]!
      const end = at + high.text.length
      const swapped = `${high.text} and ${low.text}`
      throw this.#problem(
        `nothing lies between ${low.text} and ${high.text}`,
        start,
        this.#corrected(start, end - start, swapped),
      )
    }
  }

  #problem(message: string, at: number, suggestion?: string): SyntaxProblem {
    return new SyntaxProblem(message, this.#assertion.text, at, suggestion || undefined)
  }

  /** The assertion with `length` characters replaced, or what is meant by that in turn; undefined when it does not fit. */
  #corrected(at: number, length: number, replacement: string): string | undefined {
    const { text } = this.#assertion
    const meant = text.slice(0, at) + replacement + text.slice(at + length)
    if (this.#corrections === 0) return undefined
    try {
      new Fit(parseAssertion(meant), this.#stat, this.#params, this.#corrections - 1).check()
      return meant
    } catch (error) {
      if (error instanceof SyntaxProblem) return error.suggestion
      throw error
    }
  }
}
