/** Whether a file that is written at the end can be written, asked before the work begins. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EaError } from '../../core/errors.js'

/**
 * Makes sure that a file can be put in its place.
 *
 * @param flag for the message: `--rejects-file`
 * @throws EaError `output_unwritable`
 */
export async function requireWritable(flag: string, file: string): Promise<void> {
  const there = await stat(file).catch(() => undefined)
  const reason = there?.isDirectory()
    ? 'it is a folder'
    : await access(dirname(file), constants.W_OK).then(
        () => undefined,
        (error: Error) => error.message,
      )
  if (reason === undefined) return
  throw new EaError('output_unwritable', `${flag} ${file} cannot be written: ${reason}`, {
    suggestions: ['Name a file in a folder that exists and that you may write to.'],
  })
}
