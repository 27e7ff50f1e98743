/**
 * The small language of checks: text becomes an assertion, and a mistake is shown at its character.
 *
 *     assertion  = subject ("change" "vs" base)? comparison
 *     subject    = "freshness" | ("rejected" | "duplicates") ("(" batches-or-duration ")")?
 *                | aggregate "(" measure ")" | "count" "(" ")" | measure
 *     measure    = column ("[" index "]" | "[" column "=" value "]")*
 *     base       = "previous_period" | "previous_year" | "same_weekday" "(" weeks "w" ")"
 *     comparison = operator quantity | "between" quantity "and" quantity
 *     quantity   = number ("%" | "pp" | "s" | "m" | "h" | "d")?
 *
 * A value runs to its bracket, without the blanks around it; in double quotes it may hold brackets, and a quote in it is
 * doubled. Whether an assertion fits its stat is told by `types.ts`.
 */
import { durationMs } from '../../core/duration.js'
import { nearest } from '../../core/nearest.js'
import { SyntaxProblem, TextScanner } from '../../core/scanner.js'
import {
  aggregateList,
  bases,
  foreignAggregates,
  foreignBases,
  foreignOperators,
  mostBatches,
  mostWeeks,
  operatorList,
} from './aliases.js'
import {
  type Aggregate,
  type Assertion,
  aggregates,
  type Base,
  type Comparison,
  type ImportQuality,
  type Measure,
  type Quantity,
  type Subject,
} from './assertion.js'
import { durationUnits, quantityPattern, readQuantity } from './quantity.js'

export { comparisonText, printAssertion } from './text.js'

/** Where the parts of an assertion begin in its text. */
export interface SourceLocations {
  subject: number
  column: number
  index: number
  /** Of each filter: its column and its value. */
  readonly where: { readonly column: number; readonly value: number }[]
  /** The word `change`. */
  change: number
  base: number
  /** One, or two with `between`. */
  readonly quantities: number[]
}

/**
 * Reads an assertion.
 *
 * @throws SyntaxProblem with the character that cannot stand there, and where it can be told what was meant
 * @example
 * parseAssertion('mean(rates[1]) between 20% and 60%').comparison.operator // 'between'
 */
export function parseAssertion(text: string): Assertion {
  return readAssertion(text).assertion
}

/** As `parseAssertion`, with the places of the parts. */
export function readAssertion(text: string): { assertion: Assertion; places: SourceLocations } {
  const reader = new Reader(text)
  return { assertion: reader.assertion(), places: reader.places }
}

const name = /[A-Za-z_][A-Za-z0-9_]*/y

/** A text with more mistakes than that is not corrected. */
const maxCorrections = 3

class Reader extends TextScanner {
  readonly #corrections: number
  readonly places: SourceLocations = { subject: 0, column: 0, index: 0, where: [], change: 0, base: 0, quantities: [] }

  constructor(text: string, corrections = maxCorrections) {
    super(text)
    this.#corrections = corrections
  }

  assertion(): Assertion {
    this.skipBlanks()
    const subject = this.#subject()
    this.skipBlanks()
    const change = this.#change()
    this.skipBlanks()
    const comparison = this.#comparison(change === undefined)
    this.#mustEnd()
    return { subject, change, comparison, text: this.text }
  }

  #subject(): Subject {
    const from = this.at
    this.places.subject = from
    const word = this.take(name)
    if (word === undefined) {
      throw this.problem('expected a column, an aggregate such as min(…), freshness, rejected or duplicates')
    }
    if (this.take(/\s*\(/y) !== undefined) return this.#inParentheses(word, from)
    if (word === 'freshness') return { kind: 'freshness' }
    if (word === 'rejected' || word === 'duplicates') return { kind: word, over: { batches: 1 } }
    if ((aggregates as readonly string[]).includes(word) && this.sees(/\s*([=!<>]|between|change)/iy)) {
      const meant = word === 'count' ? this.#corrected(from, this.at, 'count()') : undefined
      throw this.problem(`expected ( after ${word}, and a column`, this.at, meant)
    }
    return this.#measure(undefined, word, from)
  }

  /** What follows `word (`. */
  #inParentheses(word: string, from: number): Subject {
    this.skipBlanks()
    if (word === 'rejected' || word === 'duplicates') return this.#quality(word)
    const aggregate = aggregates.find((known) => known === word)
    if (aggregate === undefined) {
      const meant =
        foreignAggregates.get(word.toLowerCase()) ?? nearest(word, [...aggregates, 'rejected', 'duplicates'])
      if (word === 'freshness') {
        const end = this.text.indexOf(')', from)
        throw this.problem(
          'expected freshness alone',
          from,
          end < 0 ? undefined : this.#corrected(from, end + 1, 'freshness'),
        )
      }
      throw this.problem(`expected ${aggregateList}`, from, meant && this.#corrected(from, from + word.length, meant))
    }
    const at = this.at
    const column = this.take(name)
    if (column === undefined && aggregate !== 'count') throw this.problem('expected a column', at)
    const measure = this.#measure(aggregate, column ?? '', at)
    this.#close()
    return measure
  }

  #close(): void {
    this.skipBlanks()
    if (!this.take(/\)/y)) throw this.problem('expected )')
  }

  #quality(kind: ImportQuality['kind']): ImportQuality {
    const at = this.at
    const text = this.take(/[^\s)]*/y)!
    this.#close()
    const batches = /^\d{1,7}$/.test(text) ? Number(text) : 0
    if (batches >= 1 && batches <= mostBatches) return { kind, over: { batches } }
    const milliseconds = durationMs(text, durationUnits) ?? 0
    if (milliseconds > 0) return { kind, over: { seconds: milliseconds / 1000 } }
    const read = readQuantity(text)
    const meant = 'quantity' in read ? undefined : read.meant
    const suggestion = meant && this.#corrected(at, at + text.length, meant)
    throw this.problem('expected a number of batches such as 10, or a time such as 7d', at, suggestion)
  }

  #measure(aggregate: Aggregate | undefined, column: string, at: number): Measure {
    this.places.column = at
    const where: { column: string; value: string }[] = []
    let index: number | undefined
    while (this.take(/\s*\[/y) !== undefined) {
      this.skipBlanks()
      const from = this.at
      const number = this.take(/\d+(?=\s*\])/y)
      if (number === undefined) where.push(this.#filter())
      else if (index !== undefined) throw this.problem('expected a filter such as [event_type=purchase]', from)
      else if (number.length > 9) throw this.problem('expected a smaller index', from)
      else {
        index = Number(number)
        this.places.index = from
      }
      this.skipBlanks()
      if (!this.take(/\]/y)) {
        throw this.problem('expected ]; a value with quotes or brackets in it needs quotes around it')
      }
    }
    return { kind: 'column', aggregate, column, index, where }
  }

  #filter(): { column: string; value: string } {
    const from = this.at
    const column = this.take(name)
    if (column === undefined) throw this.problem('expected an index such as 1, or a filter such as event_type=purchase')
    this.skipBlanks()
    const at = this.at
    const sign = this.take(/[:=!<>~≤≥≠]+/y)
    if (sign !== '=') {
      const suggestion = sign === undefined ? undefined : this.#corrected(at, this.at, '=')
      throw this.problem('expected =', at, sign === ':' || sign === '==' ? suggestion : undefined)
    }
    this.skipBlanks()
    const valueAt = this.at
    const value = this.isAt('"') ? this.quoted() : this.#plainValue()
    this.places.where.push({ column: from, value: valueAt })
    return { column, value }
  }

  #plainValue(): string {
    const at = this.at
    const value = this.take(/[^"[\]]*/y)!.trimEnd()
    if (value === '') throw this.problem('expected a value; an empty one is ""', at)
    if (/^'.*'$/s.test(value)) {
      const meant = this.#corrected(at, at + value.length, `"${value.slice(1, -1)}"`)
      throw this.problem('expected a value in double quotes, not in single ones', at, meant)
    }
    return value
  }

  #change(): Base | undefined {
    const from = this.at
    const word = this.take(/change\b/iy)
    if (word === undefined) return undefined
    this.places.change = from
    this.skipBlanks()
    const at = this.at
    const versus = this.take(name)
    if (versus?.toLowerCase() !== 'vs') {
      const known = ['versus', 'to', 'from', 'against', 'since', 'over'].includes(versus?.toLowerCase() ?? '')
      const near = versus !== undefined && (bases as readonly string[]).includes(versus)
      const suggestion = known ? this.#corrected(at, this.at, 'vs') : near ? this.#corrected(at, at, 'vs ') : undefined
      throw this.problem('expected vs', at, suggestion)
    }
    this.skipBlanks()
    return this.#base()
  }

  #base(): Base {
    const from = this.at
    this.places.base = from
    const word = this.take(name) ?? ''
    if (word === 'previous_period' || word === 'previous_year') return { kind: word }
    if (word === 'same_weekday') return this.#sameWeekday(from)
    const meant = foreignBases.get(word.toLowerCase()) ?? nearest(word, bases)
    const suggestion = meant && this.#corrected(from, this.at, meant === 'same_weekday' ? 'same_weekday(4w)' : meant)
    throw this.problem('expected previous_period, previous_year or same_weekday(4w)', from, suggestion)
  }

  #sameWeekday(from: number): Base {
    const end = this.at
    this.skipBlanks()
    const expected = `expected a number of weeks from 1 to ${mostWeeks}, as in same_weekday(4w)`
    if (!this.take(/\(/y)) throw this.problem(expected, end, this.#corrected(from, end, 'same_weekday(4w)'))
    this.skipBlanks()
    const at = this.at
    const text = this.take(/[^\s)]*/y)!
    const found = /^(\d{1,3})w$/.exec(text)
    const weeks = Number(found?.[1] ?? 0)
    if (weeks < 1 || weeks > mostWeeks) {
      const meant = /^\d{1,2}$/.test(text) && Number(text) >= 1 ? `${text}w` : undefined
      throw this.problem(expected, at, meant && this.#corrected(at, this.at, meant))
    }
    this.#close()
    return { kind: 'same_weekday', weeks }
  }

  #comparison(mayChange: boolean): Comparison {
    if (this.take(/between\b/iy) !== undefined) {
      const low = this.#quantity()
      this.skipBlanks()
      if (!this.take(/and\b/iy)) {
        const at = this.at
        const sign = this.take(/,|\.\.+|to\b|-/iy)
        throw this.problem('expected "and"', at, sign && this.#corrected(at, this.at, ' and '))
      }
      return { operator: 'between', low, high: this.#quantity() }
    }
    const at = this.at
    const sign = this.take(/[=!<>≤≥≠:~]+/y)
    const operator = (['>=', '<=', '!=', '>', '<', '='] as const).find((known) => known === sign)
    if (operator === undefined) {
      const word = sign === undefined ? this.take(/[A-Za-z_]+/y) : undefined
      const meant =
        sign === undefined
          ? nearest(word ?? '', mayChange ? ['between', 'change'] : ['between'])
          : foreignOperators.get(sign)
      const expected = mayChange ? `expected ${operatorList}, or change vs …` : `expected ${operatorList}`
      throw this.problem(expected, at, meant && this.#corrected(at, this.at, meant))
    }
    return { operator, threshold: this.#quantity() }
  }

  #quantity(): Quantity {
    this.skipBlanks()
    const at = this.at
    this.places.quantities.push(at)
    const text = this.take(quantityPattern)
    if (text === undefined) throw this.problem('expected a number such as 1000, 20%, 5pp or 26h', at)
    const read = readQuantity(text)
    if ('quantity' in read) return read.quantity
    throw this.problem(read.problem, at, read.meant && this.#corrected(at, this.at, read.meant))
  }

  #mustEnd(): void {
    const from = this.at
    this.skipBlanks()
    if (this.isAtEnd()) return
    const at = this.at
    // `20 %`, `1,000`.
    const unit = this.take(/(?:%|pp|percent|[smhd])$/iy)
    const group = unit === undefined && at === from ? this.take(/(?:,\d{3})+/y) : undefined
    const meant =
      unit !== undefined
        ? this.#corrected(from, at, '')
        : group !== undefined
          ? this.#corrected(at, this.at, group.replaceAll(',', '_'))
          : undefined
    throw this.problem('expected the end; a check has one assertion', at, meant)
  }

  /** The text with `[start, end)` replaced, or what is meant by that in turn; undefined when it cannot be read then. */
  #corrected(start: number, end: number, replacement: string): string | undefined {
    const meant = this.text.slice(0, start) + replacement + this.text.slice(end)
    if (meant === this.text || this.#corrections === 0) return undefined
    try {
      new Reader(meant, this.#corrections - 1).assertion()
      return meant
    } catch (error) {
      if (error instanceof SyntaxProblem) return error.suggestion
      throw error
    }
  }
}
