/**
 * A chunk while it is being cut. Scanners write to it, and at the border it becomes the chunk that the rest of the
 * import sees.
 */
import type { Reject, RejectCode } from '../../core/event.js'
import type { Room, RoomPool } from './buffer-pool.js'
import type { Chunk, Fault, GoodRecord, Shape } from './chunk.js'
import { type CopyLayout, copyDataOf } from './copy.js'
import { isPlainJson } from './fast-checks.js'
import type { Window } from './input-buffer.js'

/** What has been counted before a chunk. */
export interface Totals {
  index: number
  /** The number of its first record. */
  record: number
  good: number
  /** The line at its start. */
  line: number
  /** What an array's scanner must remember between elements. */
  phase: number
}

/** A reject without its bytes: a chunk may have very many. */
interface RejectPlace {
  readonly record: number
  readonly line: number
  readonly byteOffset: number
  readonly code: RejectCode
  readonly detail: string | undefined
  /** Its bytes: where they are in the room, or a copy where they are not kept there. */
  readonly raw: { readonly from: number; readonly to: number } | Buffer
}

export class Draft {
  readonly window: Window
  /** Index of its first byte in the room. */
  readonly from: number
  /**
   * A border lies at the first record end at or behind this index. The window reaches behind it, or to the end of
   * the source: bytes can be missing inside a record only, never between two.
   */
  readonly target: number
  /** Offset in the content of the room's first byte. */
  readonly base: number
  /** Where the next record begins, as far as has been read. */
  at: number
  /** The line at `at`, counted from 0 at the start of the chunk. */
  line = 0
  phase: number
  good = 0
  blankLines = 0
  /** Bits of line-ends.ts: how its good records end. */
  lineEnds = 0
  /** Good records (from 0) that COPY would misread as they stand. */
  rewrites: number[] = []
  /** Whether every time and every short text so far is plain; a scanner that does not look says no. */
  plainTimes = true
  plainTexts = true
  rejects: RejectPlace[] = []
  /** How many good records stand before each reject. */
  goodBeforeReject: number[] = []
  /** A border also is where the chunk has so many records. */
  maxRecords = Number.POSITIVE_INFINITY
  readonly #before: Totals

  constructor(window: Window, from: number, chunkBytes: number, baseOffset: number, before: Totals) {
    this.window = window
    this.from = from
    this.target = from + chunkBytes
    this.base = baseOffset + window.base
    this.at = from
    this.phase = before.phase
    this.#before = before
  }

  /** How many good records the chunk can have yet, rejects counted. */
  get maxGood(): number {
    return this.maxRecords - this.goodBeforeReject.length
  }

  get room(): Room {
    return this.window.room
  }

  /** Forgets all that was found, to read the same bytes again. */
  reset(): void {
    this.at = this.from
    this.line = 0
    this.phase = this.#before.phase
    this.good = 0
    this.blankLines = 0
    this.lineEnds = 0
    this.rewrites = []
    this.plainTimes = true
    this.plainTexts = true
    this.rejects = []
    this.goodBeforeReject = []
  }

  /**
   * Adds a reject that begins at `at`.
   *
   * @param raw its bytes
   * @param isCopy they are not those of the room
   */
  reject(fault: Fault, raw: Buffer, isCopy = false): void {
    const detail = typeof fault.detail === 'function' ? fault.detail(raw) : fault.detail
    this.goodBeforeReject.push(this.good)
    this.rejects.push({
      record: this.#before.record + this.good + this.rejects.length,
      line: this.#before.line + this.line,
      byteOffset: this.base + this.at,
      code: fault.code,
      detail,
      raw: isCopy ? raw : { from: this.at, to: this.at + raw.length },
    })
  }

  /**
   * The chunk, which ends at `at`. From here on the room is the chunk's.
   *
   * @param byteTo where it ends in the content, which is not told by `at` once bytes were dropped
   */
  finish(shape: Shape, byteTo: number, pool: RoomPool): Chunk {
    return new FinishedChunk(this, this.#before, shape, byteTo, pool)
  }

  /** What has been counted up to and with this chunk. */
  totals(): Totals {
    return {
      index: this.#before.index + 1,
      record: this.#before.record + this.good + this.rejects.length,
      good: this.#before.good + this.good,
      line: this.#before.line + this.line,
      phase: this.phase,
    }
  }
}

class FinishedChunk implements Chunk {
  readonly index: number
  readonly byteFrom: number
  readonly byteTo: number
  readonly records: number
  readonly good: number
  readonly blankLines: number
  readonly firstRecord: number
  readonly goodBefore: number
  readonly goodBeforeReject: readonly number[]
  readonly longestRecord: number
  readonly plainTimes: boolean
  readonly plainTexts: boolean
  readonly rejectCount: number
  readonly #places: readonly RejectPlace[]
  #rejects: readonly Reject[] | undefined
  readonly #base: number
  readonly #firstLine: number
  readonly #layout: CopyLayout
  readonly #shape: Shape
  readonly #pool: RoomPool
  #room: Room | undefined
  #copyData: readonly Buffer[] | undefined

  constructor(draft: Draft, before: Totals, shape: Shape, byteTo: number, pool: RoomPool) {
    this.index = before.index
    this.byteFrom = draft.base + draft.from
    this.byteTo = byteTo
    this.records = draft.good + draft.rejects.length
    this.good = draft.good
    this.blankLines = draft.blankLines
    this.firstRecord = before.record
    this.goodBefore = before.good
    this.longestRecord = longest(draft.room, draft.good)
    const isDelimited = shape.kind === 'delimited'
    this.plainTimes = isDelimited && draft.plainTimes
    this.plainTexts = isDelimited ? draft.plainTexts : isPlainJson(draft.room.bytes.subarray(draft.from, draft.at))
    this.rejectCount = draft.rejects.length
    this.#places = draft.rejects
    this.#base = draft.base
    this.#firstLine = before.line
    this.goodBeforeReject = draft.goodBeforeReject
    this.#layout = {
      good: draft.good,
      lineEnds: draft.lineEnds,
      rewrites: draft.rewrites,
      // Nothing but good records and their line ends lies between the first and the last.
      isUnbroken: draft.blankLines === 0 && draft.rejects.length === 0,
      to: draft.at,
    }
    this.#shape = shape
    this.#pool = pool
    this.#room = draft.room
  }

  get copyData(): readonly Buffer[] {
    const room = this.#held()
    this.#copyData ??= copyDataOf(room, this.#layout, this.#shape)
    return this.#copyData
  }

  get rejectCodes(): readonly RejectCode[] {
    return this.#places.map(({ code }) => code)
  }

  get rejects(): readonly Reject[] {
    this.#rejects ??= this.#places.map((_, k) => this.reject(k))
    return this.#rejects
  }

  reject(k: number): Reject {
    const { raw, detail, ...place } = this.#places[k]!
    const bytes = 'to' in raw ? Buffer.from(this.#held().bytes.subarray(raw.from, raw.to)) : raw
    return { ...place, ...(detail === undefined ? {} : { detail }), raw: bytes }
  }

  goodRecord(n: number): GoodRecord {
    const room = this.#held()
    if (!Number.isInteger(n) || n < 1 || n > this.good) {
      throw new RangeError(`chunk ${this.index} has ${this.good} good records, but number ${n} was asked for`)
    }
    const start = room.starts[n - 1]!
    return {
      record: this.firstRecord + n - 1 + this.#rejectsBefore(n),
      line: this.#firstLine + room.lines[n - 1]!,
      byteOffset: this.#base + start,
      raw: Buffer.from(room.bytes.subarray(start, room.stops[n - 1]!)),
    }
  }

  release(): void {
    if (this.#room === undefined) return
    this.#pool.give(this.#room)
    this.#room = undefined
    this.#copyData = undefined
  }

  #held(): Room {
    if (this.#room === undefined) throw new Error(`chunk ${this.index} was released`)
    return this.#room
  }

  /** How many rejects stand before the n-th good record. */
  #rejectsBefore(n: number): number {
    let low = 0
    let high = this.goodBeforeReject.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.goodBeforeReject[middle]! < n) low = middle + 1
      else high = middle
    }
    return low
  }
}

function longest(room: Room, good: number): number {
  let most = 0
  for (let n = 0; n < good; n++) most = Math.max(most, room.stops[n]! - room.starts[n]!)
  return most
}
