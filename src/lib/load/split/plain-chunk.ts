/**
 * A chunk of plain records: a reader that is faster than the scanner has found its border, and gives it as rows. What it does not
 * know (the records one by one, the bytes for COPY) is read from the chunk as the scanner finds it.
 */
import type { BufferPool, ChunkBuffer } from './buffer-pool.js'
import type { Chunk, GoodRecord, PlainReader, PlainRecords, Rows, RowTarget, SplitOptions } from './chunk.js'
import { ChunkBuilder, type SourceTotals, type Window } from './chunk-builder.js'
import type { Scanner } from './chunk-cutter.js'

/** A chunk, where it ended in the window, and what has been counted up to there. */
export interface ChunkCut {
  readonly chunk: Chunk
  readonly stop: number
  readonly totals: SourceTotals
}

/** The next chunk, when all of its records are plain. */
export function cutPlain(
  scanner: Scanner,
  window: Window,
  from: number,
  before: SourceTotals,
  options: SplitOptions,
  pool: BufferPool,
): ChunkCut | undefined {
  const { plain, chunkBytes, chunkRecords = Number.POSITIVE_INFINITY } = options
  if (plain === undefined) return undefined
  const { buffer, end, atEnd: isLast } = window
  const range = { from, end, target: from + chunkBytes, most: chunkRecords, isLast }
  const records = plain.read(buffer.bytes, range)
  if (records === undefined || !scanner.isClean(buffer.bytes, from, records.stop)) return undefined
  const { count, stop } = records
  const totals = {
    index: before.index + 1,
    record: before.record + count,
    good: before.good + count,
    // No plain record has a line break.
    line: before.line + count,
    phase: before.phase,
  }
  const chunk = new PlainChunk(plain, records, scanner, { ...frozen(window), from }, before, options, pool)
  return { chunk, stop, totals }
}

/** What the window is now: it moves on to another buffer. */
const frozen = ({ buffer, end, base, atEnd }: Window): Window => ({ buffer, end, base, atEnd })

class PlainChunk implements Chunk {
  readonly index: number
  readonly byteFrom: number
  readonly byteTo: number
  readonly records: number
  readonly good: number
  readonly isPlain = true
  readonly blankLines = 0
  readonly firstRecord: number
  readonly goodBefore: number
  readonly goodBeforeReject = []
  readonly rejectCount = 0
  readonly rejectCodes = new Map()
  readonly rejects = []
  readonly #reader: PlainReader
  readonly #plain: PlainRecords
  readonly #scanner: Scanner
  readonly #window: Window & { readonly from: number }
  readonly #before: SourceTotals
  readonly #options: SplitOptions
  readonly #pool: BufferPool
  readonly #rows = new Map<RowTarget['kind'], Rows>()
  #scanned: Chunk | undefined
  #isReleased = false

  constructor(
    reader: PlainReader,
    plain: PlainRecords,
    scanner: Scanner,
    window: Window & { readonly from: number },
    before: SourceTotals,
    options: SplitOptions,
    pool: BufferPool,
  ) {
    const offset = (options.baseOffset ?? 0) + window.base
    this.index = before.index
    this.byteFrom = offset + window.from
    this.byteTo = offset + plain.stop
    this.records = plain.count
    this.good = plain.count
    this.firstRecord = before.record
    this.goodBefore = before.good
    this.#reader = reader
    this.#plain = plain
    this.#scanner = scanner
    this.#window = window
    this.#before = before
    this.#options = options
    this.#pool = pool
  }

  rows(target: RowTarget): Rows {
    const known = this.#rows.get(target.kind)
    if (known) return known
    const { from } = this.#window
    const { count, stop } = this.#plain
    const range = { from, end: stop, target: stop, most: count, isLast: true }
    const rows = this.#reader.rows(this.#held().bytes, range, this.#plain, target)
    this.#rows.set(target.kind, rows)
    return rows
  }

  get longestRecord(): number {
    return this.#scan().longestRecord
  }

  get plainTimes(): boolean {
    return this.#scan().plainTimes
  }

  get plainTexts(): boolean {
    return this.#scan().plainTexts
  }

  get copyData(): Iterable<Buffer> {
    return this.#scan().copyData
  }

  get heldBytes(): number {
    if (this.#isReleased) return 0
    let bytes = this.#window.buffer.heldBytes
    for (const { data } of this.#rows.values()) bytes += data.length
    return bytes
  }

  reject(k: number): never {
    throw new RangeError(`chunk ${this.index} has no rejects, but number ${k} was asked for`)
  }

  goodRecord(n: number): GoodRecord {
    return this.#scan().goodRecord(n)
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    for (const rows of this.#rows.values()) this.#reader.release(rows)
    this.#rows.clear()
    if (this.#scanned) this.#scanned.release()
    else this.#pool.give(this.#window.buffer)
  }

  /** The same chunk as the scanner finds it. */
  #scan(): Chunk {
    if (this.#scanned) return this.#scanned
    this.#held()
    const { chunkBytes, chunkRecords, baseOffset = 0, shape, places } = this.#options
    const builder = new ChunkBuilder(this.#window, this.#window.from, chunkBytes, baseOffset, this.#before)
    builder.maxRecords = chunkRecords ?? Number.POSITIVE_INFINITY
    while (this.#scanner.scan(builder, false) === 'border' && builder.isPaused) builder.goOn()
    if (builder.at !== this.#plain.stop || builder.good !== this.good || builder.rejects.length > 0) {
      throw new Error(`chunk ${this.index} was read as ${this.good} plain records, but scanned as ${builder.good}`)
    }
    this.#scanned = builder.finish(shape, this.byteTo, this.#pool, places)
    return this.#scanned
  }

  #held(): ChunkBuffer {
    if (this.#isReleased) throw new Error(`chunk ${this.index} was released`)
    return this.#window.buffer
  }
}
