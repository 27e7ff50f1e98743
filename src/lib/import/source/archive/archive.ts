/**
 * Files inside of archives, as if they had been unpacked: what there is, and the bytes of one. An archive is never unpacked into
 * files. Those of a ZIP or a plain tar are read at their places; a compressed tar has no places, so once a file of it is asked
 * for, it is decompressed as a whole into one temporary file without a name, which is gone when it is closed.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open, stat, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { constants, crc32, gunzipSync } from 'node:zlib'
import { EaError } from '../../../core/errors.js'
import { asFileError } from '../../../os/file-error.js'
import { decompress, decompressed, findCompression } from '../compression.js'
import { openFile, type RegularFile, readAhead } from '../file-reader.js'
import { mayBeArchive } from '../file-search.js'
import { peek } from '../peek.js'
import type { Listing, StoredMember } from './listing.js'
import type { MemberPath } from './member-path.js'
import { forwardInFile, forwardInStream, isEmptyTar, isTar, listTar, tarHeadBytes } from './tar.js'

export type ArchiveKind = 'zip' | 'tar' | 'compressed tar'

/**
 * What a regular file is, by its content; null when it is no archive, or cannot be read. Thousands of files may be named, so what is
 * most of them is found by one small read.
 */
export async function archiveKind(path: string): Promise<ArchiveKind | null> {
  const head = headOf(path)
  switch (findCompression(head, path)) {
    case 'none':
      if (isTar(head) || (isEmptyTar(head) && mayBeArchive(path))) return 'tar'
      return isZip(head) ? 'zip' : null
    case 'gzip':
      return hasTar(head, path) ? 'compressed tar' : null
    default:
      return isTarInside(path)
  }
}

/** The first bytes of a file; none when it cannot be read. */
function headOf(path: string): Buffer {
  try {
    const fd = openSync(path, 'r')
    try {
      const head = Buffer.alloc(kindBytes)
      return head.subarray(0, readSync(fd, head, 0, kindBytes, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return Buffer.alloc(0)
  }
}

const kindBytes = 4096

function hasTar(head: Buffer, path: string): boolean {
  try {
    const content = gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH })
    return isTar(content) || (isEmptyTar(content) && mayBeArchive(path))
  } catch {
    return false
  }
}

/** For compressions that give nothing before they have seen more. */
async function isTarInside(path: string): Promise<ArchiveKind | null> {
  const file = await openFile(path, blockBytes).catch(() => null)
  if (!file) return null
  try {
    const { head, close } = await peek((await decompressed(file)).blocks, tarHeadBytes)
    await close()
    return isTar(head) ? 'compressed tar' : null
  } catch {
    return null
  } finally {
    await file.close()
  }
}

/** A file in it comes first, or the end of the directory of one that is empty, or the mark of one in several parts. */
const isZip = (head: Buffer) => /^PK(\x03\x04|\x05\x06|\x07\x08)/.test(head.toString('latin1', 0, 4))

/**
 * What an archive has, without unpacking anything.
 *
 * @throws EaError `file_corrupt`, `archive_encrypted`, `archive_unsafe`, `file_not_readable`, `not_recognised`
 */
export async function listArchive(path: string, kind: ArchiveKind): Promise<Listing> {
  if (kind !== 'compressed tar') return using(path, async ({ listing }) => listing)
  const file = await openFile(path, blockBytes)
  try {
    const { members, others } = await listTar(forwardInStream(await unpacked(file)), path)
    requireDistinct(members, path)
    return { members, others }
  } finally {
    await file.close()
  }
}

/** Runs `body`; an archive stays open in between, for the next file of it. */
export async function keepingArchives<T>(body: () => Promise<T>): Promise<T> {
  keepers++
  try {
    return await body()
  } finally {
    keepers--
    if (kept) await closeIfIdle(kept)
  }
}

/**
 * Opens a file inside of an archive.
 *
 * @throws EaError `file_not_found`, `file_corrupt`, `archive_encrypted`, `archive_unsafe`, `compression_unsupported`; also while
 *   reading
 */
export async function openMember(
  { archive: path, member: name }: MemberPath,
  bytesPerBlock: number,
): Promise<RegularFile> {
  const used = await acquire(path)
  try {
    const { archive } = used
    const member = archive.byName.get(name)
    const full = `${path}/${name}`
    if (!member) throw noSuchMember(archive, path, name)
    requireReadable(member, full)
    const content = await contentOf(archive.handle, member, full, bytesPerBlock)
    let readBytes = 0
    async function* blocks(): AsyncGenerator<Buffer> {
      for await (const block of content) {
        readBytes += block.length
        yield block
      }
    }
    const opened = { bytes: member.bytes, modifiedMs: archive.modifiedMs }
    let isOpen = true
    return {
      name: full,
      opened,
      isInArchive: true,
      blocks: blocks(),
      readBytes: () => readBytes,
      state: async () => ({ bytes: member.bytes, modifiedMs: (await stat(path)).mtimeMs }),
      async close() {
        if (isOpen) await release(used)
        isOpen = false
      },
    }
  } catch (error) {
    await release(used)
    throw error
  }
}

const blockBytes = 256 * 1024

function noSuchMember({ listing: { members } }: OpenArchive, path: string, name: string): EaError {
  const some = members.slice(0, 5).map((member) => member.name)
  const more = members.length > some.length ? ', …' : ''
  return new EaError('file_not_found', `No such file in ${path}: ${name}`, {
    ...(some.length > 0 && { suggestions: [`It has ${some.join(', ')}${more}`] }),
    details: { path: `${path}/${name}` },
  })
}

function requireReadable({ isEncrypted, refusal }: StoredMember, name: string): void {
  const details = { details: { path: name } }
  if (isEncrypted) throw new EaError('archive_encrypted', `Encrypted: ${name}`, details)
  if (refusal === undefined) return
  throw new EaError('compression_unsupported', `Not readable in its archive: ${name} (it is ${refusal})`, {
    suggestions: ['Unpack the archive with another program, and import the folder.'],
    ...details,
  })
}

/** The bytes of a file as they are without the archive, which are as many as it says and have the sum that it says. */
async function contentOf(
  handle: FileHandle,
  member: StoredMember,
  name: string,
  bytesPerBlock: number,
): Promise<AsyncIterable<Buffer>> {
  let position = await member.start()
  const end = position + member.storedBytes
  const stored = readAhead(name, async () => {
    const length = Math.min(bytesPerBlock, end - position)
    if (length === 0) return Buffer.alloc(0)
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, position)
    if (bytesRead === 0) throw corrupt('Cut off', name, 'the archive ends within it')
    position += bytesRead
    return buffer.subarray(0, bytesRead)
  })
  return checked(member.method === 'deflate' ? decompress(stored, 'deflate', name) : stored, member, name)
}

async function* checked(content: AsyncIterable<Buffer>, member: StoredMember, name: string): AsyncGenerator<Buffer> {
  let bytes = 0
  let sum = 0
  for await (const block of content) {
    bytes += block.length
    if (bytes > member.bytes) break
    if (member.crc32 !== undefined) sum = crc32(block, sum)
    yield block
  }
  if (bytes !== member.bytes) {
    const than = bytes > member.bytes ? 'more' : 'less'
    throw corrupt('Damaged', name, `its archive says that it has ${member.bytes} bytes, and it has ${than}`)
  }
  if (member.crc32 !== undefined && sum !== member.crc32) throw corrupt('Damaged', name, 'its CRC-32 is another one')
}

const corrupt = (what: string, path: string, why: string) =>
  new EaError('file_corrupt', `${what}: ${path} (${why})`, { details: { path } })

/**
 * The content of a compressed archive. No data shrinks to a thousandth and is more than this: every event has a time and an id of
 * its own. Deflate cannot do better than 1 : 1,032, but zstd and brotli can.
 */
async function unpacked(file: RegularFile): Promise<AsyncIterable<Buffer>> {
  const { blocks } = await decompressed(file)
  async function* limited(): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const block of blocks) {
      bytes += block.length
      requirePlausible(bytes, file.readBytes(), file.name)
      yield block
    }
  }
  return limited()
}

const plausibleBytes = 4 * 1024 ** 3
const plausibleRatio = 1_000

function requirePlausible(bytes: number, storedBytes: number, path: string): void {
  if (bytes <= plausibleBytes || bytes <= plausibleRatio * storedBytes) return
  throw new EaError('archive_unsafe', `${path} unpacks to more than ${plausibleRatio} times its size.`, {
    details: { path },
  })
}

function requireDistinct(members: readonly StoredMember[], path: string): ReadonlyMap<string, StoredMember> {
  const byName = new Map<string, StoredMember>()
  for (const member of members) {
    if (byName.has(member.name)) {
      throw new EaError('archive_unsafe', `Two files in ${path} have one name: ${member.name}`, {
        details: { path, member: member.name },
      })
    }
    byName.set(member.name, member)
  }
  return byName
}

interface OpenArchive {
  readonly handle: FileHandle
  readonly listing: Listing
  readonly byName: ReadonlyMap<string, StoredMember>
  readonly modifiedMs: number
}

async function openArchive(path: string): Promise<OpenArchive> {
  const kind = await archiveKind(path)
  if (kind === null)
    throw new EaError('file_not_found', `No such file: ${path} is not an archive.`, { details: { path } })
  const handle = kind === 'compressed tar' ? await unpackedFile(path) : await open(path).catch(asFileError(path))
  try {
    const [{ size, mtimeMs }, { size: bytes }] = await Promise.all([stat(path), handle.stat()])
    const listing =
      kind === 'zip'
        ? await (await import('./zip.js')).listZip(handle, path)
        : await listTar(forwardInFile(handle, bytes), path)
    requirePlausible(
      listing.members.reduce((sum, member) => sum + member.bytes, 0),
      size,
      path,
    )
    return { handle, listing, byName: requireDistinct(listing.members, path), modifiedMs: mtimeMs }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** A compressed tar as a plain one, in a file without a name, which ends with the process. */
async function unpackedFile(path: string): Promise<FileHandle> {
  const folder = process.env.TMPDIR || (existsSync('/var/tmp') ? '/var/tmp' : tmpdir())
  const place = join(folder, `ea-${randomUUID()}.tar`)
  const file = await openFile(path, blockBytes)
  try {
    const handle = await open(place, 'wx+', 0o600)
    try {
      await unlink(place)
      for await (const block of await unpacked(file)) await handle.appendFile(block)
      return handle
    } catch (error) {
      await handle.close()
      throw error
    }
  } catch (error) {
    if (error instanceof EaError) throw error
    throw new EaError('file_not_readable', `${path} cannot be decompressed in ${folder}: ${(error as Error).message}`, {
      suggestions: [`Name a folder with more space (TMPDIR=FOLDER), or unpack the archive and import the folder.`],
      details: { path, folder },
      cause: error,
    })
  } finally {
    await file.close()
  }
}

/** An archive with those who read from it. */
interface Used {
  readonly key: string
  readonly archive: OpenArchive
  readers: number
}

let keepers = 0
/** The last one, for the next file of it. */
let kept: Used | null = null
const opening = new Map<string, Promise<Used>>()

async function acquire(path: string): Promise<Used> {
  const { size, mtimeMs, ino } = await stat(path).catch(asFileError(path))
  const key = `${resolve(path)}\0${size}\0${mtimeMs}\0${ino}`
  if (kept?.key === key) {
    kept.readers++
    return kept
  }
  let used = opening.get(key)
  if (!used) {
    used = openArchive(path).then((archive) => ({ key, archive, readers: 0 }))
    opening.set(key, used)
    used.catch(() => {}).finally(() => opening.delete(key))
  }
  const mine = await used
  mine.readers++
  if (kept !== mine) {
    const before = kept
    kept = mine
    if (before) await closeIfIdle(before)
  }
  return mine
}

async function release(used: Used): Promise<void> {
  used.readers--
  await closeIfIdle(used)
}

async function closeIfIdle(used: Used): Promise<void> {
  if (used.readers > 0 || (used === kept && keepers > 0)) return
  if (used === kept) kept = null
  await used.archive.handle.close()
}

async function using<T>(path: string, body: (archive: OpenArchive) => Promise<T>): Promise<T> {
  const used = await acquire(path)
  try {
    return await body(used.archive)
  } finally {
    await release(used)
  }
}
