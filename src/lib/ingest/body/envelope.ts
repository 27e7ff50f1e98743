/**
 * The outside of a JSON body: where its array, its elements and the members of an object begin and end. Values are
 * passed over by their brackets and strings, never parsed; what is wrong with one is found by the splitter or the
 * database. Brackets that do not match, a missing comma and the like are found here, with their place.
 */
import { EaError } from '../../core/errors.js'
import type { Steps } from '../../core/in-turns.js'
import { keyText, type OnMember, skipSpace, Walk } from '../../load/json-walk.js'

const lf = 0x0a
const cr = 0x0d
const openBracket = 0x5b
const openBrace = 0x7b
const backslash = 0x5c

/** The error for a body that is no JSON: what should stand where. */
export function malformed(bytes: Buffer, at: number, expected: string): EaError {
  const seen = bytes.subarray(at, at + 16).toString('utf8')
  const found = at >= bytes.length ? 'the body ends' : `there is ${JSON.stringify(seen)}`
  return new EaError('malformed_body', `At byte ${at} of the body ${found}, where ${expected} should be.`, {
    details: { byte_offset: at, expected },
  })
}

/** Where the text begins: after a byte order mark. */
export function afterByteOrderMark(bytes: Buffer): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

/**
 * Whether a key is this name. A key with a backslash is unescaped first, as the database would do it.
 *
 * @param from `[from, to)` is the key with its quotes
 */
function isKey(bytes: Buffer, from: number, to: number, name: string): boolean {
  if (to - from === name.length + 2) return bytes.toString('latin1', from + 1, to - 1) === name
  if (to - from < name.length + 2 || bytes.subarray(from, to).indexOf(backslash) === -1) return false
  return keyText(bytes, from, to) === name
}

/** The outside of a body of the type application/json. */
export interface Outside {
  /** `array`: a JSON array, `[from, to)`. `object`: one object. `lines`: objects on lines, to the end of the body. */
  readonly kind: 'array' | 'object' | 'lines'
  readonly from: number
  readonly to: number
  /** Whether the object holds a line break; of no meaning for the others. */
  readonly hasLineBreaks: boolean
  /** Where the object around the array begins and ends; null when there is none. */
  readonly envelope: { readonly from: number; readonly to: number } | null
}

/**
 * Finds out what a JSON body is, from its outside: an array, `{"events": […]}`, one object, or objects on lines. What
 * is inside an array that stands alone is not looked at: the splitter does that.
 *
 * @param onMember is told the members of an object at the top, as far as they go
 * @throws EaError `malformed_body`
 * @example
 * atOnce(outsideOf(Buffer.from('{"sent_at": 5, "events": [{}, {}]}'))) // { kind: 'array', from: 25, to: 33, … }
 */
export function* outsideOf(bytes: Buffer, onMember?: OnMember): Steps<Outside> {
  const walk = new Walk()
  const end = bytes.length
  const from = skipSpace(bytes, afterByteOrderMark(bytes))
  if (from === end) throw malformed(bytes, from, 'an array or an object')
  if (bytes[from] === openBracket) return { kind: 'array', from, to: end, hasLineBreaks: false, envelope: null }
  if (bytes[from] !== openBrace) throw malformed(bytes, from, 'an array or an object')

  let eventsFrom = -1
  let eventsTo = -1
  let secondKey = -1
  const to = yield* walk.object(bytes, from, end, (keyFrom, keyTo, valueFrom, valueTo) => {
    onMember?.(keyFrom, keyTo, valueFrom, valueTo)
    if (!isKey(bytes, keyFrom, keyTo, 'events')) return
    if (eventsFrom !== -1 && secondKey === -1) secondKey = keyFrom
    eventsFrom = valueFrom
    eventsTo = valueTo
  })
  if (to === -1) throw malformed(bytes, walk.at, walk.expected)
  const { hasLineBreaks } = walk
  const next = skipSpace(bytes, to)
  if (eventsFrom !== -1) {
    if (secondKey !== -1) throw malformed(bytes, secondKey, 'a key other than "events", which came before,')
    if (bytes[eventsFrom] !== openBracket) throw malformed(bytes, eventsFrom, 'the array of events')
    if (next !== end) throw malformed(bytes, next, 'the end of the body')
    return { kind: 'array', from: eventsFrom, to: eventsTo, hasLineBreaks, envelope: { from, to } }
  }
  if (next === end) return { kind: 'object', from, to, hasLineBreaks, envelope: null }
  if (hasLineBreaks || bytes[next] !== openBrace || !hasLineBreak(bytes, to, next)) {
    throw malformed(bytes, next, 'the end of the body')
  }
  return { kind: 'lines', from, to: end, hasLineBreaks, envelope: null }
}

function hasLineBreak(bytes: Buffer, from: number, to: number): boolean {
  const between = bytes.subarray(from, to)
  return between.includes(lf) || between.includes(cr)
}
