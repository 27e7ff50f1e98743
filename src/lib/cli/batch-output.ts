/** Text that comes in pieces, to stdout or to a file that appears whole or not at all. */
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EaError } from '../errors.js'
import { writeOutput } from './output.js'

/**
 * Writes pieces of text as they come, as fast as the reader takes them.
 *
 * @param file replaced in one step; stdout when undefined
 * @throws EaError `output_unwritable`
 */
export async function writePieces(pieces: AsyncIterable<string>, file?: string): Promise<void> {
  if (file === undefined) {
    for await (const piece of pieces) {
      await writeOutput(piece)
      // The reader has gone away: there is no need to read on.
      if (process.stdout.destroyed) return
    }
    return
  }
  // A device or a pipe is written to; putting a file in its place would be a surprise.
  const isPlain = (await stat(file).catch(() => undefined))?.isFile() ?? true
  const partial = isPlain ? join(dirname(file), `.ea-${randomBytes(6).toString('hex')}.part`) : file
  let sourceError: unknown
  async function* watched() {
    try {
      yield* pieces
    } catch (error) {
      sourceError = error
      throw error
    }
  }
  try {
    await pipeline(Readable.from(watched()), createWriteStream(partial, { flags: isPlain ? 'wx' : 'w' }))
    if (isPlain) await rename(partial, file)
  } catch (error) {
    if (isPlain) await rm(partial, { force: true })
    if (sourceError !== undefined) throw sourceError
    throw new EaError('output_unwritable', `${file} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}
