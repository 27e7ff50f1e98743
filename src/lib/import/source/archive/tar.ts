/**
 * What is in a tar archive, and where: read header by header (ustar, pax, GNU, v7) from a file or from a stream. The contents
 * are passed over; each is read later, at its place.
 */
import { isUtf8 } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { EaError } from '../../../core/errors.js'
import type { Listing, StoredMember } from './listing.js'
import { memberName } from './member-path.js'

const blockBytes = 512

/** Names and other facts that do not fit into a header are data in front of it; more than this is none. */
const extensionMaxBytes = 1024 * 1024

/** How many bytes `isTar` needs to see. */
export const tarHeadBytes = blockBytes

/** Whether a head is that of a tar archive: its first header has a sum that is right. */
export const isTar = (head: Buffer) => head.length >= blockBytes && head[0] !== 0 && hasSum(head)

/** Whether a head is that of an archive without anything in it; it could be anything. */
export const isEmptyTar = (head: Buffer) => head.length >= blockBytes && head.every((byte) => byte === 0)

/** Bytes that are read one after the other, with a way to skip those that are not wanted. */
export interface Forward {
  /** The next bytes: fewer only at the end. */
  take(bytes: number): Promise<Buffer>
  /** How many were passed over: fewer only at the end. */
  skip(bytes: number): Promise<number>
}

export function forwardInFile(handle: FileHandle, fileBytes: number): Forward {
  let position = 0
  return {
    async take(bytes) {
      const buffer = Buffer.alloc(bytes)
      const { bytesRead } = await handle.read(buffer, 0, bytes, position)
      position += bytesRead
      return buffer.subarray(0, bytesRead)
    },
    async skip(bytes) {
      const skipped = Math.min(bytes, fileBytes - position)
      position += skipped
      return skipped
    },
  }
}

export function forwardInStream(blocks: AsyncIterable<Buffer>): Forward {
  const iterator = blocks[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  /** At most so many bytes, at least one unless it is the end. */
  const some = async (bytes: number): Promise<Buffer> => {
    while (rest.length === 0) {
      const { value, done } = await iterator.next()
      if (done) return rest
      rest = value
    }
    const taken = rest.subarray(0, bytes)
    rest = rest.subarray(taken.length)
    return taken
  }
  return {
    async take(bytes) {
      const parts: Buffer[] = []
      for (let missing = bytes; missing > 0; ) {
        const part = await some(missing)
        if (part.length === 0) break
        parts.push(part)
        missing -= part.length
      }
      return Buffer.concat(parts)
    },
    async skip(bytes) {
      let skipped = 0
      while (skipped < bytes) {
        const { length } = await some(bytes - skipped)
        if (length === 0) break
        skipped += length
      }
      return skipped
    },
  }
}

/** What a header says of the file after it. */
interface Extension {
  name?: string
  bytes?: number
  isSparse?: boolean
}

/**
 * Archives that were put one behind the other are all read, as `tar -i` does.
 *
 * @throws EaError `file_corrupt`, `archive_unsafe`
 */
export async function listTar(input: Forward, archive: string): Promise<Listing> {
  const members: StoredMember[] = []
  const others: string[] = []
  let position = 0
  let hasEnded = false
  let next: Extension = {}
  const take = async (bytes: number): Promise<Buffer> => {
    const taken = await input.take(bytes)
    position += taken.length
    if (taken.length < bytes) throw cutOff(archive)
    return taken
  }
  const data = async (bytes: number): Promise<Buffer> => {
    if (bytes > extensionMaxBytes) throw damaged(archive, `an extended header of ${bytes} bytes`)
    return (await take(padded(bytes))).subarray(0, bytes)
  }
  for (;;) {
    const header = await input.take(blockBytes)
    position += header.length
    if (header.length === 0) break
    if (header.length < blockBytes) throw cutOff(archive)
    hasEnded = header.every((byte) => byte === 0)
    if (hasEnded) continue
    if (!hasSum(header)) throw damaged(archive, `no valid header at byte ${position - blockBytes}`)
    const bytes = numberAt(header, 124, 12)
    if (!Number.isSafeInteger(bytes)) throw damaged(archive, `a size that is none at byte ${position - blockBytes}`)
    const type = String.fromCharCode(header[156]! || 0x30)
    if (type === 'x') next = { ...next, ...paxFacts(await data(bytes), archive) }
    else if (type === 'L') next = { ...next, name: textOf(untilNul(await data(bytes))) }
    else if (type === 'K' || type === 'g') await data(bytes)
    else {
      const rawName = next.name ?? nameIn(header)
      const name = memberName(rawName, archive)
      const isSparse = next.isSparse || type === 'S'
      // Of links, folders and devices the size is no length of data.
      const length = '123456'.includes(type) ? 0 : (next.bytes ?? bytes)
      if (type === 'S') for (let more = header[482]; more; ) more = (await take(blockBytes))[504]
      if ('07S'.includes(type) && !rawName.endsWith('/')) {
        const start = position
        members.push({
          name,
          bytes: length,
          storedBytes: length,
          method: 'stored',
          start: async () => start,
          ...(isSparse && { refusal: 'a sparse file, of which tar stores only parts' }),
        })
      } else if (type !== '5' && !rawName.endsWith('/')) others.push(name)
      const skipped = await input.skip(padded(length))
      position += skipped
      if (skipped < padded(length)) throw cutOff(archive)
      next = {}
    }
  }
  // Two blocks of zeros end an archive: without one, the end of the file is not that of the archive.
  if (!hasEnded) throw cutOff(archive)
  return { members, others }
}

const padded = (bytes: number) => Math.ceil(bytes / blockBytes) * blockBytes

/** Whether the sum in a header is that of its bytes, its own place counted as blanks. */
function hasSum(header: Buffer): boolean {
  const sum = numberAt(header, 148, 8)
  let own = 8 * 0x20
  for (let i = 0; i < blockBytes; i++) if (i < 148 || i >= 156) own += header[i]!
  return sum === own
}

/** A number in octal digits, or in base 256 when the first bit says so; NaN when it is neither. */
function numberAt(header: Buffer, from: number, length: number): number {
  const field = header.subarray(from, from + length)
  if (field[0] === 0x80) return field.subarray(1).reduce((number, byte) => number * 256 + byte, 0)
  const text = field.toString('latin1').replaceAll('\0', ' ').trim()
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : text === '' ? 0 : Number.NaN
}

function nameIn(header: Buffer): string {
  const name = textOf(untilNul(header.subarray(0, 100)))
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isUstar ? textOf(untilNul(header.subarray(345, 500))) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

const untilNul = (bytes: Buffer) => bytes.subarray(0, bytes.indexOf(0) < 0 ? bytes.length : bytes.indexOf(0))
const textOf = (bytes: Buffer) => bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')

/** The records of an extended header: `27 path=2024/events.csv\n`, the length of each in front. */
function paxFacts(data: Buffer, archive: string): Extension {
  const facts: Extension = {}
  for (let at = 0; at < data.length; ) {
    const length = Number.parseInt(data.toString('latin1', at, at + 20), 10)
    const record = data.subarray(at, at + length)
    const blank = record.indexOf(0x20)
    const equals = record.indexOf(0x3d)
    if (!(length > 0) || record.length < length || blank < 0 || equals < blank) {
      throw damaged(archive, 'an extended header that cannot be read')
    }
    const key = record.toString('utf8', blank + 1, equals)
    const value = record.subarray(equals + 1, length - 1)
    if (key === 'path') facts.name = textOf(value)
    else if (key === 'size') facts.bytes = Number(value.toString('latin1'))
    else if (key.startsWith('GNU.sparse.')) facts.isSparse = true
    at += length
  }
  if (facts.bytes !== undefined && !Number.isSafeInteger(facts.bytes)) throw damaged(archive, 'a size that is none')
  return facts
}

const cutOff = (path: string) =>
  new EaError('file_corrupt', `Cut off: ${path} (the archive ends within a file or has no end)`, { details: { path } })

const damaged = (path: string, what: string) =>
  new EaError('file_corrupt', `Damaged: ${path} (${what})`, { details: { path } })
