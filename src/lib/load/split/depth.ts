/**
 * How deep JSON is nested, told from its bytes without parsing it: PostgreSQL's parser is recursive, so a depth
 * bomb must not reach it. Valid or not is PostgreSQL's question; up to the first error both see the same brackets.
 */

const doubleQuote = 0x22
const backslash = 0x5c

/** 1 for `{` and `[`. */
const opens = new Uint8Array(256)
opens[0x7b] = 1
opens[0x5b] = 1
/** 1 for `}` and `]`. */
const closes = new Uint8Array(256)
closes[0x7d] = 1
closes[0x5d] = 1

/** Whether the JSON in `[from, to)` is nested deeper than `maxDepth`; `{}` is 1 deep. */
export function isTooDeep(bytes: Uint8Array, from: number, to: number, maxDepth: number): boolean {
  return mayBeTooDeep(bytes, from, to, maxDepth) && depthExceeds(bytes, from, to, maxDepth)
}

/** False when it certainly is not: it has too few brackets, wherever they stand. Cheaper than `depthExceeds`. */
export function mayBeTooDeep(bytes: Uint8Array, from: number, to: number, maxDepth: number): boolean {
  // Valid JSON of depth d is at least 2d bytes long; anything shorter fails in the parser before it gets there.
  if (to - from <= 2 * maxDepth) return false
  let brackets = 0
  for (let i = from; i < to; i++) brackets += opens[bytes[i]!]!
  return brackets > maxDepth
}

function depthExceeds(bytes: Uint8Array, from: number, to: number, maxDepth: number): boolean {
  let depth = 0
  let inString = false
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!
    if (inString) {
      if (byte === backslash) i++
      else if (byte === doubleQuote) inString = false
    } else if (byte === doubleQuote) inString = true
    else if (opens[byte] === 1) {
      if (++depth > maxDepth) return true
    } else if (closes[byte] === 1) depth--
  }
  return false
}
