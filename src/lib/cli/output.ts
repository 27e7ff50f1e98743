/** Where data goes: stdout, or a file that appears whole or not at all. */
import { randomBytes } from 'node:crypto'
import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Flags } from '@oclif/core'
import { EaError } from '../errors.js'
import { defaultFormat, formats } from '../render/formats.js'

/** The flags of each command that shows a Result. */
export const outputFlags = {
  format: Flags.string({
    description: `How to print the answer (default: ${defaultFormat}).`,
    options: [...formats],
  }),
  output: Flags.string({
    char: 'o',
    description: 'Write to this file, whole or not at all, instead of stdout.',
    helpValue: 'FILE',
  }),
}

/**
 * Writes text to stdout or to a file.
 *
 * @param file replaced in one step, so a reader never sees half of it; stdout when undefined
 * @throws EaError `output_unwritable`
 */
export async function writeOutput(text: string, file?: string): Promise<void> {
  if (file === undefined) {
    await new Promise<void>((resolve) => {
      // Also called when the reader has gone away: nothing is left to do then.
      process.stdout.write(text, () => resolve())
    })
    return
  }
  const partial = join(dirname(file), `.ea-${randomBytes(6).toString('hex')}.part`)
  try {
    // A device or a pipe is written to; putting a file in its place would be a surprise.
    const isPlain = (await stat(file).catch(() => undefined))?.isFile() ?? true
    if (!isPlain) return await writeFile(file, text)
    await writeFile(partial, text, { flag: 'wx' })
    await rename(partial, file)
  } catch (error) {
    await rm(partial, { force: true })
    throw new EaError('output_unwritable', `${file} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}
