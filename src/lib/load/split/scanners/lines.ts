/**
 * NDJSON: a record is a line. Whether it is valid JSON is PostgreSQL's question; here it must begin as an object, be
 * no deeper than allowed, and hold neither of the two control characters that are COPY's delimiter and quote (no
 * valid JSON does). A line of nothing but white space is blank.
 */
import { limits } from '../../../core/event.js'
import type { Fault } from '../chunk.js'
import type { ChunkBuilder } from '../chunk-builder.js'
import type { ChunkStop, Scanner } from '../chunk-cutter.js'
import { contentFault } from '../content.js'
import { isTooDeep } from '../depth.js'
import { cr, endsWithCr, endsWithCrlf, endsWithLf, endsWithNothing, lf } from '../line-ends.js'
import { controlFault, isCleanJson } from './json-text.js'

const openBrace = 0x7b

export class LinesScanner implements Scanner {
  readonly crEnds = true
  readonly #maxRecordBytes: number
  /** Where the first CR at or after `from` is, in the window that begins at `base` and ends at `end`. */
  #found = { base: -1, from: 0, end: -1, cr: -1 }

  constructor(maxRecordBytes: number) {
    this.#maxRecordBytes = maxRecordBytes
  }

  scan(builder: ChunkBuilder, isCareful: boolean): ChunkStop {
    const { buffer, pauseAt, maxGood } = builder
    const { end, atEnd } = builder.window
    const bytes = buffer.bytes
    let { at: start, line, good, lineEnds } = builder
    let nextLf = -1
    let nextCr = this.#nextCr(builder)
    let result: ChunkStop = 'border'
    while (start < pauseAt && good < maxGood) {
      if (start === end) break
      // Each kind is searched for only when its last find lies behind: a file without CR is searched once. A LF is at `end`.
      if (nextLf < start) nextLf = bytes.indexOf(lf, start)
      if (nextCr < start) nextCr = this.#findCr(builder, start)
      const stop = Math.min(nextLf, nextCr)
      let next = stop + 1
      let lineEnd = endsWithLf
      if (stop === end) {
        if (!atEnd) {
          result = 'more'
          break
        }
        lineEnd = endsWithNothing
        next = end
      } else if (stop === nextCr) {
        lineEnd = endsWithCr
        if (next === end && !atEnd) {
          result = 'more'
          break
        }
        if (next < end && next === nextLf) {
          lineEnd = endsWithCrlf
          next++
        }
      }
      if (
        bytes[start] !== openBrace &&
        firstNonSpace(bytes, start, stop) === stop &&
        stop - start <= this.#maxRecordBytes
      ) {
        builder.blankLines++
      } else if (this.#faultOf(bytes, start, stop, isCareful) !== undefined) {
        result = 'fault'
        break
      } else {
        if (good === buffer.starts.length) buffer.addRecords()
        buffer.starts[good] = start
        buffer.stops[good] = stop
        buffer.lines[good] = line
        good++
        lineEnds |= lineEnd
      }
      line++
      start = next
    }
    builder.at = start
    builder.line = line
    builder.good = good
    builder.lineEnds = lineEnds
    return result
  }

  /** The CR found last, if there is none between it and `at`; else -1. A scan that stops at every line must not search anew. */
  #nextCr({ at, window }: ChunkBuilder): number {
    const { base, from, end, cr } = this.#found
    return base === window.base && end === window.end && from <= at ? cr : -1
  }

  #findCr({ window }: ChunkBuilder, from: number): number {
    const { base, end, buffer } = window
    const index = buffer.bytes.subarray(0, end).indexOf(cr, from)
    this.#found = { base, from, end, cr: index === -1 ? end : index }
    return this.#found.cr
  }

  judge(builder: ChunkBuilder, isCareful: boolean): Fault | 'more' {
    const { at, buffer } = builder
    const { end, atEnd } = builder.window
    let stop = at
    const limit = Math.min(end, at + this.#maxRecordBytes + 1)
    while (stop < limit && buffer.bytes[stop] !== lf && buffer.bytes[stop] !== cr) stop++
    if (stop === end && !atEnd && stop - at <= this.#maxRecordBytes) return 'more'
    const fault = this.#faultOf(buffer.bytes, at, stop, isCareful)
    if (fault !== undefined) return fault
    if (stop + 1 === end && !atEnd) return 'more'
    throw new Error(`the line at byte ${builder.base + at} was found bad, but nothing is wrong with it`)
  }

  isClean(bytes: Buffer, from: number, to: number): boolean {
    return isCleanJson(bytes, from, to)
  }

  recover(): void {}

  mayEnd(): boolean {
    return true
  }

  #faultOf(bytes: Buffer, start: number, stop: number, isCareful: boolean): Fault | undefined {
    if (stop - start > this.#maxRecordBytes) {
      return { code: 'record_too_long', detail: `more than ${this.#maxRecordBytes} bytes` }
    }
    if (isCareful) {
      const content = contentFault(bytes, start, stop)
      if (content !== undefined) return content
    }
    if (bytes[start] !== openBrace && bytes[firstNonSpace(bytes, start, stop)] !== openBrace) {
      return { code: 'not_an_object' }
    }
    if (isCareful) {
      const control = controlFault(bytes, start, stop)
      if (control !== undefined) return control
    }
    if (isTooDeep(bytes, start, stop, limits.jsonMaxDepth)) return { code: 'json_too_deep' }
    return undefined
  }
}

/** The index of the first byte in `[start, stop)` that is neither space nor tab; `stop` when there is none. */
function firstNonSpace(bytes: Buffer, start: number, stop: number): number {
  let i = start
  while (i < stop && (bytes[i] === 0x20 || bytes[i] === 0x09)) i++
  return i
}
