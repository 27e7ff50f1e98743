/**
 * A record of NDJSON: an object in a line, whose keys are those of the fields of an event and no others. It is taken when its texts
 * have no escapes and its properties are an object, which PostgreSQL parses.
 */
import { keepText, propertiesOffset, typeOffset, userOffset } from './memory'
import { isShortText, readId, readTime } from './values'

/** Names of keys, 64 bytes for each role from 1: the length (u32), then the bytes. */
let names: usize = 0
/** The roles of the keys of the last record, in their order: the next one mostly has the same. */
const lastRoles: usize = memory.data(8)

export function setNames(atNames: usize): void {
  names = atNames
}

/** @param likely what it probably is */
function roleOf(at: usize, length: usize, likely: u32): u32 {
  if (isNameOf(at, length, likely)) return likely
  for (let role: u32 = 1; role <= 5; role++) {
    if (isNameOf(at, length, role)) return role
  }
  return 0
}

function isNameOf(at: usize, length: usize, role: u32): bool {
  const name = names + <usize>role * 64
  return <usize>load<u32>(name) === length && memory.compare(name + 4, at, length) === 0
}

/** Reads the record at `p`. @returns the index after it and the blanks that follow; 0 when it is not plain */
export function readLine(p: usize, record: usize): usize {
  let seen: u32 = 0
  let place: usize = 0
  p = afterBlanks(p)
  if (load<u8>(p) !== 0x7b) return 0
  do {
    p = afterBlanks(p + 1)
    if (load<u8>(p) !== 0x22) return 0
    const name = ++p
    p = afterText(p)
    if (p === 0) return 0
    const role = roleOf(name, p - 1 - name, load<u8>(lastRoles + place))
    if (role === 0 || (seen & (1 << role)) !== 0) return 0
    seen |= 1 << role
    store<u8>(lastRoles + place++, <u8>role)
    p = afterBlanks(p)
    if (load<u8>(p) !== 0x3a) return 0
    p = afterBlanks(p + 1)
    const byte = load<u8>(p)
    if (role === 5) {
      if (byte !== 0x7b) return 0
      const at = p
      p = afterObject(p)
      if (p === 0) return 0
      keepText(record + propertiesOffset, at, p - at, 0)
    } else {
      let at = p
      let length: usize
      if (byte === 0x22) {
        at++
        p = afterText(at)
        if (p === 0) return 0
        length = p - 1 - at
      } else {
        if (role < 3) return 0
        p = afterWholeNumber(p)
        if (p === 0) return 0
        length = p - at
      }
      if (role === 1) {
        if (!readId(at, length, record)) return 0
      } else if (role === 2) {
        if (!readTime(at, length, record)) return 0
      } else if (!isShortText(at, length, 0, role === 3 ? 255 : 100)) return 0
      else keepText(record + (role === 3 ? userOffset : typeOffset), at, length, 0)
    }
    p = afterBlanks(p)
  } while (load<u8>(p) === 0x2c)
  if (load<u8>(p) !== 0x7d || (seen & 30) !== 30) return 0
  return afterBlanks(p + 1)
}

function afterBlanks(p: usize): usize {
  while (load<u8>(p) === 0x20 || load<u8>(p) === 0x09) p++
  return p
}

/** The index of the first byte from `p` on that is a quote, a backslash or a control character. */
function nextSpecial(p: usize): usize {
  while (true) {
    const piece = v128.load(p)
    const marks = v128.or(i8x16.eq(piece, i8x16.splat(0x22)), i8x16.eq(piece, i8x16.splat(0x5c)))
    const found = i8x16.bitmask(v128.or(marks, i8x16.lt_u(piece, i8x16.splat(0x20))))
    if (found !== 0) return p + <usize>ctz(found)
    p += 16
  }
}

/** The index after the quote that ends a text without escapes; 0 when it is no such text. */
function afterText(p: usize): usize {
  p = nextSpecial(p)
  return load<u8>(p) === 0x22 ? p + 1 : 0
}

/** The index after a number of at most 15 digits and nothing else: its text is what jsonb makes of it. */
function afterWholeNumber(p: usize): usize {
  const first = p
  while (<u32>load<u8>(p) - 0x30 <= 9) p++
  if (p === first || p - first > 15 || (load<u8>(first) === 0x30 && p - first > 1)) return 0
  const byte = load<u8>(p)
  return byte === 0x2c || byte === 0x7d || byte === 0x20 || byte === 0x09 ? p : 0
}

/** The index after the bracket that closes the one at `p`; 0 when it is too deep, or has a control character. */
function afterObject(p: usize): usize {
  let depth: u32 = 0
  while (true) {
    const byte = load<u8>(p)
    if (byte < 0x20) {
      if (byte !== 0x09) return 0
    } else if (byte === 0x22) {
      p = nextSpecial(p + 1)
      while (load<u8>(p) !== 0x22) {
        // A backslash goes with the byte after it.
        if (load<u8>(p) !== 0x5c || load<u8>(p, 1) < 0x20) return 0
        p = nextSpecial(p + 2)
      }
    } else if ((byte | 0x20) === 0x7b) {
      // The document itself is one level more.
      if (++depth > 99) return 0
    } else if ((byte | 0x20) === 0x7d) {
      if (--depth === 0) return p + 1
    }
    p++
  }
}
