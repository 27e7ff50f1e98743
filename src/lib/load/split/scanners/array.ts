/**
 * One JSON array of objects: a record is an element. Its end is told by brackets and strings; whether it is valid JSON
 * is PostgreSQL's question. A fault inside an element whose end is sure costs that element. Where the array itself is
 * broken (a comma missing, a string with a line break, …) the rest of the line is the reject, and from there on
 * elements are taken wherever one begins. Chunks end between elements; white space there is not counted as blank lines.
 */
import { limits } from '../../../core/event.js'
import type { ArrayShape, Fault } from '../chunk.js'
import type { ChunkBuilder } from '../chunk-builder.js'
import type { ChunkStop, Scanner } from '../chunk-cutter.js'
import { contentFault } from '../content.js'
import { cr, endsWithNothing, lf } from '../line-ends.js'
import { broken, JsonSkipper } from './json-skipper.js'
import { controlFault, isCleanJson } from './json-text.js'

const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const comma = 0x2c

/** What may come next. */
const phases = {
  /** The opening bracket. */
  start: 0,
  /** An element or the closing bracket. */
  first: 1,
  /** An element. */
  element: 2,
  /** A comma or the closing bracket. */
  separator: 3,
  /** Nothing. */
  closed: 4,
  /** After a fault: anything that can be made sense of. */
  lenient: 5,
} as const

/** In which phase a source begins. */
export const firstPhase = (shape: ArrayShape) => (shape.isLoose ? phases.lenient : phases.start)

export class ArrayScanner implements Scanner {
  readonly crEnds = true
  readonly #maxRecordBytes: number
  readonly #element = new JsonSkipper()

  constructor(maxRecordBytes: number) {
    this.#maxRecordBytes = maxRecordBytes
  }

  scan(builder: ChunkBuilder, isCareful: boolean): ChunkStop {
    const { buffer } = builder
    const element = this.#element
    for (;;) {
      if (builder.good >= builder.maxGood) return 'border'
      const stop = passSeparators(builder)
      if (stop !== 'element') return stop
      const to = element.read(buffer.bytes, builder.at, builder.window.end, builder.window.atEnd)
      if (to === broken.more) return 'more'
      if (to < 0 || this.#elementFault(buffer.bytes, builder.at, to, isCareful) !== undefined) return 'fault'
      if (builder.good === buffer.starts.length) buffer.addRecords()
      buffer.starts[builder.good] = builder.at
      buffer.stops[builder.good] = to
      buffer.lines[builder.good] = builder.line
      if (element.lineEnds > 0) builder.rewrites.push(builder.good)
      builder.good++
      builder.lineEnds |= endsWithNothing
      builder.line += element.lineEnds
      builder.at = to
      if (builder.phase !== phases.lenient) builder.phase = phases.separator
    }
  }

  judge(builder: ChunkBuilder, isCareful: boolean): Fault | 'more' {
    const { at, phase, buffer } = builder
    const { end, atEnd } = builder.window
    const bytes = buffer.bytes
    if (phase === phases.start) return { code: 'invalid_json', detail: 'no array begins here' }
    if (phase === phases.separator) return { code: 'invalid_json', detail: 'a comma is missing before it' }
    if (phase === phases.closed) return { code: 'invalid_json', detail: 'text after the end of the array' }
    if (bytes[at] === closeBracket) return { code: 'invalid_json', detail: 'the last comma has no element after it' }
    if (bytes[at] === comma) return { code: 'invalid_json', detail: 'a comma without an element before it' }
    const to = this.#element.read(bytes, at, end, atEnd)
    const seenTo = to >= 0 ? to : to === broken.more ? end : this.#element.at
    if (seenTo - at > this.#maxRecordBytes) {
      return { code: 'record_too_long', detail: `more than ${this.#maxRecordBytes} bytes` }
    }
    if (to === broken.more) return 'more'
    if (to === broken.string) return { code: 'invalid_json', detail: 'a string is not closed' }
    if (to === broken.brackets) return { code: 'invalid_json', detail: 'brackets that do not match' }
    if (to === broken.unclosed) return { code: 'invalid_json', detail: 'brackets are not closed' }
    if (to === broken.value) return { code: 'invalid_json' }
    const fault = this.#elementFault(bytes, at, to, isCareful)
    if (fault !== undefined) return { ...fault, to }
    throw new Error(`the element at byte ${builder.base + at} was found bad, but nothing is wrong with it`)
  }

  isClean(bytes: Buffer, from: number, to: number): boolean {
    return isCleanJson(bytes, from, to)
  }

  recover(builder: ChunkBuilder, isSure: boolean): void {
    if (builder.phase === phases.closed || builder.phase === phases.lenient) return
    builder.phase = isSure ? phases.separator : phases.lenient
  }

  mayEnd(phase: number): boolean {
    return phase === phases.start || phase === phases.closed || phase === phases.lenient
  }

  /** What is wrong with an element whose end is known. */
  #elementFault(bytes: Buffer, start: number, stop: number, isCareful: boolean): Fault | undefined {
    if (stop - start > this.#maxRecordBytes) return { code: 'record_too_long' }
    const content = isCareful ? contentFault(bytes, start, stop) : undefined
    if (content !== undefined) return content
    if (bytes[start] !== openBrace) return { code: 'not_an_object' }
    const control = isCareful ? controlFault(bytes, start, stop) : undefined
    if (control !== undefined) return control
    if (this.#element.depth > limits.jsonMaxDepth) return { code: 'json_too_deep' }
    return undefined
  }
}

/** Moves `builder.at` over white space, commas and the array's own brackets to where an element begins. */
function passSeparators(builder: ChunkBuilder): ChunkStop | 'element' {
  const { pauseAt, buffer } = builder
  const { end } = builder.window
  const bytes = buffer.bytes
  for (; builder.at < pauseAt; builder.at++) {
    if (builder.at === end) break
    const byte = bytes[builder.at]!
    const { phase } = builder
    const isLenient = phase === phases.lenient
    if (byte === lf) builder.line++
    else if (byte === cr) {
      if (builder.at + 1 === end || bytes[builder.at + 1] !== lf) builder.line++
    } else if (byte === 0x20 || byte === 0x09) continue
    else if (phase === phases.start && byte === openBracket) builder.phase = phases.first
    else if (phase === phases.separator && byte === comma) builder.phase = phases.element
    else if ((phase === phases.separator || phase === phases.first) && byte === closeBracket)
      builder.phase = phases.closed
    else if (isLenient && (byte === comma || byte === closeBracket)) continue
    else if (isLenient || phase === phases.first || phase === phases.element) {
      return byte === closeBracket || byte === comma ? 'fault' : 'element'
    } else return 'fault'
  }
  return 'border'
}
