/** Text that comes in pieces, to stdout or to a file that appears whole or not at all. */
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { throwUnwritable, writeWhole } from '../../os/atomic-file.js'
import { writeOutput } from '../output.js'

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
  let sourceError: unknown
  async function* watched() {
    try {
      yield* pieces
    } catch (error) {
      sourceError = error
      throw error
    }
  }
  await writeWhole(file, (path) =>
    pipeline(Readable.from(watched()), createWriteStream(path)).catch((error: unknown) => {
      if (sourceError !== undefined) throw sourceError
      throwUnwritable(file)(error)
    }),
  )
}
