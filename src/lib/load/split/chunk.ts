/**
 * The words of the splitter: how a source is shaped, where its chunks end, and what a chunk offers to those who
 * stage it and to those who must show a record again. No behaviour lives here.
 */
import type { Reject, RejectCode } from '../../core/event.js'
import type { CountedDays } from '../../rollups/counted-days.js'

/** CSV, TSV and their kin. `delimiter` and `quote` are ASCII bytes. */
export interface DelimitedShape {
  readonly kind: 'delimited'
  readonly delimiter: number
  /** The byte that quotes a field, doubled inside; null when nothing quotes. Not a backslash. */
  readonly quote: number | null
  /** The byte that escapes a quote or itself inside of quotes; the quote when absent. */
  readonly escape?: number
  /** Lines that begin with this are no records. */
  readonly comment?: Buffer
  /** Fields as COPY writes them in its format text: a backslash escapes, nothing quotes. */
  readonly isText?: boolean
  /** How many fields each record must have: the header's. */
  readonly fields: number
  /**
   * Whether a CR without LF ends a record. Where it does not, it may only be part of a quoted field: a line that has one
   * elsewhere is rejected as a whole. Default true.
   */
  readonly crEndsRecords?: boolean
  /** Which field (from 0) holds JSON, for the depth rule; null when none does. */
  readonly jsonField: number | null
  /** Which field (from 0) holds a time, for `Chunk.plainTimes`; absent when that is of no use. */
  readonly timeField?: number | null
  /** Which fields (from 0) hold short texts, for `Chunk.plainTexts`. */
  readonly textFields?: readonly number[]
}

/** `delimited`, `lines` (NDJSON: one JSON object per line) or `array` (one JSON array of objects). */
export type Shape = DelimitedShape | { readonly kind: 'lines' } | ArrayShape

/** One JSON array of objects; `isLoose`: objects one after the other, with or without commas and line breaks between them. */
export interface ArrayShape {
  readonly kind: 'array'
  readonly isLoose?: boolean
}

/** Where a line of a source comes from, when it was made of something else; `detail` names it. */
export type PlaceOf = (
  line: number,
) => { readonly line: number; readonly byteOffset: number; readonly detail: string } | undefined

export interface SplitOptions {
  /** See `split` for where exactly a chunk ends. At least 1. */
  readonly chunkBytes: number
  /** A chunk also ends with its record of this number, however few bytes it has. Default: no such bound. */
  readonly chunkRecords?: number
  /** The longest record, in bytes without its line end. */
  readonly maxRecordBytes: number
  readonly shape: Shape
  /** Bytes at the start of the source that are not records. */
  readonly headerBytes: number
  /** Lines that those bytes hold: the first record may begin on line `headerLines + 1`. */
  readonly headerLines: number
  /** Added to all offsets: what was cut off before the source, such as the 3 bytes of a byte order mark. Default 0. */
  readonly baseOffset?: number
  /** Of a source whose lines were made of something else: where those come from, the last one left out. */
  readonly places?: ((fromLine: number, toLine: number) => PlaceOf) | undefined
  /** About how long the source is, when that is known: no more memory is taken than it needs. */
  readonly expectedBytes?: number | undefined
  /** How many chunks the consumer holds at once: as many released buffers are kept for reuse. Default 4. */
  readonly poolSize?: number
  /** Reads chunks of plain records; without it every chunk is scanned. */
  readonly plain?: PlainReader | undefined
}

/** Bytes of which records are read. */
export interface ReadRange {
  readonly from: number
  /** Where the bytes end; the byte after them is a line feed. */
  readonly end: number
  /** Reading stops with the first record that ends at or after this, … */
  readonly target: number
  /** … or with so many records. */
  readonly most: number
  /** Whether the source ends at `end`. */
  readonly isLast: boolean
}

/** Records that need no judge: their structure is good, and each value is one of an event. Only their properties may not be JSON. */
export interface PlainRecords {
  readonly count: number
  /** The index in the bytes after the last one, its line end included. */
  readonly stop: number
}

/**
 * Which columns rows have: those of `events`, or those of staging (`n int, event_id, occurred_at, user_id, event_type, properties`),
 * where `n` is the place of a record in its chunk, from 1.
 */
export type RowTarget = { readonly kind: 'events'; readonly batchId: number } | { readonly kind: 'staging' }

/** Records as COPY takes them with `FORMAT binary`, in the order of their ids. */
export interface Rows {
  readonly data: Buffer
  readonly count: number
  /** How many have the id of an earlier one. */
  readonly repeats: number
}

/** What reads plain records in one pass (load/direct). What it does not take has not been judged. */
export interface PlainReader {
  /** Records as long as they are plain, up to a border; undefined when one is not. */
  read(bytes: Buffer, range: ReadRange): PlainRecords | undefined
  /** The rows of records that were read; the bytes are the same. */
  rows(bytes: Buffer, range: ReadRange, records: PlainRecords, target: RowTarget): Rows
  /** Gives the memory of rows back. */
  release(rows: Rows): void
  /** The users and days of all records whose rows were made for `events`, when they were counted. To be called once. */
  countedDays(): CountedDays | undefined
}

/** A good record as its source gave it. */
export interface GoodRecord {
  /** Counts from 1 over the whole source, rejects too. */
  readonly record: number
  /** The line it begins on; counts from 1, the header's lines too. */
  readonly line: number
  /** Of its first byte in the decoded content. */
  readonly byteOffset: number
  /** Its bytes, without its line end: those of the chunk, so to be copied before its release. */
  readonly raw: Buffer
  /** What it was a part of. */
  readonly detail?: string | undefined
}

/** A run of whole records. */
export interface Chunk {
  /** Counts from 0. */
  readonly index: number
  /** `[byteFrom, byteTo)` in the decoded content; the next chunk begins where this one ends. */
  readonly byteFrom: number
  readonly byteTo: number
  /** Good ones and rejects. May be 0: what is left behind the last border can be blank lines only. */
  readonly records: number
  readonly good: number
  readonly blankLines: number
  /** The number of its first record; counts from 1. */
  readonly firstRecord: number
  /** Good records in all chunks before. */
  readonly goodBefore: number
  /** How many good records of this chunk come before each of its rejects, in their order. Not to be asked for after `release`. */
  readonly goodBeforeReject: readonly number[]
  /** Bytes of the longest good record. */
  readonly longestRecord: number
  /** Each time field of the good records is surely an ISO 8601 date and time; see fast-checks.ts. */
  readonly plainTimes: boolean
  /** The short texts of the good records surely hold no control character. */
  readonly plainTexts: boolean
  /** How many structural rejects it has. */
  readonly rejectCount: number
  /** How many of them there are of each code. */
  readonly rejectCodes: ReadonlyMap<RejectCode, number>
  /** All of them, in the order of the source; their bytes are copies. Not to be asked for first after `release`. */
  readonly rejects: readonly Reject[]
  /**
   * One of them, made when it is asked for. Its bytes are those of the chunk. Not to be called after `release`.
   *
   * @param k counts from 0
   */
  reject(k: number): Reject
  /** What COPY gets with `copyOptions(shape)`: good records only, one kind of line end. Invalid after `release`. */
  readonly copyData: Iterable<Buffer>
  /** Whether all of its records are plain: then `rows` has them. */
  readonly isPlain: boolean
  /** The records of a plain chunk as rows. Invalid after `release`. */
  rows(target: RowTarget): Rows
  /** How much memory it holds, in bytes. */
  readonly heldBytes: number
  /**
   * A good record of this chunk with its address and untouched bytes. Not to be called after `release`.
   *
   * @param n counts from 1, as COPY numbers the rows
   * @throws RangeError when the chunk has no such record
   */
  goodRecord(n: number): GoodRecord
  /** Gives the memory back for a later chunk. Optional: a chunk that is never released is collected as any object. */
  release(): void
}

/** What a record did wrong, before its end is known. */
export interface Fault {
  readonly code: RejectCode
  /** A text, or what makes one of the bytes of the rejected line. */
  readonly detail?: string | ((line: Buffer) => string)
  /** Where the reject ends when that is sure (a JSON element); otherwise it ends at its first line break. */
  readonly to?: number
}
