/** The records of a chunk, one after the other, as long as they are plain. At the first that is not, the reading has no result. */
import { readFields } from './delimited'
import { readLine } from './lines'
import { longestRecord, propertiesOffset, recordSize, records } from './memory'

/** Where the last record ended, its line end included. */
export let stop: usize = 0

/**
 * Reads records until one ends at or after `target`, or `most` are read.
 *
 * @param isJson whether a record is a line of JSON
 * @param end where a line feed is a sentinel
 * @param isLast whether the source ends at `end`
 * @returns how many there are; -1 when one is not plain
 */
export function readRecords(isJson: bool, from: usize, end: usize, target: usize, most: u32, isLast: bool): i32 {
  let p = from
  let count: u32 = 0
  while (p < target && p < end && count < most) {
    const record = records + <usize>count * recordSize
    // Properties may be absent.
    store<u64>(record, 0, propertiesOffset)
    store<u32>(record, 0, propertiesOffset + 8)
    const after = isJson ? readLine(p, record) : readFields(p, record)
    if (after === 0 || after - p > longestRecord) return -1
    p = afterLine(after, end, isLast)
    if (p === 0) return -1
    count++
  }
  stop = p
  return <i32>count
}

/** The start of the next line, when a line ends here; else 0. */
function afterLine(p: usize, end: usize, isLast: bool): usize {
  if (p >= end) return p === end && isLast ? end : 0
  const byte = load<u8>(p)
  if (byte === 0x0a) return p + 1
  // A CR at the end of what has been read may be half of a line end.
  return byte === 0x0d && p + 1 < end && load<u8>(p, 1) === 0x0a ? p + 2 : 0
}
