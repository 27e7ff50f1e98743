/**
 * The small language of filters and steps: text becomes conditions, and a mistake is shown at its character.
 *
 *     segment   = condition (" and " condition)*
 *     selector  = event-type ("[" segment "]")?      exclusion = selector (":" step "-" step)?
 *     condition = field operator (value ("," value)* | "*")
 *     field     = "event_type" | "user_id" | "properties" ("." key)+
 *     operator  = ":" | "=" | "!=" | ">" | ">=" | "<" | "<=" | "~"
 *
 * A key, a value or an event type may stand in double quotes; a quote in it is doubled: `"5"" screen"`. Without quotes
 * a value runs to the next comma, ` and `, bracket or the end, and blanks around it do not belong to it.
 */
import { eventFields } from '../../core/event.js'
import { aliasesOf, nearest } from '../../core/nearest.js'
import { SyntaxProblem, TextScanner } from '../../core/scanner.js'
import type { Condition, Field, Operator, Selector } from './filter.js'

export { pointAt, SyntaxProblem } from '../../core/scanner.js'

/**
 * Reads a segment; all of its conditions hold.
 *
 * @throws SyntaxProblem
 * @example
 * parseSegment('event_type:purchase and properties.country:UA,PL')[1].values // ['UA', 'PL']
 */
export function parseSegment(text: string): Condition[] {
  const reader = new Reader(text)
  const conditions = reader.conditions()
  reader.mustEnd('expected a comma, "and" or the end')
  return conditions
}

/**
 * Reads a selector.
 *
 * @throws SyntaxProblem
 * @example
 * parseSelector('purchase[properties.value>10]').eventType // 'purchase'
 */
export function parseSelector(text: string): Selector {
  const reader = new Reader(text)
  const selector = reader.selector()
  reader.mustEnd('expected the end')
  return selector
}

/** What must not happen between two steps of a funnel; steps count from 1. */
export interface Exclusion {
  readonly selector: Selector
  readonly after: number
  readonly before: number
}

/**
 * Reads an exclusion: a selector, and after it maybe the steps between which it counts.
 *
 * @param stepCount of the funnel; without steps the exclusion counts from its first to its last
 * @throws SyntaxProblem
 * @example
 * parseExclusion('refund:1-2', 3) // { selector: refund, after: 1, before: 2 }
 */
export function parseExclusion(text: string, stepCount: number): Exclusion {
  const reader = new Reader(text)
  const selector = reader.selector({ endsBeforeSteps: true })
  return { selector, ...reader.steps(stepCount) }
}

/**
 * Reads a field alone: `event_type`, `user_id`, `properties.country`.
 *
 * @throws SyntaxProblem
 * @example
 * parseField('properties.utm.source') // { kind: 'property', path: ['utm', 'source'] }
 */
export function parseField(text: string): Field {
  const reader = new Reader(text)
  reader.skipBlanks()
  try {
    const field = reader.field()
    reader.mustEnd('expected the end; a name with such a character needs quotes')
    return field
  } catch (error) {
    if (!(error instanceof SyntaxProblem) || error.suggestion === undefined) throw error
    // What is suggested is a whole condition.
    const meant = fieldText(parseSegment(error.suggestion)[0]!.field)
    throw new SyntaxProblem(error.message, text, error.position, meant, meant)
  }
}

/** A field as it is written, its keys in quotes where they need them. */
export function fieldText(field: Field): string {
  if (field.kind !== 'property') return field.kind
  return ['properties', ...field.path.map((key) => (plainKey.test(key) ? key : quoted(key)))].join('.')
}

/** A value as a condition writes it, in quotes where it needs them. */
export function valueText(value: string): string {
  return plainValue.test(value) ? value : quoted(value)
}

/** An event type as a step of a funnel, in quotes where it needs them. */
export function stepText(eventType: string): string {
  return oddStep.test(eventType) ? quoted(eventType) : eventType
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

/** Deeper than this nobody nests what he filters by, and what is looked for in every event must not cost without end. */
const maxPathKeys = 20
const maxPathChars = 4000

const plainKey = /^[^\s.,:=!<>~"[\]]+$/
const plainValue = /^[^\s,:=!<>~*'"[\]]+$/
/** Blanks at the ends are left out, the others have a meaning; steps may stand after an exclusion. */
const oddStep = /^$|^\s|\s$|["[\]]|:\s*\d+\s*-\s*\d+$/

const operators: ReadonlyMap<string, Operator> = new Map(
  ([':', '=', '!=', '>', '>=', '<', '<=', '~'] as const).map((sign) => [sign, sign === ':' ? '=' : sign]),
)
const operatorList = ': = != > >= < <= ~'

/** What other languages write. */
const foreignOperators = aliasesOf({
  '=': '== === := =:',
  ':': '::',
  '~': '=~ ~= :~',
  '!=': '! !== =! <> !: :! :!=',
  '>=': '=> :>=',
  '<=': '=< :<=',
  '>': ':>',
  '<': ':<',
})

interface Value {
  readonly text: string
  readonly isQuoted: boolean
  readonly at: number
}

/** What was probably meant: the condition that can be read then, and the whole text with it. */
interface Correction {
  readonly suggestion: string
  readonly corrected: string
}

class Reader extends TextScanner {
  conditions(): Condition[] {
    const conditions = [this.condition()]
    while (this.take(/\s+and(?=[\s\]]|$)/iy)) conditions.push(this.condition())
    return conditions
  }

  condition(): Condition {
    this.skipBlanks()
    const from = this.at
    const field = this.field()
    const operator = this.#operator(from)
    const values = this.#values(operator)
    const text = this.text.slice(from, this.at)
    const star = values.find((value) => value.text === '*' && !value.isQuoted)
    if (star === undefined) return { field, operator, values: values.map((value) => value.text), text }
    if (operator === '=' && values.length === 1) return { field, operator: 'is set', values: [], text }
    throw this.problem('expected a value; * is allowed only after : alone (is set); "*" is the star itself', star.at)
  }

  selector({ endsBeforeSteps = false } = {}): Selector {
    this.skipBlanks()
    const from = this.at
    const eventType = this.isAt('"') ? this.quoted() : this.#plainEventType(endsBeforeSteps)
    if (eventType === '') throw this.problem('expected an event type', from)
    let conditions: Condition[] = []
    if (this.take(/\s*\[/y)) {
      conditions = this.conditions()
      if (!this.take(/\s*\]/y)) {
        this.skipBlanks()
        throw this.problem('expected a comma, "and" or ]')
      }
    }
    return { eventType, conditions, text: this.text.slice(from, this.at) }
  }

  /** The steps after the selector of an exclusion. */
  steps(stepCount: number): { after: number; before: number } {
    this.skipBlanks()
    if (this.isAtEnd()) return { after: 1, before: stepCount }
    const pattern = /:\s*(\d+)\s*-\s*(\d+)\s*$/dy
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) throw this.problem('expected the end, or two steps such as :1-2')
    const [after, before] = [Number(found[1]), Number(found[2])]
    const [afterAt, beforeAt] = [found.indices![1]![0], found.indices![2]![0]]
    if (after < 1 || after >= stepCount) throw this.problem(`expected a step from 1 to ${stepCount - 1}`, afterAt)
    if (before <= after || before > stepCount) {
      throw this.problem(`expected a step from ${after + 1} to ${stepCount}`, beforeAt)
    }
    return { after, before }
  }

  #plainEventType(endsBeforeSteps: boolean): string {
    let raw = this.take(/[^"[\]]*/y)!
    const steps = endsBeforeSteps && this.isAtEnd() ? raw.search(/:\s*\d+\s*-\s*\d+\s*$/) : -1
    if (steps >= 0) {
      this.at += steps - raw.length
      raw = raw.slice(0, steps)
    }
    const eventType = raw.trimEnd()
    if (eventType !== '' && (this.isAt('"') || this.isAt(']'))) {
      throw this.problem('expected [ or the end; an event type with quotes or brackets in it needs quotes around it')
    }
    this.at += eventType.length - raw.length
    return eventType
  }

  field(): Field {
    const from = this.at
    const name = this.take(/[^\s.,:=!<>~"[\]]*/y)!
    if (name === 'event_type' || name === 'user_id') return { kind: name }
    if (name !== 'properties') throw this.#unknownField(from)
    const path: string[] = []
    while (this.take(/\./y)) {
      const at = this.at
      path.push(this.#key())
      if (path.length > maxPathKeys) throw this.problem(`expected at most ${maxPathKeys} names below properties`, at)
      if (path.reduce((chars, key) => chars + key.length, 0) > maxPathChars) {
        throw this.problem(`expected names of at most ${maxPathChars} characters together`, at)
      }
    }
    if (path.length === 0) throw this.problem('expected . and the name of a property')
    return { kind: 'property', path }
  }

  #key(): string {
    if (this.isAt('"')) return this.quoted()
    const key = this.take(/[^\s.,:=!<>~"[\]]+/y)
    if (key === undefined) throw this.problem('expected the name of a property, in quotes if it has odd characters')
    return key
  }

  #unknownField(from: number): SyntaxProblem {
    const name = this.text.slice(from, this.at) + (this.take(/[^\s,:=!<>~"[\]]*/y) ?? '')
    const expected = 'expected a field: event_type, user_id or properties.NAME'
    if (name === '') return this.problem(expected, from)
    const head = name.split('.', 1)[0]!
    const known = near(name, ['event_type', 'user_id'])
    const property = near(head, ['properties']) ? `properties${name.slice(head.length)}` : `properties.${name}`
    const isOther = (eventFields as readonly string[]).includes(name)
    const meant = known ?? (isOther ? undefined : property)
    const correction = meant === undefined ? undefined : this.#corrected(from, from, this.at, meant)
    const isAfterAnd = /\sand\s+$/i.test(this.text.slice(0, from))
    const hint = isAfterAnd ? '; a value with the word "and" in it needs quotes' : ''
    return this.#corrects(`${expected}${hint}`, from, correction)
  }

  #operator(from: number): Operator {
    const fieldEnd = this.at
    this.skipBlanks()
    const at = this.at
    const sign = this.take(/[:=!<>~]+/y)
    if (sign === undefined) {
      const isBare = this.sees(/$|\]|and(?=[\s\]]|$)/iy)
      const correction = isBare ? this.#corrected(from, fieldEnd, at, ':* ') : undefined
      throw this.#corrects(`expected an operator (${operatorList})`, at, correction)
    }
    const operator = operators.get(sign)
    if (operator !== undefined) return operator
    const meant = foreignOperators.get(sign)
    const correction = meant === undefined ? undefined : this.#corrected(from, at, this.at, meant)
    throw this.#corrects(
      `expected an operator (${operatorList}); a value with such characters needs quotes`,
      at,
      correction,
    )
  }

  #values(operator: Operator): Value[] {
    const values = [this.#value()]
    while (this.take(/\s*,/y)) {
      if (isComparison(operator)) throw this.problem('expected one number: > >= < <= take no list', this.at - 1)
      values.push(this.#value())
    }
    return values
  }

  #value(): Value {
    const isMissing = this.take(/\s+(?=and(?:[\s\]]|$))/iy) !== undefined
    this.skipBlanks()
    const at = this.at
    if (this.isAt('"')) return { text: this.quoted(), isQuoted: true, at }
    const raw = isMissing ? '' : this.take(/(?:(?!\sand(?:[\s\]]|$))[^,"[\]])*/iy)!
    const text = raw.trimEnd()
    if (text !== '' && (this.isAt('"') || this.isAt('['))) {
      throw this.problem(
        'expected a comma, "and" or the end; a value with quotes or brackets in it needs quotes around it',
      )
    }
    if (text === '') throw this.problem('expected a value; an empty one is ""', isMissing ? at : this.at)
    if (/^'.*'$/s.test(text)) throw this.problem('expected a value in double quotes, not in single ones', at)
    const or = text.search(/\s(?:or|\|\||&&)\s+(?:event_type|user_id|properties)\b/i)
    if (or >= 0) throw this.problem('expected "and"; either of two values is a,b', at + or + 1)
    this.at = at + text.length
    return { text, isQuoted: false, at }
  }

  /** The condition at `from` with `[start, end)` replaced, when it can be read then. */
  #corrected(from: number, start: number, end: number, replacement: string): Correction | undefined {
    const [before, meant] = [
      this.text.slice(0, from),
      this.text.slice(from, start) + replacement + this.text.slice(end),
    ]
    try {
      return { suggestion: new Reader(meant).condition().text, corrected: before + meant }
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error
      const { suggestion, corrected } = error
      if (suggestion === undefined || corrected === undefined) return undefined
      return { suggestion, corrected: before + corrected }
    }
  }

  #corrects(message: string, at: number, correction: Correction | undefined): SyntaxProblem {
    return this.problem(message, at, correction?.suggestion, correction?.corrected)
  }
}

/** A long text is near to no field, and finding that out takes long. */
function near(name: string, fields: readonly string[]): string | undefined {
  return name.length > 20 ? undefined : nearest(name, fields)
}

/** Whether the operator compares numbers. */
export function isComparison(operator: Operator): boolean {
  return operator === '>' || operator === '>=' || operator === '<' || operator === '<='
}
