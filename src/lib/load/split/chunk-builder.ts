/**
 * A chunk while it is being cut. Scanners write to it, and at the border it becomes the chunk that the rest of the
 * import sees.
 */
import type { Reject, RejectCode } from '../../core/event.js'
import { bytesAtOnce } from '../../core/in-turns.js'
import { type BufferPool, type ChunkBuffer, twice } from './buffer-pool.js'
import type { Chunk, Fault, GoodRecord, PlaceOf, Shape, SplitOptions } from './chunk.js'
import { type CopyLayout, copyDataOf } from './copy.js'
import { isPlainJson } from './fast-checks.js'
import type { InputBuffer } from './input-buffer.js'

/** What has been counted before a chunk. */
export interface SourceTotals {
  index: number
  /** The number of its first record. */
  record: number
  good: number
  /** The line at its start. */
  line: number
  /** What an array's scanner must remember between elements. */
  phase: number
}

/** A reason, with the number of rejects that share it. */
interface Reason {
  readonly code: RejectCode
  readonly detail: string | undefined
  count: number
}

/**
 * The rejects of a chunk, as numbers in its buffer: there may be one for every two bytes, and an object for each would take
 * many times the memory of the chunk.
 */
class RejectPlaces {
  length = 0
  readonly reasons: Reason[] = []
  readonly #indexes = new Map<RejectCode, Map<string | undefined, number>>()
  /** The bytes of the last one, where they are not kept in the buffer. */
  #copy: Buffer | undefined

  /** @param raw its bytes, when they are not those between `from` and `to` */
  add(buffer: ChunkBuffer, fault: { code: RejectCode; detail: string | undefined }, place: Place, raw?: Buffer): void {
    const at = this.length++ * width
    if (at + width > buffer.rejects.length) buffer.rejects = twice(buffer.rejects)
    buffer.rejects[at] = place.from
    buffer.rejects[at + 1] = place.to
    buffer.rejects[at + 2] = place.line
    buffer.rejects[at + 3] = place.goodBefore
    buffer.rejects[at + 4] = this.#reason(fault)
    this.#copy = raw
  }

  goodBefore(buffer: ChunkBuffer, k: number): number {
    return buffer.rejects[k * width + 3]!
  }

  place(buffer: ChunkBuffer, k: number): Place & { readonly reason: Reason; readonly copy: Buffer | undefined } {
    const at = k * width
    const { rejects } = buffer
    return {
      from: rejects[at]!,
      to: rejects[at + 1]!,
      line: rejects[at + 2]!,
      goodBefore: rejects[at + 3]!,
      reason: this.reasons[rejects[at + 4]!]!,
      copy: k === this.length - 1 ? this.#copy : undefined,
    }
  }

  #reason({ code, detail }: { code: RejectCode; detail: string | undefined }): number {
    const byDetail = this.#indexes.get(code) ?? new Map<string | undefined, number>()
    this.#indexes.set(code, byDetail)
    let index = byDetail.get(detail)
    if (index === undefined) {
      index = this.reasons.push({ code, detail, count: 0 }) - 1
      byDetail.set(detail, index)
    }
    this.reasons[index]!.count++
    return index
  }
}

const width = 5

interface Place {
  /** Its bytes in the buffer. */
  readonly from: number
  readonly to: number
  /** Counted from 0 at the start of the chunk. */
  readonly line: number
  /** How many good records of the chunk come before it. */
  readonly goodBefore: number
}

/** What of a source has been read. */
export type Window = Pick<InputBuffer, 'buffer' | 'end' | 'base' | 'atEnd'>

export class ChunkBuilder {
  readonly window: Window
  /** Index of its first byte in the buffer. */
  readonly from: number
  /**
   * A border lies at the first record end at or after this index. The window reaches after it, or to the end of
   * the source: bytes can be missing inside a record only, never between two.
   */
  readonly target: number
  /** Where scanners stop before the border is reached, to let others have their turn; at most `target`. */
  pauseAt = 0
  /** Offset in the content of the buffer's first byte. */
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
  rejects = new RejectPlaces()
  /** A border also is where the chunk has so many records. */
  maxRecords = Number.POSITIVE_INFINITY
  readonly #before: SourceTotals

  constructor(window: Window, from: number, chunkBytes: number, baseOffset: number, before: SourceTotals) {
    this.window = window
    this.from = from
    this.target = from + chunkBytes
    this.base = baseOffset + window.base
    this.at = from
    this.phase = before.phase
    this.#before = before
    this.goOn()
  }

  /** How many good records the chunk can have yet, rejects counted. */
  get maxGood(): number {
    return this.maxRecords - this.rejects.length
  }

  get buffer(): ChunkBuffer {
    return this.window.buffer
  }

  /** Lets scanners go on from `at`. */
  goOn(): void {
    this.pauseAt = Math.min(this.target, this.at + bytesAtOnce)
  }

  /** Whether scanners have stopped for a pause, not at the border. */
  get isPaused(): boolean {
    return this.at >= this.pauseAt && this.at < this.target && this.good < this.maxGood
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
    this.rejects = new RejectPlaces()
    this.goOn()
  }

  /**
   * Adds a reject that begins at `at`.
   *
   * @param to where its bytes end in the buffer
   * @param raw its bytes, when they are not those of the buffer
   */
  reject(fault: Fault, to: number, raw?: Buffer): void {
    const { at: from, line, good: goodBefore, buffer } = this
    const detail =
      typeof fault.detail === 'function' ? fault.detail(raw ?? buffer.bytes.subarray(from, to)) : fault.detail
    this.rejects.add(buffer, { code: fault.code, detail }, { from, to, line, goodBefore }, raw)
  }

  /**
   * The chunk, which ends at `at`. From here on the buffer is the chunk's.
   *
   * @param byteTo where it ends in the content, which is not told by `at` once bytes were dropped
   */
  finish(shape: Shape, byteTo: number, pool: BufferPool, places?: SplitOptions['places']): Chunk {
    const placeOf = places?.(this.#before.line, this.#before.line + this.line)
    return new FinishedChunk(this, this.#before, shape, byteTo, pool, placeOf)
  }

  /** What has been counted up to and with this chunk. */
  totals(): SourceTotals {
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
  readonly isPlain = false
  readonly index: number
  readonly byteFrom: number
  readonly byteTo: number
  readonly records: number
  readonly good: number
  readonly blankLines: number
  readonly firstRecord: number
  readonly goodBefore: number
  readonly longestRecord: number
  readonly plainTimes: boolean
  readonly plainTexts: boolean
  readonly rejectCount: number
  readonly #places: RejectPlaces
  #rejects: readonly Reject[] | undefined
  readonly #base: number
  readonly #firstLine: number
  readonly #layout: CopyLayout
  readonly #shape: Shape
  readonly #pool: BufferPool
  readonly #placeOf: PlaceOf | undefined
  #room: ChunkBuffer | undefined
  #copyData: Iterable<Buffer> | undefined

  constructor(
    builder: ChunkBuilder,
    before: SourceTotals,
    shape: Shape,
    byteTo: number,
    pool: BufferPool,
    placeOf?: PlaceOf,
  ) {
    this.index = before.index
    this.byteFrom = builder.base + builder.from
    this.byteTo = byteTo
    this.records = builder.good + builder.rejects.length
    this.good = builder.good
    this.blankLines = builder.blankLines
    this.firstRecord = before.record
    this.goodBefore = before.good
    this.longestRecord = longest(builder.buffer, builder.good)
    const isDelimited = shape.kind === 'delimited'
    this.plainTimes = isDelimited && builder.plainTimes
    this.plainTexts = isDelimited
      ? builder.plainTexts
      : isPlainJson(builder.buffer.bytes.subarray(builder.from, builder.at))
    this.rejectCount = builder.rejects.length
    this.#places = builder.rejects
    this.#base = builder.base
    this.#firstLine = before.line
    this.#layout = {
      good: builder.good,
      lineEnds: builder.lineEnds,
      rewrites: builder.rewrites,
      // Nothing but good records and their line ends lies between the first and the last.
      isUnbroken: builder.blankLines === 0 && builder.rejects.length === 0,
      to: builder.at,
    }
    this.#shape = shape
    this.#pool = pool
    this.#room = builder.buffer
    this.#placeOf = placeOf
  }

  get heldBytes(): number {
    return this.#room?.heldBytes ?? 0
  }

  get copyData(): Iterable<Buffer> {
    const buffer = this.#held()
    this.#copyData ??= copyDataOf(buffer, this.#layout, this.#shape)
    return this.#copyData
  }

  rows(): never {
    throw new Error(`chunk ${this.index} is not plain`)
  }

  get goodBeforeReject(): readonly number[] {
    const buffer = this.#held()
    return Array.from({ length: this.rejectCount }, (_, k) => this.#places.goodBefore(buffer, k))
  }

  get rejectCodes(): ReadonlyMap<RejectCode, number> {
    const codes = new Map<RejectCode, number>()
    for (const { code, count } of this.#places.reasons) codes.set(code, (codes.get(code) ?? 0) + count)
    return codes
  }

  get rejects(): readonly Reject[] {
    this.#rejects ??= Array.from({ length: this.rejectCount }, (_, k) => {
      const reject = this.reject(k)
      return { ...reject, raw: Buffer.from(reject.raw) }
    })
    return this.#rejects
  }

  reject(k: number): Reject {
    const buffer = this.#held()
    const { from, to, line, goodBefore, reason, copy } = this.#places.place(buffer, k)
    const place = this.#placeOf?.(this.#firstLine + line)
    const details = [reason.detail, place?.detail].filter((detail) => detail !== undefined)
    return {
      record: this.firstRecord + goodBefore + k,
      line: place?.line ?? this.#firstLine + line,
      byteOffset: place?.byteOffset ?? this.#base + from,
      code: reason.code,
      detail: details.length === 0 ? undefined : details.join(', '),
      raw: copy ?? buffer.bytes.subarray(from, to),
    }
  }

  goodRecord(n: number): GoodRecord {
    const buffer = this.#held()
    if (!Number.isInteger(n) || n < 1 || n > this.good) {
      throw new RangeError(`chunk ${this.index} has ${this.good} good records, but number ${n} was asked for`)
    }
    const start = buffer.starts[n - 1]!
    return {
      record: this.firstRecord + n - 1 + this.#rejectsBefore(n),
      line: this.#firstLine + buffer.lines[n - 1]!,
      byteOffset: this.#base + start,
      raw: buffer.bytes.subarray(start, buffer.stops[n - 1]!),
      ...this.#placeOf?.(this.#firstLine + buffer.lines[n - 1]!),
    }
  }

  release(): void {
    if (this.#room === undefined) return
    this.#pool.give(this.#room)
    this.#room = undefined
    this.#copyData = undefined
  }

  #held(): ChunkBuffer {
    if (this.#room === undefined) throw new Error(`chunk ${this.index} was released`)
    return this.#room
  }

  /** How many rejects stand before the n-th good record. */
  #rejectsBefore(n: number): number {
    const buffer = this.#held()
    let low = 0
    let high = this.rejectCount
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#places.goodBefore(buffer, middle) < n) low = middle + 1
      else high = middle
    }
    return low
  }
}

function longest(buffer: ChunkBuffer, good: number): number {
  let most = 0
  for (let n = 0; n < good; n++) most = Math.max(most, buffer.stops[n]! - buffer.starts[n]!)
  return most
}
