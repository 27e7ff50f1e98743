/**
 * Bytes as they lie in a file or come through a pipe: opened, read block by block with one block read ahead, counted.
 * Nothing here knows what they mean.
 */
import { constants, fstatSync, openSync, type Stats } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { EaError } from '../../core/errors.js'
import { asFileError } from '../../os/file-error.js'
import { nameForPeople, stdinPath } from './paths.js'

const blockBytes = 256 * 1024
/** Also of a file that says that it is empty: those that the kernel makes have no size. */
const minBlockBytes = 4096

/** The state of a regular file, to see whether it changed while it was read. */
export interface FileState {
  readonly bytes: number
  readonly modifiedMs: number
}

/** What is read is a file, which can be read again. */
export type RegularFile = FileReader & { readonly opened: FileState }

export interface FileReader {
  /** The path as it was given. */
  readonly name: string
  /** When it was opened; null for what streams once. */
  readonly opened: FileState | null
  /** Whether the path leads into an archive. */
  readonly isInArchive?: boolean
  /** To be read once; each block belongs to whoever takes it. */
  readonly blocks: AsyncIterable<Buffer>
  readBytes(): number
  /** The state of the file now; null for what streams once. */
  state(): Promise<FileState | null>
  close(): Promise<void>
}

/**
 * Opens a file, a named pipe or standard input.
 *
 * @param path taken literally; `-` is `stdin`
 * @throws EaError `file_not_found`, `file_not_readable`; also while reading
 */
export async function openFileReader(path: string, stdin?: Readable): Promise<FileReader> {
  if (path === stdinPath) return stdin ? rawStream(path, stdin) : rawStdin()
  const stats = await stat(path).catch(asFileError(path))
  return stats.isFIFO() ? rawPipe(path) : openFile(path, blockBytes)
}

/**
 * Opens a regular file.
 *
 * @throws EaError `file_not_found`, `file_not_readable`; also while reading
 */
export async function openFile(path: string, bytesPerBlock: number): Promise<RegularFile> {
  // Before it is opened: opening a pipe would wait for its writer.
  const stats = await stat(path).catch(asFileError(path))
  requireFile(path, stats)
  // Many files are small, and memory that is not used is not free.
  const blockSize = Math.min(bytesPerBlock, Math.max(stats.size + 1, minBlockBytes))
  const handle = await open(path, 'r').catch(asFileError(path))
  const state = async () => stateOf(await handle.stat())
  let readBytes = 0
  const next = async (): Promise<Buffer> => {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafeSlow(blockSize), 0, blockSize, null)
    return buffer.subarray(0, bytesRead)
  }
  const blocks = readAhead(path, next, (bytes) => {
    readBytes += bytes
  })
  return { name: path, opened: await state(), blocks, readBytes: () => readBytes, state, close: () => handle.close() }
}

function requireFile(path: string, stats: Stats): void {
  if (stats.isFile()) return
  const what = stats.isDirectory() ? 'A folder, not a file' : 'Neither a file nor a pipe'
  throw new EaError('file_not_readable', `${what}: ${path}`, { details: { path } })
}

const stateOf = (stats: Stats): FileState => ({ bytes: stats.size, modifiedMs: stats.mtimeMs })

/** Gives block after block until one is empty; the next one is being read while one is used. */
export async function* readAhead(
  path: string,
  next: () => Promise<Buffer>,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  let ahead = next()
  try {
    for (;;) {
      const block = await ahead
      if (block.length === 0) return
      ahead = next()
      // Its error is for whoever asks for it; nobody may ask.
      ahead.catch(() => {})
      onBytes(block.length)
      yield block
    }
  } catch (error) {
    asFileError(path)(error)
  }
}

function rawStdin(): FileReader {
  // Node reads a folder as standard input without a word, as if it were empty.
  if (fstatSync(0).isDirectory()) throw new EaError('file_not_readable', 'Standard input is a folder, not a file.')
  return rawStream(stdinPath, process.stdin)
}

/**
 * A pipe is polled, not read in a thread: a thread that waits for a writer would hold up the end of the process.
 * O_NONBLOCK for the same reason: without it, opening waits for the writer.
 */
function rawPipe(path: string): FileReader {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    return rawStream(path, new Socket({ fd, readable: true, writable: false }))
  } catch (error) {
    return asFileError(path)(error)
  }
}

function rawStream(name: string, stream: Readable): FileReader {
  let readBytes = 0
  async function* blocks(): AsyncGenerator<Buffer> {
    try {
      for await (const block of stream) {
        readBytes += (block as Buffer).length
        yield block as Buffer
      }
    } catch (error) {
      asFileError(nameForPeople(name))(error)
    }
  }
  return {
    name,
    opened: null,
    blocks: blocks(),
    readBytes: () => readBytes,
    state: async () => null,
    close: async () => void stream.destroy(),
  }
}
