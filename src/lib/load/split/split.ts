/**
 * The splitter: bytes come in, chunks of whole records go out, and with them the records whose structure is broken.
 * It is the one judge of structure: what it lets pass, COPY takes, row for row. It never parses a value.
 */
import { setImmediate } from 'node:timers/promises'
import { BufferPool } from './buffer-pool.js'
import type { Chunk, Fault, SplitOptions } from './chunk.js'
import { ChunkBuilder, type SourceTotals } from './chunk-builder.js'
import type { Scanner } from './chunk-cutter.js'
import { InputBuffer } from './input-buffer.js'
import { countLineEnds, cr, findLineEnd, lf } from './line-ends.js'
import { type ChunkCut, cutPlain } from './plain-chunk.js'
import { ArrayScanner, firstPhase } from './scanners/array.js'
import { DelimitedScanner } from './scanners/delimited.js'
import { LinesScanner } from './scanners/lines.js'

/** Read beyond a chunk's border at first, so that its last record is whole in most cases. */
const maxLookaheadBytes = 64 * 1024

/**
 * Cuts a source into chunks at record borders.
 *
 * A chunk ends after the first record, blank line or reject (line end included) whose end lies `chunkBytes` or more
 * after the chunk's start, or that is its record number `chunkRecords`; the last one ends with the source. Blank lines after that border belong to the next
 * chunk. Borders, records and rejects depend on the content, `chunkBytes`, `chunkRecords`, `maxRecordBytes` and `shape` only, not on
 * the sizes of the source's buffers.
 *
 * A record that breaks a rule ends at its first line break (of those that end records), and reading goes on after it. A line longer than
 * `maxRecordBytes` is always `record_too_long`: its `raw` keeps the first `maxRecordBytes` bytes and its detail tells
 * the true length. So at most about `chunkBytes + maxRecordBytes` bytes are held for a chunk (twice that for a moment
 * while a buffer grows).
 *
 * @param source buffers of any size; each may be reused once the next is asked for. It is closed when the consumer
 *   stops early.
 * @throws RangeError when the options make no sense (a delimiter that is a line break, …)
 *
 * @example
 * for await (const chunk of split(source, options)) {
 *   await copy(chunk.copyData)
 *   chunk.release()
 * }
 */
export async function* split(source: AsyncIterable<Buffer>, options: SplitOptions): AsyncGenerator<Chunk> {
  const scanner = scannerOf(options)
  const { chunkBytes, headerBytes, headerLines, shape } = options
  const lookaheadBytes = Math.min(maxLookaheadBytes, 256 + (chunkBytes >> 4))
  const bufferBytes = Math.min(chunkBytes + lookaheadBytes, options.expectedBytes ?? Number.POSITIVE_INFINITY)
  const pool = new BufferPool(bufferBytes + 1, options.poolSize ?? 4)
  const baseOffset = options.baseOffset ?? 0
  const iterator = source[Symbol.asyncIterator]()
  try {
    const window = new InputBuffer(iterator, pool)
    await window.fill(headerBytes)
    let at = Math.min(headerBytes, window.end)
    const phase = shape.kind === 'array' ? firstPhase(shape) : 0
    let totals: SourceTotals = { index: 0, record: 1, good: 0, line: headerLines + 1, phase }
    const cutAny = async (from: number): Promise<ChunkCut> => {
      const builder = new ChunkBuilder(window, from, chunkBytes, baseOffset, totals)
      builder.maxRecords = options.chunkRecords ?? Number.POSITIVE_INFINITY
      await new Cutter(scanner, builder, window, options.maxRecordBytes, lookaheadBytes).cut()
      const byteTo = baseOffset + window.base + builder.at
      const chunk = builder.finish(shape, byteTo, pool, options.places)
      return { chunk, stop: builder.at, totals: builder.totals() }
    }
    for (;;) {
      await window.fill(at + chunkBytes + lookaheadBytes)
      if (at === window.end && scanner.mayEnd(totals.phase)) return
      const cut = cutPlain(scanner, window, at, totals, options, pool) ?? (await cutAny(at))
      const { chunk, stop } = cut
      totals = cut.totals
      // Nothing is left: no room is needed for more.
      if (window.atEnd && stop === window.end && scanner.mayEnd(totals.phase)) {
        yield chunk
        return
      }
      // Before the chunk goes out: its consumer may release it, and what is left of the buffer is needed.
      window.renew(stop)
      at = 0
      yield chunk
    }
  } finally {
    await iterator.return?.()
  }
}

function scannerOf({ shape, maxRecordBytes, chunkBytes }: SplitOptions): Scanner {
  if (!(chunkBytes >= 1)) throw new RangeError(`chunkBytes must be at least 1, not ${chunkBytes}`)
  if (!(maxRecordBytes >= 1)) throw new RangeError(`maxRecordBytes must be at least 1, not ${maxRecordBytes}`)
  if (shape.kind === 'lines') return new LinesScanner(maxRecordBytes)
  if (shape.kind === 'array') return new ArrayScanner(maxRecordBytes)
  const isUsable = (byte: number) => byte > 0 && byte < 0x80 && byte !== lf && byte !== cr
  if (!isUsable(shape.delimiter) || (shape.quote !== null && !isUsable(shape.quote))) {
    throw new RangeError('delimiter and quote must be ASCII and neither NUL nor a line break')
  }
  // Behind it a field that begins with `.` and a line break would be the end of the data for PostgreSQL 16 and 17.
  if (shape.quote === 0x5c) throw new RangeError('a backslash cannot quote')
  if (shape.delimiter === shape.quote) throw new RangeError('delimiter and quote must differ')
  return new DelimitedScanner(shape, maxRecordBytes)
}

/** Where the end of an array should be, and the source ends: a reject without bytes, so that it is not overlooked. */
const unclosedArray: Fault = { code: 'invalid_json', detail: 'the array is not closed' }

/** So many rejects are taken out before others have a turn. */
const rejectsAtOnce = 4096

/** Cuts one chunk: lets the scanner run, reads more when it asks, and takes the rejects out of its way. */
class Cutter {
  readonly #scanner: Scanner
  readonly #draft: ChunkBuilder
  readonly #window: InputBuffer
  readonly #maxRecordBytes: number
  readonly #lookaheadBytes: number
  #isCareful = false
  /** Up to here no record needs a look at its content. */
  #soundTo: number
  /** Bytes of this chunk were dropped: it ends here, and what is left of it has been looked at. */
  #hasDropped = false

  constructor(
    scanner: Scanner,
    builder: ChunkBuilder,
    window: InputBuffer,
    maxRecordBytes: number,
    lookaheadBytes: number,
  ) {
    this.#scanner = scanner
    this.#draft = builder
    this.#window = window
    this.#soundTo = builder.from
    this.#maxRecordBytes = maxRecordBytes
    this.#lookaheadBytes = lookaheadBytes
  }

  async cut(): Promise<void> {
    const builder = this.#draft
    while (!this.#hasDropped) {
      const stop = this.#scanner.scan(builder, this.#isCareful)
      if (stop === 'border' && builder.isPaused) {
        if (!this.#isSound()) this.#readCarefully()
        builder.goOn()
        await setImmediate()
        continue
      }
      if (stop === 'border') {
        if (await this.#endsTooEarly()) await this.#rejectRead(unclosedArray)
        else if (this.#isSound()) return
        else this.#readCarefully()
        continue
      }
      const held = builder.window.end - builder.at
      const isJudgeable = stop === 'fault' || held > this.#maxRecordBytes
      const fault = isJudgeable ? this.#scanner.judge(builder, this.#isCareful) : 'more'
      if (fault === 'more') await this.#readMore()
      // Most rejects end in what has been read: a promise for each would be most of what they cost.
      else if (!this.#rejectHeld(fault)) await this.#rejectRead(fault)
      if (builder.rejects.length % rejectsAtOnce === rejectsAtOnce - 1) await setImmediate()
    }
  }

  /** Whether the source ends here, and must not. */
  async #endsTooEarly(): Promise<boolean> {
    const { at, phase } = this.#draft
    const window = this.#window
    if (this.#scanner.mayEnd(phase) || at < window.end) return false
    await window.fill(window.end + 1)
    return at === window.end
  }

  /** Whether the structure is all there is to say: no record up to here needs a look at its content. */
  #isSound(): boolean {
    if (this.#isCareful) return true
    const { at, buffer } = this.#draft
    const isClean = this.#scanner.isClean(buffer.bytes, this.#soundTo, at)
    this.#soundTo = at
    return isClean
  }

  /** Starts the chunk again, looking at each record's content, too. */
  #readCarefully(): void {
    this.#isCareful = true
    this.#draft.reset()
  }

  /** As much again as is held of the record, so that a long one is not scanned over and over. */
  async #readMore(): Promise<void> {
    const window = this.#window
    await window.fill(window.end + Math.max(this.#lookaheadBytes, window.end - this.#draft.at))
  }

  /**
   * Takes the bad record out: to where it surely ends, else to its first line break.
   *
   * @param from a place in the record before which no line ends
   * @returns whether its end has been read; otherwise nothing happened
   */
  #rejectHeld(fault: Fault, from = this.#draft.at): boolean {
    const builder = this.#draft
    const { window, at: start } = builder
    const { bytes } = window.buffer
    if (fault.to !== undefined) {
      builder.reject(fault, fault.to)
      builder.line += countLineEnds(bytes, start, fault.to)
      builder.at = fault.to
      this.#scanner.recover(builder, true)
      return true
    }
    const { stop, isKnown } = findLineEnd(bytes, from, window.end, this.#scanner.crEnds)
    if (!isKnown && !window.atEnd) return false
    this.#addReject(fault, stop - start)
    builder.at = afterLineEnd(bytes, stop, window.end)
    builder.line++
    this.#scanner.recover(builder, false)
    return true
  }

  /** Reads on to the end of the bad record, and takes it out. */
  async #rejectRead(fault: Fault): Promise<void> {
    const window = this.#window
    const start = this.#draft.at
    let at = start
    while (!this.#rejectHeld(fault, at)) {
      const { stop } = findLineEnd(window.buffer.bytes, at, window.end, this.#scanner.crEnds)
      // The window reaches after the chunk's target, so the line does, too: nothing of this chunk comes after it.
      if (stop - start > this.#maxRecordBytes) {
        if (!this.#isSound()) {
          this.#readCarefully()
          return
        }
        await this.#rejectBeyondMemory(fault)
        return
      }
      at = stop
      await window.fill(window.end + Math.max(this.#lookaheadBytes, window.end - start))
    }
  }

  /** Takes out a line that is longer than memory may be: its bytes are dropped as they come. The chunk ends with it. */
  async #rejectBeyondMemory(fault: Fault): Promise<void> {
    const builder = this.#draft
    const window = this.#window
    const { buffer } = builder
    const start = builder.at
    const raw = Buffer.from(buffer.bytes.subarray(start, start + this.#maxRecordBytes))
    const address = window.base + start
    for (;;) {
      const { stop, isKnown } = findLineEnd(buffer.bytes, start, window.end, this.#scanner.crEnds)
      if (isKnown || window.atEnd) {
        this.#addReject(fault, window.base + stop - address, raw)
        builder.at = afterLineEnd(buffer.bytes, stop, window.end)
        break
      }
      window.drop(start, stop)
      await window.fill(Math.max(window.end, start) + maxLookaheadBytes)
    }
    this.#hasDropped = true
    builder.line++
    this.#scanner.recover(builder, false)
  }

  /** @param raw the line, cut to what may be held, when it is not in the buffer */
  #addReject(fault: Fault, lineBytes: number, raw?: Buffer): void {
    const isCut = lineBytes > this.#maxRecordBytes
    const found: Fault = isCut ? { code: 'record_too_long', detail: `${lineBytes} bytes` } : fault
    this.#draft.reject(found, this.#draft.at + Math.min(lineBytes, this.#maxRecordBytes), raw)
  }
}

/** The index after the line end at `stop`, or `end` when the source ends there. */
function afterLineEnd(bytes: Buffer, stop: number, end: number): number {
  if (stop === end) return end
  const isCrlf = bytes[stop] === cr && stop + 1 < end && bytes[stop + 1] === lf
  return stop + (isCrlf ? 2 : 1)
}
