/**
 * Where bytes come from: a file, a pipe or standard input becomes a stream of decompressed UTF-8, with what identifies
 * it (a SHA-256 of the decompressed bytes, taken before any decoding) and how far it has been read. One block is read
 * ahead and no more, so memory stays flat whatever the size of the file.
 */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { limits } from '../../core/event.js'
import type { SourceName } from '../../load/mapping/expression.js'
import type { SplitOptions } from '../../load/split/chunk.js'
import { openMember } from './archive/archive.js'
import { memberPath } from './archive/member-path.js'
import { type Compression, decompressed } from './compression.js'
import { byteOrderMarkMaxBytes, chooseEncoding, encodingName, newDecoder } from './decode.js'
import { explode } from './each.js'
import { type FileReader, type FileState, openFile, openFileReader, type RegularFile } from './file-reader.js'
import { isParquet, openParquet } from './parquet.js'
import { stdinPath } from './paths.js'
import { peek } from './peek.js'

const blockBytes = 256 * 1024
const hashBlockBytes = 1024 * 1024

/** How much of the start can be looked at before anything is consumed, in decoded bytes. */
export const headBytes = 256 * 1024

export interface SourceOptions {
  /** What the text is encoded in, when a person says so: any name of `encodingName`. */
  readonly encoding?: string | undefined
  /** What `-` reads; default standard input. */
  readonly stdin?: Readable
  /** Where events lie in documents of JSON; then the stream has a line for each of them. */
  readonly each?: SourceName | undefined
  /** The longest document. */
  readonly maxRecordBytes?: number | undefined
}

export interface Source {
  /** The path as it was given, `-` for standard input. */
  readonly name: string
  /** A regular file can be read again; anything else (standard input, a pipe) streams once. */
  readonly kind: 'file' | 'stdin'
  readonly compression: Compression
  readonly encoding: string
  /** Why it is read like this, in words. */
  readonly why: readonly string[]
  /** Bytes of the content before the first byte of the stream: 3 with the byte order mark of UTF-8, else 0. */
  readonly baseOffset: number
  /** Where the lines of the stream come from, when they were made of documents. */
  readonly places: SplitOptions['places']
  /** The start of the stream, up to `headBytes` or a block more; also comes out of `stream()`. */
  readonly head: Buffer
  /** Whether `head` is all there is. */
  readonly headIsAll: boolean
  /** When it was opened; null unless it is a regular file. */
  readonly opened: FileState | null
  /**
   * The decompressed, decoded bytes, once. Each block belongs to whoever takes it: it is never written to again.
   *
   * @throws EaError `file_not_readable`, `file_corrupt`, `encoding_error` while reading
   */
  stream(): AsyncIterable<Buffer>
  /** Bytes of the file (compressed, if it is) that were read so far, and in all; null when nobody can know. */
  progress(): { readonly readBytes: number; readonly totalBytes: number | null }
  /** Decompressed bytes so far, before decoding. */
  contentBytes(): number
  /** SHA-256 of the decompressed bytes; only when the stream has ended. */
  sha256(): Buffer
  /** The state of the file now; null unless it is a regular file. */
  state(): Promise<FileState | null>
  close(): Promise<void>
}

/**
 * Opens a file, also one inside of an archive, a named pipe (`<(…)` of a shell) or `-`, and reads its head.
 *
 * @param path a path, taken literally, or `-`
 * @throws EaError `file_not_found`, `file_not_readable`, `file_corrupt`, `compression_unsupported`, `encoding_error`, those of archives;
 *   `usage` when nobody knows the encoding
 * @example
 * const source = await openSource('events.csv.gz')
 * try { for await (const block of source.stream()) … } finally { await source.close() }
 */
export async function openSource(path: string, options: SourceOptions = {}): Promise<Source> {
  const given = options.encoding === undefined ? undefined : encodingName(options.encoding)
  const raw = (await openInArchive(path, blockBytes)) ?? (await openFileReader(path, options.stdin))
  try {
    return await readHead(raw, given, options)
  } catch (error) {
    await raw.close()
    throw error
  }
}

/** Opens a source, hands it to `use`, and closes it whatever happens. */
export async function withSource<T>(
  path: string,
  options: SourceOptions,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const source = await openSource(path, options)
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}

/** A file inside of an archive; null when the path does not lead into one. */
async function openInArchive(path: string, bytesPerBlock: number): Promise<RegularFile | null> {
  const place = path === stdinPath ? null : await memberPath(path)
  return place && openMember(place, bytesPerBlock)
}

async function readHead(raw: FileReader, given: string | undefined, options: SourceOptions): Promise<Source> {
  const { compression, blocks } = await decompressed(raw)
  const hash = createHash('sha256')
  let contentBytes = 0
  const hashed = hashing(blocks, hash, (bytes) => {
    contentBytes += bytes
  })
  const marked = await peek(hashed, byteOrderMarkMaxBytes)
  const rows = isParquet(marked.head) && isPlainFile(raw, compression) ? await openParquet(raw.name) : null
  const { encoding, markBytes, why } = rows ? ofParquet : chooseEncoding(marked.head, given)
  const text = rows ? thenAll(rows.blocks, marked.blocks) : decoding(marked.blocks, encoding, markBytes)
  const exploded =
    options.each && (await explode(text, options.each, options.maxRecordBytes ?? limits.recordMaxBytes, raw.name))
  const decoded = await peek(exploded?.blocks ?? text, headBytes)
  let digest: Buffer | null = null
  let ended = false
  let taken = false
  async function* once(): AsyncGenerator<Buffer> {
    yield* decoded.blocks
    ended = true
  }
  return {
    name: raw.name,
    kind: raw.opened ? 'file' : 'stdin',
    compression,
    encoding,
    why: [
      ...(compression === 'none'
        ? []
        : [`compression ${compression}: ${compression === 'brotli' ? 'its name' : 'magic bytes'}`]),
      why,
      ...(exploded ? [`events at ${options.each!.name}: as given`] : []),
    ],
    baseOffset: encoding === 'utf-8' && !exploded ? markBytes : 0,
    places: exploded?.places,
    head: decoded.head,
    headIsAll: decoded.isAll,
    opened: raw.opened,
    stream() {
      if (taken) throw new Error('a source streams once')
      taken = true
      return once()
    },
    progress() {
      const totalBytes = raw.opened?.bytes ?? null
      return { readBytes: rows ? Math.round(rows.doneShare() * totalBytes!) : raw.readBytes(), totalBytes }
    },
    contentBytes: () => contentBytes,
    sha256() {
      if (!ended) throw new Error('the hash of a source is known when its stream has ended')
      digest ??= hash.digest()
      return digest
    },
    state: raw.state,
    async close() {
      // First what lies below: a read that waits for a pipe would keep the stream from ending.
      await raw.close()
      await decoded.close().catch(() => {})
      rows?.close()
    },
  }
}

/** DuckDB opens a file by itself, so it must be one. */
const isPlainFile = (raw: FileReader, compression: Compression) =>
  raw.opened !== null && !raw.isInArchive && compression === 'none'

const ofParquet = {
  encoding: 'utf-8',
  markBytes: 0,
  why: 'Parquet: each row is a line of JSON, made by DuckDB',
} as const

/** The rows of a file, and then the file itself, whose bytes are what its hash is of. */
async function* thenAll(rows: AsyncIterable<Buffer>, file: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* rows
  for await (const _ of file);
}

async function* hashing(
  blocks: AsyncIterable<Buffer>,
  hash: Hash,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const block of blocks) {
    hash.update(block)
    onBytes(block.length)
    yield block
  }
}

async function* decoding(blocks: AsyncIterable<Buffer>, encoding: string, markBytes: number): AsyncGenerator<Buffer> {
  const decoder = newDecoder(encoding, markBytes)
  let toSkip = markBytes
  for await (const block of blocks) {
    const skipped = Math.min(toSkip, block.length)
    toSkip -= skipped
    const text = decoder.write(skipped === 0 ? block : block.subarray(skipped))
    if (text.length > 0) yield text
  }
  const rest = decoder.end()
  if (rest.length > 0) yield rest
}

/** What identifies a file, and what it was when it was read. */
export interface FileIdentity {
  /** SHA-256 of the decompressed content. */
  readonly sha256: Buffer
  /** Length of the decompressed content. */
  readonly contentBytes: number
  readonly state: FileState
}

/**
 * Reads a regular file once, decompresses it but does not decode it, and keeps nothing but its hash.
 *
 * @param onBytes called with the bytes of the file (compressed, if it is) that were read so far, for progress
 * @throws EaError `file_not_found`, `file_not_readable`, `file_corrupt`, `compression_unsupported`
 */
export async function hashFile(path: string, onBytes: (readBytes: number) => void = () => {}): Promise<FileIdentity> {
  const raw = (await openInArchive(path, hashBlockBytes)) ?? (await openFile(path, hashBlockBytes))
  try {
    const { blocks } = await decompressed(raw)
    const hash = createHash('sha256')
    let contentBytes = 0
    for await (const block of blocks) {
      hash.update(block)
      contentBytes += block.length
      onBytes(raw.readBytes())
    }
    return { sha256: hash.digest(), contentBytes, state: raw.opened }
  } finally {
    await raw.close()
  }
}
