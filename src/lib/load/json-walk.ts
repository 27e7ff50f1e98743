/**
 * Walks over the outside of JSON: where the elements of an array and the members of an object begin and end. Values are
 * passed over by their brackets and strings, never parsed; what is wrong with one is found by the splitter or the database.
 */
import { bytesAtOnce, type Steps } from '../core/in-turns.js'
import { broken, JsonSkipper } from './split/scanners/json-skipper.js'

const space = 0x20
const tab = 0x09
const lf = 0x0a
const cr = 0x0d
const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const closeBracket = 0x5d
const closeBrace = 0x7d
const backslash = 0x5c

/** Where a value is, `[from, to)`, or where a key is, its quotes included. */
export type OnMember = (keyFrom: number, keyTo: number, from: number, to: number) => void
export type OnElement = (from: number, to: number) => void

/** Walks over JSON in steps; when it cannot go on, it knows where that was and what should stand there. */
export class Walk {
  /** The place at which it could not go on. */
  at = 0
  /** What should stand there. */
  expected = ''
  /** Whether the object or array that was read last, or one of its values, holds a line break. */
  hasLineBreaks = false
  readonly #element = new JsonSkipper();

  /**
   * Passes over an object and names its members, in their order; a key may come more than once.
   *
   * @param from the index of its opening brace
   * @param end of the body
   * @returns the index after its closing brace, or -1 where it is not closed or has something else than members
   */
  *object(bytes: Buffer, from: number, end: number, onMember: OnMember): Steps<number> {
    this.hasLineBreaks = false
    let seen = from
    let at = this.#skipSpace(bytes, from + 1, end)
    if (bytes[at] === closeBrace && at < end) return at + 1
    for (;;) {
      if (at >= end || bytes[at] !== quote) return this.#stop(at, 'a key in double quotes')
      let keyTo = this.#value(bytes, at, end)
      while (keyTo === broken.more) {
        yield
        keyTo = this.#value(bytes, at, end, this.#element.at)
      }
      if (keyTo === -1) return -1
      const colonAt = this.#skipSpace(bytes, keyTo, end)
      if (colonAt >= end || bytes[colonAt] !== colon) return this.#stop(colonAt, 'a colon')
      const valueFrom = this.#skipSpace(bytes, colonAt + 1, end)
      let valueTo = this.#value(bytes, valueFrom, end)
      while (valueTo === broken.more) {
        yield
        valueTo = this.#value(bytes, valueFrom, end, this.#element.at)
      }
      if (valueTo === -1) return -1
      onMember(at, keyTo, valueFrom, valueTo)
      at = this.#skipSpace(bytes, valueTo, end)
      if (at < end && bytes[at] === closeBrace) return at + 1
      if (at >= end || bytes[at] !== comma) return this.#stop(at, 'a comma or }')
      at = this.#skipSpace(bytes, at + 1, end)
      if (at - seen >= bytesAtOnce) {
        yield
        seen = at
      }
    }
  }

  /**
   * Passes over an array and names its elements.
   *
   * @param from the index of its opening bracket
   * @returns the index after its closing bracket, or -1
   */
  *array(bytes: Buffer, from: number, end: number, onElement: OnElement): Steps<number> {
    this.hasLineBreaks = false
    let seen = from
    let at = this.#skipSpace(bytes, from + 1, end)
    if (at < end && bytes[at] === closeBracket) return at + 1
    for (;;) {
      let to = this.#value(bytes, at, end)
      while (to === broken.more) {
        yield
        to = this.#value(bytes, at, end, this.#element.at)
      }
      if (to === -1) return -1
      onElement(at, to)
      at = this.#skipSpace(bytes, to, end)
      if (at < end && bytes[at] === closeBracket) return at + 1
      if (at >= end || bytes[at] !== comma) return this.#stop(at, 'a comma or ]')
      at = this.#skipSpace(bytes, at + 1, end)
      if (at - seen >= bytesAtOnce) {
        yield
        seen = at
      }
    }
  }

  #skipSpace(bytes: Buffer, from: number, end: number): number {
    let at = from
    for (; at < end; at++) {
      const byte = bytes[at]!
      if (byte === space || byte === tab) continue
      if (byte !== lf && byte !== cr) break
      this.hasLineBreaks = true
    }
    return at
  }

  /**
   * Passes over a value, or a part of it.
   *
   * @param at where to go on with a long one
   * @returns the index after it, -1, or `broken.more`: there is more of it
   */
  #value(bytes: Buffer, from: number, end: number, at = from): number {
    if (from >= end) return this.#stop(end, 'a value')
    const to = this.#read(bytes, from, end, at)
    if (to === broken.more) return to
    if (to > end) return this.#stop(end, 'the closing quote of a string')
    if (to < 0) return this.#stop(this.#element.at, missing(to))
    if (this.#element.lineEnds > 0) this.hasLineBreaks = true
    return to
  }

  /** A long value has to do with a part at once: the byte after the part is a line feed meanwhile. */
  #read(bytes: Buffer, from: number, end: number, at: number): number {
    let stop = at + bytesAtOnce
    while (stop < end && (bytes[stop - 1] === backslash || bytes[stop - 1] === cr)) stop++
    if (stop >= end) return this.#element.read(bytes, from, end, true, at)
    const behind = bytes[stop]!
    bytes[stop] = lf
    const to = this.#element.read(bytes, from, stop, false, at)
    bytes[stop] = behind
    return to
  }

  #stop(at: number, expected: string): -1 {
    this.at = at
    this.expected = expected
    return -1
  }
}

function missing(reason: number): string {
  if (reason === broken.string) return 'the closing quote of a string'
  if (reason === broken.brackets) return 'the other kind of closing bracket'
  if (reason === broken.unclosed) return 'a closing bracket'
  return 'a value'
}

/** The first byte at or after `from` that is not white space; `bytes.length` when there is none. */
export function skipSpace(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length) {
    const byte = bytes[at]!
    if (byte !== space && byte !== tab && byte !== lf && byte !== cr) break
    at++
  }
  return at
}

/** What a key says, `''` when it is not a string of JSON. */
export function keyText(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, to)
  if (!text.includes('\\')) return text.slice(1, -1)
  try {
    return JSON.parse(text)
  } catch {
    return ''
  }
}
