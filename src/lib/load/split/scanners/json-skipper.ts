/**
 * Where one value of a JSON array ends, told by brackets and strings. JSON has no raw line break inside a string, so
 * a string that meets one is known to be broken at once: that is what lets a broken array be read on.
 */
import { limits } from '../../../core/event.js'
import { cr, lf } from '../line-ends.js'

/** Why a value has no end. */
export const broken = {
  /** More bytes are needed. */
  more: -6,
  /** A string meets a line break or the end of the source. */
  string: -2,
  /** A `}` where a `]` belongs, or the reverse. */
  brackets: -3,
  /** The source ends inside the value. */
  unclosed: -4,
  /** Nothing that a value could begin with. */
  value: -5,
} as const

const doubleQuote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const openBracket = 0x5b
const closeBrace = 0x7d
const closeBracket = 0x5d

const stops = new Uint8Array(256)
for (const byte of [doubleQuote, openBrace, openBracket, closeBrace, closeBracket, lf, cr]) stops[byte] = 1
const stopsInString = new Uint8Array(256)
for (const byte of [doubleQuote, backslash, lf, cr]) stopsInString[byte] = 1
/** Bytes of `true`, `-1.5e+3` and the like. */
const isScalar = new Uint8Array(256)
for (const byte of Buffer.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.')) isScalar[byte] = 1

/** Reads one value at a time; what was found beside its end stays here until the next. */
export class JsonSkipper {
  /** How deep its brackets were nested. */
  depth = 0
  /** How many line ends it holds. */
  lineEnds = 0
  /** Where the value was found broken. */
  at = 0
  /** How deep it was, and whether in a string, where bytes were missing. */
  #openDepth = 0
  #isInString = false
  /** The closing brackets that are awaited, outermost first. */
  readonly #awaited = new Uint8Array(limits.jsonMaxDepth + 1)

  /**
   * The index behind the value that begins at `start`, or one of `broken`.
   *
   * @param end what has been read; `bytes[end]` is a line feed
   * @param from where to go on with a value that lacked bytes: the `at` of then. No escape and no CR ends there
   */
  read(bytes: Buffer, start: number, end: number, atEnd: boolean, from = start): number {
    const first = bytes[start]!
    if (from === start) {
      this.depth = 0
      this.lineEnds = 0
      this.#openDepth = 0
      this.#isInString = false
    }
    this.at = from
    if (first === openBrace || first === openBracket) return this.#readNested(bytes, from, end, atEnd)
    if (first === doubleQuote) {
      const close = closingQuote(bytes, from === start ? start : from - 1)
      this.at = Math.min(close < 0 ? -close : close, end)
      if (close >= 0 && close < end) return close + 1
      return this.at >= end && !atEnd ? broken.more : broken.string
    }
    let i = from
    while (i < end && isScalar[bytes[i]!] === 1) i++
    this.at = i
    if (i === end && !atEnd) return broken.more
    return i === start ? broken.value : i
  }

  #readNested(bytes: Buffer, from: number, end: number, atEnd: boolean): number {
    const awaited = this.#awaited
    const maxKnown = awaited.length
    let depth = this.#openDepth
    let deepest = this.depth
    let { lineEnds } = this
    // In a string, the byte in front stands for its opening quote.
    let i = this.#isInString ? from - 1 : from
    let isOpen = this.#isInString
    let result: number = broken.more
    for (; ; i++) {
      let byte = isOpen ? doubleQuote : bytes[i]!
      isOpen = false
      while (stops[byte] === 0) byte = bytes[++i]!
      if (byte === doubleQuote) {
        const close = closingQuote(bytes, i)
        if (close < 0) {
          i = -close
          isOpen = true
          result = i < end || atEnd ? broken.string : broken.more
          break
        }
        i = close
      } else if (byte === openBrace || byte === openBracket) {
        // `{` and `}`, `[` and `]` lie two apart.
        if (depth < maxKnown) awaited[depth] = byte + 2
        depth++
        if (depth > deepest) deepest = depth
      } else if (byte === closeBrace || byte === closeBracket) {
        depth--
        // Deeper than the limit nobody cares: that element is rejected anyway.
        if (depth < maxKnown && awaited[depth] !== byte) {
          result = broken.brackets
          break
        }
        if (depth === 0) {
          result = i + 1
          break
        }
      } else if (i >= end) {
        result = atEnd ? broken.unclosed : broken.more
        break
      } else if (byte === lf || bytes[i + 1] !== lf) lineEnds++
    }
    this.at = Math.min(i, end)
    this.depth = deepest
    this.lineEnds = lineEnds
    this.#openDepth = depth
    this.#isInString = isOpen
    return result
  }
}

/** The index of the quote that closes the string opened at `open`, or minus the index of the line break before it. */
function closingQuote(bytes: Buffer, open: number): number {
  let i = open
  for (;;) {
    let byte = bytes[++i]!
    while (stopsInString[byte] === 0) byte = bytes[++i]!
    if (byte === doubleQuote) return i
    if (byte !== backslash) return -i
    byte = bytes[++i]!
    if (byte === lf || byte === cr) return -i
  }
}
