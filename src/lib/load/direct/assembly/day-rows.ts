/** The counts as rows of COPY in its binary format, by text and day; each day of a user knows its neighbours. */
import {
  countSize,
  counts,
  countsCount,
  countsMask,
  isCounting,
  isType,
  take,
  textSize,
  texts,
  textsCount,
} from './days'
import { longestRecord, numberAt, rows, rowsEnd, setNumber } from './memory'

/** Bytes of a row beside its text, and what a copy may write too much. */
const overhead: usize = 96
const digitBits: u32 = 11

/** Addresses of the counts (u32), sorted; those of users come first. */
let sorted: usize = 0
let userDays: u32 = 0
/** The number of the next row. */
export let nextDay: u32 = 0

/** @returns whether there was room for it */
export function sortDays(): bool {
  nextDay = 0
  const numbers = sortTexts()
  sorted = take((<usize>countsCount) << 2)
  const spare = take((<usize>countsCount) << 2)
  const places = take((<usize>max(textsCount + 1, (1 << digitBits) + 1)) << 2)
  if (!isCounting) return false
  for (let rank: u32 = 0; rank < textsCount; rank++) store<u32>(textAt(numberAt(numbers, rank)), rank, 12)
  let n: u32 = 0
  userDays = 0
  for (let slot: u32 = 0; slot <= countsMask; slot++) {
    const count = counts + <usize>slot * countSize
    if (load<u32>(count, 8) === 0) continue
    setNumber(sorted, n++, <u32>count)
    if ((load<u32>(textAt(load<u32>(count)), 4) & isType) === 0) userDays++
  }
  // By the two digits of the day, then by the rank of the text; each pass keeps the order of the one before.
  sortBy(0, sorted, spare, places)
  sortBy(1, spare, sorted, places)
  sortBy(2, sorted, spare, places)
  sorted = spare
  return true
}

function textAt(number: u32): usize {
  return texts + <usize>number * textSize
}

/** The digit of a pass; no day is before 1900. */
function digitOf(count: usize, pass: u32): u32 {
  if (pass === 2) return load<u32>(textAt(load<u32>(count)), 12)
  return (<u32>(load<i32>(count, 4) + 40_000) >> (digitBits * pass)) & ((1 << digitBits) - 1)
}

function sortBy(pass: u32, source: usize, target: usize, places: usize): void {
  const digits = pass === 2 ? textsCount : 1 << digitBits
  memory.fill(places, 0, (<usize>(digits + 1)) << 2)
  for (let i: u32 = 0; i < countsCount; i++) {
    const digit = digitOf(<usize>numberAt(source, i), pass)
    setNumber(places, digit + 1, numberAt(places, digit + 1) + 1)
  }
  for (let digit: u32 = 1; digit <= digits; digit++) {
    setNumber(places, digit, numberAt(places, digit) + numberAt(places, digit - 1))
  }
  for (let i: u32 = 0; i < countsCount; i++) {
    const count = numberAt(source, i)
    const digit = digitOf(<usize>count, pass)
    const at = numberAt(places, digit)
    setNumber(places, digit, at + 1)
    setNumber(target, at, count)
  }
}

/** The numbers of the texts, users first, each kind by its bytes. */
function sortTexts(): usize {
  let from = take((<usize>textsCount) << 2)
  let to = take((<usize>textsCount) << 2)
  if (!isCounting) return from
  for (let i: u32 = 0; i < textsCount; i++) setNumber(from, i, i)
  for (let width: u32 = 1; width < textsCount; width <<= 1) {
    for (let left: u32 = 0; left < textsCount; left += 2 * width) {
      merge(from, to, left, min(left + width, textsCount), min(left + 2 * width, textsCount))
    }
    const swapped = from
    from = to
    to = swapped
  }
  return from
}

function merge(from: usize, to: usize, left: u32, middle: u32, end: u32): void {
  let a = left
  let b = middle
  for (let out = left; out < end; out++) {
    const takesB = a >= middle || (b < end && isBefore(numberAt(from, b), numberAt(from, a)))
    setNumber(to, out, numberAt(from, takesB ? b++ : a++))
  }
}

function isBefore(a: u32, b: u32): bool {
  const textA = textAt(a)
  const textB = textAt(b)
  const markedA = load<u32>(textA, 4)
  const markedB = load<u32>(textB, 4)
  const isTypeA = (markedA & isType) !== 0
  if (isTypeA !== ((markedB & isType) !== 0)) return !isTypeA
  const lengthA = <usize>(markedA & ~isType)
  const lengthB = <usize>(markedB & ~isType)
  const compared = memory.compare(<usize>load<u32>(textA), <usize>load<u32>(textB), min(lengthA, lengthB))
  return compared === 0 ? lengthA < lengthB : compared < 0
}

/**
 * Writes rows to `rows` until it is nearly full or there are no more of this kind.
 *
 * @param ofTypes `(event_type, day, events)`; otherwise `(user_id, day, events, first_day, prev_day, next_day)`
 * @returns how many bytes were written
 */
export function writeDays(ofTypes: bool): u32 {
  const end = ofTypes ? countsCount : userDays
  let out = rows
  while (nextDay < end && out + longestRecord + overhead <= rowsEnd) {
    const count = countAt(nextDay)
    const text = textAt(load<u32>(count))
    const length = load<u32>(text, 4) & ~isType
    store<u16>(out, ofTypes ? 0x0300 : 0x0600)
    store<u32>(out, bswap<u32>(length), 2)
    out += 6
    memory.copy(out, <usize>load<u32>(text), <usize>length)
    out = writeInt(out + length, load<i32>(count, 4))
    out = writeInt(out, load<i32>(count, 8))
    if (!ofTypes) out = writeNeighbours(out, count)
    nextDay++
  }
  return <u32>(out - rows)
}

function countAt(place: u32): usize {
  return <usize>numberAt(sorted, place)
}

/** The first day of the user, the day before and the day after. */
let firstDay: i32 = 0

function writeNeighbours(out: usize, count: usize): usize {
  const user = load<u32>(count)
  const hasBefore = nextDay > 0 && load<u32>(countAt(nextDay - 1)) === user
  const hasAfter = nextDay + 1 < userDays && load<u32>(countAt(nextDay + 1)) === user
  if (!hasBefore) firstDay = load<i32>(count, 4)
  out = writeInt(out, firstDay)
  out = hasBefore ? writeInt(out, load<i32>(countAt(nextDay - 1), 4)) : writeNull(out)
  return hasAfter ? writeInt(out, load<i32>(countAt(nextDay + 1), 4)) : writeNull(out)
}

function writeInt(out: usize, value: i32): usize {
  store<u32>(out, 0x04000000)
  store<i32>(out, bswap<i32>(value), 4)
  return out + 8
}

function writeNull(out: usize): usize {
  store<i32>(out, -1)
  return out + 4
}
