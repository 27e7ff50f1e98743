/**
 * The body of a request as one chunk of the splitter: an array of events, `{"events": […]}`, a single event, or lines.
 * The bytes stay bytes, so numbers keep their digits. A body that is broken as a whole is refused as a whole; a record
 * that is broken by itself is that record's reject. A large body is read in steps between which others have their turn.
 */

import { isUtf8 } from 'node:buffer'
import { EaError } from '../../core/errors.js'
import { limits } from '../../core/event.js'
import { bytesAtOnce, inTurns, type Steps } from '../../core/in-turns.js'
import { type OnElement, skipSpace, Walk } from '../../load/json-walk.js'
import type { Chunk, Shape } from '../../load/split/chunk.js'
import { split } from '../../load/split/split.js'
import { grouped } from '../../present/tables/cell-text.js'
import { afterByteOrderMark, malformed, type Outside, outsideOf } from './envelope.js'
import { SharedMembers, sharedLines } from './shared-fields.js'

/** What the sender says that the body is: JSON of any of the forms, or one object per line. */
export type BodyType = 'json' | 'ndjson'

/** A request holds at most so many records: the answer must name each one that is rejected. */
export const maxRecords = 1_000_000

/** A shorter body cannot hold more: a record has a byte, and so has what stands between two. */
const safeBytes = 2 * maxRecords

/**
 * Reads a body.
 *
 * @param bytes the whole body, decompressed; must not be changed until the chunk is there, which has copies
 * @param type `json`: an array, `{"events": […]}` with any other keys, one object, or several objects on lines;
 *   `ndjson`: one object per line
 * @returns one chunk with all records, good ones and rejects; 0 records for an empty array
 * @throws EaError `malformed_body` with the byte offset, `body_too_large` for more than 1,000,000 records
 * @example
 * const chunk = await readBody(Buffer.from('[{"event_id": "…"}, 5]'), 'json')
 * chunk.records // 2
 * chunk.rejects[0].code // 'not_an_object'
 */
export async function readBody(bytes: Buffer, type: BodyType): Promise<Chunk> {
  if (type === 'ndjson') return readLines(bytes, afterByteOrderMark(bytes))
  return readJson(bytes, await inTurns(outsideOf(bytes)))
}

/**
 * Reads a body of events; what is next to `events` is shared by them (see shared-fields.ts).
 *
 * @throws as `readBody`; `malformed_body` also for what cannot be shared
 * @example
 * await readEvents(Buffer.from('{"user_id": "u1", "events": [{"event_id": "…"}]}'), 'json')
 */
export async function readEvents(bytes: Buffer, type: BodyType): Promise<Chunk> {
  if (type === 'ndjson') return readBody(bytes, type)
  const members = new SharedMembers(bytes)
  const outside = await inTurns(outsideOf(bytes, members.add))
  if (outside.envelope === null || members.isEmpty) return readJson(bytes, outside)
  return readShared(bytes, outside.from, outside.to, members)
}

async function readJson(bytes: Buffer, outside: Outside): Promise<Chunk> {
  const { kind, from, to, envelope } = outside
  if (kind === 'lines') return readLines(bytes, from)
  if (kind === 'object') {
    if (!outside.hasLineBreaks) return oneChunk([bytes.subarray(from, to)], { kind: 'lines' }, from)
    if (to - from > limits.recordMaxBytes) return oneChunk([onOneLine(bytes, from, to)], { kind: 'lines' }, from)
    return oneChunk([arrayOpen, bytes.subarray(from, to), arrayClose], { kind: 'array' }, from - arrayOpen.length)
  }
  if (envelope !== null) requireUtf8Around(bytes, envelope, outside)
  return readArray(bytes, from, to)
}

const arrayOpen = Buffer.from('[')
const arrayClose = Buffer.from(']')

async function readLines(bytes: Buffer, from: number): Promise<Chunk> {
  if (skipSpace(bytes, from) === bytes.length) throw malformed(bytes, bytes.length, 'an object')
  if (bytes.length - from > safeBytes) await inTurns(requireFewLines(bytes, from))
  return oneChunk([bytes.subarray(from)], { kind: 'lines' }, from)
}

async function readArray(bytes: Buffer, from: number, to: number): Promise<Chunk> {
  // Before the splitter sees it, which reads on after every fault: that is for files, and can take it very long.
  const longest = await inTurns(requireSoundArray(bytes, from, to))
  if (longest > limits.recordMaxBytes)
    return oneChunk([await inTurns(asLines(bytes, from, to))], { kind: 'lines' }, from)
  return oneChunk([bytes.subarray(from, to)], { kind: 'array' }, from)
}

async function readShared(bytes: Buffer, from: number, to: number, members: SharedMembers): Promise<Chunk> {
  const elements: number[] = []
  await inTurns(requireSoundArray(bytes, from, to, (start, stop) => elements.push(start, stop)))
  const lines = await inTurns(sharedLines(bytes, members, elements))
  return elements.length === 0 ? readArray(bytes, from, to) : oneChunk([lines], { kind: 'lines' }, 0)
}

/** The whole content as one chunk. */
async function oneChunk(pieces: readonly Buffer[], shape: Shape, baseOffset: number): Promise<Chunk> {
  let bytes = 0
  for (const piece of pieces) bytes += piece.length
  const chunks = split(sourceOf(pieces), {
    shape,
    chunkBytes: bytes + 1,
    maxRecordBytes: limits.recordMaxBytes,
    headerBytes: 0,
    headerLines: 0,
    baseOffset,
    poolSize: 0,
  })
  const { value } = await chunks.next()
  await chunks.return(undefined)
  if (value === undefined) throw new Error('the splitter made no chunk of a body that is not empty')
  return value
}

function sourceOf(pieces: readonly Buffer[]): AsyncIterable<Buffer> {
  let next = 0
  const iterator: AsyncIterator<Buffer> = {
    next: async () => (next < pieces.length ? { value: pieces[next++]! } : { done: true, value: undefined }),
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

/**
 * Walks over the whole array: its commas and brackets must be right, its elements few enough.
 *
 * @returns bytes of the longest element
 */
function* requireSoundArray(bytes: Buffer, from: number, to: number, onElement?: OnElement): Steps<number> {
  const walk = new Walk()
  let records = 0
  let longest = 0
  const end = yield* walk.array(bytes, from, to, (start, stop) => {
    if (++records > maxRecords) throw tooManyRecords()
    if (stop - start > longest) longest = stop - start
    onElement?.(start, stop)
  })
  if (end === -1) throw malformed(bytes, walk.at, walk.expected)
  const next = skipSpace(bytes, end)
  if (next < to) throw malformed(bytes, next, 'the end of the body')
  return longest
}

function* requireFewLines(bytes: Buffer, from: number): Steps<void> {
  let records = 0
  let isInRecord = false
  for (let at = from; at < bytes.length; ) {
    for (const stop = Math.min(bytes.length, at + bytesAtOnce); at < stop; at++) {
      const byte = bytes[at]!
      if (byte === 0x0a || byte === 0x0d) isInRecord = false
      else if (!isInRecord && byte !== 0x20 && byte !== 0x09) {
        isInRecord = true
        if (++records > maxRecords) throw tooManyRecords()
      }
    }
    yield
  }
}

function tooManyRecords(): EaError {
  return new EaError('body_too_large', `The body holds more than ${grouped(maxRecords)} records.`, {
    suggestions: ['Send the events in several requests.'],
    details: { max_records: maxRecords },
  })
}

function requireUtf8Around(
  bytes: Buffer,
  envelope: { readonly from: number; readonly to: number },
  array: { readonly from: number; readonly to: number },
): void {
  if (!isUtf8(bytes.subarray(envelope.from, array.from))) throw malformed(bytes, envelope.from, 'text in UTF-8')
  if (!isUtf8(bytes.subarray(array.to, envelope.to))) throw malformed(bytes, array.to, 'text in UTF-8')
}

/**
 * A sound array with each element on a line of its own, every byte at its old place: only white space changes. The
 * splitter does not look for the end of an element that is longer than it may be, and finds it like this.
 */
function* asLines(bytes: Buffer, from: number, to: number): Steps<Buffer> {
  const walk = new Walk()
  const lines = Buffer.alloc(to - from, 0x20)
  let last = -1
  yield* walk.array(bytes, from, to, (start, stop) => {
    if (last !== -1) lines[last - from] = 0x0a
    onOneLine(bytes, start, stop).copy(lines, start - from)
    last = stop
  })
  return lines
}

/** A copy of a sound value without line breaks: it has none but as white space. */
function onOneLine(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.from(bytes.subarray(from, to))
  for (let at = 0; at < copy.length; at++) if (copy[at] === 0x0a || copy[at] === 0x0d) copy[at] = 0x20
  return copy
}
