/**
 * The form of a segment: NDJSON, for each request one line that tells all about it and then its records, one per line.
 * Writing and reading are pure; bytes that are no request are told with their place and never guessed at.
 */
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import * as z from 'zod'
import { inTurns, type Steps, slicesOf } from '../../core/in-turns.js'
import type { SpooledRequest } from '../body/request.js'

/** A segment in memory: `name` is its file without `.ndjson` and the segment's id in the database. */
export interface SpoolSegment {
  readonly name: string
  /** Of its whole requests on the disk. */
  readonly bytes: number
  readonly requests: readonly SpooledRequest[]
}

/** `[from, to)` of bytes that are no request. */
export interface Damage {
  readonly from: number
  readonly to: number
  readonly reason: string
}

/** What the bytes of a segment hold. */
export interface Scan {
  readonly requests: readonly SpooledRequest[]
  /** Of the requests. */
  readonly goodBytes: number
  readonly damage: readonly Damage[]
}

// The name of the segment is in each of its headers: nobody who sends events knows it, so a record that looks like a
// header is not taken for one, and neither is what an older file left in a block of the disk.
const headerFields = z.object({
  segment: z.string(),
  request: z.string(),
  kind: z.enum(['events', 'collect']),
  sender: z.string(),
  received_at: z.iso.datetime(),
  atomic: z.boolean(),
  idempotency_key: z.string().nullable(),
  body_sha256: z.stringFormat('sha256', /^[0-9a-f]{64}$/).nullable(),
  good: z.int().min(0),
  structural_rejects: z.int().min(0),
  bytes: z.int().min(0),
  lines_bytes: z.int().min(0),
  crc32: z.int().min(0),
})
export type Header = z.output<typeof headerFields>

const crcKey = ',"crc32":'
const lineFeed = 10
/** A header is a few hundred bytes and a key or name that somebody chose. */
export const maxHeaderBytes = 64 * 1024

/** A name that is never used again. @param sequence orders the segments of a spool, from 1 */
export function newSegmentName(sequence: number): string {
  return `${String(sequence).padStart(12, '0')}-${randomBytes(6).toString('hex')}`
}

/** The name and sequence of a segment's file; undefined for any other file. */
export function segmentOfFile(file: string): { name: string; sequence: number } | undefined {
  const match = /^((\d{12})-[0-9a-f]{12})\.ndjson$/.exec(file)
  return match ? { name: match[1]!, sequence: Number(match[2]) } : undefined
}

/** The name of the segment that a dead letter came from. */
export function segmentOfLetter(letter: string): string {
  return /^\d{12}-[0-9a-f]{12}/.exec(letter)?.[0] ?? ''
}

/**
 * A request as bytes of a segment: its header line, and its lines untouched.
 *
 * @param segment the name of the segment
 */
export function* encodeRequest(segment: string, request: SpooledRequest): Steps<readonly [Buffer, Buffer]> {
  const { idempotency, lines } = request
  const fields = JSON.stringify({
    segment,
    request: request.id,
    kind: request.kind,
    sender: request.sender,
    received_at: request.receivedAt.toISOString(),
    atomic: request.atomic,
    idempotency_key: idempotency?.key ?? null,
    body_sha256: idempotency?.bodySha256.toString('hex') ?? null,
    good: request.good,
    structural_rejects: request.structuralRejects,
    bytes: request.bytes,
    lines_bytes: lines.length,
  } satisfies Omit<Header, 'crc32'>)
  const covered = fields.slice(0, -1)
  return [Buffer.from(`${covered}${crcKey}${yield* checksum(covered, lines)}}\n`), lines]
}

/** Requests as bytes of a segment, while others have their turn. */
export async function encodeAll(segment: string, requests: readonly SpooledRequest[]): Promise<Buffer[]> {
  const buffers: Buffer[] = []
  for (const request of requests) buffers.push(...(await inTurns(encodeRequest(segment, request))))
  return buffers
}

/**
 * All requests of a segment, and what is damaged in it.
 *
 * @param segment the name of the segment
 * @param content the whole file
 */
export function* scanSegment(segment: string, content: Buffer): Steps<Scan> {
  const requests: SpooledRequest[] = []
  const damage: Damage[] = []
  let from = 0
  let goodBytes = 0
  while (from < content.length) {
    const read = yield* readRequest(segment, content, from)
    if (typeof read !== 'string') {
      requests.push(read.request)
      goodBytes += read.to - from
      from = read.to
      continue
    }
    const to = yield* nextRequest(segment, content, from)
    damage.push({ from, to, reason: read })
    from = to
  }
  return { requests, goodBytes, damage }
}

/**
 * The header at the start of some bytes, and how long it is with its line feed; a reason when there is none.
 * Its checksum is not looked at.
 */
export function readHeader(segment: string, bytes: Buffer): { header: Header; headerBytes: number } | string {
  const end = bytes.subarray(0, maxHeaderBytes).indexOf(lineFeed)
  if (end === -1) return bytes.every((byte) => byte === 0) ? 'only zeros' : 'no header'
  const parsed = headerFields.safeParse(parseJson(bytes.toString('utf8', 0, end)))
  if (!parsed.success || parsed.data.segment !== segment) return 'no header'
  return { header: parsed.data, headerBytes: end + 1 }
}

function* readRequest(
  segment: string,
  content: Buffer,
  from: number,
): Steps<{ request: SpooledRequest; to: number } | string> {
  const read = readHeader(segment, content.subarray(from))
  if (typeof read === 'string') return read
  const { header, headerBytes } = read
  const to = from + headerBytes + header.lines_bytes
  if (to > content.length) return 'cut off'
  const lines = content.subarray(from + headerBytes, to)
  const headerLine = content.subarray(from, from + headerBytes)
  const covered = headerLine.subarray(0, headerLine.lastIndexOf(crcKey))
  if ((yield* checksum(covered, lines)) !== header.crc32) return 'wrong checksum'
  return { request: asRequest(header, lines), to }
}

function* checksum(covered: string | Buffer, lines: Buffer): Steps<number> {
  let sum = crc32(covered)
  for (const part of slicesOf(lines)) {
    if (part.byteOffset > lines.byteOffset) yield
    sum = crc32(part, sum)
  }
  return sum
}

/** Where the next whole request begins, or the end. */
function* nextRequest(segment: string, content: Buffer, from: number): Steps<number> {
  const start = Buffer.from(`{"segment":${JSON.stringify(segment)},`)
  for (let at = content.indexOf(start, from + 1); at !== -1; at = content.indexOf(start, at + 1)) {
    if (typeof (yield* readRequest(segment, content, at)) !== 'string') return at
  }
  return content.length
}

function asRequest(header: Header, lines: Buffer): SpooledRequest {
  const { idempotency_key: key, body_sha256: sha256 } = header
  return {
    id: header.request,
    kind: header.kind,
    sender: header.sender,
    receivedAt: new Date(header.received_at),
    bytes: header.bytes,
    atomic: header.atomic,
    ...(key === null || sha256 === null ? {} : { idempotency: { key, bodySha256: Buffer.from(sha256, 'hex') } }),
    lines,
    good: header.good,
    structuralRejects: header.structural_rejects,
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
