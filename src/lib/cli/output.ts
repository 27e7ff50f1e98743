/** Where data goes: stdout, or a file that appears whole or not at all. */
import { writeFile } from 'node:fs/promises'
import { Flags } from '@oclif/core'
import { throwUnwritable, writeWhole } from '../os/atomic-file.js'
import { defaultFormat, formats } from '../present/tables/formats.js'

/**
 * The flag that names the file to write. `-` is stdout, as if the flag were left out; `./-` is a file of that name.
 *
 * @param more what else to know about the name
 */
export function outputFlag(more = '') {
  return Flags.string({
    char: 'o',
    description: `Write to this file, all of it or nothing; - is stdout, the default.${more}`,
    helpValue: 'FILE',
    parse: async (file) => (file === '-' ? undefined : file),
  })
}

/** The flags of each command that shows a Result. */
export const outputFlags = {
  format: Flags.string({
    description: `How to print the answer (default: ${defaultFormat}).`,
    options: [...formats],
  }),
  output: outputFlag(),
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
  const unwritable = throwUnwritable(file)
  await writeWhole(file, (path) => writeFile(path, text).catch(unwritable))
}
