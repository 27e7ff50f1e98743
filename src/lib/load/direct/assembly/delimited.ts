/**
 * Records of CSV and its kin, for which split/delimited.ts has the rules. A record is taken when it is good and plain: no quote
 * inside an unquoted field, no control character. Anything else ends the reading, and nobody has judged it.
 */
import { longestRecord, propertiesOffset, recordSize, records, typeOffset, userOffset } from './memory'
import { isShallow, isShortText, readId, readTime } from './values'

let delimiter: u32 = 0
/** Above any byte when nothing quotes. */
let quote: u32 = 0
let fields: usize = 0
/** What each field is, one byte each: 0 for nothing, 1 to 5 for the fields of an event in their order. */
let roles: usize = 0

export function setDelimited(delimiterByte: u32, quoteByte: u32, fieldCount: usize, atRoles: usize): void {
  delimiter = delimiterByte
  quote = quoteByte
  fields = fieldCount
  roles = atRoles
}

/** The byte that is doubled inside of texts. */
export function doubledByte(): u32 {
  return quote
}

/**
 * Reads records until one ends at or after `target`, or `most` are read.
 *
 * @param end where a line feed stands as a sentinel
 * @param isLast whether the source ends at `end`
 * @returns how many there are; `stop` says where the last one ended; -1 when one is not plain
 */
export function readDelimited(from: usize, end: usize, target: usize, most: u32, isLast: bool): i32 {
  let p = from
  let count: u32 = 0
  while (p < target && p < end && count < most) {
    const record = records + <usize>count * recordSize
    const start = p
    store<u64>(record, 0, propertiesOffset)
    store<u32>(record, 0, propertiesOffset + 8)
    for (let field: usize = 0; ; field++) {
      let at = p
      let quotes: usize = 0
      let byte = <u32>load<u8>(p)
      const isQuoted = byte === quote
      if (isQuoted) {
        at = ++p
        for (;;) {
          byte = <u32>load<u8>(p)
          if (byte === quote) {
            if (<u32>load<u8>(p, 1) !== quote) break
            quotes++
            p += 2
          } else if (byte < 0x20) return -1
          else p++
        }
      } else {
        while (byte !== delimiter && byte >= 0x20) {
          if (byte === quote) return -1
          byte = <u32>load<u8>(++p)
        }
      }
      const length = p - at
      if (isQuoted) p++
      switch (load<u8>(roles + field)) {
        case 1:
          if (!readId(at, length, record)) return -1
          break
        case 2:
          if (!readTime(at, length, record)) return -1
          break
        case 3:
          if (!isShortText(at, length, quotes, 255)) return -1
          keep(record + userOffset, at, length, quotes)
          break
        case 4:
          if (!isShortText(at, length, quotes, 100)) return -1
          keep(record + typeOffset, at, length, quotes)
          break
        case 5:
          if (length === 0 ? isQuoted : load<u8>(at) !== 0x7b || !isShallow(at, length)) return -1
          keep(record + propertiesOffset, at, length, quotes)
          break
        default:
      }
      byte = <u32>load<u8>(p)
      if (byte === delimiter) {
        if (field + 1 === fields) return -1
        p++
        continue
      }
      if (field + 1 !== fields) return -1
      break
    }
    if (p - start > longestRecord) return -1
    p = afterLine(p, end, isLast)
    if (p === 0) return -1
    count++
  }
  stop = p
  return <i32>count
}

/** Where the last record ended. */
export let stop: usize = 0

/** The start of the next line, when a line ends here; else 0. */
function afterLine(p: usize, end: usize, isLast: bool): usize {
  if (p >= end) return p === end && isLast ? end : 0
  const byte = load<u8>(p)
  if (byte === 0x0a) return p + 1
  // A CR at the end of what has been read may be half of a line end.
  return byte === 0x0d && p + 1 < end && load<u8>(p, 1) === 0x0a ? p + 2 : 0
}

function keep(text: usize, at: usize, length: usize, quotes: usize): void {
  store<u32>(text, <u32>at)
  store<u32>(text, <u32>length, 4)
  store<u32>(text, <u32>(length - quotes), 8)
}

/**
 * Reads records of NDJSON in the same way: an object in a line, whose keys are those of the fields of an event and no others. Its
 * texts have no escapes; its properties are an object, which PostgreSQL parses.
 */
export function readLines(from: usize, end: usize, target: usize, most: u32, isLast: bool): i32 {
  let p = from
  let count: u32 = 0
  while (p < target && p < end && count < most) {
    const record = records + <usize>count * recordSize
    const start = p
    store<u64>(record, 0, propertiesOffset)
    store<u32>(record, 0, propertiesOffset + 8)
    let seen: u32 = 0
    let place: usize = 0
    p = afterBlanks(p)
    if (load<u8>(p) !== 0x7b) return -1
    do {
      p = afterBlanks(p + 1)
      if (load<u8>(p) !== 0x22) return -1
      const name = ++p
      p = afterText(p)
      if (p === 0) return -1
      const role = roleOf(name, p - 1 - name, load<u8>(lastRoles + place))
      if (role === 0 || (seen & (1 << role)) !== 0) return -1
      seen |= 1 << role
      store<u8>(lastRoles + place++, <u8>role)
      p = afterBlanks(p)
      if (load<u8>(p) !== 0x3a) return -1
      p = afterBlanks(p + 1)
      const byte = load<u8>(p)
      if (role === 5) {
        if (byte !== 0x7b) return -1
        const at = p
        p = afterObject(p)
        if (p === 0) return -1
        keep(record + propertiesOffset, at, p - at, 0)
      } else {
        let at = p
        let length: usize
        if (byte === 0x22) {
          at++
          p = afterText(at)
          if (p === 0) return -1
          length = p - 1 - at
        } else {
          if (role < 3) return -1
          p = afterWholeNumber(p)
          if (p === 0) return -1
          length = p - at
        }
        if (role === 1) {
          if (!readId(at, length, record)) return -1
        } else if (role === 2) {
          if (!readTime(at, length, record)) return -1
        } else if (!isShortText(at, length, 0, role === 3 ? 255 : 100)) return -1
        else keep(record + (role === 3 ? userOffset : typeOffset), at, length, 0)
      }
      p = afterBlanks(p)
    } while (load<u8>(p) === 0x2c)
    if (load<u8>(p) !== 0x7d || (seen & 30) !== 30) return -1
    p = afterBlanks(p + 1)
    if (p - start > longestRecord) return -1
    p = afterLine(p, end, isLast)
    if (p === 0) return -1
    count++
  }
  stop = p
  return <i32>count
}

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
