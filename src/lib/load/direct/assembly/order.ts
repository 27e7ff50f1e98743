/** The order of the ids: PostgreSQL's index then takes neighbours one after the other, and all writers lock in one order. */
import { idOffset, numberAt, order, recordSize, records, setNumber, spare } from './memory'

/** For each of three digits of 11 bits, how many keys have it: u32. */
const counts: usize = memory.data(3 * 2048 * 4)

/** How many records have the id of an earlier one. */
export let repeats: u32 = 0

/** Writes the numbers of the records to `order`: by id, equal ids in the order of the file. */
export function sortById(count: u32): void {
  byFirstBytes(count)
  repeats = 0
  let from: u32 = 0
  while (from < count) {
    let to = from + 1
    const prefix = prefixOf(numberAt(order, from))
    while (to < count && prefixOf(numberAt(order, to)) === prefix) to++
    if (to - from > 1) {
      byWholeIds(from, to)
      for (let i = from + 1; i < to; i++) {
        if (isEqual(numberAt(order, i - 1), numberAt(order, i))) repeats++
      }
    }
    from = to
  }
}

function prefixOf(number: u32): u32 {
  return bswap<u32>(load<u32>(records + <usize>number * recordSize, idOffset))
}

/** A radix sort by the first four bytes, in three passes. It keeps the order of equal ones. */
function byFirstBytes(count: u32): void {
  memory.fill(counts, 0, 3 * 2048 * 4)
  for (let i: u32 = 0; i < count; i++) {
    const prefix = prefixOf(i)
    for (let pass: u32 = 0; pass < 3; pass++) {
      const cell = counts + ((<usize>(pass * 2048 + digitOf(prefix, pass))) << 2)
      store<u32>(cell, load<u32>(cell) + 1)
    }
  }
  for (let pass: u32 = 0; pass < 3; pass++) {
    let sum: u32 = 0
    for (let digit: u32 = 0; digit < 2048; digit++) {
      const cell = counts + ((<usize>(pass * 2048 + digit)) << 2)
      const n = load<u32>(cell)
      store<u32>(cell, sum)
      sum += n
    }
    // From the numbers themselves to `order`, then to `spare`, then back to `order`.
    const source = pass === 1 ? order : spare
    const target = pass === 1 ? spare : order
    for (let i: u32 = 0; i < count; i++) {
      const number = pass === 0 ? i : numberAt(source, i)
      const cell = counts + ((<usize>(pass * 2048 + digitOf(prefixOf(number), pass))) << 2)
      const at = load<u32>(cell)
      store<u32>(cell, at + 1)
      setNumber(target, at, number)
    }
  }
}

function digitOf(prefix: u32, pass: u32): u32 {
  return (prefix >> (11 * pass)) & 2047
}

/** Whether the id of `a` comes before that of `b`. */
function isBefore(a: u32, b: u32): bool {
  const atA = records + <usize>a * recordSize
  const atB = records + <usize>b * recordSize
  const firstA = bswap<u64>(load<u64>(atA, idOffset))
  const firstB = bswap<u64>(load<u64>(atB, idOffset))
  if (firstA !== firstB) return firstA < firstB
  return bswap<u64>(load<u64>(atA, idOffset + 8)) < bswap<u64>(load<u64>(atB, idOffset + 8))
}

function isEqual(a: u32, b: u32): bool {
  const atA = records + <usize>a * recordSize
  const atB = records + <usize>b * recordSize
  return (
    load<u64>(atA, idOffset) === load<u64>(atB, idOffset) &&
    load<u64>(atA, idOffset + 8) === load<u64>(atB, idOffset + 8)
  )
}

const insertionMax: u32 = 16

/** Sorts `[from, to)` of `order`, whose first bytes are equal: short runs by insertion, which then are merged. */
function byWholeIds(from: u32, to: u32): void {
  for (let run = from; run < to; run += insertionMax) {
    const end = min(run + insertionMax, to)
    for (let i = run + 1; i < end; i++) {
      const number = numberAt(order, i)
      let j = i
      while (j > run && isBefore(number, numberAt(order, j - 1))) {
        setNumber(order, j, numberAt(order, j - 1))
        j--
      }
      setNumber(order, j, number)
    }
  }
  for (let width = insertionMax; width < to - from; width <<= 1) {
    for (let left = from; left + width < to; left += 2 * width) mergeRuns(left, left + width, min(left + 2 * width, to))
  }
}

function mergeRuns(left: u32, middle: u32, end: u32): void {
  // Already in order: ids that are made in the order of time are.
  if (!isBefore(numberAt(order, middle), numberAt(order, middle - 1))) return
  let a = left
  let b = middle
  let out = left
  while (a < middle && b < end) {
    const takesB = isBefore(numberAt(order, b), numberAt(order, a))
    setNumber(spare, out++, takesB ? numberAt(order, b++) : numberAt(order, a++))
  }
  while (a < middle) setNumber(spare, out++, numberAt(order, a++))
  while (b < end) setNumber(spare, out++, numberAt(order, b++))
  memory.copy(order + ((<usize>left) << 2), spare + ((<usize>left) << 2), (<usize>(end - left)) << 2)
}
