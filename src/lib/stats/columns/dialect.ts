/**
 * Pieces of DuckDB's SQL over the events of the column store, as `query/events.ts` and `filter/filter-sql.ts` have them for
 * PostgreSQL: which rows count, on which day or window a row lies, whether conditions hold. Times are whole microseconds
 * since 1970, days and windows whole days since 1970. Whatever a person wrote is a quoted literal.
 */
import { type ColumnNeeds, NotInColumns, numberColumn, textColumn } from '../../columns/column-events.js'
import { type Day, type DayGrain, daysBetween, type Grain, windowStart } from '../../core/time.js'
import type { ZoneOffset } from '../../db/zone-offsets.js'
import { quotedText } from '../../os/duckdb.js'
import type { Condition, Field, Selector } from '../filter/filter.js'
import { isNumber, isNumericComparison } from '../filter/filter-sql.js'
import type { OpenQueryContext } from '../query/query-context.js'

const dayUs = 86_400_000_000
const hourUs = 3_600_000_000
/** Days are counted from before all times, so that a division never meets a negative number. */
const daysBefore = 4_000_000

export class ColumnDialect {
  readonly #context: OpenQueryContext
  readonly #ahead: string
  readonly #changes: boolean
  readonly #properties: (readonly string[])[] = []
  readonly #numbers: (readonly string[])[] = []

  /** @param offsets of the zone of the context */
  constructor(context: OpenQueryContext, offsets: readonly ZoneOffset[]) {
    this.#context = context
    const [first, ...later] = offsets
    this.#changes = later.length > 0
    const us = (seconds: number) => String(seconds * 1e6)
    const branches = later.map(({ from }, index) => `WHEN t < ${us(from)} THEN ${us(offsets[index]!.offset)}`)
    this.#ahead =
      later.length === 0 ? us(first?.offset ?? 0) : `CASE ${branches.join(' ')} ELSE ${us(later.at(-1)!.offset)} END`
  }

  /** What the statements that were written so far read. */
  get needs(): ColumnNeeds {
    return { properties: this.#properties, numbers: this.#numbers }
  }

  /** The local day of an event. */
  get day(): string {
    return `((t + ${this.#ahead} + ${daysBefore * dayUs}) // ${dayUs} - ${daysBefore})`
  }

  /** The window of an event: its first day; of an hour the second at which it began, see `hourOf` in `query/events.ts`. */
  window(grain: Grain): string {
    if (grain !== 'hour') return this.windowOf(this.day, grain)
    const shift = daysBefore * dayUs
    return `((((t + ${this.#ahead} + ${shift}) // ${hourUs}) * ${hourUs} - ${shift} - (${this.#ahead})) // 1000000)`
  }

  /** The first day of the window of a day. */
  windowOf(day: string, grain: DayGrain): string {
    switch (grain) {
      case 'day':
        return day
      case 'week': {
        const anchor = dayNumber(windowStart('1900-01-08', 'week', this.#context.weekStart))
        return `(${anchor} + (${day} - ${anchor}) // 7 * 7)`
      }
      case 'month':
        return `(date_trunc('month', DATE '1970-01-01' + (${day})::INT)::DATE - DATE '1970-01-01')`
    }
  }

  /** The first day of the window before the one that begins on a day. */
  windowBefore(start: string, grain: DayGrain): string {
    if (grain !== 'month') return `(${start} - ${grain === 'week' ? 7 : 1})`
    return `((DATE '1970-01-01' + (${start})::INT - INTERVAL 1 MONTH)::DATE - DATE '1970-01-01')`
  }

  /** Conditions for events that count: visible, on the days `[from, to)`, in the segments. */
  inRange({ from, to }: { readonly from: Day; readonly to: Day }): string {
    return conjunction([...this.onDays({ from, to }), ...this.visible(), ...this.segments()])
  }

  /** Nothing to ask where all data is on these days. Where clocks change, days decide, and instants far from the two ends. */
  onDays(days: { readonly from?: Day; readonly to?: Day }): string[] {
    const { dataFrom, dataUntil } = this.#context
    const from = days.from !== undefined && dataFrom !== null && days.from <= dataFrom ? undefined : days.from
    const to = days.to !== undefined && dataUntil !== null && dataUntil < days.to ? undefined : days.to
    if (!this.#changes) {
      const instant = (day: Day) => `${dayNumber(day) * dayUs} - ${this.#ahead}`
      return [
        ...(from === undefined ? [] : [`t >= ${instant(from)}`]),
        ...(to === undefined ? [] : [`t < ${instant(to)}`]),
      ]
    }
    const marginUs = 3 * dayUs
    return [
      ...(from === undefined
        ? []
        : [`t >= ${dayNumber(from) * dayUs - marginUs}`, `${this.day} >= ${dayNumber(from)}`]),
      ...(to === undefined ? [] : [`t < ${dayNumber(to) * dayUs + marginUs}`, `${this.day} < ${dayNumber(to)}`]),
    ]
  }

  /** Leaves out events at and after as-of, where there are some. */
  visible(): string[] {
    return this.#context.cut === undefined ? [] : [`t < ${microseconds(this.#context.asOf)}`]
  }

  segments(): string[] {
    return this.#context.segments.map((condition) => this.condition(condition))
  }

  ofType(eventType: string): string {
    return `event_type = ${quotedText(eventType)}`
  }

  selector({ eventType, conditions }: Selector): string {
    return conjunction([this.ofType(eventType), ...conditions.map((condition) => this.condition(condition))])
  }

  /** Whether a condition holds: true or false, never NULL. */
  condition(condition: Condition): string {
    const { field, operator, values } = condition
    if (isNumericComparison(condition)) return this.#comparison(condition)
    const text = this.text(field)
    const isOneOf = `${text} IN (${values.map(quotedText).join(', ')})`
    switch (operator) {
      case '=':
        return `coalesce(${isOneOf}, false)`
      case '!=':
        return `NOT coalesce(${isOneOf}, false)`
      case '~':
        return `coalesce(${values.map((value) => `contains(${text}, ${quotedText(value)})`).join(' OR ')}, false)`
      default:
        return `${text} IS NOT NULL`
    }
  }

  /** Whether the property of a comparison is set, but not to a number. */
  notNumber({ field }: Condition): string {
    return `(${this.text(field)} IS NOT NULL AND ${this.#number(field)} IS NULL)`
  }

  #comparison({ field, operator, values }: Condition): string {
    const value = values[0]!
    if (!isNumber(value)) return 'false'
    if (value.replace(/[-.]/g, '').length > 15) throw new NotInColumns(`${value} has more than 15 digits`)
    return `coalesce(${this.#number(field)} ${operator} ${value}::DOUBLE, false)`
  }

  #number(field: Field): string {
    if (field.kind !== 'property') throw new NotInColumns(`${field.kind} is compared as a number`)
    const path = this.#properties[this.#indexOf(field.path)]!
    if (!this.#numbers.includes(path)) this.#numbers.push(path)
    return numberColumn(this.#properties.indexOf(path))
  }

  /** The text of a field; NULL for a property that is not set. */
  text(field: Field): string {
    return field.kind === 'property' ? textColumn(this.#indexOf(field.path)) : field.kind
  }

  #indexOf(path: readonly string[]): number {
    const key = JSON.stringify(path)
    const known = this.#properties.findIndex((other) => JSON.stringify(other) === key)
    return known >= 0 ? known : this.#properties.push(path) - 1
  }
}

/** A condition that ends the statement: only the ids, which the files do not have, decide it. */
const idsText = 'ids decide which of two events at one time is the first'
export const needsIds = `error('${idsText}')`
export const isAboutIds = (error: unknown) => error instanceof Error && error.message.includes(idsText)

/** `(a) AND (b)`; `true` for none. */
export const conjunction = (conditions: readonly string[]) =>
  conditions.length === 0 ? 'true' : conditions.map((condition) => `(${condition})`).join(' AND ')

/** Days since 1970. */
const dayNumber = (day: Day) => daysBetween('1970-01-01', day)

/** Microseconds since 1970 of an instant in UTC: `2025-08-31T12:00:00.000000Z`. */
export function microseconds(instant: string): string {
  const fraction = /\.(\d+)Z$/.exec(instant)?.[1] ?? ''
  const seconds = BigInt(Date.parse(`${instant.slice(0, 19)}Z`) / 1000)
  return String(seconds * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6)))
}
