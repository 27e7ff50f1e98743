/** Rows of COPY in its binary format, in the order of the ids. */
import { doubledByte } from './delimited'
import {
  idOffset,
  longestRecord,
  order,
  propertiesOffset,
  recordSize,
  records,
  rows,
  rowsEnd,
  timeOffset,
  typeOffset,
  userOffset,
} from './memory'

/** Bytes of a row beside its texts, and what a copy of a text may write too much. */
const overhead: usize = 96

/** Exported so that what is only loaded is not left out. */
export let asked: u32 = 0

function recordAt(place: u32): usize {
  return records + <usize>load<u32>(order + ((<usize>place) << 2)) * recordSize
}

/** The number of the next row in the order. */
export let nextRow: u32 = 0

export function beginRows(): void {
  nextRow = 0
}

/** Bytes of the texts of a record, as they are written. */
function textBytes(record: usize): usize {
  const properties = load<u32>(record, propertiesOffset + 8)
  return <usize>(
    (load<u32>(record, userOffset + 8) + load<u32>(record, typeOffset + 8) + (properties === 0 ? 2 : properties))
  )
}

/** Bytes of all rows. */
export function rowsBytes(count: u32, isStaged: bool): u32 {
  const fixed: usize = isStaged ? 55 : 59
  let sum: usize = 0
  for (let i: u32 = 0; i < count; i++) sum += fixed + textBytes(records + <usize>i * recordSize)
  return <u32>sum
}

/**
 * Writes rows to `rows` until it is nearly full or there are no more.
 *
 * @param isStaged `(n int, event_id, occurred_at, user_id, event_type, properties)`, n from 1 in the order of the file;
 *   otherwise `(event_id, occurred_at, batch_id bigint, user_id, event_type, properties)`
 * @returns how many bytes were written
 */
export function writeRows(count: u32, isStaged: bool, batchId: i64): u32 {
  let out = rows
  const batch = bswap<i64>(batchId)
  const last = count - 1
  while (nextRow < count && out + longestRecord + overhead <= rowsEnd) {
    const number = load<u32>(order + ((<usize>nextRow) << 2))
    const record = records + <usize>number * recordSize
    // Records lie all over the memory: those to come are asked for while this one is written.
    asked ^= load<u32>(recordAt(min(nextRow + 24, last)), propertiesOffset)
    asked ^= load<u8>(<usize>load<u32>(recordAt(min(nextRow + 12, last)), userOffset))
    store<u16>(out, 0x0600)
    out += 2
    if (isStaged) {
      store<u32>(out, 0x04000000)
      store<u32>(out, bswap<u32>(number + 1), 4)
      out += 8
    }
    store<u32>(out, 0x10000000)
    v128.store(out, v128.load(record, idOffset), 4)
    store<u32>(out, 0x08000000, 20)
    store<i64>(out, bswap<i64>(load<i64>(record, timeOffset)), 24)
    out += 32
    if (!isStaged) {
      store<u32>(out, 0x08000000)
      store<i64>(out, batch, 4)
      out += 12
    }
    out = writeText(out, record + userOffset, 0)
    out = writeText(out, record + typeOffset, 0)
    if (load<u32>(record, propertiesOffset + 8) === 0) {
      store<u32>(out, 0x03000000)
      store<u8>(out, 1, 4)
      store<u16>(out, 0x7d7b, 5)
      out += 7
    } else out = writeText(out, record + propertiesOffset, 1)
    nextRow++
  }
  return <u32>(out - rows)
}

/**
 * Writes a value: its length, for jsonb the version of its form, its bytes.
 *
 * @param version 0 for none
 */
function writeText(out: usize, text: usize, version: u8): usize {
  const at = <usize>load<u32>(text)
  const given = <usize>load<u32>(text, 4)
  const length = <usize>load<u32>(text, 8)
  const isVersioned: usize = version === 0 ? 0 : 1
  store<u32>(out, bswap<u32>(<u32>(length + isVersioned)))
  out += 4
  if (isVersioned) store<u8>(out++, version)
  if (given === length) copyText(out, at, length)
  else copyDoubled(out, at, given)
  return out + length
}

/** Copies 16 bytes at a time; what it writes too much is written over. */
function copyText(to: usize, from: usize, length: usize): void {
  for (let i: usize = 0; i < length; i += 16) v128.store(to + i, v128.load(from + i))
}

/** Copies a text whose quotes are doubled. */
export function copyDoubled(to: usize, from: usize, length: usize): void {
  const byte = <u8>doubledByte()
  const quotes = i8x16.splat(<i8>byte)
  const end = from + length
  while (from < end) {
    const piece = v128.load(from)
    v128.store(to, piece)
    const found = i8x16.bitmask(i8x16.eq(piece, quotes))
    if (found === 0) {
      from += 16
      to += 16
    } else {
      // Up to the first of two quotes; the second one is left out.
      const kept = <usize>ctz(found) + 1
      from += kept + 1
      to += kept
    }
  }
}
