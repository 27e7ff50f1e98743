/**
 * What COPY is told and what it is given. The bytes of the source go through as they are wherever COPY reads them as
 * the splitter does; where it would not (mixed line ends, a quote inside an unquoted field, `\.` alone on a line),
 * they are written anew.
 */

import type { ChunkBuffer } from './buffer-pool.js'
import type { DelimitedShape, Shape } from './chunk.js'
import { cr, endsWithCrlf, endsWithLf, endsWithNothing, lf } from './line-ends.js'

/** Control characters that no valid JSON holds raw: with them COPY reads a JSON text as one unquoted field. */
export const jsonQuote = 0x01
export const jsonDelimiter = 0x02

/** Above this many pieces they are joined: a stream of tiny buffers costs more than a copy. */
const maxPieces = 64
/** Joined records are made when they are asked for, about so many bytes at a time. */
const joinedBytes = 256 * 1024

/** The byte that quotes for COPY: the shape's own, or where nothing quotes, a control character that is not the delimiter. */
export function copyQuote(shape: DelimitedShape): number {
  return shape.quote ?? (shape.delimiter === 0x01 ? 0x02 : 0x01)
}

/**
 * The options for the COPY that gets a chunk's `copyData`.
 *
 * @example
 * `COPY staging (c1, c2) FROM STDIN ${copyOptions(shape)}`
 * // WITH (FORMAT csv, DELIMITER E'\x2c', QUOTE E'\x22', ESCAPE E'\x22', NULL '', ENCODING 'UTF8')
 */
export function copyOptions(shape: Shape): string {
  if (shape.kind === 'delimited' && shape.isText) {
    return `WITH (FORMAT text, DELIMITER ${literal(shape.delimiter)}, NULL '\\N', ENCODING 'UTF8')`
  }
  const delimiter = shape.kind === 'delimited' ? shape.delimiter : jsonDelimiter
  const quote = shape.kind === 'delimited' ? copyQuote(shape) : jsonQuote
  const escapedBy = (shape.kind === 'delimited' ? shape.escape : undefined) ?? quote
  return `WITH (FORMAT csv, DELIMITER ${literal(delimiter)}, QUOTE ${literal(quote)}, ESCAPE ${literal(escapedBy)}, NULL '', ENCODING 'UTF8')`
}

function literal(byte: number): string {
  return `E'\\x${byte.toString(16).padStart(2, '0')}'`
}

/** What `copyDataOf` must know beside the records. */
export interface CopyLayout {
  readonly good: number
  /** Bits of line-ends.ts. */
  readonly lineEnds: number
  /** Good records (from 0, ascending) that must be written anew. */
  readonly rewrites: readonly number[]
  /** No blank line and no reject stands between the good records. */
  readonly isUnbroken: boolean
  /** The index after the chunk's last byte. */
  readonly to: number
}

/** The bytes for COPY: slices of the buffer where that will do. */
export function copyDataOf(buffer: ChunkBuffer, layout: CopyLayout, shape: Shape): Iterable<Buffer> {
  if (layout.good === 0) return []
  const all = { [Symbol.iterator]: () => joined(buffer, layout, shape) }
  const lineEnds = layout.lineEnds & ~endsWithNothing
  // A single record without line end (0): any kind will do.
  const isCrlf = lineEnds === endsWithCrlf
  if (shape.kind === 'array' || (!isCrlf && lineEnds !== endsWithLf && lineEnds !== 0)) {
    return all
  }
  const lineEnd = Buffer.from(isCrlf ? '\r\n' : '\n')
  // COPY refuses an end without CRLF after others with it; without LF it takes the last record.
  const tail = isCrlf && (layout.lineEnds & endsWithNothing) !== 0 ? [lineEnd] : []
  if (layout.isUnbroken && layout.rewrites.length === 0) {
    return [buffer.bytes.subarray(buffer.starts[0]!, layout.to), ...tail]
  }
  const pieces = piecesOf(buffer, layout, shape, lineEnd)
  return pieces.length > maxPieces ? all : [...pieces, ...tail]
}

/** Runs of neighbours as slices; between them what is written anew. Stops when there are more than `maxPieces`. */
function piecesOf(buffer: ChunkBuffer, layout: CopyLayout, shape: Shape, lineEnd: Buffer): Buffer[] {
  const { bytes, starts, stops } = buffer
  const pieces: Buffer[] = []
  let from = 0
  let to = 0
  const cut = () => {
    if (to > from) pieces.push(bytes.subarray(from, to))
  }
  let next = 0
  for (let n = 0; n < layout.good && pieces.length <= maxPieces; n++) {
    const start = starts[n]!
    // The last record of the source may end without line end, and then the chunk ends there, too.
    const end = Math.min(stops[n]! + lineEnd.length, layout.to)
    if (layout.rewrites[next] === n) {
      next++
      cut()
      const stop = stops[n]!
      pieces.push(rewritten(bytes.subarray(start, stop), shape))
      from = stop
      to = end
    } else if (start === to) {
      to = end
    } else {
      cut()
      from = start
      to = end
    }
  }
  cut()
  return pieces
}

/** Every record with LF after it, many of them in each buffer. */
function* joined(buffer: ChunkBuffer, layout: CopyLayout, shape: Shape): Generator<Buffer> {
  const { bytes, starts, stops } = buffer
  let next = 0
  for (let from = 0, to = 0; from < layout.good; from = to) {
    const pieces: Buffer[] = []
    let length = 0
    for (let rewrite = next; to < layout.good && length < joinedBytes; to++) {
      let recordBytes = stops[to]! - starts[to]!
      if (layout.rewrites[rewrite] === to) {
        rewrite++
        pieces.push(rewritten(bytes.subarray(starts[to]!, stops[to]!), shape))
        recordBytes = pieces.at(-1)!.length
      }
      length += recordBytes + 1
    }
    const out = Buffer.allocUnsafeSlow(length)
    let at = 0
    let piece = 0
    for (let n = from; n < to; n++) {
      if (layout.rewrites[next] === n) {
        next++
        at += pieces[piece++]!.copy(out, at)
      } else {
        // One copy of all that follow with one byte between them; a copy of each takes several times as long.
        const first = n
        while (n + 1 < to && starts[n + 1] === stops[n]! + 1 && layout.rewrites[next] !== n + 1) n++
        const start = starts[first]!
        bytes.copy(out, at, start, stops[n]!)
        for (let one = first; one < n; one++) out[at + stops[one]! - start] = lf
        at += stops[n]! - start
      }
      out[at++] = lf
    }
    yield out
  }
}

/** A good record as COPY reads it right. */
function rewritten(record: Buffer, shape: Shape): Buffer {
  if (shape.kind !== 'delimited') return withoutLineBreaks(record)
  return shape.isText ? withPlainBackslashes(record) : requoted(record, shape)
}

export const backslash = 0x5c
/** What follows a backslash in what COPY writes. */
const escapes = new Set(Buffer.from('bfnrtvN\\'))

/** Whether a line of text has a backslash that COPY never writes, and would read as something else. */
export function hasStrayBackslash(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== backslash) continue
    if (i + 1 === to || !escapes.has(bytes[i + 1]!)) return true
    i++
  }
  return false
}

/** A line of text in which each backslash that escapes nothing is escaped itself. */
function withPlainBackslashes(record: Buffer): Buffer {
  const out: number[] = []
  for (let i = 0; i < record.length; i++) {
    out.push(record[i]!)
    if (record[i] !== backslash) continue
    if (i + 1 < record.length && escapes.has(record[i + 1]!)) out.push(record[++i]!)
    else out.push(backslash)
  }
  return Buffer.from(out)
}

/** JSON has no raw line break inside a string, and outside of one a space is as good. */
function withoutLineBreaks(json: Buffer): Buffer {
  const out = Buffer.from(json)
  for (let i = 0; i < out.length; i++) if (out[i] === lf || out[i] === cr) out[i] = 0x20
  return out
}

/** A good record with each field quoted that is neither quoted nor empty: an empty one must stay absent. */
function requoted(record: Buffer, shape: DelimitedShape): Buffer {
  const quote = copyQuote(shape)
  const escapedBy = shape.escape ?? quote
  let extra = 2
  for (const byte of record) extra += byte === quote || byte === escapedBy ? 1 : byte === shape.delimiter ? 2 : 0
  const out = Buffer.allocUnsafe(record.length + extra)
  let at = 0
  let i = 0
  while (i < record.length) {
    if (record[i] === shape.quote) {
      // As it stands: a quote inside is doubled, so the quoted part ends before a delimiter at an even count.
      let quotes = 0
      for (; i < record.length && !(record[i] === shape.delimiter && quotes % 2 === 0); i++) {
        const isEscape = escapedBy !== quote && record[i] === escapedBy && quotes % 2 === 1
        if (isEscape && (record[i + 1] === quote || record[i + 1] === escapedBy)) out[at++] = record[i++]!
        else if (record[i] === quote) quotes++
        out[at++] = record[i]!
      }
    } else if (record[i] !== shape.delimiter) {
      out[at++] = quote
      for (; i < record.length && record[i] !== shape.delimiter; i++) {
        if (record[i] === quote || record[i] === escapedBy) out[at++] = escapedBy
        out[at++] = record[i]!
      }
      out[at++] = quote
    }
    if (i < record.length) out[at++] = record[i++]!
  }
  return out.subarray(0, at)
}
