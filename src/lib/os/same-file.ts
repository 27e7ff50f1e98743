/** Whether two paths lead to one file: through links, hard links, `./` or whatever else gives it another name. */
import { type BigIntStats, fstat } from 'node:fs'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { EaError } from '../core/errors.js'

/** The number of the stream that `-` stands for. */
const stdinNumber = 0

/**
 * Makes sure that nothing that is read is overwritten; to be called before anything is read.
 *
 * @param flag for the message: `--rejects-file`
 * @param inputs paths, or `-` for standard input, which a shell may have redirected from a file
 * @throws EaError `usage`
 */
export async function requireNoInput(flag: string, output: string, inputs: readonly string[]): Promise<void> {
  const written = await identityOf(stat(output, { bigint: true }))
  if (written === undefined) return
  for (const input of inputs) {
    const read = input === '-' ? promisify(fstat)(stdinNumber, { bigint: true }) : stat(input, { bigint: true })
    if ((await identityOf(read)) !== written) continue
    const name = input === '-' ? 'standard input' : input
    throw new EaError('usage', `${flag} ${output} is the file that is read (${name}): it would be overwritten.`, {
      suggestions: ['Name another file.'],
      details: { flag, output, input },
    })
  }
}

/** Device and inode of a regular file; undefined when there is none. Writing to a device or a pipe replaces nothing. */
async function identityOf(stats: Promise<BigIntStats>): Promise<string | undefined> {
  const found = await stats.catch(() => undefined)
  return found?.isFile() ? `${found.dev}:${found.ino}` : undefined
}
