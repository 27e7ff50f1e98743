/** Where an export goes: its format and compression by the name of the file, and its bytes to that file or to stdout. */
import { createWriteStream } from 'node:fs'
import { basename, extname } from 'node:path'
import type { Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { EaError } from '../../core/errors.js'
import type { EventFormat } from '../../core/event.js'
import type { TakeBytes } from '../../db/copy-out.js'
import { throwUnwritable, writeWhole } from '../../os/atomic-file.js'

const formatsByEnding: Readonly<Record<string, EventFormat>> = {
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
}
/** Other formats, and compressions that are not offered: a file of such a name would not be what it says. */
const otherFormats = ['.json', '.tsv', '.md', '.parquet', '.xlsx']
const otherCompressions = ['.zst', '.bz2', '.xz', '.zip', '.br', '.7z']

/** Whether a file is compressed, told by its name. */
function isGzipName(file: string): boolean {
  return extname(file).toLowerCase() === '.gz'
}

/**
 * The format that was asked for, else the one that the name says: `events.ndjson.gz` is NDJSON. Undefined when neither says.
 *
 * @throws EaError `usage` for a name that promises what is not written
 */
export function exportFormat(asked: EventFormat | undefined, file: string | undefined): EventFormat | undefined {
  if (file === undefined) return asked
  const name = basename(file).toLowerCase()
  const ending = extname(isGzipName(name) ? name.slice(0, -3) : name)
  const problem = otherCompressions.includes(ending)
    ? `${ending} is not offered; a name that ends in .gz compresses.`
    : otherFormats.includes(ending) && asked === undefined
      ? `${ending} is neither CSV nor NDJSON.`
      : undefined
  if (problem === undefined) return asked ?? formatsByEnding[ending]
  throw new EaError('usage', problem, {
    suggestions: ['Name the file .csv, .ndjson or .jsonl, also with .gz; or say --format csv or --format ndjson.'],
  })
}

/** What came of writing: what `use` gave, and how many bytes went out, compressed or not. */
export interface WrittenExport<T> {
  readonly result: T
  readonly bytes: number
}

/**
 * Hands out a place to write to, and closes it whatever happens. A file appears whole or not at all.
 *
 * @param file stdout when undefined; compressed when its name says so
 * @returns undefined when stdout takes no more before the end
 * @throws EaError `output_unwritable`; what `use` throws
 */
export async function withOutlet<T>(
  file: string | undefined,
  use: (take: TakeBytes) => Promise<T>,
): Promise<WrittenExport<T> | undefined> {
  if (file !== undefined) return writeWhole(file, (path) => fillFile(file, path, use))
  let bytes = 0
  try {
    const result = await use(async (piece) => {
      await toStdout(piece)
      bytes += piece.length
    })
    return { result, bytes }
  } catch (error) {
    if (error instanceof ReaderGone) return undefined
    throw error
  }
}

class ReaderGone extends Error {}

/** Errors of stdout are told where all of them are (`forgiveClosedPipes`): here they only end the work. */
function toStdout(piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(piece, (error) => (error ? reject(new ReaderGone()) : resolve()))
  })
}

async function fillFile<T>(
  file: string,
  path: string,
  use: (take: TakeBytes) => Promise<T>,
): Promise<WrittenExport<T>> {
  const target = createWriteStream(path)
  const head: Writable = isGzipName(file) ? createGzip() : target
  const closed = head === target ? finished(target) : pipeline(head as ReturnType<typeof createGzip>, target)
  // A stream that fails does not call back for what it was just given.
  let failure: unknown
  let fail = (_: unknown) => {}
  closed.catch((error: unknown) => {
    failure = error
    fail(error)
  })
  const unwritable = throwUnwritable(file)
  const take = (piece: Buffer) =>
    new Promise<void>((resolve, reject) => {
      fail = reject
      if (failure !== undefined) reject(failure)
      else head.write(piece, (error) => (error ? reject(failure ?? error) : resolve()))
    }).catch(unwritable)
  try {
    const result = await use(take)
    head.end()
    await closed.catch(unwritable)
    return { result, bytes: target.bytesWritten }
  } catch (error) {
    head.destroy()
    target.destroy()
    await closed.catch(() => {})
    throw error
  }
}
