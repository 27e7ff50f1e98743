/** Values that the kernel vouches for: an id, a time, a short text. `false` does not mean a bad value: then PostgreSQL is asked. */
import { idOffset, isUtc, latest, timeOffset } from './memory'

/** The value of a hexadecimal digit, 255 for any other byte. */
const digits: usize = memory.data(256)
const monthDays: usize = memory.data<u8>([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
const daysBefore: usize = memory.data<u16>([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])

const microsPerSecond: i64 = 1_000_000
/** 1970-01-01, in microseconds since 2000-01-01. */
const earliest: i64 = -946_684_800 * microsPerSecond
/** Days from 0001-01-01 to 2000-01-01. */
const daysTo2000: i32 = 730_119

export function initValues(): void {
  memory.fill(digits, 0xff, 256)
  for (let i: u8 = 0; i < 10; i++) store<u8>(digits + 0x30 + i, i)
  for (let i: u8 = 0; i < 6; i++) {
    store<u8>(digits + 0x41 + i, 10 + i)
    store<u8>(digits + 0x61 + i, 10 + i)
  }
}

/** A UUID of 36 characters, neither nil nor max. */
export function readId(at: usize, length: usize, record: usize): bool {
  if (length !== 36) return false
  let bad: u32 = 0
  let p = at
  for (let i: usize = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) {
      if (load<u8>(p) !== 0x2d) return false
      p++
    }
    const high = <u32>load<u8>(digits + <usize>load<u8>(p))
    const low = <u32>load<u8>(digits + <usize>load<u8>(p, 1))
    bad |= high | low
    store<u8>(record + idOffset + i, <u8>((high << 4) | low))
    p += 2
  }
  if (bad > 15) return false
  const first = load<u64>(record, idOffset)
  const second = load<u64>(record, idOffset + 8)
  return (first | second) !== 0 && (first & second) !== u64.MAX_VALUE
}

function isDigit(p: usize): bool {
  return <u32>load<u8>(p) - 0x30 <= 9
}

function twoDigits(p: usize): i32 {
  return (<i32>load<u8>(p) - 0x30) * 10 + <i32>load<u8>(p, 1) - 0x30
}

/** `2025-01-31T10:20:30`, with T or a space, up to 6 digits of a fraction, and Z, `±hh:mm` or (in UTC) nothing after it. */
export function readTime(at: usize, length: usize, record: usize): bool {
  if (length < 19) return false
  const end = at + length
  for (let i: usize = 0; i < 19; i++) {
    const byte = load<u8>(at + i)
    if (i === 4 || i === 7) {
      if (byte !== 0x2d) return false
    } else if (i === 10) {
      if (byte !== 0x54 && byte !== 0x20) return false
    } else if (i === 13 || i === 16) {
      if (byte !== 0x3a) return false
    } else if (<u32>byte - 0x30 > 9) return false
  }
  const year = twoDigits(at) * 100 + twoDigits(at + 2)
  const month = twoDigits(at + 5)
  const day = twoDigits(at + 8)
  const hour = twoDigits(at + 11)
  const minute = twoDigits(at + 14)
  const second = twoDigits(at + 17)
  if (year < 1900 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return false
  if (day < 1 || day > <i32>load<u8>(monthDays + <usize>month)) return false
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  if (month === 2 && day === 29 && !isLeap) return false
  let p = at + 19
  let micros: i64 = 0
  if (p < end && load<u8>(p) === 0x2e) {
    p++
    let unit: i64 = 100_000
    const first = p
    while (p < end && isDigit(p)) {
      micros += <i64>(load<u8>(p) - 0x30) * unit
      unit /= 10
      p++
    }
    if (p === first || p - first > 6) return false
  }
  let offset: i64 = 0
  if (p === end) {
    if (!isUtc) return false
  } else if (load<u8>(p) === 0x5a) {
    if (p + 1 !== end) return false
  } else {
    const sign = load<u8>(p)
    if (end - p !== 6 || (sign !== 0x2b && sign !== 0x2d) || load<u8>(p, 3) !== 0x3a) return false
    if (!isDigit(p + 1) || !isDigit(p + 2) || !isDigit(p + 4) || !isDigit(p + 5)) return false
    const hours = twoDigits(p + 1)
    const minutes = twoDigits(p + 4)
    if (hours > 14 || minutes > 59) return false
    offset = <i64>(hours * 3600 + minutes * 60)
    if (sign === 0x2d) offset = -offset
  }
  const before = year - 1
  const leapDay = month > 2 && isLeap ? 1 : 0
  const dayOfYear = <i32>load<u16>(daysBefore + 2 * <usize>month) + leapDay + day - 1
  const days = before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear - daysTo2000
  const seconds = <i64>days * 86_400 + <i64>(hour * 3600 + minute * 60 + second) - offset
  const time = seconds * microsPerSecond + micros
  if (time < earliest || time > latest) return false
  store<i64>(record, time, timeOffset)
  return true
}

/**
 * A text without control characters.
 *
 * @param quotes how many of its quotes are doubled
 */
export function isShortText(at: usize, length: usize, quotes: usize, most: usize): bool {
  if (length === 0) return false
  if (length <= 16) {
    // Mostly ASCII and short: all bytes at once. Those from 0x80 are below 0, too.
    const text = v128.load(at)
    const odd = v128.or(i8x16.lt_s(text, i8x16.splat(0x20)), i8x16.eq(text, i8x16.splat(0x7f)))
    if ((i8x16.bitmask(odd) & ((1 << (<i32>length)) - 1)) === 0) return true
  }
  let continuations: usize = 0
  for (let p = at, end = at + length; p < end; p++) {
    const byte = load<u8>(p)
    if (byte < 0x20 || byte === 0x7f) return false
    if (byte < 0x80) continue
    // U+0080 to U+009F.
    if (byte === 0xc2 && load<u8>(p, 1) < 0xa0) return false
    if ((byte & 0xc0) === 0x80) continuations++
  }
  return length - quotes - continuations <= most
}

const deepest: u32 = 100

/** Whether JSON has so few brackets that it cannot be too deep. */
export function isShallow(at: usize, length: usize): bool {
  if (length <= 2 * deepest) return true
  let brackets: u32 = 0
  for (let p = at, end = at + length; p < end; p++) {
    // `[` and `{` differ in this bit only.
    if ((load<u8>(p) | 0x20) === 0x7b) brackets++
  }
  return brackets <= deepest
}
