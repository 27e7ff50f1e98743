/**
 * CSV and its kin: where a record ends and what is wrong with one. A quote opens only at the start of a field;
 * elsewhere it is an ordinary byte. Behind a closing quote comes a delimiter, a line end or another quote.
 *
 * `scan` is the hottest loop of an import: it looks at each byte once, through a table, and leaves everything that is
 * not a good record to `judge`.
 */
import { limits } from '../../../core/event.js'
import type { DelimitedShape, Fault } from '../chunk.js'
import type { ChunkBuilder } from '../chunk-builder.js'
import type { ChunkStop, Scanner } from '../chunk-cutter.js'
import { contentFault, isCleanText } from '../content.js'
import { backslash, copyQuote, hasStrayBackslash } from '../copy.js'
import { isTooDeep, mayBeTooDeep } from '../depth.js'
import { isPlainText, isPlainTime } from '../fast-checks.js'
import { cr, endsWithCr, endsWithCrlf, endsWithLf, endsWithNothing, lf } from '../line-ends.js'

const maxDepth = limits.jsonMaxDepth
/** No byte equals these. */
const never = -1
const unknown = -2
const endOfSource = -3
const beyondLimit = -4

const looks = { json: 1, time: 2, text: 3 } as const

export class DelimitedScanner implements Scanner {
  readonly crEnds: boolean
  readonly #shape: DelimitedShape
  readonly #maxRecordBytes: number
  /** 1 for the bytes at which an unquoted field must be looked at. */
  readonly #stopsUnquoted = new Uint8Array(256)
  /** 1 for the bytes at which a quoted field must be looked at. */
  readonly #stopsQuoted = new Uint8Array(256)
  /** Why a field is looked at, counted from 1; 0 for most. */
  readonly #looks: Uint8Array

  constructor(shape: DelimitedShape, maxRecordBytes: number) {
    this.#shape = shape
    this.crEnds = shape.crEndsRecords ?? true
    this.#maxRecordBytes = maxRecordBytes
    const special = shape.isText ? lf : copyQuote(shape)
    for (const byte of [lf, cr, shape.delimiter, special]) this.#stopsUnquoted[byte] = 1
    for (const byte of [lf, cr, special, shape.escape ?? special]) this.#stopsQuoted[byte] = 1
    this.#looks = new Uint8Array(shape.fields + 2)
    for (const field of shape.textFields ?? []) this.#looks[field + 1] = looks.text
    if (typeof shape.timeField === 'number') this.#looks[shape.timeField + 1] = looks.time
    if (shape.jsonField !== null) this.#looks[shape.jsonField + 1] = looks.json
  }

  scan(builder: ChunkBuilder, isCareful: boolean): ChunkStop {
    const { buffer, pauseAt, maxGood } = builder
    const { end, atEnd } = builder.window
    const bytes = buffer.bytes
    const stopsUnquoted = this.#stopsUnquoted
    const stopsQuoted = this.#stopsQuoted
    const { delimiter, fields, comment, isText = false } = this.#shape
    const special = isText ? never : copyQuote(this.#shape)
    const quote = this.#shape.quote ?? never
    const escapedBy = this.#shape.escape ?? never
    const firstOfComment = isText ? backslash : (comment?.[0] ?? never)
    const looksAt = this.#looks
    const maxRecordBytes = this.#maxRecordBytes
    const { crEnds } = this
    let { starts, stops, lines } = buffer
    let { at: i, line, good, lineEnds, plainTimes, plainTexts } = builder
    let start = i
    let startLine = line
    let result: ChunkStop = 'border'

    record: while (i < pauseAt && good < maxGood) {
      start = i
      startLine = line
      if (i === end) break
      if (bytes[i] === firstOfComment && this.#isComment(bytes, i, end, atEnd)) {
        const stop = endOfLine(bytes, i, end, this.crEnds)
        const isCr = bytes[stop] === cr && stop < end
        if (!atEnd && stop + (isCr ? 1 : 0) >= end) {
          result = 'more'
          break
        }
        i = Math.min(end, stop + (isCr && bytes[stop + 1] === lf ? 2 : 1))
        line++
        builder.blankLines++
        continue
      }
      let field = 1
      let mustRewrite = false
      let byte = 0
      for (;;) {
        const fieldStart = i
        byte = bytes[i]!
        if (byte === quote) {
          for (;;) {
            do byte = bytes[++i]!
            while (stopsQuoted[byte] === 0)
            if (byte === escapedBy) {
              if (bytes[i + 1] === quote || bytes[i + 1] === escapedBy) i++
              continue
            }
            if (byte === quote) {
              byte = bytes[++i]!
              if (byte !== quote) break
            } else if (i >= end) {
              result = atEnd ? 'fault' : 'more'
              break record
            } else if (byte === lf || (crEnds && bytes[i + 1] !== lf)) line++
          }
          if (byte !== delimiter && byte !== lf && byte !== cr) {
            // At the end this is the sentinel, so it is a fault whatever comes.
            result = 'fault'
            break record
          }
        } else {
          while (stopsUnquoted[byte] === 0) byte = bytes[++i]!
          while (byte === special) {
            mustRewrite = true
            do byte = bytes[++i]!
            while (stopsUnquoted[byte] === 0)
          }
        }
        const look = looksAt[field]!
        if (look === looks.json) {
          if (i - fieldStart > 2 * maxDepth && isFieldTooDeep(bytes, fieldStart, i, quote)) {
            result = 'fault'
            break record
          }
        } else if (look !== 0 && (i < end || atEnd)) {
          const isQuoted = bytes[fieldStart] === quote ? 1 : 0
          if (look === looks.time) plainTimes &&= isPlainTime(bytes, fieldStart + isQuoted, i - isQuoted)
          else plainTexts &&= isPlainText(bytes, fieldStart + isQuoted, i - isQuoted)
        }
        if (byte !== delimiter) break
        if (++field > fields) {
          result = 'fault'
          break record
        }
        i++
      }
      const stop = i
      let lineEnd = endsWithLf
      if (i === end) {
        // The sentinel.
        if (!atEnd) {
          result = 'more'
          break
        }
        lineEnd = endsWithNothing
      } else if (byte === lf) {
        i++
      } else if (i + 1 === end) {
        if (!atEnd) {
          result = 'more'
          break
        }
        lineEnd = endsWithCr
        i++
      } else if (bytes[i + 1] === lf) {
        lineEnd = endsWithCrlf
        i += 2
      } else if (!crEnds) {
        result = 'fault'
        break
      } else {
        lineEnd = endsWithCr
        i++
      }
      line++
      if (stop === start) {
        builder.blankLines++
        continue
      }
      if (
        field !== fields ||
        stop - start > maxRecordBytes ||
        (isCareful && contentFault(bytes, start, stop) !== undefined)
      ) {
        result = 'fault'
        break
      }
      if (isText && bytes.indexOf(backslash, start) < stop && bytes.indexOf(backslash, start) >= 0) {
        plainTexts = false
        mustRewrite = hasStrayBackslash(bytes, start, stop)
      }
      if (mustRewrite || (stop - start === 2 && isEndMarker(bytes, start))) builder.rewrites.push(good)
      if (good === starts.length) {
        buffer.addRecords()
        starts = buffer.starts
        stops = buffer.stops
        lines = buffer.lines
      }
      starts[good] = start
      stops[good] = stop
      lines[good] = startLine
      good++
      lineEnds |= lineEnd
    }
    if (result === 'border') builder.at = i
    else {
      builder.at = start
      line = startLine
    }
    builder.line = line
    builder.good = good
    builder.lineEnds = lineEnds
    builder.plainTimes = plainTimes
    builder.plainTexts = plainTexts
    return result
  }

  judge(builder: ChunkBuilder, isCareful: boolean): Fault | 'more' {
    const bytes = builder.buffer.bytes
    const { end, atEnd } = builder.window
    const { delimiter, fields } = this.#shape
    const quote = this.#shape.quote ?? never
    const start = builder.at
    // A record that has not ended here is too long.
    const limit = start + this.#maxRecordBytes
    const byteAt = (k: number) => (k > limit ? beyondLimit : k < end ? bytes[k]! : atEnd ? endOfSource : unknown)
    const endsField = (byte: number) => byte === delimiter || byte === lf || byte === cr
    const breaksLine = (byte: number) => byte === lf || (byte === cr && this.crEnds)
    const tooLong: Fault = { code: 'record_too_long', detail: `more than ${this.#maxRecordBytes} bytes` }

    let i = start
    let field = 1
    let hasLineBreak = false
    let isTooDeep = false
    let byte = 0
    for (; ; field++, i++) {
      const fieldStart = i
      byte = byteAt(i)
      if (byte === quote) {
        for (let isOpen = true; isOpen; ) {
          byte = byteAt(++i)
          if (byte === this.#shape.escape) {
            const next = byteAt(i + 1)
            if (next === quote || next === byte) {
              i++
              continue
            }
          }
          if (byte === unknown) return 'more'
          if (byte === endOfSource) return { code: 'unclosed_quote', detail: `field ${field}` }
          if (byte === beyondLimit) {
            if (!hasLineBreak) return tooLong
            return { code: 'unclosed_quote', detail: `field ${field}, in ${this.#maxRecordBytes} bytes` }
          }
          if (breaksLine(byte)) hasLineBreak = true
          if (byte === quote) {
            byte = byteAt(++i)
            isOpen = byte === quote
          }
        }
        if (byte >= 0 && !endsField(byte)) return { code: 'text_after_quote', detail: `field ${field}` }
      } else {
        while (byte >= 0 && !endsField(byte)) byte = byteAt(++i)
      }
      if (byte === unknown) return 'more'
      if (byte === beyondLimit) return tooLong
      if (byte === cr && !this.crEnds) {
        const next = i + 1 < end ? bytes[i + 1]! : atEnd ? endOfSource : unknown
        if (next === unknown) return 'more'
        // At the end of the source it is what is left of a CRLF.
        if (next !== lf && next !== endOfSource) return { code: 'unquoted_cr', detail: `field ${field}` }
      }
      if (field - 1 === this.#shape.jsonField) isTooDeep = isFieldTooDeep(bytes, fieldStart, i, quote)
      if (byte !== delimiter) break
      if (field === fields) return { code: 'field_count', detail: (line) => this.#fieldCount(line) }
    }
    if (field !== fields) return { code: 'field_count', detail: fieldCountDetail(field, fields) }
    const content = isCareful ? contentFault(bytes, start, i) : undefined
    if (content !== undefined) return content
    if (isTooDeep) return { code: 'json_too_deep' }
    if (byte === cr && i + 1 === end && !atEnd) return 'more'
    throw new Error(`the record at byte ${builder.base + start} was found bad, but nothing is wrong with it`)
  }

  isClean(bytes: Buffer, from: number, to: number): boolean {
    return isCleanText(bytes, from, to)
  }

  recover(): void {}

  mayEnd(): boolean {
    return true
  }

  /** Whether a line is not a record: a comment, or in text the mark of the end of the data. */
  #isComment(bytes: Buffer, at: number, end: number, atEnd: boolean): boolean {
    const { comment, isText } = this.#shape
    if (isText) {
      const isEnd = bytes[at + 1] === 0x2e && (bytes[at + 2] === lf || bytes[at + 2] === cr || at + 2 === end)
      if (isEnd && at + 2 <= end) return true
    }
    if (comment === undefined) return false
    // A line that is cut off is looked at again when it has been read.
    const known = atEnd ? comment.length : Math.min(comment.length, end - at)
    return bytes.compare(comment, 0, known, at, Math.min(end, at + known)) === 0
  }

  /** How many fields a line has that has too many, where its quotes allow to tell. */
  #fieldCount(line: Buffer): string {
    const { delimiter, fields } = this.#shape
    const quote = this.#shape.quote ?? never
    let count = 1
    for (let i = 0; i < line.length; i++, count++) {
      if (line[i] === quote) {
        for (i++; i < line.length && (line[i] !== quote || line[i + 1] === quote); i++) if (line[i] === quote) i++
        i++
      }
      while (i < line.length && line[i] !== delimiter) i++
      if (i >= line.length) break
    }
    return count > fields ? fieldCountDetail(count, fields) : `more fields than ${fields}`
  }
}

function fieldCountDetail(count: number, fields: number): string {
  return `${count} ${count === 1 ? 'field' : 'fields'} instead of ${fields}`
}

/** The index of the line end at or after `from`, or `end`. */
function endOfLine(bytes: Buffer, from: number, end: number, crEnds: boolean): number {
  let i = from
  while (i < end && bytes[i] !== lf && !(bytes[i] === cr && (crEnds || bytes[i + 1] === lf))) i++
  return i
}

/** A line that COPY of PostgreSQL 16 and 17 takes for the end of the data: `\\.`. */
function isEndMarker(bytes: Buffer, start: number): boolean {
  return bytes[start] === 0x5c && bytes[start + 1] === 0x2e
}

/** The depth rule for a field as it stands, quoted or not. */
function isFieldTooDeep(bytes: Buffer, from: number, to: number, quote: number): boolean {
  if (!mayBeTooDeep(bytes, from, to, maxDepth)) return false
  if (bytes[from] !== quote) return isTooDeep(bytes, from, to, maxDepth)
  const json = Buffer.allocUnsafe(to - from)
  let length = 0
  for (let i = from + 1; i < to - 1; i++) {
    if (bytes[i] === quote) i++
    json[length++] = bytes[i]!
  }
  return isTooDeep(json, 0, length, maxDepth)
}
