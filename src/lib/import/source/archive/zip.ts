/**
 * What is in a ZIP archive, and where, by the directory at its end. yauzl reads the directory; what follows from it is judged here:
 * two files that share bytes are how a small archive is made to unpack to petabytes.
 */
import { isUtf8 } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import yauzl, { type Entry, type ZipFile } from 'yauzl'
import { EaError } from '../../../core/errors.js'
import { asFileError } from '../../../os/file-error.js'
import type { Listing, StoredMember } from './listing.js'
import { memberName } from './member-path.js'

const localHeaderBytes = 30
const directoryHeader = 0x02014b50

/**
 * @param handle stays open: it is needed again for the place of each file
 * @throws EaError `file_corrupt`, `archive_encrypted`, `archive_unsafe`, `not_recognised` (an Office document)
 */
export async function listZip(handle: FileHandle, archive: string): Promise<Listing> {
  const members: StoredMember[] = []
  const others: string[] = []
  const spans: Span[] = []
  try {
    const zip = await yauzl.fromFdPromise(handle.fd, {
      autoClose: false,
      decodeStrings: false,
      validateEntrySizes: false,
    })
    // Where it goes on reading; first that is the start of the directory.
    const place = zip as unknown as { readonly readEntryCursor: number }
    spans.push({ name: 'its directory', from: place.readEntryCursor, to: Number.POSITIVE_INFINITY })
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry, archive)
      const from = entry.relativeOffsetOfLocalHeader
      spans.push({ name, from, to: from + localHeaderBytes + entry.fileNameLength + entry.compressedSize })
      if (name === '[Content_Types].xml') throw officeDocument(archive)
      if (isFolder(entry)) continue
      if (isLink(entry)) others.push(name)
      else members.push(memberOf(zip, entry, name, archive))
    }
    const after = await handle.read(Buffer.alloc(4), 0, 4, place.readEntryCursor)
    if (after.buffer.readUInt32LE(0) === directoryHeader) {
      throw new Error('its directory has more files than it counts')
    }
  } catch (error) {
    throw asArchiveError(error, archive)
  }
  refuseOverlaps(spans, archive)
  return { members, others }
}

function memberOf(zip: ZipFile, entry: Entry, name: string, archive: string): StoredMember {
  const { compressionMethod: method } = entry
  return {
    name,
    bytes: entry.uncompressedSize,
    storedBytes: entry.compressedSize,
    method: method === 8 ? 'deflate' : 'stored',
    crc32: entry.crc32,
    isEncrypted: entry.isEncrypted(),
    ...(method !== 0 && method !== 8 && { refusal: `compressed by method ${method}${methodNames[method] ?? ''}` }),
    async start() {
      try {
        return (await zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart
      } catch (error) {
        throw asArchiveError(error, `${archive}/${name}`)
      }
    },
  }
}

const methodNames: Readonly<Record<number, string>> = {
  9: ' (Deflate64)',
  12: ' (bzip2)',
  14: ' (LZMA)',
  93: ' (Zstandard)',
  95: ' (xz)',
  98: ' (PPMd)',
}

/**
 * UTF-8 where a flag or a field says so, and where it can be nothing else (macOS sets no flag), else code page 437. Some programs
 * write `\` between folders.
 */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry, archive: string): string {
  const flags = isUtf8(fileNameRaw) ? generalPurposeBitFlag | 0x800 : generalPurposeBitFlag
  return memberName(yauzl.getFileNameLowLevel(flags, fileNameRaw, extraFields, false), archive)
}

const isFolder = ({ fileNameRaw }: Entry) => /[/\\]$/.test(fileNameRaw.toString('latin1'))

/** What Unix says of a file is in the upper half of its attributes. */
function isLink({ versionMadeBy, externalFileAttributes }: Entry): boolean {
  const type = (externalFileAttributes >>> 16) & 0xf000
  return versionMadeBy >>> 8 === 3 && type !== 0 && type !== 0x8000
}

interface Span {
  readonly name: string
  readonly from: number
  readonly to: number
}

function refuseOverlaps(spans: Span[], archive: string): void {
  spans.sort((a, b) => a.from - b.from || a.to - b.to)
  for (const [index, span] of spans.entries()) {
    const next = spans[index + 1]
    if (!next || next.from >= span.to) continue
    throw new EaError('archive_unsafe', `Files in ${archive} share bytes: ${span.name} and ${next.name}`, {
      details: { path: archive, members: [span.name, next.name] },
    })
  }
}

const officeDocument = (path: string) =>
  new EaError('not_recognised', `Not recognised: ${path}: it is an Excel workbook or another Office document.`, {
    suggestions: ['Save the sheet as CSV, and import that.'],
    details: { path },
  })

/** yauzl says what is wrong in words. */
function asArchiveError(error: unknown, path: string): unknown {
  if (error instanceof EaError) return error
  const { message, code } = error as NodeJS.ErrnoException
  if (code !== undefined) {
    try {
      asFileError(path)(error)
    } catch (told) {
      return told
    }
  }
  const details = { details: { path }, cause: error }
  if (/encryption/.test(message)) return new EaError('archive_encrypted', `Encrypted: ${path}`, details)
  if (/multi-disk/.test(message)) {
    return new EaError('file_corrupt', `One part of several: ${path}`, {
      ...details,
      suggestions: ['Join the parts: `zip -s 0 FILE --out whole.zip`.'],
    })
  }
  const isCutOff = /signature not found|unexpected EOF|overflows file bounds/.test(message)
  const what = /signature not found/.test(message) ? 'the directory at its end is missing' : message
  return new EaError('file_corrupt', `${isCutOff ? 'Cut off' : 'Damaged'}: ${path} (${what})`, details)
}
