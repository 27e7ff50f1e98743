/**
 * What `ea rollups` keeps, as a person types it: `properties.country`, `event_type:purchase`. The words are those of segments;
 * a whole segment is an error that points at the character.
 */
import { EaError } from '../../core/errors.js'
import type { OnDemandSubject } from '../../rollups/sql/on-demand.js'
import { fieldText, parseField, parseSegment, pointAt, SyntaxProblem } from '../../stats/filter/filter-parser.js'

const expected = 'expected properties.NAME or event_type:NAME'

/**
 * Reads what is to be kept.
 *
 * @throws EaError `usage`, pointing at the character
 * @example
 * parseRollupField('event_type:"a, b"') // { kind: 'event_type', eventType: 'a, b' }
 */
export function parseRollupField(text: string): OnDemandSubject {
  try {
    return /^\s*event_type(?=\s*[:=!<>~])/.test(text) ? eventTypeOf(text) : propertyOf(text)
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error
    const meant = meantInstead(error)
    const question = meant.length === 0 ? '' : `; did you mean ${meant.join(' or ')}?`
    throw new EaError('usage', `${error.message}${question}\n${pointAt(error)}`)
  }
}

/** The same as one would type it. */
export function rollupFieldText(subject: OnDemandSubject): string {
  if (subject.kind === 'property') return fieldText(subject)
  const plain = `event_type:${subject.eventType}`
  return isRead(plain, subject.eventType) ? plain : `event_type:"${subject.eventType.replaceAll('"', '""')}"`
}

function isRead(text: string, eventType: string): boolean {
  try {
    return eventTypeOf(text).eventType === eventType
  } catch (error) {
    if (error instanceof SyntaxProblem) return false
    throw error
  }
}

function eventTypeOf(text: string): OnDemandSubject & { kind: 'event_type' } {
  const [condition, ...others] = parseSegment(text)
  const { operator, values, text: written } = condition!
  const operatorAt = /^\s*event_type\s*/.exec(text)![0].length
  const from = text.length - text.trimStart().length
  const [eventType, ...more] = values
  if (operator !== '=' || eventType === undefined) {
    throw new SyntaxProblem(`${expected}: one type, without another operator`, text, operatorAt)
  }
  if (more.length > 0) {
    const first = /^[:=]\s*(?:"(?:[^"]|"")*"\s*|[^,]*)/.exec(text.slice(operatorAt))![0].length
    const meant = values.map((value) => rollupFieldText({ kind: 'event_type', eventType: value })).join(' ')
    throw new SyntaxProblem(`${expected}: one type in each`, text, operatorAt + first, meant)
  }
  if (others.length > 0) {
    throw new SyntaxProblem(`${expected}: no further condition`, text, from + written.length)
  }
  return { kind: 'event_type', eventType }
}

function propertyOf(text: string): OnDemandSubject {
  const from = text.length - text.trimStart().length
  const head = /^[^\s.,:=!<>~"[\]]*/.exec(text.slice(from))![0]
  if (head === 'event_type') throw new SyntaxProblem(`${expected}: the name is missing`, text, from + head.length)
  if (head === 'user_id') throw new SyntaxProblem(`${expected}: users cannot be kept`, text, from)
  try {
    const field = parseField(text)
    if (field.kind === 'property') return { kind: 'property', path: field.path }
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error
    if (head !== 'properties') throw new SyntaxProblem(expected, text, from, error.suggestion)
    const field = fieldOfSegment(text)
    if (field === undefined) throw error
    throw new SyntaxProblem(`${expected}: all values of a property are kept`, text, error.position, field)
  }
  throw new SyntaxProblem(expected, text, from)
}

/** The field of a text that is a whole segment about a property. */
function fieldOfSegment(text: string): string | undefined {
  try {
    const { field } = parseSegment(text)[0]!
    return field.kind === 'property' ? fieldText(field) : undefined
  } catch (error) {
    if (error instanceof SyntaxProblem) return undefined
    throw error
  }
}

/** A word alone may be the name of a property or of an event type. */
function meantInstead({ text, suggestion }: SyntaxProblem): string[] {
  if (suggestion === undefined) return []
  const isWord = suggestion === `properties.${text}`
  return [suggestion, ...(isWord ? [rollupFieldText({ kind: 'event_type', eventType: text })] : [])]
}
