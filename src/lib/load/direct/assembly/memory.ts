/**
 * Where things lie in the memory of the kernel. The host decides (`kernel.ts`) and says so once for each size of chunk; everything
 * else is an address or a count. Nothing is allocated or freed.
 */

/** Bytes of a record: see the offsets below. */
export const recordSize: usize = 64
/** Its id, as 16 bytes. */
export const idOffset: usize = 0
/** Its time, in microseconds since 2000. */
export const timeOffset: usize = 16
/** Three texts: user, event type, properties. Each is an address, its bytes there, and its bytes without doubled quotes. */
export const userOffset: usize = 24
export const typeOffset: usize = 36
export const propertiesOffset: usize = 48

/** The records of a chunk, in the order of the file. */
export let records: usize = 0
/** Their numbers (u32) in the order of their ids, and as much room again to sort. */
export let order: usize = 0
export let spare: usize = 0
/** Rows for COPY, a piece at a time. */
export let rows: usize = 0
export let rowsEnd: usize = 0

/** No record may be longer. */
export let longestRecord: usize = 0
/** The latest time that an event may have, in microseconds since 2000. */
export let latest: i64 = 0
/** Whether a time without an offset is one of UTC; otherwise such a time is not taken. */
export let isUtc: bool = false

export function place(atRecords: usize, atOrder: usize, atSpare: usize, atRows: usize, atRowsEnd: usize): void {
  records = atRecords
  order = atOrder
  spare = atSpare
  rows = atRows
  rowsEnd = atRowsEnd
}

export function limit(recordBytes: usize, latestTime: i64, timesAreUtc: bool): void {
  longestRecord = recordBytes
  latest = latestTime
  isUtc = timesAreUtc
}

/** Keeps where a text is: at one of the offsets of texts, with how many of its quotes are doubled. */
export function keepText(text: usize, at: usize, length: usize, quotes: usize): void {
  store<u32>(text, <u32>at)
  store<u32>(text, <u32>length, 4)
  store<u32>(text, <u32>(length - quotes), 8)
}

/** A number (u32) of a list. */
export function numberAt(list: usize, index: u32): u32 {
  return load<u32>(list + ((<usize>index) << 2))
}

export function setNumber(list: usize, index: u32, number: u32): void {
  store<u32>(list + ((<usize>index) << 2), number)
}
